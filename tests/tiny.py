"""A scale and mixes that train in a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from token_tables import GivenTokens

from winnow.lm.mix import Mix
from winnow.lm.scales import SCALES, Scale, Shape

SHAPE = Shape(vocab_size=320, context=16, width=32, hidden=64, num_layers=2, num_heads=2)
TINY = Scale(
    name="tiny",
    shape=SHAPE,
    batch_size=8,
    learning_rate=1e-2,
    end_learning_rate=1e-4,
    weight_decay=0.033,
    warmup_steps=300,
    z_loss=1e-4,
    ladder=True,
)


def install(scale: Scale = TINY) -> None:
    """Let ``Train`` find the scale."""
    SCALES["tiny"] = scale


@contextmanager
def installed() -> Iterator[None]:
    """Let ``Train`` find the tiny scale until the block ends."""
    install()
    try:
        yield
    finally:
        del SCALES["tiny"]


def mix(num_tokens: int, seed: int = 0, name: str = "made") -> Mix:
    """Documents of 3 to 40 letters, each likely the one that follows the last in the alphabet."""
    rng = np.random.default_rng(seed)
    documents, left = [], num_tokens
    while left > 0:
        size = min(int(rng.integers(3, 40)), left)
        steps = np.where(rng.random(size) < 0.8, 1, rng.integers(0, 26, size))
        letters = 97 + (rng.integers(0, 26) + np.cumsum(steps)) % 26
        letters[-1] = 256
        documents.append(tuple(letters.tolist()))
        left -= size
    return Mix(sources=((name, GivenTokens(name=name, shards=(tuple(documents),))),))
