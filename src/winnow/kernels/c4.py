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

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels import phrases
from winnow.kernels.characters import SPACE, decode
from winnow.kernels.counts import Counts, counts_type
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.lines import ends_with_ellipsis
from winnow.kernels.masks import BREAK, PHRASE, next_set, strip, word_range
from winnow.kernels.phrases import citation_length, phrase_at
from winnow.kernels.sentences import Marks, code_by_rule, count_sentences, read_code
from winnow.kernels.tokens import SPACY, Cuts, Rules, code_of_chunk

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


class Reading(NamedTuple):
    """What was found in a document before its lines are judged."""

    masks: NDArray[np.uint64]
    chunks: NDArray[np.int32]
    entries: NDArray[np.void]  # of the chunks' vocabulary
    longest_chunk: int  # in bytes
    rule_marks: Marks  # where sentences end by the plain rule
    word_marks: Marks  # the same by spaCy's words
    cuts: Cuts
    edited: Bytes  # room for a line without its citation marks


class Line(NamedTuple):
    """A line after its citation marks were removed."""

    num_words_before: int  # before the citation marks were removed
    num_words: int
    mark: int  # its last byte, or a space if it ends in an ellipsis
    phrases: int  # a bit for each that it holds
    rule_sentences: int  # by the plain rule
    word_sentences: int  # by the word definition


@leaf
def count_splitlines(
    text: Bytes, size: int, rules: Rules, reading: Reading, counts: Counts, c4: NDArray[np.int64]
) -> None:
    """Write the counts of the lines of ``str.splitlines`` (SPLITLINE_COUNTS; C4_COUNTS as an array of 3 x 4)."""
    start = 0
    while start < size:
        end = next_set(reading.masks, BREAK, start, size)
        first, last = strip(reading.masks, start, end)
        start = _after_break(text, end, size)
        counts.num_splitlines += 1
        if first < last:
            code, _ = decode(text, first, last)
            counts.num_bullet_splitlines += code in (ord("\u2022"), ord("-"))
            counts.num_ellipsis_splitlines += ends_with_ellipsis(text, first, last)
            _apply_rules(text, first, last, rules, reading, c4)


@inlined
def _after_break(text: Bytes, at: int, size: int) -> int:
    if at + 1 < size and text[at] == ord("\r") and text[at + 1] == ord("\n"):
        return at + 2
    return at + decode(text, at, size)[1] if at < size else size


@inlined
def _apply_rules(text: Bytes, start: int, end: int, rules: Rules, reading: Reading, c4: NDArray[np.int64]) -> None:
    """Count a stripped line where the forms keep it."""
    first, last = word_range(reading.masks, start, end)
    if last - first < MIN_WORDS[DATATROVE] or _has_long_word(first, last, reading):
        return
    found = _find_phrases(text, start, end, reading.masks, rules.classes)
    if found >> phrases.CITATION & 1:
        size = _cut_citations(text, start, end, reading.edited, rules.classes)
        _judge(_read_edited(last - first, size, rules, reading), c4)
        return
    rule_sentences = count_sentences(reading.rule_marks, first, last)
    word_sentences = count_sentences(reading.word_marks, first, last) if rules.definition == SPACY else rule_sentences
    _judge(Line(last - first, last - first, _mark(text, start, end), found, rule_sentences, word_sentences), c4)


@inlined
def _has_long_word(first: int, last: int, reading: Reading) -> bool:
    if reading.longest_chunk <= LONGEST_WORD:
        return False
    for position in range(first, last):
        if reading.entries[reading.chunks[position]].length > LONGEST_WORD:
            return True
    return False


@inlined
def _find_phrases(text: Bytes, start: int, end: int, masks: NDArray[np.uint64], classes: Classes) -> int:
    found = 0
    at = next_set(masks, PHRASE, start, end)
    while at < end:
        found |= 1 << phrase_at(text, at, end, classes)
        at = next_set(masks, PHRASE, at + 1, end)
    return found


@inlined
def _mark(text: Bytes, start: int, end: int) -> int:
    return np.int64(text[end - 1]) if start < end and not ends_with_ellipsis(text, start, end) else ord(" ")


@inlined
def _judge(line: Line, c4: NDArray[np.int64]) -> None:
    """Apply what follows the removal of citation marks, in order."""
    for form in range(len(FORMS)):
        counts = c4[form]
        is_over = counts[LOREM_IPSUM] + counts[CURLY_BRACKET] > 0
        num_words = line.num_words if form == TFDS else line.num_words_before
        if is_over or not _is_end(line.mark, form) or num_words < MIN_WORDS[form]:
            continue
        if line.phrases >> phrases.LOREM_IPSUM & 1:
            counts[LOREM_IPSUM] = 1
        elif line.phrases >> phrases.JAVASCRIPT & 1:
            continue
        elif line.phrases >> phrases.CURLY & 1:
            counts[CURLY_BRACKET] = 1
        elif not line.phrases >> phrases.POLICY & 1:
            counts[NUM_LINES] += 1
            counts[NUM_SENTENCES] += line.rule_sentences if form == TFDS else line.word_sentences


@inlined
def _is_end(mark: int, form: int) -> bool:
    if form == FINEWEB or mark in (ord("."), ord("?"), ord("!"), ord('"')):
        return True
    return form == DATATROVE and mark == ord("'")


@leaf
def _cut_citations(text: Bytes, start: int, end: int, edited: Bytes, classes: Classes) -> int:
    """Write a line without its citation marks; gives its size."""
    size, at = 0, start
    while at < end:
        skip = citation_length(text, at, end, classes) if text[at] == ord("[") else 0
        if skip == 0:
            edited[size] = text[at]
            size += 1
        at += max(skip, 1)
    return size


@leaf
def _read_edited(num_words_before: int, size: int, rules: Rules, reading: Reading) -> Line:
    """Read a line that was edited, word by word and without masks: few lines are."""
    text = reading.edited
    num_words = found = at = 0
    rule_begun = word_begun = 0
    rule_ended = word_ended = False
    while at < size:
        start, end = _next_word(text, at, size, rules.classes)
        if start == end:
            break
        begun, rule_ended = read_code(code_by_rule(text, start, end), rule_ended)
        rule_begun += begun
        begun, word_ended = read_code(code_of_chunk(text, start, end, rules, reading.cuts), word_ended)
        word_begun += begun
        num_words, at = num_words + 1, end
    for place in range(size):
        found |= 1 << phrase_at(text, place, size, rules.classes)
    has_words = num_words > 0
    return Line(
        num_words_before, num_words, _mark(text, 0, size), found, rule_begun + has_words, word_begun + has_words
    )


@leaf
def _next_word(text: Bytes, at: int, size: int, classes: Classes) -> tuple[int, int]:
    """The range of the next word of ``str.split``; empty if there is none."""
    start = end = at
    while end < size:
        code, length = decode(text, end, size)
        is_space = classes[code] & SPACE != 0
        if is_space and start < end:
            return start, end
        end += length
        start = end if is_space else start
    return start, end
