"""64-bit hashes of byte ranges, and a table that counts them.

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


PIECE = np.dtype(
    [
        ("hash", np.uint64),
        ("count", np.int32),  # how often it was met in one role
        ("raw_count", np.int32),  # and in another
        ("slot", np.int64),
    ]
)


class Tally(NamedTuple):
    """How often each of some hashes was met, and the table that finds them."""

    slots: NDArray[np.int32]  # 1 + the index of a piece; 0 is empty
    pieces: NDArray[np.void]  # of PIECE
    size: NDArray[np.int64]  # number of pieces, one number


def new_tally(room: int) -> Tally:
    """Room for so many distinct hashes."""
    return Tally(np.zeros(num_slots(room), np.int32), np.empty(room, PIECE), np.zeros(1, np.int64))


@leaf
def clear(tally: Tally) -> None:
    """Forget all hashes."""
    for index in range(tally.size[0]):
        tally.slots[tally.pieces[index].slot] = 0
    tally.size[0] = 0


@inlined
def meet(tally: Tally, hashed: np.uint64) -> int:
    """The index of the piece with a hash, whose counts are 0 when it is new."""
    last = np.uint64(tally.slots.size - 1)
    slot = hashed & last
    while tally.slots[slot] != 0 and tally.pieces[tally.slots[slot] - 1].hash != hashed:
        slot = (slot + np.uint64(1)) & last
    if tally.slots[slot] == 0:
        piece = tally.pieces[tally.size[0]]
        piece.hash, piece.slot = hashed, np.int64(slot)
        piece.count = piece.raw_count = 0
        tally.size[0] += 1
        tally.slots[slot] = tally.size[0]
    return tally.slots[slot] - 1


@inlined
def met_again(count: int) -> int:
    """Copies that turn out to be duplicates when a thing is met for the ``count``-th time: the first counts late."""
    return 2 if count == 2 else np.int64(count > 2)
