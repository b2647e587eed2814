"""The set of n-grams of a normalised text, each as a 32-bit number.

Two different n-grams share a number once in 2^32, so what two texts of m and n shingles seem to have in common is
m * n / 2^32 too many on average: nothing for pages, one in a thousand for books of four million words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.characters import decode
from winnow.kernels.hashing import hash_bytes, mix
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.simd import BLOCK, equal, low_bits, trailing_zeros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

_BASE = np.uint64(0x9FB21C651E98DF25)
"""An odd number; an n-gram's hash is a polynomial of its tokens' hashes in it."""
_ONE = np.uint64(1)
_HALF = np.uint64(32)


@leaf
def hash_words(text: Bytes, size: int, tokens: NDArray[np.uint64]) -> int:
    """Write the hash of each word of ``text[:size]``, in which one space stands between words; gives their number."""
    number, start = 0, 0
    for at in range(0, size, BLOCK):
        spaces = equal(text, at, ord(" ")) & low_bits(min(size - at, BLOCK))
        while spaces:
            end = at + trailing_zeros(spaces)
            spaces &= spaces - _ONE
            tokens[number] = hash_bytes(text, start, end)
            number, start = number + 1, end + 1
    if start < size:
        tokens[number] = hash_bytes(text, start, size)
        number += 1
    return number


@leaf
def hash_characters(text: Bytes, size: int, tokens: NDArray[np.uint64]) -> int:
    """Write the hash of each character of ``text[:size]``; gives their number."""
    number, at = 0, 0
    while at < size:
        code, length = decode(text, at, size)
        tokens[number] = mix(_BASE, np.uint64(code))
        number, at = number + 1, at + length
    return number


@leaf
def hash_ngrams(tokens: NDArray[np.uint64], ngram: int, shingles: NDArray[np.uint32]) -> int:
    """Write a hash of every ``ngram`` tokens in a row, of all of them where they are fewer; gives their number."""
    if tokens.size == 0:
        return 0
    ngram = min(ngram, tokens.size)
    state, leaving = np.uint64(0), _ONE
    for k in range(ngram):
        state = state * _BASE + tokens[k]
        leaving *= _BASE
    shingles[0] = _shortened(state)
    for k in range(ngram, tokens.size):
        state = state * _BASE + tokens[k] - leaving * tokens[k - ngram]
        shingles[k - ngram + 1] = _shortened(state)
    return tokens.size - ngram + 1


@inlined
def _shortened(state: np.uint64) -> np.uint32:
    return np.uint32(mix(state >> _HALF, state) >> _HALF)


@leaf
def sort_distinct(
    shingles: NDArray[np.uint32], begins: NDArray[np.int32], scattered: NDArray[np.uint32], out: NDArray[np.uint32]
) -> int:
    """Write the shingles in order, each once, to ``out``; gives their number.

    They are hashes, so their highest bits put each within a place or two of where it belongs, and an insertion sort
    does the rest in linear time. ``begins`` and ``scattered`` are scratch of ``num_begins`` and as many shingles.
    """
    size = shingles.size
    bits = _bits(size)
    shift = np.uint32(32 - bits)
    begins[: 1 << bits] = 0
    for k in range(size):
        begins[shingles[k] >> shift] += 1
    total = np.int32(0)
    for k in range(1 << bits):
        begins[k], total = total, np.int32(total + begins[k])
    for k in range(size):
        bucket = shingles[k] >> shift
        scattered[begins[bucket]] = shingles[k]
        begins[bucket] += 1
    return _insert_distinct(scattered, size, out)


@inlined
def _insert_distinct(nearly: NDArray[np.uint32], size: int, out: NDArray[np.uint32]) -> int:
    number = 0
    for k in range(size):
        value = nearly[k]
        place = number
        while place > 0 and out[place - 1] > value:
            place -= 1
        if place > 0 and out[place - 1] == value:
            continue
        for moved in range(number, place, -1):
            out[moved] = out[moved - 1]
        out[place] = value
        number += 1
    return number


@leaf
def num_begins(size: int) -> int:
    """How many places ``sort_distinct`` needs in ``begins``."""
    return 1 << _bits(size)


@inlined
def _bits(size: int) -> int:
    bits = 1
    while 1 << bits < 2 * size and bits < 24:
        bits += 1
    return bits
