"""The line rules of C4 in the three forms that the presets name.

A line passes the rules in order: no word of more than 1,000 characters; citation marks removed; a mark that ends a
sentence; enough words; no "lorem ipsum" (else the document is rejected); no "javascript"; no "{" (else the document is
rejected); none of the policy phrases. The lines that remain and their sentences are counted, up to a rejection.

| form | words at least | counted | ends in |
|---|---|---|---|
| tfds (tensorflow_datasets ``c4_utils.py``) | 5 | after citations are removed | . ? ! " |
| datatrove (0.10.1 ``C4QualityFilter``) | 3 | before | . ? ! " ' |
| fineweb (the same with ``filter_no_terminal_punct=False``) | 3 | before | anything |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels import phrases
from winnow.kernels.buffers import PADDING
from winnow.kernels.characters import decode
from winnow.kernels.counts import Counts, counts_type
from winnow.kernels.jit import kernel, leaf
from winnow.kernels.lines import ends_with_ellipsis
from winnow.kernels.masks import BREAK, PHRASE, next_set, num_chars, strip, word_range
from winnow.kernels.page import Page, new_page_space, read_page
from winnow.kernels.phrases import CITATION, citation_length, phrase_at
from winnow.kernels.sentences import count_sentences
from winnow.kernels.tokens import Rules, new_lexicon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

TFDS, DATATROVE, FINEWEB = range(3)
FORMS = ("tfds", "datatrove", "fineweb")
MIN_WORDS = (5, 3, 3)
LONGEST_WORD = 1000
NUM_LINES, NUM_SENTENCES, LOREM_IPSUM, CURLY_BRACKET = range(4)

C4_COUNTS = counts_type(
    *(f"c4_{form}_{what}" for form in FORMS for what in ("num_lines", "num_sentences", "lorem_ipsum", "curly_bracket"))
)
SPLITLINE_COUNTS = counts_type("num_splitlines", "num_bullet_splitlines", "num_ellipsis_splitlines")


@kernel
def count_splitlines(page: Page, rules: Rules, counts: Counts, c4: NDArray[np.int64], scratch: Counts) -> None:
    """Write the counts of the lines of ``str.splitlines`` (SPLITLINE_COUNTS; C4_COUNTS as an array of 3 x 4).

    ``scratch`` is a row of CHARACTER_COUNTS, which edited lines overwrite.
    """
    next_line = 0
    while next_line < page.size:
        start, end, next_line = _count_until_citation(page, next_line, rules.classes, counts, c4)
        if start < end:
            text, size = _without_citations(page.text, start, end, rules.classes)
            scratch.num_chars = 0
            space, lexicon = new_page_space(size, size, size), new_lexicon(rules.definition, size)
            edited, _, _ = read_page(text, size, rules, lexicon, space, scratch)
            found = _find_phrases(edited, 0, size, rules.classes)
            first, last = word_range(page.masks, start, end)
            _judge_line(edited, 0, size, found, last - first, c4)


@leaf
def _count_until_citation(
    page: Page, start: int, classes: Classes, counts: Counts, c4: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Count lines until one holds citation marks; gives the range of that line and where the next one starts."""
    while start < page.size:
        end = next_set(page.masks, BREAK, start, page.size)
        first, last = strip(page.masks, start, end)
        start = _after_break(page.text, end, page.size)
        counts.num_splitlines += 1
        if first == last:
            continue
        code, _ = decode(page.text, first, last)
        counts.num_bullet_splitlines += code in (0x2022, ord("-"))
        counts.num_ellipsis_splitlines += ends_with_ellipsis(page.text, first, last)
        first_word, last_word = word_range(page.masks, first, last)
        if last_word - first_word < MIN_WORDS[DATATROVE] or _has_long_word(page, first_word, last_word):
            continue
        found = _find_phrases(page, first, last, classes)
        if found >> CITATION & 1:
            return first, last, start
        _judge_line(page, first, last, found, last_word - first_word, c4)
    return 0, 0, page.size


@leaf
def _after_break(text: Bytes, at: int, size: int) -> int:
    if at + 1 < size and text[at] == ord("\r") and text[at + 1] == ord("\n"):
        return at + 2
    return at + decode(text, at, size)[1] if at < size else size


@leaf
def _has_long_word(page: Page, first: int, last: int) -> bool:
    if page.longest_chunk <= LONGEST_WORD:
        return False
    for position in range(first, last):
        if page.entries[page.chunks[position]].length > LONGEST_WORD:
            return True
    return False


@leaf
def _find_phrases(page: Page, start: int, end: int, classes: Classes) -> int:
    """A bit for every phrase of a line."""
    found = 0
    at = next_set(page.masks, PHRASE, start, end)
    while at < end:
        found |= 1 << phrase_at(page.text, at, end, classes)
        at = next_set(page.masks, PHRASE, at + 1, end)
    return found


@kernel
def _without_citations(
    text: Bytes, start: int, end: int, classes: Classes
) -> tuple[Bytes, int]:
    """A copy of a line without its citation marks, and its size without the padding."""
    edited = np.zeros(end - start + PADDING, np.uint8)
    size, at = 0, start
    while at < end:
        skip = citation_length(text, at, end, classes) if text[at] == ord("[") else 0
        if skip == 0:
            edited[size] = text[at]
            size += 1
        at += max(skip, 1)
    return edited, size


@leaf
def _judge_line(page: Page, start: int, end: int, found: int, num_words_before: int, c4: NDArray[np.int64]) -> None:
    """Apply what follows the removal of citation marks, in order."""
    first, last = word_range(page.masks, start, end)
    mark = page.text[end - 1] if end > start and not ends_with_ellipsis(page.text, start, end) else ord(" ")
    for form in range(len(FORMS)):
        counts = c4[form]
        is_over = counts[LOREM_IPSUM] + counts[CURLY_BRACKET] > 0
        num_words = last - first if form == TFDS else num_words_before
        if is_over or not _is_end(mark, form) or num_words < MIN_WORDS[form]:
            continue
        if found >> phrases.LOREM_IPSUM & 1:
            counts[LOREM_IPSUM] = 1
        elif found >> phrases.JAVASCRIPT & 1:
            continue
        elif found >> phrases.CURLY & 1:
            counts[CURLY_BRACKET] = 1
        elif not found >> phrases.POLICY & 1:
            counts[NUM_LINES] += 1
            counts[NUM_SENTENCES] += count_sentences(page.rule_marks if form == TFDS else page.word_marks, first, last)


@leaf
def _is_end(mark: int, form: int) -> bool:
    if form == FINEWEB or mark in (ord("."), ord("?"), ord("!"), ord('"')):
        return True
    return form == DATATROVE and mark == ord("'")
