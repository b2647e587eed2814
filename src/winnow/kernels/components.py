"""Which things hang together, from pairs of them: union-find in one array of 8 bytes a thing, which may lie on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALONE = -1
"""What an array of parents is filled with: no pair names the thing."""


@kernel
def connect(parents: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> None:
    """Take in pairs of things."""
    for pair in range(left.size):
        one, other = _root(parents, left[pair]), _root(parents, right[pair])
        parents[max(one, other)] = min(one, other)


@kernel
def labels(parents: NDArray[np.int64], first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The things of a range that any pair named, and the lowest thing that each hangs together with."""
    number = 0
    for thing in range(first, last):
        number += parents[thing] != ALONE
    things, lowest = np.empty(number, np.int64), np.empty(number, np.int64)
    number = 0
    for thing in range(first, last):
        if parents[thing] != ALONE:
            things[number], lowest[number] = thing, _root(parents, thing)
            number += 1
    return things, lowest


@inlined
def _root(parents: NDArray[np.int64], thing: int) -> int:
    if parents[thing] == ALONE:
        parents[thing] = thing
    while parents[thing] != thing:
        parents[thing] = parents[parents[thing]]
        thing = parents[thing]
    return thing
