"""A document, or a line of it that was edited, made ready for counting: its masks, words and sentence marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.counts import Counts
from winnow.kernels.jit import kernel
from winnow.kernels.masks import new_masks, scan
from winnow.kernels.sentences import Marks, mark_sentences
from winnow.kernels.tokens import SPACY, WHITESPACE, Lexicon, Rules, cut_new_chunks, with_chunk_room, write_out
from winnow.kernels.words import number_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes


class Page(NamedTuple):
    """Text and what was found in it; chunks and words are numbers of a lexicon's entries."""

    text: Bytes  # longer than the document by the padding
    size: int
    masks: NDArray[np.uint64]
    chunks: NDArray[np.int32]  # between spaces, in order
    words: NDArray[np.int32]  # by the word definition, in order
    entries: NDArray[np.void]  # of the chunks
    longest_chunk: int  # in bytes
    rule_marks: Marks  # where sentences end by the plain rule
    word_marks: Marks  # the same by the word definition


@kernel
def read_page(text: Bytes, size: int, rules: Rules, lexicon: Lexicon, counts: Counts) -> tuple[Page, Lexicon]:
    """Scan a text and number its words; writes the counts of its characters, and gives the lexicon with its words."""
    masks = new_masks(size)
    num_chars = counts.num_chars
    chunks = np.empty(scan(text, size, rules.classes, masks, counts), np.int32)
    is_ascii = counts.num_chars - num_chars == size
    lexicon = with_chunk_room(lexicon, chunks.size, rules.definition)
    first = lexicon.chunks.size[0]
    longest = number_chunks(text, size, masks, is_ascii, rules.classes, lexicon.chunks, chunks)
    words = chunks
    if rules.definition != WHITESPACE:
        lexicon = cut_new_chunks(text, masks, is_ascii, first, lexicon, rules)
        words = write_out(chunks, lexicon)
    marks = mark_sentences(chunks, lexicon.chunks.entries, True)
    word_marks = mark_sentences(chunks, lexicon.chunks.entries, False) if rules.definition == SPACY else marks
    return Page(text, size, masks, chunks, words, lexicon.chunks.entries, longest, marks, word_marks), lexicon
