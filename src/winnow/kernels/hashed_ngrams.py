"""Texts as bags of hashed n-grams: counted, weighed, and weights learnt, without a vocabulary.

A token is a run of letters, digits and underscores or a run of other marks, in small letters: NLTK's ``WordPunct`` on
lower-cased text, as DSIR takes it (Xie et al. 2023). Two characters differ: a capital sigma becomes the same letter at
the end of a word as elsewhere, and the Turkish dotted capital I an ``i``. The n-grams of a text are its tokens, pairs
of neighbours and so on up to ``ngram``; each is a 64-bit hash (not the SHA-256 of DSIR, which costs a hundred times as
much), whose highest bits say which bucket it falls into.

Costs 4 ns a byte to hash, and 8 ns an n-gram to look up in a table of 8 MB.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from winnow.kernels.buffers import text_buffers
from winnow.kernels.characters import NUM_CODE_POINTS, decode
from winnow.kernels.hashing import mix
from winnow.kernels.jit import inlined, kernel, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

SPACE, WORD, MARK = range(3)
KIND = 21
"""An entry of the table of characters holds a small letter in so many low bits, and above them what it is part of."""
_CODE = (1 << KIND) - 1
_LETTERS = 0x40000
"""Beyond lie no letters."""

OFFSET = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)
JOINT = np.uint64(0x9FB21C651E98DF25)
_HALF = np.uint64(32)

WEIGHT, SQUARES = range(2)
"""Columns of what is learnt for each bucket: its weight, and the sum of its squared gradients."""


def count_ngrams(texts: pa.Array, ngram: int, counts: NDArray[np.int64]) -> None:
    """Add the n-grams of an array of strings to the counts of their buckets."""
    _count(*text_buffers(texts), character_table(), ngram, counts)


def weigh(texts: pa.Array, ngram: int, weights: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each text the sum of the weights of its n-grams' buckets, and how many n-grams it has."""
    sums, numbers = np.empty(len(texts), np.float64), np.empty(len(texts), np.int64)
    _weigh(*text_buffers(texts), character_table(), ngram, weights, sums, numbers)
    return sums, numbers


def learn(
    texts: pa.Array,
    targets: NDArray[np.float64],
    *,
    is_logistic: bool,
    ngram: int,
    num_buckets: int,
    epochs: int,
    rate: float,
) -> tuple[NDArray[np.float32], float]:
    """Weights of buckets, and a bias, with which the bias plus a text's mean weight comes near its target.

    AdaGrad (Duchi et al. 2011), one text at a time in the order given, by logistic loss (targets in [0, 1] are
    probabilities and the value is their logit) or by squared loss.
    """
    data, offsets = text_buffers(texts)
    learnt, bias = np.zeros((num_buckets, 2), np.float32), np.zeros(2)
    for _ in range(epochs):
        _learn(data, offsets, targets, is_logistic, rate, character_table(), ngram, learnt, bias)
    return np.ascontiguousarray(learnt[:, WEIGHT]), float(bias[WEIGHT])


def mean_shares(
    texts: pa.Array, ngram: int, num_buckets: int, document_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For each bucket its share of a text's n-grams, summed over the texts with these weights."""
    shares = np.zeros(num_buckets)
    _add_shares(*text_buffers(texts), character_table(), ngram, document_weights, shares)
    return shares


def first_ngrams(texts: pa.Array, ngram: int, num_buckets: int, buckets: NDArray[np.int64]) -> list[str]:
    """For each bucket the first n-gram that falls into it, in small letters; empty where none does."""
    data, offsets = text_buffers(texts)
    place_of = np.full(num_buckets, -1)
    place_of[buckets] = np.arange(len(buckets))
    found = np.zeros((len(buckets), 2), np.int64)
    _find(data, offsets, character_table(), ngram, place_of, found)
    spans = [bytes(data[start:end]).decode("utf-8", "replace") for start, end in found]
    return [" ".join(span.lower().split()) for span in spans]


@functools.cache
def character_table() -> NDArray[np.uint32]:
    """What each character becomes and is part of: shape (0x110000,); takes 0.2 s once a process."""
    table = np.arange(NUM_CODE_POINTS, dtype=np.uint32) | np.uint32(MARK << KIND)
    for code in range(_LETTERS):
        character = chr(code)
        small = character.lower()[0]
        kind = SPACE if character.isspace() else WORD if small.isalnum() or small == "_" else MARK
        table[code] = kind << KIND | ord(small)
    return table


@leaf
def hash_tokens(
    text: Bytes,
    start: int,
    end: int,
    table: NDArray[np.uint32],
    tokens: NDArray[np.uint64],
    ends: NDArray[np.int64],
) -> int:
    """Write the hash of each token of ``text[start:end]`` and where it ends; gives their number, at most one a byte."""
    number, at = 0, start
    kind, state = SPACE, OFFSET
    while at < end:
        code, length = np.int64(text[at]), 1
        if code >= 0x80:
            code, length = decode(text, at, end)
        entry = np.int64(table[code])
        if entry >> KIND != kind:
            if kind != SPACE:
                tokens[number], ends[number] = mix(state, JOINT), at
                number += 1
            kind, state = entry >> KIND, OFFSET
        state = (state ^ np.uint64(entry & _CODE)) * PRIME
        at += length
    if kind != SPACE:
        tokens[number], ends[number] = mix(state, JOINT), at
        number += 1
    return number


@inlined
def longer(hashed: np.uint64, before: np.uint64) -> np.uint64:
    """The hash of an n-gram with one more token before it."""
    return mix(hashed * JOINT, before)


@inlined
def bucket_of(hashed: np.uint64, num_buckets: int) -> np.uint64:
    """The bucket of a hash: its highest 32 bits, scaled."""
    return ((hashed >> _HALF) * np.uint64(num_buckets)) >> _HALF


class Room(NamedTuple):
    """Room for the tokens and n-grams of one text."""

    tokens: NDArray[np.uint64]
    ends: NDArray[np.int64]
    buckets: NDArray[np.int32]


@kernel
def _room(offsets: NDArray[np.int64], ngram: int) -> Room:
    longest = np.int64(0)
    for document in range(offsets.size - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    return Room(np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest * ngram, np.int32))


@leaf
def _ngrams(
    data: Bytes, start: int, end: int, table: NDArray[np.uint32], ngram: int, num_buckets: int, room: Room
) -> int:
    """Write the bucket of every n-gram of a text, by where it ends and then by its length; gives their number."""
    number = hash_tokens(data, start, end, table, room.tokens, room.ends)
    written = 0
    for last in range(number):
        hashed = room.tokens[last]
        room.buckets[written] = bucket_of(hashed, num_buckets)
        written += 1
        for back in range(1, min(ngram, last + 1)):
            hashed = longer(hashed, room.tokens[last - back])
            room.buckets[written] = bucket_of(hashed, num_buckets)
            written += 1
    return written


@kernel
def _count(
    data: Bytes, offsets: NDArray[np.int64], table: NDArray[np.uint32], ngram: int, counts: NDArray[np.int64]
) -> None:
    room = _room(offsets, ngram)
    for document in range(offsets.size - 1):
        number = _ngrams(data, offsets[document], offsets[document + 1], table, ngram, counts.size, room)
        for place in range(number):
            counts[room.buckets[place]] += 1


@kernel
def _weigh(
    data: Bytes,
    offsets: NDArray[np.int64],
    table: NDArray[np.uint32],
    ngram: int,
    weights: NDArray[np.float32],
    sums: NDArray[np.float64],
    numbers: NDArray[np.int64],
) -> None:
    room = _room(offsets, ngram)
    for document in range(offsets.size - 1):
        number = _ngrams(data, offsets[document], offsets[document + 1], table, ngram, weights.size, room)
        total = 0.0
        for place in range(number):
            total += weights[room.buckets[place]]
        sums[document], numbers[document] = total, number


@kernel
def _learn(
    data: Bytes,
    offsets: NDArray[np.int64],
    targets: NDArray[np.float64],
    is_logistic: bool,
    rate: float,
    table: NDArray[np.uint32],
    ngram: int,
    learnt: NDArray[np.float32],
    bias: NDArray[np.float64],
) -> None:
    """One epoch; a text without n-grams, or one whose value is its target to the bit, teaches nothing."""
    room = _room(offsets, ngram)
    for document in range(offsets.size - 1):
        number = _ngrams(data, offsets[document], offsets[document + 1], table, ngram, learnt.shape[0], room)
        if number == 0:
            continue
        total = 0.0
        for place in range(number):
            total += learnt[room.buckets[place], WEIGHT]
        value = bias[WEIGHT] + total / number
        error = (1 / (1 + np.exp(-value)) if is_logistic else value) - targets[document]
        gradient = np.float32(error / number)
        if gradient * gradient > 0:
            _descend(learnt, room.buckets, number, gradient, np.float32(rate))
            bias[SQUARES] += error * error
            bias[WEIGHT] -= rate * error / np.sqrt(bias[SQUARES])


@leaf
def _descend(
    learnt: NDArray[np.float32], buckets: NDArray[np.int32], number: int, gradient: np.float32, rate: np.float32
) -> None:
    for place in range(number):
        bucket = buckets[place]
        squares = learnt[bucket, SQUARES] + gradient * gradient
        learnt[bucket, SQUARES] = squares
        learnt[bucket, WEIGHT] -= rate * gradient / np.sqrt(squares)


@kernel
def _add_shares(
    data: Bytes,
    offsets: NDArray[np.int64],
    table: NDArray[np.uint32],
    ngram: int,
    document_weights: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> None:
    room = _room(offsets, ngram)
    for document in range(offsets.size - 1):
        number = _ngrams(data, offsets[document], offsets[document + 1], table, ngram, shares.size, room)
        for place in range(number):
            shares[room.buckets[place]] += document_weights[document] / number


@kernel
def _find(
    data: Bytes,
    offsets: NDArray[np.int64],
    table: NDArray[np.uint32],
    ngram: int,
    place_of: NDArray[np.int64],
    found: NDArray[np.int64],
) -> None:
    """Write where the first n-gram of each wanted bucket begins (with the spaces before it) and ends."""
    room = _room(offsets, ngram)
    for document in range(offsets.size - 1):
        start = offsets[document]
        number = _ngrams(data, start, offsets[document + 1], table, ngram, place_of.size, room)
        last, length = 0, 1
        for place in range(number):
            wanted = place_of[room.buckets[place]]
            if wanted >= 0 and found[wanted, 1] == 0:
                first = last - length
                found[wanted, 0] = room.ends[first] if first >= 0 else start
                found[wanted, 1] = room.ends[last]
            length += 1
            if length > min(ngram, last + 1):
                last, length = last + 1, 1
