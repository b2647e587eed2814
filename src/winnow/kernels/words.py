"""The words of a document as a sequence of numbers of a vocabulary, and what is counted over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.counts import Counts, counts_type
from winnow.kernels.hashing import hash_bytes
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.masks import SPACE, START, num_blocks, num_chars
from winnow.kernels.simd import BLOCK, popcount, trailing_zeros
from winnow.kernels.vocabulary import HAS_ALPHA, IS_SMALL, IS_SYMBOL, STOP_WORD, Vocabulary, add_word, find_slot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

WORD_COUNTS = counts_type(
    "num_words",
    "num_word_chars",
    "num_words_with_alpha",
    "num_nonsymbol_words",
    "num_nonsymbol_word_chars",
    "num_stop_words",
    "num_distinct_stop_words",
    "num_distinct_stop_words_cased",
)

_ONE = np.uint64(1)


class Words(NamedTuple):
    """The words of a document, in order and each once, as numbers of ``entries``, whose frequencies are set."""

    sequence: NDArray[np.int32]
    distinct: NDArray[np.int32]
    entries: NDArray[np.void]  # of a vocabulary


class Sequence(NamedTuple):
    """Room for the words of a document."""

    chunks: NDArray[np.int32]  # the words of ``str.split``, in order, as numbers of a vocabulary
    uncut: NDArray[np.int32]  # those of them whose pieces are not known
    words: NDArray[np.int32]  # the words by the definition, in order


@leaf
def number_chunks(
    text: Bytes,
    size: int,
    masks: NDArray[np.uint64],
    is_ascii: bool,
    classes: Classes,
    vocabulary: Vocabulary,
    sequence: Sequence,
) -> tuple[int, int]:
    """Number the words of ``str.split``; gives the number of those that are uncut, and the bytes of the longest."""
    num_uncut, longest, count = 0, 0, 0
    start, before_word = -1, np.uint64(0)
    for block in range(num_blocks(size)):
        at = block * BLOCK
        starts, space = masks[block, START], masks[block, SPACE]
        ends = space & (~space << _ONE | before_word)
        while ends:
            if start < 0:
                start = at + trailing_zeros(starts)
                starts &= starts - _ONE
            end = at + trailing_zeros(ends)
            ends &= ends - _ONE
            word = number_word(text, start, end, masks, is_ascii, classes, vocabulary, hash_bytes(text, start, end))
            entry = vocabulary.entries[word]
            if not entry.is_cut:
                entry.is_cut, entry.first, entry.last = 1, start, end
                sequence.uncut[num_uncut] = word
                num_uncut += 1
            sequence.chunks[count] = word
            longest = max(longest, end - start)
            count, start = count + 1, -1
        if starts:
            start = at + trailing_zeros(starts)
        before_word = ~space >> np.uint64(63)
    return num_uncut, longest


@inlined
def number_word(
    text: Bytes,
    start: int,
    end: int,
    masks: NDArray[np.uint64],
    is_ascii: bool,
    classes: Classes,
    vocabulary: Vocabulary,
    hashed: np.uint64,
) -> int:
    """The number of the word ``text[start:end]``, which is added to the vocabulary if it is new."""
    slot = find_slot(vocabulary, hashed)
    if vocabulary.slots[slot] == 0:
        length = end - start if is_ascii else num_chars(masks, start, end)
        add_word(vocabulary, slot, hashed, text, start, end, length, classes)
    return vocabulary.slots[slot] - 1


@leaf
def count_frequencies(sequence: NDArray[np.int32], entries: NDArray[np.void], distinct: NDArray[np.int32]) -> int:
    """Count how often each word occurs, and write each once; gives how many that are."""
    num_distinct = 0
    for position in range(sequence.size):
        word = sequence[position]
        entry = entries[word]
        distinct[num_distinct] = word
        num_distinct += entry.frequency == 0
        entry.frequency += 1
    return num_distinct


@leaf
def forget_frequencies(words: Words) -> None:
    """Make the vocabulary ready for the next document."""
    for index in range(words.distinct.size):
        words.entries[words.distinct[index]].frequency = 0


@leaf
def count_words(words: Words, counts: Counts) -> None:
    """Write the counts of all words (WORD_COUNTS)."""
    found = found_small = np.uint64(0)
    for index in range(words.distinct.size):
        entry = words.entries[words.distinct[index]]
        frequency, chars = np.int64(entry.frequency), np.int64(entry.frequency) * entry.length
        is_nonsymbol = entry.flags & IS_SYMBOL == 0
        counts.num_words += frequency
        counts.num_word_chars += chars
        counts.num_words_with_alpha += frequency * (entry.flags & HAS_ALPHA != 0)
        counts.num_nonsymbol_words += frequency * is_nonsymbol
        counts.num_nonsymbol_word_chars += chars * is_nonsymbol
        if entry.flags >= STOP_WORD:
            stop_word = _ONE << np.uint64(entry.flags // STOP_WORD)
            counts.num_stop_words += frequency
            found |= stop_word
            if entry.flags & IS_SMALL:
                found_small |= stop_word
    counts.num_distinct_stop_words = popcount(found)
    counts.num_distinct_stop_words_cased = popcount(found_small)
