"""Small kernels of what finds and cuts passages: hashes of strings, characters as bytes, texts without some spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.buffers import text_buffers
from winnow.kernels.hashing import hash_bytes, mix
from winnow.kernels.jit import leaf

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

_SEED = np.uint64(0x9E3779B97F4A7C15)


def hash_strings(strings: pa.Array, seed: int) -> NDArray[np.uint64]:
    """A 64-bit hash of each string, another one for another seed."""
    data, offsets = text_buffers(strings)
    hashes = np.empty(len(strings), np.uint64)
    _hash_strings(data, offsets, np.uint64(seed % (1 << 64)), hashes)
    return hashes


@leaf
def _hash_strings(data: Bytes, offsets: NDArray[np.int64], seed: np.uint64, hashes: NDArray[np.uint64]) -> None:
    for row in range(hashes.size):
        hashed = hash_bytes(data, offsets[row], offsets[row + 1])
        hashes[row] = mix(mix(hashed, seed), _SEED)


def cut_spans(
    data: Bytes,
    offsets: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[Bytes, NDArray[np.int64]]:
    """The texts ``data[offsets[i]:offsets[i + 1]]`` without some spans of characters: new bytes, new offsets.

    Text i has the next ``counts[i]`` of the spans ``starts[j]`` to ``ends[j]``, in order and apart.
    """
    written = np.empty(offsets[-1] - offsets[0] + 1, np.uint8)
    new_offsets = np.zeros(len(offsets), np.int64)
    _cut_spans(data, offsets, starts, ends, counts, written, new_offsets)
    return written, new_offsets


@leaf
def _cut_spans(
    data: Bytes,
    offsets: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    written: Bytes,
    new_offsets: NDArray[np.int64],
) -> None:
    span = size = 0
    for row in range(offsets.size - 1):
        place, last = 0, span + counts[row]  # place: characters before the one at hand, and it
        for at in range(offsets[row], offsets[row + 1]):
            place += (data[at] & 0xC0) != 0x80
            while span < last and ends[span] < place:
                span += 1
            written[size] = data[at]
            size += span == last or place <= starts[span]
        span = last
        new_offsets[row + 1] = size
