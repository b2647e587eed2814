"""The words of UAX #29 at native speed: segments that start with a letter or digit, as DCLM takes them from ``uniseg``.

A whitespace-delimited chunk is cut without regard to its neighbours, so each distinct chunk of a document is cut
once. One character joins segments across white space, U+202F (narrow no-break space, in French numbers); here it
separates them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.characters import ALNUM, SPACE, decode
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.unicode_rules import (
    DOUBLE_QUOTE,
    EXTEND,
    EXTEND_NUM_LET,
    HEBREW_LETTER,
    JOINER,
    KATAKANA,
    LETTER,
    MID_LETTER,
    MID_NUM,
    MID_NUM_LET,
    NUMERIC,
    OTHER,
    PICTURE,
    SINGLE_QUOTE,
    WORD_BREAK,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes


@leaf
def cut_chunk(
    text: Bytes,
    start: int,
    end: int,
    classes: Classes,
    spans: NDArray[np.void],
) -> int:
    """Write where the words of the chunk ``text[start:end]`` start and end; gives how many there are."""
    num_words, at = 0, start
    while at < end:
        stop = segment_end(text, at, end, classes)
        code, _ = decode(text, at, end)
        if classes[code] & ALNUM:
            spans[num_words].start, spans[num_words].end = at, stop
            num_words += 1
        at = stop
    return num_words


@leaf
def segment_end(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Where the segment (a word or a mark) that starts at ``start`` ends: at a break, white space or ``end``."""
    last = before = earlier = OTHER  # class of the last character; of the last two that are not EXTEND
    at = start
    while at < end:
        code, length = decode(text, at, end)
        kind = np.int64(classes[code] >> WORD_BREAK)
        is_extension = kind in (EXTEND, JOINER)
        if at > start:
            after = _class_after(text, at + length, end, classes) if _is_mid(kind) else OTHER
            is_joined = is_extension or (last == JOINER and kind == PICTURE) or _is_joined(earlier, before, kind, after)
            if not is_joined or classes[code] & SPACE:
                return at
        if not is_extension:
            earlier, before = before, kind
        last = kind
        at += length
    return end


@leaf
def _class_after(text: Bytes, at: int, end: int, classes: Classes) -> int:
    """The class of the next character that does not extend another."""
    while at < end:
        code, length = decode(text, at, end)
        kind = np.int64(classes[code] >> WORD_BREAK)
        if kind not in (EXTEND, JOINER):
            return kind
        at += length
    return OTHER


@inlined
def _is_mid(kind: int) -> bool:
    return kind >= SINGLE_QUOTE


@inlined
def _is_letter(kind: int) -> bool:
    return kind in (LETTER, HEBREW_LETTER)


@inlined
def _joins_letters(kind: int) -> bool:
    return kind in (MID_LETTER, MID_NUM_LET, SINGLE_QUOTE)


@inlined
def _joins_digits(kind: int) -> bool:
    return kind in (MID_NUM, MID_NUM_LET, SINGLE_QUOTE)


@leaf
def _is_joined(earlier: int, before: int, kind: int, after: int) -> bool:
    """Whether there is no break between two characters, given the class of one more on each side (WB5 to WB13b)."""
    if _is_mid(kind):
        return (
            (_is_letter(before) and _joins_letters(kind) and _is_letter(after))
            or (before == HEBREW_LETTER and kind == SINGLE_QUOTE)
            or (before == HEBREW_LETTER and kind == DOUBLE_QUOTE and after == HEBREW_LETTER)
            or (before == NUMERIC and _joins_digits(kind) and after == NUMERIC)
        )
    if _is_mid(before):
        return (
            (_is_letter(earlier) and _joins_letters(before) and _is_letter(kind))
            or (earlier == HEBREW_LETTER and before == DOUBLE_QUOTE and kind == HEBREW_LETTER)
            or (earlier == NUMERIC and _joins_digits(before) and kind == NUMERIC)
        )
    if _is_letter(before) or before == NUMERIC:
        return _is_letter(kind) or kind in (NUMERIC, EXTEND_NUM_LET)
    if before == KATAKANA:
        return kind in (KATAKANA, EXTEND_NUM_LET)
    return before == EXTEND_NUM_LET and (_is_letter(kind) or kind in (NUMERIC, KATAKANA, EXTEND_NUM_LET))
