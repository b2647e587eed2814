"""What is printed in a text: its signs in their order, so that "4 * 8 =" is not "4 + 8 =".

A *sign* is a letter, digit or symbol. Case, accents and the shapes of quotes and dashes do not matter, nor does white
space but between two letters or digits: "4*8=" is "4 * 8 =", "4 8" is not "48".

An item is printed where its question begins a line or a phrase, and its right answer follows, with nothing but labels
("Answer:", "(a)") and the item's other choices between, and ends a line or a phrase. Where the answer merely goes on
("2 4 6 8 10"), both must tell enough; a question without answers must, and needs a line of its own.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import NUM_CODE_POINTS, decode, decode_before
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.matching_words import ALONE, IGNORED, SEPARATES, folds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.matching import Items, Parts

IS_LETTER = 1 << 22  # or a digit
AFTER_SPACE = 1 << 23  # and a letter before
AFTER_BREAK = 1 << 24
CLOSES = 1 << 25  # ends a phrase
OPENS = 1 << 26  # begins one
IS_BULLET = 1 << 27
_SPACE = -2
_BREAK = -3
_END = -4
_SAME = {"'": "\u2018\u2019\u201a\u201b`\u00b4\u2032", '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033",
         "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"}  # fmt: skip
_BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_CLOSES = ".,;:!?)]}'\"|\u2026\u3002\uff01\uff0c\uff1a\uff1b\uff1f"
_OPENS = "([{'\"|>$\u00a1\u00bf"
_BULLETS = "-*#>+\u2022\u00b7"
_PARENTHESIS = ord("(")
_COLON, _POINT, _COMMA, _CLOSED, _EQUALS = ord(":"), ord("."), ord(","), ord(")"), ord("=")
_CODE = IS_LETTER - 1
LONGEST_LABEL = 8
MOST_LABELS = 3
"""So many labels may stand between a question and its answer ("A:", "Choices:", "(a)")."""
ENOUGH_BITS = 32.0
"""Question and answer that go on in one phrase are no chance if their words tell so much."""


class Spelling(NamedTuple):
    """How parts are spelled: part p has ``signs[first[p]:first[p + 1]]``, none if it is not looked for in print."""

    first: NDArray[np.int64]
    signs: NDArray[np.int32]


class Page(NamedTuple):
    """One text, ``data[start:end]``, and the sign of every code point."""

    data: Bytes
    start: int
    end: int
    signs: NDArray[np.int32]


@functools.cache
def signs() -> NDArray[np.int32]:
    """The sign of every code point, shape (0x110000,); negative for white space and what is ignored."""
    fold = folds()
    table = np.where(fold > SEPARATES, fold & (ALONE - 1) | IS_LETTER, np.arange(NUM_CODE_POINTS))
    table[fold == IGNORED] = IGNORED
    for sign, others in _SAME.items():
        table[[ord(other) for other in others]] = ord(sign)
    for flag, marked in ((CLOSES, _CLOSES), (OPENS, _OPENS), (IS_BULLET, _BULLETS)):
        same = "".join(_SAME.get(sign, "") for sign in marked)
        table[[ord(sign) for sign in marked + same]] |= flag
    table[[code for code in range(0x3001) if chr(code).isspace()]] = _SPACE
    table[[ord(code) for code in _BREAKS]] = _BREAK
    return table.astype(np.int32)


@inlined
def _next_sign(data: Bytes, at: int, end: int, signs: NDArray[np.int32], before: int) -> tuple[int, int]:
    """The next sign after the sign ``before``, and where it ends; ``_END`` where there is none."""
    gap = 0
    while at < end:
        code, length = decode(data, at, end)
        sign = np.int64(signs[code])
        at += length
        if sign >= 0:
            sign |= AFTER_SPACE if gap < 0 and sign & before & IS_LETTER else 0
            return sign | (AFTER_BREAK if gap == _BREAK else 0), at
        if sign != IGNORED:
            gap = min(gap, sign)
    return _END, end


@kernel
def spell_texts(
    data: Bytes,
    offsets: NDArray[np.int64],
    signs: NDArray[np.int32],
    spelled: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> None:
    """Write the signs of all texts, one after the other, and where each text's end; breaks are spaces."""
    total = 0
    for text in range(offsets.size - 1):
        sign, at = _next_sign(data, offsets[text], offsets[text + 1], signs, np.int64(0))
        while sign != _END:
            spelled[total] = sign & ~AFTER_BREAK
            total += 1
            sign, at = _next_sign(data, at, offsets[text + 1], signs, sign)
        ends[text] = total


@leaf
def printed_from(page: Page, at: int, item: int, items: Items, parts: Parts, spelling: Spelling) -> tuple[int, int]:
    """Where a question begins and ends whose first word begins at ``at``, or -1 if its item is not printed there."""
    begin = _begin(page, at, item, spelling)
    end = _spelled(page, begin, item, spelling)
    if end < 0 or not _begins_phrase(page, begin):
        return -1, -1
    if items.first_answer[item] == items.first_answer[item + 1]:
        return (begin, end) if _is_line(page, begin, end) else (-1, -1)
    answer, is_labelled = _answered(page, end, item, items, spelling)
    if answer < 0:
        return -1, -1
    goes_on = not is_labelled and spelling.signs[spelling.first[item + 1] - 1] & IS_LETTER != 0
    tells_enough = parts.bits[item] + parts.bits[answer] >= ENOUGH_BITS and not _has_break(page, begin, end)
    return (begin, end) if tells_enough or not goes_on else (-1, -1)


@leaf
def _begin(page: Page, at: int, item: int, spelling: Spelling) -> int:
    """Where a question begins whose first word begins at ``at``: its symbols before that word further on."""
    for place in range(spelling.first[item], spelling.first[item + 1]):
        if spelling.signs[place] & IS_LETTER:
            break
        sign, at, _ = _sign_before(page, at)
        while sign == _BREAK and at > page.start:
            sign, at, _ = _sign_before(page, at)
    return at


@leaf
def _spelled(page: Page, at: int, part: int, spelling: Spelling) -> int:
    """Where a part ends that is spelled from ``at`` on, to the end of a word, or -1."""
    sign = np.int64(0)
    for place in range(spelling.first[part], spelling.first[part + 1]):
        sign, at = _next_sign(page.data, at, page.end, page.signs, sign)
        if sign & ~AFTER_BREAK != spelling.signs[place]:
            return -1
    return -1 if sign & IS_LETTER and _is_letter(page, at) else at


@leaf
def _answered(page: Page, at: int, item: int, items: Items, spelling: Spelling) -> tuple[int, bool]:
    """The right answer that follows ``at`` after labels and other choices, or -1; whether a label comes first.

    The longest choice counts where several are spelled.
    """
    labels, is_labelled, is_first = 0, False, True
    while labels <= MOST_LABELS:
        found, longest, is_right = -1, at, False
        for place in range(items.first_answer[item], items.first_answer[item + 1]):
            part = np.int64(items.answers[place])
            stop = _spelled(page, at, part, spelling)
            if stop > longest and _ends_phrase(page, stop):
                found, longest, is_right = part, stop, items.is_right[place] != 0
        if is_right:
            return found, is_labelled
        if found < 0:
            labels += 1
            longest = _after_label(page, at)
            is_labelled |= is_first and longest > 0 and page.data[longest - 1] != _COMMA  # which goes on
        else:
            labels = 0
        if longest < 0:
            break
        at, is_first = longest, False
    return -1, False


@leaf
def _after_label(page: Page, at: int) -> int:
    """Where a label ends that follows ``at`` ("Answer:", "(a)", "B.", "=", a mark of punctuation), or -1."""
    sign, at = _next_sign(page.data, at, page.end, page.signs, np.int64(0))
    if sign >= 0 and sign & _CODE == _PARENTHESIS:
        sign, at = _next_sign(page.data, at, page.end, page.signs, np.int64(0))
    letters = 0
    while sign >= 0 and sign & IS_LETTER and letters < LONGEST_LABEL:
        letters += 1
        sign, at = _next_sign(page.data, at, page.end, page.signs, sign)
        if sign & (AFTER_SPACE | AFTER_BREAK):
            return -1
    code = sign & _CODE
    if sign < 0 or sign & IS_LETTER or (code in (_POINT, _COMMA) and _is_letter(page, at)):
        return -1  # no label, or amid a number
    if letters == 0:
        return at if sign & CLOSES or code == _EQUALS else -1
    return at if code == _COLON or (letters <= 2 and code in (_POINT, _CLOSED)) else -1


@leaf
def _begins_phrase(page: Page, at: int) -> bool:
    """Whether a line or a phrase begins at ``at``."""
    sign, begin, is_spaced = _sign_before(page, at)
    if sign != _BREAK and sign & IS_BULLET and _sign_before(page, begin)[0] == _BREAK:
        return True
    return sign == _BREAK or sign & (CLOSES if is_spaced else OPENS) != 0


@leaf
def _ends_phrase(page: Page, at: int) -> bool:
    """Whether a line or a phrase ends at ``at``, or "(b)" follows."""
    sign, after = _next_sign(page.data, at, page.end, page.signs, np.int64(0))
    if sign == _END or sign & AFTER_BREAK:
        return True
    if sign & _CODE == _PARENTHESIS:
        return _after_label(page, at) >= 0
    return sign & CLOSES != 0 and not _is_letter(page, after)


@inlined
def _is_letter(page: Page, at: int) -> bool:
    """Whether a letter or a digit stands at ``at``."""
    sign, _ = _next_sign(page.data, at, page.end, page.signs, IS_LETTER)
    return sign >= 0 and sign & (IS_LETTER | AFTER_SPACE) == IS_LETTER


@leaf
def _is_line(page: Page, begin: int, end: int) -> bool:
    """Whether a line begins at ``begin`` and ends at ``end``."""
    sign, _ = _next_sign(page.data, end, page.end, page.signs, np.int64(0))
    is_end = sign == _END or sign & AFTER_BREAK != 0
    return is_end and _sign_before(page, begin)[0] == _BREAK and not _has_break(page, begin, end)


@leaf
def _has_break(page: Page, begin: int, end: int) -> bool:
    """Whether a line ends between two places."""
    at, sign = begin, np.int64(0)
    while at < end and sign != _BREAK:
        code, length = decode(page.data, at, end)
        sign, at = np.int64(page.signs[code]), at + length
    return sign == _BREAK


@leaf
def _sign_before(page: Page, at: int) -> tuple[int, int, bool]:
    """The sign or line break before ``at``, where it begins, whether spaces follow it; a text begins after a break."""
    is_spaced = False
    while at > page.start:
        code, length = decode_before(page.data, page.start, at)
        sign = np.int64(page.signs[code])
        at -= length
        if sign >= 0 or sign == _BREAK:
            return sign, at, is_spaced
        is_spaced |= sign == _SPACE
    return _BREAK, at, is_spaced
