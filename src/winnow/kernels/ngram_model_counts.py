"""Counting the n-grams of a text of numbers, order by order.

An n-gram is the number of its first n - 1 words (its context, an n-gram of the order below) and of its last word; each
gets a number when it is first met. So an order costs one look-up a token, in a table of pairs, and no n-gram is ever
written out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.jit import inlined, kernel
from winnow.kernels.ngram_model_words import BEGIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE = -1
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class Counts(NamedTuple):
    """The n-grams of one order by their numbers."""

    context: NDArray[np.int32]
    """The number of the first n - 1 words among the n-grams below."""
    word: NDArray[np.int32]
    suffix: NDArray[np.int32]
    """The number of the last n - 1 words among the n-grams below."""
    count: NDArray[np.int64]


def count_words(tokens: NDArray[np.int32], num_words: int) -> Counts:
    """The n-grams of order 1: their numbers are those of the words, and below is the empty n-gram, number 0.

    BEGIN is never guessed, so it does not count.
    """
    empty = np.zeros(num_words, np.int32)
    count = np.bincount(tokens, minlength=num_words)
    count[BEGIN] = 0
    return Counts(empty, np.arange(num_words, dtype=np.int32), empty, count)


def count_longer(tokens: NDArray[np.int32], shorter: NDArray[np.int32]) -> tuple[Counts, NDArray[np.int32]]:
    """The n-grams of the next order, and for each token the number of the one that ends there, or NONE.

    ``shorter`` is the same of the order below, at first ``tokens``. An n-gram lies within a sentence, and BEGIN is
    never the last word of one.
    """
    counts, size, ending = _count(tokens, shorter)
    return Counts(*(column[:size].copy() for column in counts)), ending


@inlined
def _slot(slots: NDArray[np.int32], counts: Counts, context: int, word: int) -> int:
    last = np.uint64(slots.size - 1)
    slot = ((np.uint64(context) << _HALF | np.uint64(word)) * _FACTOR >> _HALF) & last
    while slots[slot] != 0:
        number = slots[slot] - 1
        if counts.context[number] == context and counts.word[number] == word:
            break
        slot = (slot + np.uint64(1)) & last
    return slot


@kernel
def _room(size: int) -> Counts:
    return Counts(
        np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int64)
    )


@kernel
def _grown(counts: Counts, size: int) -> tuple[Counts, NDArray[np.int32]]:
    """The same n-grams with room for twice as many, and the table that finds them."""
    grown = _room(2 * size)
    slots = np.zeros(4 * size, np.int32)
    for number in range(size):
        grown.context[number], grown.word[number] = counts.context[number], counts.word[number]
        grown.suffix[number], grown.count[number] = counts.suffix[number], counts.count[number]
        slots[_slot(slots, grown, grown.context[number], grown.word[number])] = number + 1
    return grown, slots


@kernel
def _count(tokens: NDArray[np.int32], shorter: NDArray[np.int32]) -> tuple[Counts, int, NDArray[np.int32]]:
    counts, slots, size = _room(1 << 10), np.zeros(1 << 11, np.int32), 0
    ending = np.full(tokens.size, NONE, np.int32)
    for place in range(1, tokens.size):
        context, word = shorter[place - 1], tokens[place]
        if context == NONE or word == BEGIN:
            continue
        slot = _slot(slots, counts, context, word)
        if slots[slot] == 0:
            if size == counts.word.size:
                counts, slots = _grown(counts, size)
                slot = _slot(slots, counts, context, word)
            counts.context[size], counts.word[size] = context, word
            counts.suffix[size], counts.count[size] = shorter[place], 0
            size += 1
            slots[slot] = size
        number = slots[slot] - 1
        counts.count[number] += 1
        ending[place] = number
    return counts, size, ending
