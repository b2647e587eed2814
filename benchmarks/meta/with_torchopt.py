"""Seconds of training steps and of a meta-step by TorchOpt's differentiable AdamW: a line of JSON for each window.

    python with_torchopt.py VOCABULARY REPETITIONS STEPS...

Needs TorchOpt, PyTorch and, on the path, winnow's sources and benchmarks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial

import torch
import torchopt  # type: ignore[import-not-found,unused-ignore]
from meta_training import DECAY, MAX_NORM, RATE, Plain, Setting, best_seconds, setting
from torch import Tensor

from winnow.meta.backends import unfused
from winnow.meta.models import Tensors


def unrolled(given: Setting, num_steps: int) -> list[Tensor]:
    """The gradients by all weights, through training that TorchOpt keeps differentiable."""
    weights = [one.clone().requires_grad_() for one in given.weights[:num_steps]]
    params: Tensors = tuple(one.clone().requires_grad_() for one in given.params)
    optimizer = torchopt.chain(
        torchopt.clip_grad_norm(MAX_NORM),
        torchopt.adamw(
            lr=RATE,
            betas=given.update.betas,
            eps=given.update.epsilon,
            eps_root=given.update.epsilon_root,
            weight_decay=DECAY,
            moment_requires_grad=True,
        ),
    )
    state = optimizer.init(params)
    with unfused():
        for batch, shares in zip(given.batches, weights, strict=False):
            total = (shares * given.losses(params, batch)).sum()
            gradient = torch.autograd.grad(total, params, create_graph=True)
            updates, state = optimizer.update(gradient, state, params=params, inplace=False)
            params = torchopt.apply_updates(params, updates, inplace=False)
        return list(torch.autograd.grad(given.losses(params, given.heldout).mean(), weights))


def main() -> None:
    vocabulary, repetitions, *windows = map(int, sys.argv[1:])
    torch.set_num_threads(1)
    given, plain = setting(vocabulary), Plain(vocabulary, own_loss=False)
    for num_steps in windows:
        works: dict[str, Callable[[], object]] = {
            "plain": partial(plain.steps, given, num_steps),
            "torchopt": partial(unrolled, given, num_steps),
        }
        print(json.dumps(best_seconds(works, repetitions)), flush=True)


if __name__ == "__main__":
    main()
