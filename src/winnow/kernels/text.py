"""Every integer statistic of a batch of documents that the heuristic rules of the field read, in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.c4 import C4_COUNTS, FORMS, SPLITLINE_COUNTS, count_splitlines
from winnow.kernels.characters import character_classes
from winnow.kernels.hashing import new_tally
from winnow.kernels.jit import kernel
from winnow.kernels.lines import LINE_COUNTS, PARAGRAPH_COUNTS, count_lines, count_paragraphs
from winnow.kernels.masks import CHARACTER_COUNTS
from winnow.kernels.ngrams import NGRAM_COUNTS, count_ngrams, new_ngram_space
from winnow.kernels.page import new_page_space, read_page
from winnow.kernels.spacy_rules import spacy_classes
from winnow.kernels.spacy_words import spacy_strings
from winnow.kernels.tokens import DEFINITIONS, Rules, new_lexicon
from winnow.kernels.unicode_rules import word_breaks
from winnow.kernels.vocabulary import LIMIT
from winnow.kernels.words import WORD_COUNTS, Words, count_frequencies, count_words, forget_frequencies

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
    return Rules(DEFINITIONS.index(definition), character_classes() | spacy_classes() | word_breaks(), spacy_strings())


def count_text(data: Bytes, offsets: NDArray[np.int64], rules: Rules) -> dict[str, NDArray[np.int64]]:
    """The statistics (COLUMNS) of the documents ``data[offsets[i]:offsets[i + 1]]``, one int64 array a column."""
    sections = [np.zeros(len(offsets) - 1, section) for section in SECTIONS]
    characters, words, ngrams, lines, paragraphs, splitlines, c4 = sections
    plain_ngrams = ngrams.view(np.int64).reshape(len(ngrams), -1)
    plain_c4 = c4.view(np.int64).reshape(len(c4), len(FORMS), -1)
    scratch = np.zeros(1, CHARACTER_COUNTS)  # here, because a row does not keep its array alive in compiled code
    _count_documents(data, offsets, rules, characters, words, plain_ngrams, lines, paragraphs, splitlines, plain_c4, scratch)
    return {name: np.ascontiguousarray(section[name]) for section in sections for name in section.dtype.names or ()}


@kernel
def _count_documents(
    data: Bytes,
    offsets: NDArray[np.int64],
    rules: Rules,
    characters: NDArray[np.void],
    word_counts: NDArray[np.void],
    ngrams: NDArray[np.int64],
    lines: NDArray[np.void],
    paragraphs: NDArray[np.void],
    splitlines: NDArray[np.void],
    c4: NDArray[np.int64],
    scratch: NDArray[np.void],
) -> None:
    lexicon, page_space = new_lexicon(rules.definition, 2 * LIMIT), new_page_space(0, 0, 0)
    ngram_space, tally, distinct = new_ngram_space(0), new_tally(0), np.empty(0, np.int32)
    for row in range(offsets.size - 1):
        text, size = data[offsets[row] :], offsets[row + 1] - offsets[row]
        page, lexicon, page_space = read_page(text, size, rules, lexicon, page_space, characters[row])
        num_words, num_newlines = page.words.size, characters[row].num_newlines
        if num_words + 1 > distinct.size:
            ngram_space, distinct = new_ngram_space(2 * num_words + 1), np.empty(2 * num_words + 1, np.int32)
        if num_newlines + 1 > tally.counts.size // 2:
            tally = new_tally(4 * (num_newlines + 1))
        entries = lexicon.words.entries
        words = Words(page.words, distinct[: count_frequencies(page.words, entries, distinct)], entries)
        count_words(words, word_counts[row])
        count_ngrams(words, ngram_space, ngrams[row])
        forget_frequencies(words)
        count_lines(text, size, page.masks, rules.classes, tally, lines[row])
        count_paragraphs(text, size, page.masks, tally, paragraphs[row])
        count_splitlines(page, rules, splitlines[row], c4[row], scratch[0])
