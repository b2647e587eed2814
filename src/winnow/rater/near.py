"""Which documents of a pool stand in a held-out set too, for the most part: a rater would know them by heart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.rater.chunks import ChunkTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_BYTES, WINDOW_TOKENS = 40, 8
"""What is compared at a time, and its tokens at least; a shorter document is one window."""
ONE_IN = 4
"""Of the windows, those are looked at whose hash is divisible by this: the same ones in every document."""
ALIKE = 0.5
"""Share of a document's windows that stand in the held-out set, from which on it is left out."""
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def window_for(num_tokens: int, num_bytes: int) -> int:
    """How many tokens make a window, where so many of them stand for so many bytes."""
    return max(WINDOW_TOKENS, round(WINDOW_BYTES * num_tokens / max(1, num_bytes)))


def near_duplicates(pool: ChunkTable, heldout: ChunkTable, window: int = WINDOW_TOKENS) -> NDArray[np.int64]:
    """The numbers of the pool's documents of which half the windows or more stand in the held-out set."""
    if not len(pool) or not len(heldout):
        return np.zeros(0, np.int64)
    known = np.concatenate([window_hashes(tokens, window) for _, tokens in heldout.documents()])
    numbers, hashes = zip(
        *((number, window_hashes(tokens, window)) for number, tokens in pool.documents()), strict=True
    )
    sizes = np.array([len(some) for some in hashes])
    found = np.add.reduceat(np.isin(np.concatenate(hashes), known), np.cumsum(sizes) - sizes, dtype=np.int64)
    return np.array(numbers, np.int64)[found >= ALIKE * sizes]


def window_hashes(tokens: NDArray[Any], window: int) -> NDArray[np.uint64]:
    """Hashes of a document's windows, those that are looked at; of all where that would be none."""
    size = min(window, len(tokens))
    windows = np.lib.stride_tricks.sliding_window_view(tokens, size)
    found = np.full(len(windows), size, np.uint64)
    for column in windows.T:
        found = (found ^ column.astype(np.uint64)) * FACTOR
        found ^= found >> np.uint64(29)
    chosen: NDArray[np.uint64] = found[found % np.uint64(ONE_IN) == 0]
    return chosen if len(chosen) else found
