"""Words that are parts of the chunks between spaces: spaCy's and UAX #29's.

A chunk is cut when a vocabulary meets it first, and its pieces are kept as numbers of a second vocabulary; after that, the
sequence of chunks is written out as a sequence of words at the cost of a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.hashing import hash_bytes
from winnow.kernels.jit import kernel, leaf
from winnow.kernels.masks import num_chars
from winnow.kernels.sentences import code_of_words
from winnow.kernels.spacy_words import Scratch, cut_chunk, cut_plain_chunk, new_scratch
from winnow.kernels.unicode_words import cut_chunk as cut_unicode_chunk
from winnow.kernels.vocabulary import LIMIT, Vocabulary, add_word, find_slot, new_vocabulary, with_room

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


class Lexicon(NamedTuple):
    """What is kept from document to document."""

    chunks: Vocabulary  # between spaces
    words: Vocabulary  # the parts of chunks; the chunks themselves if these are the words
    pieces: NDArray[np.int32]  # the words of all chunks, chunk by chunk
    num_pieces: NDArray[np.int64]  # one number


class _Cuts(NamedTuple):
    """Where the pieces of new chunks are in the text."""

    starts: NDArray[np.int32]
    ends: NDArray[np.int32]


@kernel
def new_lexicon(definition: int, room: int) -> Lexicon:
    """An empty lexicon with room for so many chunks."""
    chunks = new_vocabulary(room)
    words = chunks if definition == WHITESPACE else new_vocabulary(room)
    return Lexicon(chunks, words, np.empty(room, np.int32), np.zeros(1, np.int64))


@kernel
def with_chunk_room(lexicon: Lexicon, more: int, definition: int) -> Lexicon:
    """The lexicon with room for so many more chunks; begun anew if it has grown beyond the limit."""
    if lexicon.chunks.size[0] > LIMIT:
        return new_lexicon(definition, max(more, 2 * LIMIT))
    chunks = with_room(lexicon.chunks, more)
    return Lexicon(chunks, chunks if definition == WHITESPACE else lexicon.words, lexicon.pieces, lexicon.num_pieces)


@kernel
def cut_new_chunks(
    text: Bytes, masks: NDArray[np.uint64], is_ascii: bool, first: int, lexicon: Lexicon, rules: Rules
) -> Lexicon:
    """Cut the chunks from number ``first`` on, which the document at hand brought."""
    room = _num_bytes(lexicon.chunks, first)
    cuts = _Cuts(np.empty(room, np.int32), np.empty(room, np.int32))
    more = _cut_chunks(text, first, lexicon.chunks, rules, cuts, new_scratch())
    lexicon = _with_piece_room(lexicon, more)
    _number_pieces(text, masks, is_ascii, first, cuts, lexicon, rules.classes)
    return lexicon


@leaf
def _num_bytes(chunks: Vocabulary, first: int) -> int:
    number = np.int64(0)
    for index in range(first, chunks.size[0]):
        number += chunks.entries[index].last - chunks.entries[index].first
    return number


@kernel
def _with_piece_room(lexicon: Lexicon, more: int) -> Lexicon:
    words, pieces, used = with_room(lexicon.words, more), lexicon.pieces, lexicon.num_pieces[0]
    if used + more > pieces.size:
        pieces = np.empty(max(used + more, 2 * pieces.size), np.int32)
        pieces[:used] = lexicon.pieces[:used]
    return Lexicon(lexicon.chunks, words, pieces, lexicon.num_pieces)


@leaf
def _cut_chunks(text: Bytes, first: int, chunks: Vocabulary, rules: Rules, cuts: _Cuts, scratch: Scratch) -> int:
    """Cut new chunks; gives how many pieces that makes. Their range replaces the place of the chunk in the text."""
    at = 0
    for index in range(first, chunks.size[0]):
        entry = chunks.entries[index]
        start, end = entry.first, entry.last
        starts, ends = cuts.starts[at:], cuts.ends[at:]
        if rules.definition == UNICODE:
            number = cut_unicode_chunk(text, start, end, rules.classes, starts, ends)
        else:
            number = cut_plain_chunk(text, start, end, entry.hash, rules.classes, rules.strings, starts)
            if number == 0:
                number = cut_chunk(text, start, end, rules.classes, rules.strings, starts, scratch)
            for piece in range(number):
                ends[piece] = starts[piece + 1] if piece + 1 < number else end
            entry.code = code_of_words(text, starts, ends, number, rules.classes)
        entry.first, entry.last = at, at + number
        at += number
    return at


@leaf
def _number_pieces(
    text: Bytes,
    masks: NDArray[np.uint64],
    is_ascii: bool,
    first: int,
    cuts: _Cuts,
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
def num_words(chunk_sequence: NDArray[np.int32], entries: NDArray[np.void]) -> int:
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
