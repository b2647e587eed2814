"""The readable twin of ``minhash``, one document at a time."""

from __future__ import annotations

import numpy as np

from winnow.kernels.hashing import mix
from winnow.kernels.minhash import permutations


def minima(shingles: list[int], number: int, seed: int) -> list[int]:
    """The least value that each of so many permutations gives to any shingle."""
    factors, terms = (drawn[:number].tolist() for drawn in permutations(number, seed))
    return [min((a * x + b) % 2**32 for x in shingles) for a, b in zip(factors, terms, strict=True)]


def band_hashes(shingles: list[int], bands: int, rows: int, seed: int) -> list[int]:
    """A hash of each band's number and minima."""
    least = minima(shingles, bands * rows, seed)
    hashes = []
    for band in range(bands):
        state = int(mix(np.uint64(seed), np.uint64(band + 1)))
        for value in [*least[band * rows : (band + 1) * rows], rows]:
            state = int(mix(np.uint64(state), np.uint64(value)))
        hashes.append(state)
    return hashes
