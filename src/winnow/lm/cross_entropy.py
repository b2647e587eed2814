# mypy: allow-subclassing-any
"""The loss without its logits: head, cross-entropy and z-loss in one function that never holds all logits at once.

Logits of 8,192 tokens over 50,432 entries fill 1.6 GB, and plain autograd makes and reads that three times. Here a
slice of rows at a time is turned into its loss and at once into the gradients of the states and the weights, while it
is still in the cache; what remains for the backward pass is a multiplication by the gradient of the loss.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

SLICE_BYTES = {"cpu": 4 << 20, "cuda": 1 << 29}
"""Of float32 logits: about what a core's own cache holds, and what keeps a GPU's multiplications large."""


def cross_entropy(states: Tensor, head: Tensor, targets: Tensor, z_loss: float = 0.0) -> tuple[Tensor, Tensor]:
    """Mean over N tokens of ``-log p(target) + z_loss * log(Z)^2``, and that mean without the second term.

    ``states`` is [N, D], ``head`` [V, D], ``targets`` [N]. Both are nats per token, in float32; only the first has a
    gradient. ``Z`` is the sum that the softmax divides by (Chowdhery et al. 2022, section 5).
    """
    loss, plain, _ = _CrossEntropy.apply(states, head, targets, z_loss, len(states))
    return loss, plain


def weighted_cross_entropy(states: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over N tokens of ``-weights * log p(target)``, and each token's ``-log p(target)``, [N], in nats.

    As ``cross_entropy``, with ``weights`` [N] for one weight over N; only the sum has a gradient.
    """
    loss, _, nats = _CrossEntropy.apply(states, head, targets, 0.0, 1 / weights)
    return loss, nats


def token_nats(states: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """``-log p(target)`` of each of N tokens, in nats and float32, without a gradient."""
    with torch.no_grad():
        found = [
            torch.nn.functional.cross_entropy((states[rows] @ head.T).float(), targets[rows], reduction="none")
            for rows in _slices(states, head)
        ]
    return torch.cat(found)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, head: Tensor, targets: Tensor, z_loss: float, divisor: Tensor | int
    ) -> tuple[Tensor, Tensor, Tensor]:
        kind = states.device.type
        low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else states.dtype
        of_states, of_head = torch.empty_like(states), torch.zeros_like(head)
        with torch.autocast(kind, enabled=False):
            total, plain, nats = _losses(states.to(low), head.to(low), targets, z_loss, divisor, of_states, of_head)
        ctx.save_for_backward(of_states, of_head)
        ctx.mark_non_differentiable(plain, nats)
        return total, plain, nats

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        of_states, of_head = ctx.saved_tensors
        return of_states * gradients[0], of_head * gradients[0], None, None, None


def _losses(
    states: Tensor,
    head: Tensor,
    targets: Tensor,
    z_loss: float,
    divisor: Tensor | int,
    of_states: Tensor,
    of_head: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Both losses and each token's nats; the gradients of the first are written to ``of_states`` and ``of_head``.

    Every token's loss is divided by ``divisor``, one for all or [N], infinite where a token counts for nothing.
    """
    softmax = _compiled_softmax() if states.is_cuda else _softmax
    nats = torch.empty(len(states), device=states.device)
    plain, log_z2 = torch.zeros(2, device=states.device)
    for rows in _slices(states, head):
        by = divisor[rows, None] if isinstance(divisor, Tensor) else divisor
        found, log_z, of_logits = softmax(states[rows] @ head.T, targets[rows, None], z_loss, by)
        nats[rows] = found[:, 0]
        plain = plain + (found / by).sum()
        log_z2 = log_z2 + (log_z.square() / by).sum()
        of_states[rows] = of_logits @ head
        if of_head.dtype == of_logits.dtype:
            of_head.addmm_(of_logits.T, states[rows])
        else:
            of_head += of_logits.T @ states[rows]
    return plain + z_loss * log_z2, plain, nats


def _softmax(logits: Tensor, targets: Tensor, z_loss: float, divisor: Tensor | int) -> tuple[Tensor, Tensor, Tensor]:
    """Of a slice: ``-log p(target)`` and ``log Z`` of each row, and the gradient of its share by its logits."""
    of_logits = logits.float()
    highest = of_logits.amax(-1, keepdim=True)
    of_target = of_logits.gather(1, targets)
    of_logits = of_logits.sub_(highest).exp_()
    total = of_logits.sum(-1, keepdim=True)
    log_z = highest + total.log()
    of_logits = of_logits.mul_((1 + 2 * z_loss * log_z) / (total * divisor))
    of_logits = of_logits.scatter_add_(1, targets, torch.full_like(log_z, -1) / divisor)
    return log_z - of_target, log_z, of_logits.to(logits.dtype)


@functools.cache
def _compiled_softmax() -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """On a GPU a dozen passes over the logits become three."""
    compiled: Callable[..., tuple[Tensor, Tensor, Tensor]] = torch.compile(_softmax)
    return compiled


def _slices(states: Tensor, head: Tensor) -> Iterator[slice]:
    rows = max(32, SLICE_BYTES.get(states.device.type, 1 << 29) // (4 * len(head)))
    return (slice(start, start + rows) for start in range(0, len(states), rows))
