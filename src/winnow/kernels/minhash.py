"""MinHash signatures of documents, from their text to the hashes of their LSH bands.

Broder 1997; the permutations are ``a * x + b`` modulo 2^32 with odd ``a``, on shingles that are hashes already. That
form estimates Jaccard similarity with the error that theory gives for as many independent permutations (the test
compares it), and eight shingles at a time it takes a quarter of the time of 64-bit arithmetic modulo a prime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.hashing import mix
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.normalize import MAX_GROWTH, Folds, normalize_text
from winnow.kernels.shingles import hash_characters, hash_ngrams, hash_words, num_begins, sort_distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

LANES = 16
"""The number of permutations is filled up to a multiple of this, which spares the compiler a loop for the rest."""
_LARGEST = np.uint32(0xFFFFFFFF)


class Sketcher(NamedTuple):
    """What a document is sketched with."""

    factors: NDArray[np.uint32]
    terms: NDArray[np.uint32]
    bands: int
    rows: int
    ngram: int
    is_words: bool
    seed: int
    folds: Folds


class Sketches(NamedTuple):
    """What came of a batch of documents."""

    offsets: NDArray[np.int64]
    """The shingles of document i are ``shingles[offsets[i]:offsets[i + 1]]``."""
    shingles: NDArray[np.uint32]
    bands: NDArray[np.uint64]
    """Shape (documents, bands); zero for a document without words."""


def permutations(number: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Factors (odd) and terms of so many permutations and of those that fill up the last LANES."""
    filled = -(-number // LANES) * LANES
    draws = np.random.Generator(np.random.PCG64(seed)).integers(0, 1 << 32, (2, filled), np.uint32)
    return draws[0] | np.uint32(1), draws[1]


@kernel
def sketch(data: Bytes, offsets: NDArray[np.int64], sketcher: Sketcher) -> Sketches:
    """Sketch the documents ``data[offsets[i]:offsets[i + 1]]``; takes about 30 bytes a byte of the longest."""
    num_documents, longest = offsets.size - 1, np.int64(0)
    for document in range(num_documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    normal = np.empty(MAX_GROWTH * longest + 1 + PADDING, np.uint8)
    tokens = np.empty(longest + 1, np.uint64)
    raw, scattered = np.empty(longest + 1, np.uint32), np.empty(longest + 1, np.uint32)
    begins = np.empty(num_begins(longest + 1), np.int32)
    minima = np.empty(sketcher.factors.size, np.uint32)
    bounds = np.zeros(num_documents + 1, np.int64)
    shingles = np.empty(offsets[-1] - offsets[0] + num_documents, np.uint32)
    bands = np.zeros((num_documents, sketcher.bands), np.uint64)
    for document in range(num_documents):
        size = normalize_text(data, offsets[document], offsets[document + 1], sketcher.folds, normal, 0)
        hash_tokens = _hash_tokens(normal, size, sketcher.is_words, tokens)
        number = hash_ngrams(tokens[:hash_tokens], sketcher.ngram, raw)
        first = bounds[document]
        number = sort_distinct(raw[:number], begins, scattered, shingles[first:])
        bounds[document + 1] = first + number
        if number > 0:
            minima[:] = _LARGEST
            minimize(shingles[first : first + number], sketcher.factors, sketcher.terms, minima)
            hash_bands(minima, sketcher.rows, sketcher.seed, bands[document])
    return Sketches(bounds, shingles[: bounds[-1]].copy(), bands)


@inlined
def _hash_tokens(normal: Bytes, size: int, is_words: bool, tokens: NDArray[np.uint64]) -> int:
    return hash_words(normal, size, tokens) if is_words else hash_characters(normal, size, tokens)


@leaf
def minimize(
    shingles: NDArray[np.uint32],
    factors: NDArray[np.uint32],
    terms: NDArray[np.uint32],
    minima: NDArray[np.uint32],
) -> None:
    """Lower each minimum to the least value that its permutation gives to any shingle."""
    whole = shingles.size // 8 * 8
    for start in range(0, whole, 8):
        a, b, c, d = shingles[start], shingles[start + 1], shingles[start + 2], shingles[start + 3]
        e, f, g, h = shingles[start + 4], shingles[start + 5], shingles[start + 6], shingles[start + 7]
        for k in range(minima.size):
            factor, term = factors[k], terms[k]
            low = min(_permuted(a, factor, term), _permuted(b, factor, term))
            low = min(low, min(_permuted(c, factor, term), _permuted(d, factor, term)))
            high = min(_permuted(e, factor, term), _permuted(f, factor, term))
            high = min(high, min(_permuted(g, factor, term), _permuted(h, factor, term)))
            minima[k] = min(minima[k], min(low, high))
    for start in range(whole, shingles.size):
        for k in range(minima.size):
            minima[k] = min(minima[k], _permuted(shingles[start], factors[k], terms[k]))


@inlined
def _permuted(shingle: np.uint32, factor: np.uint32, term: np.uint32) -> np.uint32:
    return np.uint32(np.uint32(shingle * factor) + term)


@leaf
def hash_bands(minima: NDArray[np.uint32], rows: int, seed: int, out: NDArray[np.uint64]) -> None:
    """Write one hash per band, of its number and of its ``rows`` minima."""
    for band in range(out.size):
        state = mix(np.uint64(seed), np.uint64(band + 1))
        for k in range(band * rows, (band + 1) * rows):
            state = mix(state, np.uint64(minima[k]))
        out[band] = mix(state, np.uint64(rows))
