"""Words that are parts of the chunks between spaces: spaCy's and UAX #29's.

A chunk is cut when a vocabulary meets it first, and its pieces are kept as numbers of a second vocabulary; after
that, the sequence of chunks is written out as a sequence of words at the cost of a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.hashing import hash_bytes
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.masks import num_chars
from winnow.kernels.sentences import code_by_rule, code_of_words
from winnow.kernels.spacy_words import Scratch, cut_chunk, cut_plain_chunk, new_scratch
from winnow.kernels.unicode_words import cut_chunk as cut_unicode_chunk
from winnow.kernels.vocabulary import LIMIT, Vocabulary, add_word, clear_vocabulary, find_slot, new_vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes
    from winnow.kernels.strings import Strings

WHITESPACE, SPACY, UNICODE = range(3)
DEFINITIONS = ("whitespace", "spacy", "unicode")


class Rules(NamedTuple):
    """What a word is, and the tables that say so."""

    definition: int
    classes: Classes  # of all kinds: characters, spacy_rules, unicode_rules
    strings: Strings  # spaCy's


class Cuts(NamedTuple):
    """Where the pieces of new chunks are in the text, and room to find them."""

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    scratch: Scratch


class Lexicon(NamedTuple):
    """What is kept from document to document."""

    chunks: Vocabulary  # between spaces
    words: Vocabulary  # the parts of chunks; the chunks themselves if these are the words
    pieces: NDArray[np.int32]  # the words of all chunks, chunk by chunk
    num_pieces: NDArray[np.int64]  # one number


def new_lexicon(definition: str, room: int) -> Lexicon:
    """An empty lexicon that is within its limits before any document of so many chunks and so many words."""
    chunks = new_vocabulary(LIMIT + room)
    words = chunks if definition == "whitespace" else new_vocabulary(LIMIT + room)
    return Lexicon(chunks, words, np.empty(2 * LIMIT + room, np.int32), np.zeros(1, np.int64))


def new_cuts(room: int) -> Cuts:
    """Room for so many pieces."""
    return Cuts(np.empty(room, np.int32), np.empty(room, np.int32), new_scratch())


@leaf
def keep_within_limits(lexicon: Lexicon) -> None:
    """Begin the lexicon anew if it has outgrown the processor's cache."""
    if max(lexicon.chunks.size[0], lexicon.words.size[0], lexicon.num_pieces[0] // 2) > LIMIT:
        clear_vocabulary(lexicon.chunks)
        clear_vocabulary(lexicon.words)
        lexicon.num_pieces[0] = 0


@leaf
def cut_new_chunks(
    text: Bytes, masks: NDArray[np.uint64], is_ascii: bool, first: int, lexicon: Lexicon, cuts: Cuts, rules: Rules
) -> int:
    """Cut the chunks from number ``first`` on, which the document at hand brought.

    Gives the room that the pieces take; if there is less, nothing is done but to forget the lexicon.
    """
    need = _cut_chunks(text, first, lexicon.chunks, rules, cuts)
    if need <= cuts.starts.size:
        _number_pieces(text, masks, is_ascii, first, cuts, lexicon, rules.classes)
    return need


@inlined
def _cut_chunk(text: Bytes, start: int, end: int, hashed: np.uint64, rules: Rules, cuts: Cuts, at: int) -> int:
    """Write the pieces of a chunk from place ``at`` on; gives how many there are."""
    starts, ends = cuts.starts[at:], cuts.ends[at:]
    if rules.definition == UNICODE:
        return cut_unicode_chunk(text, start, end, rules.classes, starts, ends)
    number = cut_plain_chunk(text, start, end, hashed, rules.classes, rules.strings, starts)
    if number == 0:
        number = cut_chunk(text, start, end, rules.classes, rules.strings, starts, cuts.scratch)
    for piece in range(number):
        ends[piece] = starts[piece + 1] if piece + 1 < number else end
    return number


@leaf
def code_of_chunk(text: Bytes, start: int, end: int, rules: Rules, cuts: Cuts) -> int:
    """The sentence code of a chunk by the word definition: spaCy's, or else the plain rule."""
    if rules.definition != SPACY:
        return code_by_rule(text, start, end)
    number = _cut_chunk(text, start, end, hash_bytes(text, start, end), rules, cuts, 0)
    return code_of_words(text, cuts.starts, cuts.ends, number, rules.classes)


@inlined
def _cut_chunks(text: Bytes, first: int, chunks: Vocabulary, rules: Rules, cuts: Cuts) -> int:
    """Cut new chunks; gives the room they take. Their range of pieces replaces the place of the chunk in the text."""
    at = 0
    for index in range(first, chunks.size[0]):
        entry = chunks.entries[index]
        if at + entry.last - entry.first > cuts.starts.size:
            return at + entry.last - entry.first
        number = _cut_chunk(text, entry.first, entry.last, entry.hash, rules, cuts, at)
        if rules.definition == SPACY:
            entry.code = code_of_words(text, cuts.starts[at:], cuts.ends[at:], number, rules.classes)
        entry.first, entry.last = at, at + number
        at += number
    return at


@leaf
def _number_pieces(
    text: Bytes,
    masks: NDArray[np.uint64],
    is_ascii: bool,
    first: int,
    cuts: Cuts,
    lexicon: Lexicon,
    classes: Classes,
) -> None:
    """Number the pieces of new chunks as words."""
    offset = lexicon.num_pieces[0]
    for index in range(first, lexicon.chunks.size[0]):
        entry = lexicon.chunks.entries[index]
        for piece in range(entry.first, entry.last):
            start, end = cuts.starts[piece], cuts.ends[piece]
            hashed = hash_bytes(text, start, end)
            slot = find_slot(lexicon.words, hashed)
            if lexicon.words.slots[slot] == 0:
                length = end - start if is_ascii else num_chars(masks, start, end)
                add_word(lexicon.words, slot, hashed, text, start, end, length, classes)
            lexicon.pieces[offset + piece] = lexicon.words.slots[slot] - 1
        lexicon.num_pieces[0] += entry.last - entry.first
        entry.first += offset
        entry.last += offset


@leaf
def count_pieces(chunk_sequence: NDArray[np.int32], entries: NDArray[np.void]) -> int:
    """How many words a sequence of chunks has."""
    number = np.int64(0)
    for position in range(chunk_sequence.size):
        entry = entries[chunk_sequence[position]]
        number += entry.last - entry.first
    return number


@leaf
def write_out(chunk_sequence: NDArray[np.int32], lexicon: Lexicon, sequence: NDArray[np.int32]) -> None:
    """Write the words of a sequence of chunks."""
    at = 0
    for position in range(chunk_sequence.size):
        entry = lexicon.chunks.entries[chunk_sequence[position]]
        for piece in range(entry.first, entry.last):
            sequence[at] = lexicon.pieces[piece]
            at += 1
