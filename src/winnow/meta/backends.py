"""How a Hessian is multiplied with a direction: exactly, exactly and compiled, or by differences of gradients.

Each product also gives, in the same pass, every example's change of loss along the direction. Exact ones differentiate
twice, for which attention must be computed as written (PyTorch's fused kernels have no second derivative); differences
need nothing but gradients, so whatever can be trained will do: fused attention, compiled modules, FSDP2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from winnow.core.errors import RecipeError
from winnow.meta.models import Function, Losses, Model, Tensors, as_leaves
from winnow.meta.optimizers import norm

B = TypeVar("B")
R = TypeVar("R")

RELATIVE_STEPS = {torch.float64: 1e-6, torch.float32: 5e-4}
"""How far differences step, as a share of the parameters' norm: what keeps rounding and curvature small together."""
LOW_PRECISION_STEP = 5e-3
"""The same where the model multiplies in bfloat16."""
LEAST_COSINE = 0.999
"""Between products by differences and exact ones, for differences to be trusted."""
EXACT_PARAMS = 5_000_000
"""``auto`` is exact up to so many parameters on a processor: a fifth slower there, and not a question any more."""


class Product(NamedTuple):
    """Of a direction ``mu``."""

    changes: Tensor
    """``<mu, grad l_i>`` of each example, [B]."""
    hessian: Tensors
    """``H mu``, H the Hessian of the weighted sum."""


class Step(NamedTuple):
    """What a step of training looked at, and what it found."""

    batch: Any
    weights: Tensor
    """Of the examples, [B]."""
    gradient: Tensors
    """Of the weighted sum of their losses."""
    losses: Tensor
    """Of each example before the step, [B]."""


class Linearized(NamedTuple):
    """A step, and what multiplies the derivative of its gradient."""

    step: Step
    product: Callable[[Tensors], Product]


class Backend(Protocol):
    """A way of multiplying with a Hessian."""

    def linearize(self, model: Any, params: Tensors, batch: Any, weights: Tensor) -> Linearized:
        """The gradient of the weighted sum, and the product; it holds activations where that makes it cheaper."""

    def product(self, model: Any, params: Tensors, step: Step, direction: Tensors) -> Product:
        """The product with a direction."""

    def changes(self, model: Any, params: Tensors, step: Step, direction: Tensors) -> Tensor:
        """``<direction, grad l_i>`` of each example, [B]."""


class Exact:
    """By differentiating the gradient, in eager PyTorch: the reference, and the fastest on small models."""

    def linearize(self, model: Function[B], params: Tensors, batch: B, weights: Tensor) -> Linearized:
        """The gradient with its graph, so that the product is one more backward pass."""
        leaves, shares = as_leaves(_functional(model, params)), weights.detach().requires_grad_()

        def forward(losses: Losses[B]) -> tuple[Tensors, Tensor]:
            found = losses(batch)
            total = (shares * found).sum()
            return torch.autograd.grad(total, leaves, create_graph=True, materialize_grads=True), found.detach()

        with unfused():
            gradient, losses = model.inside(leaves, forward)

        def product(direction: Tensors) -> Product:
            def backward(_: Losses[B]) -> Tensors:
                found: Tensors = torch.autograd.grad(gradient, (shares, *leaves), direction, materialize_grads=True)
                return found

            with unfused():
                changes, *hessian = model.inside(leaves, backward)
            return Product(changes, tuple(hessian))

        return Linearized(Step(batch, weights, tuple(one.detach() for one in gradient), losses), product)

    def product(self, model: Function[B], params: Tensors, step: Step, direction: Tensors) -> Product:
        """Reverse over reverse: eager PyTorch records the tangents of forward mode too, at more cost."""
        return self.linearize(model, params, step.batch, step.weights).product(direction)

    def changes(self, model: Function[B], params: Tensors, step: Step, direction: Tensors) -> Tensor:
        """By forward mode, which needs no activations."""

        def losses(*given: Tensor) -> Tensor:
            return model.inside(given, lambda losses: losses(step.batch))

        with torch.no_grad(), unfused():
            _, found = torch.func.jvp(losses, _functional(model, params), direction)
        return found


class Compiled:
    """Exact, forward mode over the gradient in one compiled function: for models that pay for minutes of compiling."""

    def __init__(self) -> None:
        self._compiled: dict[Function[Any], Callable[..., tuple[Tensor, Tensors]]] = {}

    def linearize(self, model: Function[B], params: Tensors, batch: B, weights: Tensor) -> Linearized:
        """The gradient as ever; the product computes it again."""
        step = Step(batch, weights, *model.gradient(_functional(model, params), batch, weights))
        return Linearized(step, partial(self.product, model, params, step))

    def product(self, model: Function[B], params: Tensors, step: Step, direction: Tensors) -> Product:
        """Forward over reverse, compiled once for a model."""
        if model not in self._compiled:
            self._compiled[model] = torch.compile(partial(_forward_over_reverse, model), fullgraph=True)
        with unfused():
            return Product(*self._compiled[model](params, step.batch, step.weights, direction))

    def changes(self, model: Function[B], params: Tensors, step: Step, direction: Tensors) -> Tensor:
        """By forward mode."""
        return Exact().changes(model, params, step, direction)


@dataclass(frozen=True)
class Differences:
    """By central differences of gradients: nothing but first-order passes, at the price of a known error.

    The parameters are moved both ways along the direction by ``relative_step`` of their norm. The error falls with the
    square of the step until rounding takes over: 1e-7 of the product in float64, 1e-3 in float32, 1e-1 to 1e-2 where
    the model multiplies in bfloat16, the less the wider it is and the more tokens an example has (its parameters must
    be float32: bfloat16 cannot hold the step).

    Where the gradient is exactly zero the direction is taken to be zero too: rows of an embedding that no example has.
    An optimiser that divides by moments makes the direction largest just there, and the step would be spent on them.
    (Parameters behind a layer that is still zero, as LoRA begins, need exact products for the first step.)
    """

    relative_step: float | None = None
    """None for what suits the parameters' type."""

    def linearize(self, model: Model[B], params: Tensors, batch: B, weights: Tensor) -> Linearized:
        """The gradient as ever, and two more for the product."""
        step = Step(batch, weights, *model.gradient(params, batch, weights))
        return Linearized(step, partial(self.product, model, params, step))

    def product(self, model: Model[B], params: Tensors, step: Step, direction: Tensors) -> Product:
        """Half the difference of two gradients over the step."""
        (above, losses_above), (below, losses_below), apart = self._both_ways(
            params, step, direction, lambda moved: model.gradient(moved, step.batch, step.weights)
        )
        return Product(
            (losses_above - losses_below) / apart,
            tuple((high - low) / apart for high, low in zip(above, below, strict=True)),
        )

    def changes(self, model: Model[B], params: Tensors, step: Step, direction: Tensors) -> Tensor:
        """Half the difference of the losses over the step."""
        above, below, apart = self._both_ways(params, step, direction, lambda moved: model.losses(moved, step.batch))
        found: Tensor = (above - below) / apart
        return found

    def _both_ways(
        self, params: Tensors, step: Step, direction: Tensors, read: Callable[[Tensors], R]
    ) -> tuple[R, R, float]:
        """What is read above and below the parameters, and how far apart these are in lengths of the direction."""
        direction = tuple(one * (g != 0) for one, g in zip(direction, step.gradient, strict=True))
        relative = self.relative_step or step_for(params)
        length = relative * float(norm(params)) / (float(norm(direction)) or 1.0)

        def moved(by: float) -> Tensors:
            return tuple(param.add(one, alpha=by) for param, one in zip(params, direction, strict=True))

        return read(moved(length)), read(moved(-length)), 2 * length


def step_for(params: Tensors) -> float:
    """How far differences step, by the type of the parameters and whether autocast multiplies in fewer bits."""
    kind = params[0].device.type
    if torch.is_autocast_enabled(kind):
        return LOW_PRECISION_STEP
    return RELATIVE_STEPS.get(params[0].dtype, LOW_PRECISION_STEP)


def agreement(
    model: Function[B], params: Tensors, batch: B, weights: Tensor, differences: Differences | None = None
) -> float:
    """The cosine of a product by differences and the exact one, along the gradient: one where they agree."""
    differences = differences or Differences()
    step = Step(batch, weights, *model.gradient(params, batch, weights))
    exact, other = (one.product(model, params, step, step.gradient) for one in (Exact(), differences))
    left, right = (torch.cat([one.changes.flatten(), *(h.flatten() for h in one.hessian)]) for one in (exact, other))
    return float(torch.nn.functional.cosine_similarity(left.double(), right.double(), dim=0))


def auto(model: Function[B], params: Tensors, batch: B, weights: Tensor) -> Backend:
    """Exact for small models on a processor; else differences, where they agree with it on the examples given.

    Where they do not, it says so and is exact; where memory ends at an exact product, it says that nothing was compared
    and takes differences.
    """
    if exact_at_once(params[0].device, sum(param.numel() for param in params)):
        return Exact()
    try:
        found = agreement(model, params, batch, weights)
    except torch.OutOfMemoryError:
        _tell("meta-gradients are by differences, not compared with exact ones, which do not fit into memory")
        return Differences()
    if found >= LEAST_COSINE:
        return Differences()
    _tell(f"meta-gradients by differences have a cosine of {found:.4f} with exact ones: exact ones are taken")
    return Exact()


def exact_at_once(device: torch.device, num_params: int) -> bool:
    """Whether ``auto`` is exact without comparing anything."""
    return device.type == "cpu" and num_params <= EXACT_PARAMS


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a note on standard error, as long work writes them


def unfused() -> AbstractContextManager[None]:
    """Attention as it is written, which can be differentiated twice."""
    found: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return found


def _functional(model: Function[B], params: Tensors) -> Tensors:
    """The parameters, if the model can be differentiated twice; RecipeError where it keeps its own."""
    if not isinstance(model, Function):
        raise RecipeError(
            f"{type(model).__name__} keeps its parameters itself and has no second derivative: take Differences()"
        )
    return params


def _forward_over_reverse(
    model: Function[B], params: Tensors, batch: B, weights: Tensor, direction: Tensors
) -> tuple[Tensor, Tensors]:
    """Changes and product as tangents of losses and gradient."""

    def gradient(given: Tensors) -> tuple[Tensors, Tensor]:
        def total(at: Tensors) -> tuple[Tensor, Tensor]:
            found = model.inside(at, lambda losses: losses(batch))
            return (weights * found).sum(), found

        found: tuple[Tensors, Tensor] = torch.func.grad(total, has_aux=True)(given)
        return found

    _, (hessian, changes) = torch.func.jvp(gradient, (params,), (direction,))
    return changes, hessian
