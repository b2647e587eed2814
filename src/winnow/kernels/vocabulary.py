"""The distinct words of a batch of documents, numbered, each with what is known of it.

What a word is like (its length, whether it has a letter, how spaCy cuts it) depends on the word alone, so it is found
once and kept from document to document. A vocabulary that has outgrown the processor's cache is begun anew: after LIMIT
words, a few hundred pages. Rejected: one vocabulary a document, which describes every frequent word again each time
(half of the words of a short page are distinct, and all of these slow paths took a third of the time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import ALPHA, SYMBOL, decode
from winnow.kernels.hashing import num_slots
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.sentences import code_by_rule
from winnow.kernels.simd import low_bits, word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

LIMIT = 1 << 17

ENTRY = np.dtype(
    [
        ("hash", np.uint64),
        ("frequency", np.int32),  # in the document at hand
        ("length", np.int32),  # in characters
        ("flags", np.uint8),
        ("is_cut", np.uint8),  # whether its pieces are known
        ("rule_code", np.int16),  # what it does to sentences by the plain rule, see there
        ("code", np.int32),  # the same by the word definition
        ("first", np.int32),  # its first piece; until it is cut, where it starts in the text
        ("last", np.int32),  # the end of its pieces; until it is cut, where it ends in the text
    ]
)
HAS_ALPHA = 1
IS_SYMBOL = 2  # nothing but symbols
IS_SMALL = 4  # if it is a stop word: in small letters
STOP_WORD = 8  # from this bit on: 1 + the index of the stop word, 0 for other words

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, appendix A.1.1: a page of English prose holds at least two of them."""

_STOP_WORDS = np.array([int.from_bytes(word.encode(), "little") for word in STOP_WORDS], np.uint32)


class Vocabulary(NamedTuple):
    """A table of slots (1 + the number of a word; 0: empty), the words, and the words of which chunks consist."""

    slots: NDArray[np.int32]
    entries: NDArray[np.void]  # of ENTRY
    pieces: NDArray[np.int32]  # the words of each chunk that was cut, chunk by chunk
    size: NDArray[np.int64]  # how many words there are, and how many pieces


def new_vocabulary(room: int) -> Vocabulary:
    """An empty vocabulary that, kept within its limits, has room for a document of so many words."""
    return Vocabulary(
        np.zeros(num_slots(LIMIT + 2 * room), np.int32),
        np.empty(LIMIT + 2 * room, ENTRY),
        np.empty(2 * LIMIT + room, np.int32),
        np.zeros(2, np.int64),
    )


@leaf
def keep_within_limits(vocabulary: Vocabulary) -> None:
    """Forget all words if they have outgrown the cache: empty the run of slots from each word's first choice on."""
    if max(vocabulary.size[0], vocabulary.size[1] // 2) <= LIMIT:
        return
    last = np.uint64(vocabulary.slots.size - 1)
    for word in range(vocabulary.size[0]):
        slot = vocabulary.entries[word].hash & last
        while vocabulary.slots[slot] != 0:
            vocabulary.slots[slot] = 0
            slot = (slot + np.uint64(1)) & last
    vocabulary.size[0] = vocabulary.size[1] = 0


@inlined
def find_slot(vocabulary: Vocabulary, hashed: np.uint64) -> int:
    """The slot of the word with a hash, or the empty one where it belongs."""
    last = np.uint64(vocabulary.slots.size - 1)
    slot = hashed & last
    while vocabulary.slots[slot] != 0 and vocabulary.entries[vocabulary.slots[slot] - 1].hash != hashed:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)


@leaf
def add_word(
    vocabulary: Vocabulary,
    slot: int,
    hashed: np.uint64,
    text: Bytes,
    start: int,
    end: int,
    length: int,
    classes: Classes,
) -> None:
    """Fill an empty slot with the word ``text[start:end]`` of ``length`` characters."""
    entry = vocabulary.entries[vocabulary.size[0]]
    vocabulary.size[0] += 1
    vocabulary.slots[slot] = vocabulary.size[0]
    entry.hash = hashed
    entry.frequency = 0
    entry.length = length
    entry.flags = _kind(text, start, end, classes) | _stop_word(text, start, end)
    entry.is_cut = 0
    entry.code = entry.rule_code = code_by_rule(text, start, end)


@inlined
def _kind(text: Bytes, start: int, end: int, classes: Classes) -> int:
    flags, is_symbol = 0, True
    while start < end and (is_symbol or not flags):
        code, length = decode(text, start, end)
        if classes[code] & ALPHA:
            flags = HAS_ALPHA
        is_symbol &= classes[code] & SYMBOL != 0
        start += length
    return flags | IS_SYMBOL if is_symbol else flags


@inlined
def _stop_word(text: Bytes, start: int, end: int) -> int:
    """The flags of a stop word, whatever its case."""
    if end - start > 4:
        return 0
    inside = low_bits(8 * (end - start))
    word = np.uint32(word_at(text, start) & inside)
    small = np.uint32(word | (np.uint32(0x20202020) & np.uint32(inside)))
    for index in range(_STOP_WORDS.size):
        if small == _STOP_WORDS[index]:
            return STOP_WORD * (index + 1) + (IS_SMALL if word == small else 0)
    return 0
