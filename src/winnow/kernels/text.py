"""Every integer statistic of a batch of documents that the heuristic rules of the field read, in one pass.

``masks`` looks at the bytes once; ``words``, ``ngrams``, ``lines`` and ``c4`` walk over what it found. On one core of
2024 the pass takes 7 ns a byte of English text (``benchmarks/kernels.py``), 500 times less than datatrove's four
filters. All lengths are code points. Documents are at most 2 GB long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.c4 import C4_COUNTS, FORMS, SPLITLINE_COUNTS, Reading, count_splitlines
from winnow.kernels.characters import character_classes
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.lines import LINE_COUNTS, PARAGRAPH_COUNTS, count_lines, count_paragraphs
from winnow.kernels.masks import CHARACTER_COUNTS, scan
from winnow.kernels.ngrams import NGRAM_COUNTS, count_ngrams
from winnow.kernels.sentences import mark_sentences
from winnow.kernels.spacy_rules import spacy_classes
from winnow.kernels.spacy_words import spacy_strings
from winnow.kernels.tokens import (
    DEFINITIONS,
    SPACY,
    WHITESPACE,
    Rules,
    count_pieces,
    cut_chunks,
    write_out,
)
from winnow.kernels.unicode_rules import word_breaks
from winnow.kernels.vocabulary import keep_within_limits
from winnow.kernels.words import WORD_COUNTS, Words, count_frequencies, count_words, forget_frequencies, number_chunks
from winnow.kernels.workspace import Room, Workspace, new_workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

SECTIONS = (
    CHARACTER_COUNTS,
    WORD_COUNTS,
    NGRAM_COUNTS,
    LINE_COUNTS,
    PARAGRAPH_COUNTS,
    SPLITLINE_COUNTS,
    C4_COUNTS,
)
COLUMNS = tuple(name for section in SECTIONS for name in section.names or ())


def word_rules(definition: str) -> Rules:
    """The rules of a word definition: "whitespace", "spacy" or "unicode"."""
    classes = character_classes() | spacy_classes() | word_breaks()
    return Rules(DEFINITIONS.index(definition), classes, spacy_strings())


def count_text(data: Bytes, offsets: NDArray[np.int64], rules: Rules) -> dict[str, NDArray[np.int64]]:
    """The statistics (COLUMNS) of the documents ``data[offsets[i]:offsets[i + 1]]``, one int64 array a column.

    ``data`` has PADDING bytes after the last document (see ``buffers``).
    """
    num_documents = len(offsets) - 1
    sections = [np.zeros(num_documents, section) for section in SECTIONS]
    table = Table(*sections)
    table = table._replace(
        ngrams=table.ngrams.view(np.int64).reshape(num_documents, len(NGRAM_COUNTS)),
        c4=table.c4.view(np.int64).reshape(num_documents, len(FORMS), len(C4_COUNTS) // len(FORMS)),
    )
    room = Room(int(np.diff(offsets).max(initial=0)), num_words=1 << 12, longest_chunk=1 << 12)
    row = 0
    while row < num_documents:
        space = new_workspace(room)
        row, room = _count_documents(data, offsets, row, rules, space, table)
        for section in sections:
            section[row : row + 1] = 0  # what was counted of a document before it turned out not to fit
    return {name: np.ascontiguousarray(section[name]) for section in sections for name in section.dtype.names or ()}


class Table(NamedTuple):
    """The counts of all documents, a row each."""

    characters: NDArray[np.void]
    words: NDArray[np.void]
    ngrams: NDArray[np.int64]
    lines: NDArray[np.void]
    paragraphs: NDArray[np.void]
    splitlines: NDArray[np.void]
    c4: NDArray[np.int64]


@leaf
def _count_documents(
    data: Bytes, offsets: NDArray[np.int64], row: int, rules: Rules, space: Workspace, table: Table
) -> tuple[int, Room]:
    """Count documents from a row on until one does not fit; gives its row, and the room that it needs at least."""
    room = space.room
    while row < offsets.size - 1:
        room = _count_document(data[offsets[row] :], offsets[row + 1] - offsets[row], row, rules, space, table)
        if room.num_words > space.room.num_words or room.longest_chunk > space.room.longest_chunk:
            break
        row += 1
    return row, room


@inlined
def _count_document(text: Bytes, size: int, row: int, rules: Rules, space: Workspace, table: Table) -> Room:
    """Write a document's row; gives the room it needs, and nothing else is of use if that is more than there is."""
    room, vocabulary, counts = space.room, space.vocabulary, table.characters[row]
    keep_within_limits(vocabulary)
    num_chunks = scan(text, size, rules.classes, space.masks, counts)
    is_ascii, need = counts.num_chars == size, max(num_chunks, 2 * counts.num_newlines + 2)
    if need > room.num_words:
        return Room(room.num_bytes, 2 * need, room.longest_chunk)
    sequence = space.sequence
    num_uncut, longest = number_chunks(text, size, space.masks, is_ascii, rules.classes, vocabulary, sequence)
    chunks, uncut, words = sequence.chunks[:num_chunks], sequence.uncut[:num_uncut], sequence.chunks[:num_chunks]
    if rules.definition != WHITESPACE:
        if longest > room.longest_chunk:
            return Room(room.num_bytes, room.num_words, 2 * longest)
        need = cut_chunks(text, space.masks, is_ascii, uncut, vocabulary, space.cuts, rules, room.num_words)
        if need <= room.num_words:
            need = count_pieces(chunks, vocabulary.entries)
        if need > room.num_words:
            return Room(room.num_bytes, 2 * need, room.longest_chunk)
        words = sequence.words[:need]
        write_out(chunks, vocabulary, words)
    _count_words(words, row, space, table)
    count_lines(text, size, space.masks, rules.classes, space.tally, table.lines[row])
    count_paragraphs(text, size, space.masks, space.tally, table.paragraphs[row])
    mark_sentences(chunks, vocabulary.entries, True, space.rule_marks)
    if rules.definition == SPACY:
        mark_sentences(chunks, vocabulary.entries, False, space.word_marks)
    reading = Reading(
        space.masks, chunks, vocabulary.entries, longest, space.rule_marks, space.word_marks, space.cuts, space.edited
    )
    count_splitlines(text, size, rules, reading, table.splitlines[row], table.c4[row])
    return room


@inlined
def _count_words(sequence: NDArray[np.int32], row: int, space: Workspace, table: Table) -> None:
    entries = space.vocabulary.entries
    num_distinct = count_frequencies(sequence, entries, space.distinct)
    words = Words(sequence, space.distinct[:num_distinct], entries)
    count_words(words, table.words[row])
    count_ngrams(words, space.ngrams, table.ngrams[row])
    forget_frequencies(words)
