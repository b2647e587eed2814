"""Optimisers as pure functions: parameters, state and a gradient in, parameters and state out.

PyTorch differentiates them like anything else, so an optimiser of one's own is a function of this kind; its state is
tensors, and it must have derivatives everywhere (a square root of zero has none).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

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
        gradient = self._clipped(gradient)
        first = tuple(m.lerp(g, 1 - self.betas[0]) for m, g in zip(state[:number], gradient, strict=True))
        second = tuple(
            (self.betas[1] * v).addcmul(g, g, value=1 - self.betas[1])
            for v, g in zip(state[number:-1], gradient, strict=True)
        )
        rate = self.learning_rate * (min(1.0, step / self.warmup) if self.warmup else 1.0)
        of_first, of_second = 1 - self.betas[0] ** step, 1 - self.betas[1] ** step
        moved = []
        for place, (param, m, v) in enumerate(zip(params, first, second, strict=True)):
            decay = self.weight_decay if self.decayed is None or self.decayed[place] else 0.0
            length = (v / of_second + self.epsilon_root).sqrt() + self.epsilon
            moved.append((param * (1 - rate * decay)).addcdiv(m, length, value=-rate / of_first))
        return tuple(moved), (*first, *second, torch.tensor(step))

    def _clipped(self, gradient: Tensors) -> Tensors:
        if self.max_norm is None:
            return gradient
        scale = (self.max_norm / (norm(gradient) + 1e-6)).clamp(max=1.0)
        return tuple(scale * g for g in gradient)


def norm(tensors: Tensors) -> Tensor:
    """The Euclidean norm of all of them together; its derivative at zero is zero."""
    found: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in tensors]))
    return found
