"""What to do where a device's memory ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, Self, TypeVar

import torch


class Batch(Protocol):
    """Several things of a kind: a list, or the rows of a tensor."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Self: ...


B = TypeVar("B", bound=Batch)
R = TypeVar("R")


def by_halves(read: Callable[[B], list[R]], batch: B) -> list[R]:
    """What is read of a batch, or of its halves where memory ends; torch.OutOfMemoryError where it ends at one."""
    try:
        return read(batch)
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
    half = len(batch) // 2
    return by_halves(read, batch[:half]) + by_halves(read, batch[half:])
