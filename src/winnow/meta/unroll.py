"""Training steps on weighted examples, and the gradient of where they lead by every weight: the adjoint recursion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from winnow.meta.backends import Backend, Product, Step
from winnow.meta.models import Model, Tensors, as_leaves
from winnow.meta.optimizers import Update

B = TypeVar("B")


@dataclass(frozen=True)
class Window:
    """Some steps of training, with what their reverse needs."""

    start: tuple[Tensors, Tensors]
    """Parameters and state before the first step."""
    steps: Sequence[Step]
    product: Callable[[Tensors], Product] | None
    """What multiplies the Hessian at the last step; None where it is the first."""
    params: Tensors
    """After the last step."""
    state: Tensors


def unroll(
    model: Model[B],
    update: Update,
    params: Tensors,
    state: Tensors,
    batches: Sequence[B],
    weights: Sequence[Tensor],
    backend: Backend,
) -> Window:
    """Train for a step on each batch, every example's loss by its weight."""
    start, steps, product = (params, state), [], None
    for number, (batch, shares) in enumerate(zip(batches, weights, strict=True), start=1):
        if number == len(batches) > 1:
            step, product = backend.linearize(model, params, batch, shares)
        else:
            step = Step(batch, shares, *model.gradient(params, batch, shares))
        steps.append(step)
        params, state = advance(update, params, state, step.gradient)
    return Window(start, steps, product, params, state)


def weight_gradients(model: Model[B], update: Update, window: Window, outer: Tensors, backend: Backend) -> list[Tensor]:
    """The derivative of a loss by each step's weights, [B] a step; ``outer`` is its gradient by the last parameters."""
    of_params: Tensors = outer
    of_state: Sequence[Tensor | None] = [None] * len(window.state)  # the loss is not of it
    found, product = [], window.product
    for number in reversed(range(len(window.steps))):
        step, (params, state) = window.steps[number], _replayed(update, window, number)
        of_params, of_state, direction = _through(update, params, state, step.gradient, (*of_params, *of_state))
        if number == 0:
            found.append(backend.changes(model, params, step, direction))
            break
        changes, hessian = product(direction) if product else backend.product(model, params, step, direction)
        found.append(changes)
        of_params, product = tuple(one + other for one, other in zip(of_params, hessian, strict=True)), None
    return found[::-1]


def advance(update: Update, params: Tensors, state: Tensors, gradient: Tensors) -> tuple[Tensors, Tensors]:
    """A step of the optimiser, without a gradient."""
    with torch.no_grad():
        return update(params, state, gradient)


def score_gradients(weights: Tensor, by_weight: Tensor) -> Tensor:
    """The derivative by each score where weights are a softmax over the batch, [B]; it sums to zero."""
    return weights * (by_weight - (weights * by_weight).sum())


def _replayed(update: Update, window: Window, number: int) -> tuple[Tensors, Tensors]:
    """Parameters and state before a step, computed again: the same bits, at the price of some sums of vectors."""
    params, state = window.start
    for step in window.steps[:number]:
        params, state = advance(update, params, state, step.gradient)
    return params, state


def _through(
    update: Update, params: Tensors, state: Tensors, gradient: Tensors, cotangents: Sequence[Tensor | None]
) -> tuple[Tensors, Tensors, Tensors]:
    """What an update passes back to parameters, state and gradient; None stands for a cotangent of zero."""
    leaves = as_leaves((*params, *state, *gradient))
    bounds = len(params), len(params) + len(state)
    with torch.enable_grad():
        moved, after = update(leaves[: bounds[0]], leaves[bounds[0] : bounds[1]], leaves[bounds[1] :])
        pairs = zip((*moved, *after), cotangents, strict=True)
        reached = [(one, other) for one, other in pairs if one.requires_grad and other is not None]
        outputs, given = zip(*reached, strict=True)
        found = torch.autograd.grad(outputs, leaves, given, materialize_grads=True)
    return found[: bounds[0]], found[bounds[0] : bounds[1]], found[bounds[1] :]
