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
from winnow.kernels.sentences import ENDS, code_by_rule
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
        ("flags", np.int16),
        ("ends", np.int16),  # whether it ends a sentence by the plain rule
        ("code", np.int32),  # what it does to sentences by the word definition, see there
        ("first", np.int32),  # where it starts in the document that brought it; once it is cut, its first piece
        ("last", np.int32),  # where it ends; once it is cut, the end of its pieces
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
    """A table of slots that hold 1 + the number of a word (0: empty), and the words."""

    slots: NDArray[np.int32]
    entries: NDArray[np.void]  # of ENTRY
    size: NDArray[np.int64]  # how many words there are, one number


def new_vocabulary(room: int) -> Vocabulary:
    """An empty vocabulary for so many words; memory that is not written to is not taken."""
    return Vocabulary(np.zeros(num_slots(room), np.int32), np.empty(room, ENTRY), np.zeros(1, np.int64))


@leaf
def clear_vocabulary(vocabulary: Vocabulary) -> None:
    """Forget all words: empty the run of slots from each word's first choice on."""
    last = np.uint64(vocabulary.slots.size - 1)
    for index in range(vocabulary.size[0]):
        slot = vocabulary.entries[index].hash & last
        while vocabulary.slots[slot] != 0:
            vocabulary.slots[slot] = 0
            slot = (slot + np.uint64(1)) & last
    vocabulary.size[0] = 0


@inlined
def find_slot(vocabulary: Vocabulary, hashed: np.uint64) -> int:
    """The slot of the word with a hash, or the empty one where it belongs."""
    last = np.uint64(vocabulary.slots.size - 1)
    slot = hashed & last
    while vocabulary.slots[slot] != 0 and vocabulary.entries[vocabulary.slots[slot] - 1].hash != hashed:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)


@inlined
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
    entry.code = code_by_rule(text, start, end)
    entry.ends = entry.code == ENDS
    entry.flags = _kind(text, start, end, classes) | _stop_word(text, start, end)
    entry.first = start
    entry.last = end


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
