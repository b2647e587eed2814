# mypy: allow-subclassing-any
"""Optimisers as pure functions: parameters, state and a gradient in, parameters and state out.

PyTorch differentiates them like anything else, so an optimiser of one's own is a function of this kind; its state is
tensors, and it must have derivatives everywhere (a square root of zero has none).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from winnow.core.errors import RecipeError
from winnow.meta.models import Tensors


class Update(Protocol):
    """One step of an optimiser."""

    def start(self, params: Tensors) -> Tensors:
        """The state before the first step."""

    def __call__(self, params: Tensors, state: Tensors, gradient: Tensors) -> tuple[Tensors, Tensors]:
        """Parameters and state after a step, differentiable by all three."""


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """AdamW with decoupled weight decay, clipping by the global norm and a linear warm-up (Loshchilov & Hutter 2019).

    PyTorch's, but for ``epsilon_root`` inside the square root: without it a parameter that has had no gradient yet
    makes every meta-gradient NaN.
    """

    learning_rate: float
    """After warm-up, constant."""
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    epsilon_root: float = 1e-16
    weight_decay: float = 0.0
    decayed: tuple[bool, ...] | None = None
    """Which of the tensors decay; None for all."""
    max_norm: float | None = 1.0
    """What the gradient's norm is clipped to; None for no clipping."""
    warmup: int = 0
    """Steps until the learning rate is reached."""

    def start(self, params: Tensors) -> Tensors:
        """First and second moments of zero, and the number of steps; RecipeError where ``decayed`` does not fit."""
        if self.decayed is not None and len(self.decayed) != len(params):
            raise RecipeError(f"decayed names {len(self.decayed)} tensors of {len(params)}: take the model's own")
        return (*(torch.zeros_like(param) for param in (*params, *params)), torch.zeros(()))

    def __call__(self, params: Tensors, state: Tensors, gradient: Tensors) -> tuple[Tensors, Tensors]:
        """Parameters and state after a step."""
        number, step = len(params), state[-1].item() + 1
        rate = self.learning_rate * (min(1.0, step / self.warmup) if self.warmup else 1.0)
        length, of_second = -rate / (1 - self.betas[0] ** step), 1 - self.betas[1] ** step
        decays = [rate * self.weight_decay * decayed for decayed in self.decayed or (True,) * number]
        tensors = zip(params, state[:number], state[number:-1], self._clipped(gradient), strict=True)
        moved = [
            _Move.apply(self, (1 - decay, length, of_second), *some)
            for decay, some in zip(decays, tensors, strict=True)
        ]
        after, first, second = zip(*moved, strict=True)
        return after, (*first, *second, torch.tensor(step))

    def _clipped(self, gradient: Tensors) -> Tensors:
        if self.max_norm is None:
            return gradient
        scale = (self.max_norm / (norm(gradient) + 1e-6)).clamp(max=1.0)
        return tuple(scale * g for g in gradient)


class _Move(torch.autograd.Function):
    """Adam's step of one tensor, whose derivative is written out: a fifth of what recording each operation costs."""

    @staticmethod
    def forward(context: Any, adam: AdamW, factors: tuple[float, float, float], *given: Tensor) -> Tensors:
        """Parameter and both moments afterwards; factors are of the parameter, of the step and of second moments."""
        (kept, length, of_second), (param, m, v, g) = factors, given
        first = m.lerp(g, 1 - adam.betas[0])
        second = (v * adam.betas[1]).addcmul_(g, g, value=1 - adam.betas[1])
        root = (second / of_second).add_(adam.epsilon_root).sqrt_()
        context.adam, context.factors = adam, factors
        context.set_materialize_grads(False)
        context.save_for_backward(g, first, root)
        return (param * kept).addcdiv_(first, root + adam.epsilon, value=length), first, second

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
    def backward(context: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        """What is passed back to the parameter, both moments and the gradient."""
        (g, first, root), (kept, length, of_second) = context.saved_tensors, context.factors
        betas, (by_param, by_first, by_second) = context.adam.betas, cotangents
        if by_param is None:
            by_param = torch.zeros_like(g)
        divisor = root + context.adam.epsilon
        along = by_param / divisor
        by_root = (along / divisor.mul_(root)).mul_(first)
        by_first = _plus(along, length, by_first)
        by_second = _plus(by_root, -length / (2 * of_second), by_second)
        by_gradient = (g * by_second).mul_(2 * (1 - betas[1])).add_(by_first, alpha=1 - betas[0])
        return None, None, by_param * kept, by_first.mul_(betas[0]), by_second.mul_(betas[1]), by_gradient


def _plus(tensor: Tensor, factor: float, other: Tensor | None) -> Tensor:
    """The tensor by a factor and another one, in its own place where there is none."""
    return tensor.mul_(factor) if other is None else other.add(tensor, alpha=factor)


def norm(tensors: Tensors) -> Tensor:
    """The Euclidean norm of all of them together; its derivative at zero is zero."""
    found: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in tensors]))
    return found
