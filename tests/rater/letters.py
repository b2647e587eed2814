"""Documents of letters in which the next is likely the one that follows in the alphabet, and others by chance alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import tiny
from token_tables import GivenTokens

from winnow.lm.token_table import TokenTable
from winnow.rater.fit import FitDataRater

END = 256


def document(random: np.random.Generator, size: int, order: float) -> tuple[int, ...]:
    """So many letters; ``order`` is the share that follow in the alphabet."""
    steps = np.where(random.random(size) < order, 1, random.integers(0, 26, size))
    return (*(97 + (random.integers(0, 26) + np.cumsum(steps)) % 26).tolist(), END)


def documents(number: int, seed: int, order: float = 0.8, size: tuple[int, int] = (8, 40)) -> list[tuple[int, ...]]:
    random = np.random.default_rng(seed)
    return [document(random, int(random.integers(*size)), order) for _ in range(number)]


def table(name: str, *shards: list[tuple[int, ...]]) -> TokenTable:
    return GivenTokens(name=name, shards=tuple(tuple(shard) for shard in shards))


def mixed(number: int = 120, seed: int = 0) -> TokenTable:
    """Documents in order, those with even numbers, and by chance."""
    pairs = zip(documents(number, seed), documents(number, seed + 1, order=0.0), strict=True)
    return table("mixed", [one for pair in pairs for one in pair])


def fit(**fields: Any) -> FitDataRater:
    """A rater that is fitted in a second; ``tiny.installed()`` must hold."""
    small = {"steps": 6, "inner": "tiny", "rater_width": 16, "rater_layers": 1, "batch_size": 8, "lifetime": 8}
    held = table("held", documents(60, 99))
    return FitDataRater(**{"documents": mixed(), "heldout": held, "heldout_batch_size": 16, **small, **fields})


__all__ = ["END", "document", "documents", "fit", "mixed", "table", "tiny"]
