"""Words that are parts of the chunks between spaces: spaCy's and UAX #29's.

A chunk is cut when a vocabulary meets it first, and its pieces are kept as numbers of a second vocabulary; after
that, the sequence of chunks is written out as a sequence of words at the cost of a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import SPAN
from winnow.kernels.hashing import hash_bytes
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.sentences import code_by_rule, code_of_words
from winnow.kernels.spacy_words import cut_chunk, cut_plain_chunk, new_scratch
from winnow.kernels.unicode_words import cut_chunk as cut_unicode_chunk
from winnow.kernels.vocabulary import Vocabulary
from winnow.kernels.words import number_word

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
    """Where the pieces of a chunk are in the text, and room to find them."""

    spans: NDArray[np.void]  # of SPAN
    scratch: NDArray[np.void]  # of JOINED


def new_cuts(room: int) -> Cuts:
    """Room for a chunk of so many bytes."""
    return Cuts(np.empty(room, SPAN), new_scratch())


@leaf
def cut_chunks(
    text: Bytes,
    masks: NDArray[np.uint64],
    is_ascii: bool,
    uncut: NDArray[np.int32],
    vocabulary: Vocabulary,
    cuts: Cuts,
    rules: Rules,
    room: int,
) -> int:
    """Cut chunks that were not cut before and number their pieces.

    Gives how many pieces there are, or more than ``room`` as soon as there are; then the vocabulary is of no more use.
    """
    first = vocabulary.size[1]
    for index in range(uncut.size):
        entry = vocabulary.entries[uncut[index]]
        start, end = entry.first, entry.last
        number = _cut_chunk(text, start, end, entry.hash, rules, cuts)
        if vocabulary.size[1] - first + number > room:
            return vocabulary.size[1] - first + number
        if rules.definition == SPACY:
            entry.code = code_of_words(text, cuts.spans, number, rules.classes)
        entry.first, entry.last = vocabulary.size[1], vocabulary.size[1] + number
        for piece in range(number):
            word = uncut[index]
            if number > 1 or rules.definition == UNICODE:
                first_byte, last_byte = cuts.spans[piece].start, cuts.spans[piece].end
                hashed = hash_bytes(text, first_byte, last_byte)
                word = number_word(text, first_byte, last_byte, masks, is_ascii, rules.classes, vocabulary, hashed)
            vocabulary.pieces[vocabulary.size[1]] = word
            vocabulary.size[1] += 1
    return vocabulary.size[1] - first


@inlined
def _cut_chunk(text: Bytes, start: int, end: int, hashed: np.uint64, rules: Rules, cuts: Cuts) -> int:
    """Write the pieces of a chunk; gives how many there are."""
    spans = cuts.spans
    if rules.definition == UNICODE:
        return cut_unicode_chunk(text, start, end, rules.classes, spans)
    number = cut_plain_chunk(text, start, end, hashed, rules.classes, rules.strings, spans)
    if number == 0:
        number = cut_chunk(text, start, end, rules.classes, rules.strings, spans, cuts.scratch)
    for piece in range(number):
        spans[piece].end = spans[piece + 1].start if piece + 1 < number else end
    return number


@leaf
def code_of_chunk(text: Bytes, start: int, end: int, rules: Rules, cuts: Cuts) -> int:
    """The sentence code of a chunk by the word definition: spaCy's, or else the plain rule."""
    if rules.definition != SPACY:
        return code_by_rule(text, start, end)
    number = _cut_chunk(text, start, end, hash_bytes(text, start, end), rules, cuts)
    return code_of_words(text, cuts.spans, number, rules.classes)


@leaf
def count_pieces(chunk_sequence: NDArray[np.int32], entries: NDArray[np.void]) -> int:
    """How many words a sequence of chunks has."""
    number = np.int64(0)
    for position in range(chunk_sequence.size):
        entry = entries[chunk_sequence[position]]
        number += entry.last - entry.first
    return number


@leaf
def write_out(chunk_sequence: NDArray[np.int32], vocabulary: Vocabulary, sequence: NDArray[np.int32]) -> None:
    """Write the words of a sequence of chunks."""
    at = 0
    for position in range(chunk_sequence.size):
        entry = vocabulary.entries[chunk_sequence[position]]
        for piece in range(entry.first, entry.last):
            sequence[at] = vocabulary.pieces[piece]
            at += 1
