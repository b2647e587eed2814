"""The line rules of C4, as tensorflow_datasets wrote them and as datatrove rewrote them, on a batch of texts.

A line is judged alone and copied if it stays, so one pass does it. What the rules ask of most lines (where does it end,
has it five words, which mark comes last) is settled by a few bytes; only the phrases need all of them.
"""

from __future__ import annotations

import numpy as np

from winnow.kernels.characters import BREAK, SPACE, decode
from winnow.kernels.edit_characters import NEWLINE, Bytes, Classes, Counts, Offsets, copy, find_byte, strip
from winnow.kernels.jit import kernel, leaf
from winnow.kernels.phrases import JAVASCRIPT, POLICY, citation_length, find_candidates, phrase_at
from winnow.kernels.simd import BLOCK, between, equal, low_bits, trailing_zeros

LONG_WORD, NO_TERMINAL_MARK, FEW_WORDS, JAVASCRIPT_LINE, POLICY_LINE, CITATION = range(6)
KEPT = -1
MAX_WORD_CHARS = 1000
MIN_WORDS_TFDS = 5
MIN_WORDS_DATATROVE = 3
_ONE = np.uint64(1)


@kernel
def c4_lines(
    text: Bytes, offsets: Offsets, classes: Classes, datatrove: bool, terminal: bool
) -> tuple[Bytes, Offsets, Counts]:
    """New texts (bytes, offsets) and, by document, the lines each rule removed and the citations cut (int32).

    ``datatrove`` takes its end marks and number of words, not those of tensorflow_datasets; ``terminal`` asks every
    line for an end mark. ``text`` is changed: hand in a copy.
    """
    num_documents = len(offsets) - 1
    new_text, new_offsets = np.empty_like(text), np.zeros_like(offsets)
    counts = np.zeros((num_documents, CITATION + 1), np.int32)
    for document in range(num_documents):
        at, end = offsets[document], offsets[document + 1]
        written = new_offsets[document]
        while at < end:
            stop = _find_break(text, at, end, classes)
            start, last = strip(text, at, stop, classes)
            at = _after_break(text, stop, end)
            if start == last:
                continue
            rule, last, num_citations = _judge(text, start, last, classes, datatrove, terminal)
            if rule != KEPT:
                counts[document, rule] += 1
                continue
            counts[document, CITATION] += num_citations
            written = copy(text, start, last, new_text, written)
            new_text[written] = NEWLINE
            written += 1
        new_offsets[document + 1] = _strip_written(new_text, new_offsets[document], written, classes)
    return new_text, new_offsets, counts


@leaf
def _find_break(text: Bytes, at: int, end: int, classes: Classes) -> int:
    """The first character where ``str.splitlines`` breaks, or ``end``."""
    while at < end:
        stops = between(text, at, 0x0A, 0x0D) | between(text, at, 0x1C, 0x1E)
        stops |= equal(text, at, 0xC2) | equal(text, at, 0xE2)
        stops &= low_bits(min(end - at, BLOCK))
        while stops:
            here: int = at + trailing_zeros(stops)
            if classes[decode(text, here, end)[0]] & BREAK:
                return here
            stops &= stops - _ONE
        at += BLOCK
    return end


@leaf
def _after_break(text: Bytes, at: int, end: int) -> int:
    if at >= end:
        return end
    if text[at] == ord("\r") and at + 1 < end and text[at + 1] == NEWLINE:
        return at + 2
    return at + decode(text, at, end)[1]


@leaf
def _strip_written(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Move the stripped text to where it started; gives where it ends now."""
    first, last = strip(text, start, end, classes)
    if first > start:
        for k in range(first, last):
            text[start + k - first] = text[k]
    return start + last - first


@leaf
def _judge(
    text: Bytes, start: int, end: int, classes: Classes, datatrove: bool, terminal: bool
) -> tuple[int, int, int]:
    """The rule that removes the line, or KEPT; where it ends once its citations are cut, and their number."""
    if _has_long_word(text, start, end, classes):
        return LONG_WORD, end, 0
    enough = datatrove and _has_words(text, start, end, classes, MIN_WORDS_DATATROVE)
    end, num_citations = _cut_citations(text, start, end, classes)
    if terminal and not _is_ended(text, start, end, datatrove):
        return NO_TERMINAL_MARK, end, num_citations
    if not enough and (datatrove or not _has_words(text, start, end, classes, MIN_WORDS_TFDS)):
        return FEW_WORDS, end, num_citations
    phrases = _find_phrases(text, start, end, classes)
    if phrases >> JAVASCRIPT & 1:
        return JAVASCRIPT_LINE, end, num_citations
    if phrases >> POLICY & 1:
        return POLICY_LINE, end, num_citations
    return KEPT, end, num_citations


@leaf
def _has_long_word(text: Bytes, start: int, end: int, classes: Classes) -> bool:
    """Whether a word is too long: looks back for a space from where such a word would have to reach."""
    while end - start > MAX_WORD_CHARS:
        space = start + MAX_WORD_CHARS
        while space >= start and (text[space] >= 0x80 or classes[text[space]] & SPACE == 0):
            space -= 1
        if space < start:
            space, num_chars = _word_end(text, start, end, classes)
            if num_chars > MAX_WORD_CHARS:
                return True
        start = space + 1
    return False


@leaf
def _word_end(text: Bytes, at: int, end: int, classes: Classes) -> tuple[int, int]:
    """The last byte of the white space that ends the word at ``at`` (or ``end``), and the word's characters."""
    num_chars = 0
    while at < end:
        code, width = decode(text, at, end)
        at += width
        if classes[code] & SPACE:
            return at - 1, num_chars
        num_chars += 1
    return end, num_chars


@leaf
def _has_words(text: Bytes, at: int, end: int, classes: Classes, least: int) -> bool:
    num_words = 0
    outside = True
    while at < end and num_words < least:
        code, width = decode(text, at, end)
        inside = classes[code] & SPACE == 0
        num_words += inside and outside
        outside = not inside
        at += width
    return num_words >= least


@leaf
def _cut_citations(text: Bytes, start: int, end: int, classes: Classes) -> tuple[int, int]:
    """Close the line over its citation marks; gives its new end and their number."""
    at = find_byte(text, start, end, ord("["))
    to = at
    num_citations = 0
    while at < end:
        size = citation_length(text, at, end, classes) if text[at] == ord("[") else 0
        if size > 0:
            num_citations += 1
            at += size
        else:
            text[to] = text[at]
            to += 1
            at += 1
    return to, num_citations


@leaf
def _is_ended(text: Bytes, start: int, end: int, datatrove: bool) -> bool:
    if start == end:
        return False
    mark = text[end - 1]
    if mark == ord("."):
        return end - start < 3 or text[end - 2] != mark or text[end - 3] != mark
    return mark == ord("?") or mark == ord("!") or mark == ord('"') or (datatrove and mark == ord("'"))


@leaf
def _find_phrases(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """A bit for every phrase of the line."""
    found = 0
    for at in range(start, end, BLOCK):
        candidates = find_candidates(text, at) & low_bits(min(end - at, BLOCK))
        while candidates:
            found |= 1 << phrase_at(text, at + trailing_zeros(candidates), end, classes)
            candidates &= candidates - _ONE
    return found
