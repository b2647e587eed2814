"""A document, or a line of it that was edited, made ready for counting: its masks, words and sentence marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.counts import Counts
from winnow.kernels.jit import kernel
from winnow.kernels.masks import new_masks, num_blocks, scan
from winnow.kernels.sentences import Marks, mark_sentences, new_marks
from winnow.kernels.tokens import (
    WHITESPACE,
    Lexicon,
    Rules,
    cut_new_chunks,
    num_words,
    with_chunk_room,
    write_out,
)
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


class PageSpace(NamedTuple):
    """Room for a page."""

    masks: NDArray[np.uint64]
    chunks: NDArray[np.int32]
    words: NDArray[np.int32]
    rule_marks: Marks
    word_marks: Marks


@kernel
def new_page_space(num_bytes: int, num_chunks: int, num_words: int) -> PageSpace:
    """Room for a page of so many bytes, chunks and words; memory not written to is not taken."""
    return PageSpace(
        new_masks(num_bytes),
        np.empty(num_chunks, np.int32),
        np.empty(num_words, np.int32),
        new_marks(num_chunks),
        new_marks(num_chunks),
    )


@kernel
def read_page(
    text: Bytes, size: int, rules: Rules, lexicon: Lexicon, space: PageSpace, counts: Counts
) -> tuple[Page, Lexicon, PageSpace]:
    """Scan a text and number its words; writes the counts of its characters.

    Gives the page, the lexicon with its words, and the space in which the page stands; both are larger if need be.
    """
    if num_blocks(size) > space.masks.shape[0]:
        space = new_page_space(2 * size, 0, 0)
    num_chunks = scan(text, size, rules.classes, space.masks, counts)
    if num_chunks > space.chunks.size:
        roomy = new_page_space(0, 2 * num_chunks, 0)
        space = PageSpace(space.masks, roomy.chunks, space.words, roomy.rule_marks, roomy.word_marks)
    chunks = space.chunks[:num_chunks]
    is_ascii = counts.num_chars == size
    lexicon = with_chunk_room(lexicon, num_chunks, rules.definition)
    first_new = lexicon.chunks.size[0]
    longest = number_chunks(text, size, space.masks, is_ascii, rules.classes, lexicon.chunks, chunks)
    words = chunks
    if rules.definition != WHITESPACE:
        lexicon = cut_new_chunks(text, space.masks, is_ascii, first_new, lexicon, rules)
        size_words = num_words(chunks, lexicon.chunks.entries)
        if size_words > space.words.size:
            roomy_words = np.empty(2 * size_words, np.int32)
            space = PageSpace(space.masks, space.chunks, roomy_words, space.rule_marks, space.word_marks)
        words = space.words[:size_words]
        write_out(chunks, lexicon, words)
    entries = lexicon.chunks.entries
    mark_sentences(chunks, entries, True, space.rule_marks)
    mark_sentences(chunks, entries, False, space.word_marks)
    page = Page(text, size, space.masks, chunks, words, entries, longest, space.rule_marks, space.word_marks)
    return page, lexicon, space
