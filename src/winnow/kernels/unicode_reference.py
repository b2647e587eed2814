"""The words of UAX #29 once more, rule by rule as the standard writes them: what the tests hold ``unicode_words``
to."""

from __future__ import annotations

from collections.abc import Sequence

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
    word_breaks,
)

_LETTERS = (LETTER, HEBREW_LETTER)
_IN_LETTERS = (MID_LETTER, MID_NUM_LET, SINGLE_QUOTE)
_IN_DIGITS = (MID_NUM, MID_NUM_LET, SINGLE_QUOTE)
_EXTENSIONS = (EXTEND, JOINER)


def split(text: str) -> list[str]:
    """The words of a text: its segments that start with a letter or digit."""
    segments = (segment for chunk in text.split() for segment in split_chunk(chunk))
    return [segment for segment in segments if segment[0].isalnum()]


def split_chunk(chunk: str) -> list[str]:
    """All segments of a string without white space."""
    classes = [int(word_breaks()[ord(letter)] >> WORD_BREAK) for letter in chunk]
    bounds = [place for place in range(1, len(chunk)) if _is_break(classes, place)]
    return [chunk[start:end] for start, end in zip([0, *bounds], [*bounds, len(chunk)], strict=True)]


def _is_break(classes: Sequence[int], place: int) -> bool:
    """Whether a word ends before a place."""
    if classes[place] in _EXTENSIONS:  # WB4
        return False
    if classes[place - 1] == JOINER and classes[place] == PICTURE:  # WB3c
        return False
    before = [kind for kind in classes[:place] if kind not in _EXTENSIONS]
    after = [kind for kind in classes[place:] if kind not in _EXTENSIONS]
    earlier, last = [OTHER, OTHER, *before][-2:]
    first, later = [*after, OTHER][:2]
    return not _is_joined(earlier, last, first, later)


def _is_joined(earlier: int, last: int, first: int, later: int) -> bool:
    return (
        (last in _LETTERS and first in _LETTERS)  # WB5
        or (last in _LETTERS and first in _IN_LETTERS and later in _LETTERS)  # WB6
        or (earlier in _LETTERS and last in _IN_LETTERS and first in _LETTERS)  # WB7
        or (last == HEBREW_LETTER and first == SINGLE_QUOTE)  # WB7a
        or (last == HEBREW_LETTER and first == DOUBLE_QUOTE and later == HEBREW_LETTER)  # WB7b
        or (earlier == HEBREW_LETTER and last == DOUBLE_QUOTE and first == HEBREW_LETTER)  # WB7c
        or (last == NUMERIC and first == NUMERIC)  # WB8
        or (last in _LETTERS and first == NUMERIC)  # WB9
        or (last == NUMERIC and first in _LETTERS)  # WB10
        or (earlier == NUMERIC and last in _IN_DIGITS and first == NUMERIC)  # WB11
        or (last == NUMERIC and first in _IN_DIGITS and later == NUMERIC)  # WB12
        or (last == KATAKANA and first == KATAKANA)  # WB13
        or (last in (*_LETTERS, NUMERIC, KATAKANA, EXTEND_NUM_LET) and first == EXTEND_NUM_LET)  # WB13a
        or (last == EXTEND_NUM_LET and first in (*_LETTERS, NUMERIC, KATAKANA))  # WB13b
    )
