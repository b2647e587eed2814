"""The readable twin of ``matching_printed``: the same results from lists of signs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from winnow.kernels.matching_reference import split_words_reference

_SHAPES = {"'": "\u2018\u2019\u201a\u201b`\u00b4\u2032", '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033",
           "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"}  # fmt: skip
_BREAKS = set("\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_CLOSES = set(".,;:!?)]}'\"|\u2026\u3002\uff01\uff0c\uff1a\uff1b\uff1f")
_OPENS = set("([{'\"|>$\u00a1\u00bf")
_BULLETS = set("-*#>+\u2022\u00b7")
_IGNORED = set("\u00ad\u200b\u200c\u200d\u2060\ufeff")


@dataclass(frozen=True)
class Sign:
    """A letter, digit or symbol as it is compared, where it stands in bytes, and the white space before it."""

    text: str
    is_letter: bool
    start: int
    end: int
    gap: str

    @property
    def begins_line(self) -> bool:
        """Whether a line break stands before it."""
        return bool(_BREAKS & set(self.gap))


@dataclass(frozen=True)
class ReferencePrinted:
    """An item as it is looked for in print; each answer with whether it is right and the bits of its words."""

    question: str
    bits: float
    answers: tuple[tuple[str, bool, float], ...] = ()


def signs_reference(text: bytes) -> list[Sign]:
    """The signs of a text, and one that stands for its end."""
    signs: list[Sign] = []
    gap, at = "\n", 0
    for character in text.decode("utf-8", "surrogateescape"):
        length = len(character.encode("utf-8", "surrogateescape"))
        words = split_words_reference(character.encode("utf-8", "surrogateescape"))
        if character.isspace():
            gap += character
        elif words or not _is_ignored(character):
            shape = next((sign for sign, others in _SHAPES.items() if character in others), character)
            signs.append(Sign(words[0].text if words else shape, bool(words), at, at + length, gap))
            gap = ""
        at += length
    return [*signs, Sign("", False, at, at, gap + "\n")]


def _is_ignored(character: str) -> bool:
    return character in _IGNORED or "\u0300" <= character <= "\u036f" or "\ufe00" <= character <= "\ufe0f"


def find_printed_reference(
    text: bytes, items: Sequence[ReferencePrinted], enough_bits: float
) -> dict[int, tuple[int, int]]:
    """Where each item that is printed in a text is printed first, in bytes, by its number."""
    page = signs_reference(text)
    found: dict[int, tuple[int, int]] = {}
    for number, item in enumerate(items):
        for begin in range(len(page) - 1):
            end = _spelled(page, begin, item.question)
            is_printed = end > 0 and _begins_phrase(page, begin) and _is_printed(page, begin, end, item, enough_bits)
            if is_printed:
                found.setdefault(number, (page[begin].start, page[end - 1].end))
    return found


def _is_printed(page: Sequence[Sign], begin: int, end: int, item: ReferencePrinted, enough_bits: float) -> bool:
    is_one_line = not any(sign.begins_line for sign in page[begin + 1 : end])
    if not item.answers:
        return is_one_line and page[begin].begins_line and page[end].begins_line
    answered = _answered(page, end, item)
    if answered is None:
        return False
    bits, is_labelled = answered
    if is_labelled or not page[end - 1].is_letter:
        return True
    return is_one_line and item.bits + bits >= enough_bits


def _answered(page: Sequence[Sign], end: int, item: ReferencePrinted) -> tuple[float, bool] | None:
    """The bits of the right answer, and whether a label comes first; None if it does not follow."""
    at, labels, is_labelled = end, 0, False
    while labels <= 3:
        spelled = [(_spelled(page, at, text), is_right, bits) for text, is_right, bits in item.answers]
        ends = [one for one in spelled if one[0] > at and _ends_phrase(page, one[0])]
        if ends:
            stop, is_right, bits = max(ends, key=lambda one: one[0])
            if is_right:
                return bits, is_labelled
            at, labels = stop, 0
        else:
            labels += 1
            after = _after_label(page, at)
            if after < 0:
                return None
            is_labelled |= at == end and page[after - 1].text != ","
            at = after
    return None


def _spelled(page: Sequence[Sign], begin: int, text: str) -> int:
    """The place after the signs of a text that stand at ``begin``, up to the end of a word, or -1."""
    wanted = _signs_of_part(text)
    end = begin + len(wanted)
    if len(page) <= end or [sign.text for sign in page[begin:end]] != [sign.text for sign in wanted]:
        return -1
    if _spaces(page[begin:end]) != _spaces(wanted):
        return -1
    return -1 if wanted and page[end - 1].is_letter and page[end].is_letter and not page[end].gap else end


@functools.lru_cache
def _signs_of_part(text: str) -> list[Sign]:
    return signs_reference(text.encode("utf-8", "surrogateescape"))[:-1]


def _spaces(signs: Sequence[Sign]) -> list[bool]:
    """Between which letters there is white space."""
    return [left.is_letter and right.is_letter and bool(right.gap) for left, right in pairwise(signs)]


def _begins_phrase(page: Sequence[Sign], at: int) -> bool:
    if page[at].begins_line or (page[at - 1].text in _BULLETS and page[at - 1].begins_line):
        return True
    return page[at - 1].text in (_CLOSES if page[at].gap else _OPENS)


def _ends_phrase(page: Sequence[Sign], at: int) -> bool:
    if page[at].begins_line:
        return True
    if page[at].text == "(":
        return _after_label(page, at) >= 0
    follows = page[at + 1].is_letter and not page[at + 1].gap
    return page[at].text in _CLOSES and not follows


def _after_label(page: Sequence[Sign], at: int) -> int:
    """The place after a label, or -1."""
    at += page[at].text == "("
    word = at
    while page[at].is_letter and at - word < 8:
        at += 1
        if page[at].begins_line or (page[at].is_letter and page[at].gap):
            return -1
    mark, letters = page[at].text, at - word
    if not mark or page[at].is_letter or (mark in ".," and page[at + 1].is_letter and not page[at + 1].gap):
        return -1
    if letters == 0:
        return at + 1 if mark in _CLOSES or mark == "=" else -1
    return at + 1 if mark == ":" or (letters <= 2 and mark in ".)") else -1
