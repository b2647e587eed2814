"""64-bit hashes of byte ranges, and open tables that find a hash again.

Two different strings of one document are taken for equal when their hashes agree: once in 10^11 documents of 10,000
distinct words. Bytes are compared nowhere else, which keeps a look-up at a few nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.jit import inlined, leaf
from winnow.kernels.simd import low_bits, word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

_LENGTH = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


@inlined
def mix(state: np.uint64, word: np.uint64) -> np.uint64:
    """Fold eight more bytes into a hash."""
    product = (state ^ word) * _FACTOR
    return product ^ (product >> _HALF)


@inlined
def hash_bytes(data: Bytes, start: int, end: int) -> np.uint64:
    """Hash of ``data[start:end]``; reads up to 7 bytes past the end and ignores them."""
    state = np.uint64(end - start) * _LENGTH
    at = start
    while end - at > 16:
        state = mix(state ^ (word_at(data, at + 8) * _LENGTH), word_at(data, at))
        at += 16
    if end - at > 8:
        state = mix(state, word_at(data, at))
        at += 8
    return mix(state, word_at(data, at) & low_bits(8 * (end - at)))


@leaf
def num_slots(num_entries: int) -> int:
    """Size of a table for so many entries: a power of two, at most two thirds full."""
    size = 16
    while 2 * size < 3 * num_entries:
        size *= 2
    return size


@inlined
def find(slots: NDArray[np.int32], hashes: NDArray[np.uint64], wanted: np.uint64) -> int:
    """The slot that holds the wanted hash, or the empty one where it belongs.

    A slot holds 1 + the index of its entry in ``hashes``; 0 is empty.
    """
    last = np.uint64(slots.size - 1)
    slot = wanted & last
    while slots[slot] != 0 and hashes[slots[slot] - 1] != wanted:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)


class Tally(NamedTuple):
    """How often each of some hashes was met in each of two roles, and the table that finds them."""

    slots: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    counts: NDArray[np.int32]  # two for each hash
    taken: NDArray[np.int32]  # the slot of each hash
    size: NDArray[np.int64]  # number of distinct hashes, one number


def new_tally(room: int) -> Tally:
    """Room for so many distinct hashes."""
    return Tally(
        np.zeros(num_slots(room), np.int32),
        np.empty(room, np.uint64),
        np.empty(2 * room, np.int32),
        np.empty(room, np.int32),
        np.zeros(1, np.int64),
    )


@leaf
def clear(tally: Tally) -> None:
    """Forget all hashes."""
    for index in range(tally.size[0]):
        tally.slots[tally.taken[index]] = 0
    tally.size[0] = 0


@inlined
def meet(tally: Tally, hashed: np.uint64) -> int:
    """The place of a hash's two counts, which are 0 at first."""
    slot = find(tally.slots, tally.hashes, hashed)
    if tally.slots[slot] == 0:
        index = tally.size[0]
        tally.hashes[index] = hashed
        tally.taken[index] = slot
        tally.counts[2 * index] = tally.counts[2 * index + 1] = 0
        tally.size[0] += 1
        tally.slots[slot] = index + 1
    return 2 * (tally.slots[slot] - 1)


@inlined
def met_again(count: int) -> int:
    """Copies that turn out to be duplicates when a thing is met for the ``count``-th time: the first counts late."""
    return 2 if count == 2 else np.int64(count > 2)
