"""The line rules of RefinedWeb as DCLM wrote them, on a batch of texts.

Each rule sees what the rule before it left, with the document's ends stripped in between, so the lines of a document
lie in a small table (one row each, with the counts that the rules read) that every rule shortens. Only a line that
changed is counted again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from winnow.kernels.characters import DECIMAL, SPACE, decode, decode_before
from winnow.kernels.edit_characters import (
    DIGIT,
    NEWLINE,
    UPPER,
    WORD,
    Bytes,
    Classes,
    Counts,
    Offsets,
    copy,
    has_class,
    match_term,
    skip_class,
    skip_space_before,
    terms,
)
from winnow.kernels.jit import kernel, leaf
from winnow.kernels.simd import BLOCK, between, equal, equal_folded, low_bits, popcount, trailing_zeros

Lines = NDArray[np.int32]
"""One row a line, with these columns."""
START, END, NUM_CHARS, NUM_UPPER, NUM_DIGITS, NUM_WORDS = range(6)

UPPERCASE, NUMERIC, COUNTER, SHORT, ITEMS_IN_CART, READ_MORE, SIGN_IN = range(7)
MAX_UPPER_FRACTION = 0.5
MAX_DIGIT_FRACTION = 0.999999
MIN_WORDS = 2
MAX_PHRASE_WORDS = 10
"""A longer line keeps its phrases."""
_ONE = np.uint64(1)

_UNITS = terms("k", "m", "b")
_COUNTED = terms(
    *("likes", "shares", "comments", "retweets", "reposts", "quotes"),
    *("bookmarks", "upvotes", "downvotes", "downloads", "views", "followers"),
)
_ITEMS_IN_CART, _READ_MORE, _SIGN_IN = terms("items in cart", "read more", "sign-in")
_INNER = terms("car", "mor", "gn-")
"""Three letters of each phrase, which fold to nothing outside ASCII."""


@kernel
def refinedweb_lines(text: Bytes, offsets: Offsets, classes: Classes, any_dots: bool) -> tuple[Bytes, Offsets, Counts]:
    """New texts (bytes, offsets) and, by document and rule, how many lines were removed or shortened (int32).

    With ``any_dots`` the dots of "Read more..." stand for any three characters. ``text`` is changed: hand in a copy.
    """
    num_documents = len(offsets) - 1
    new_text, new_offsets = np.empty_like(text), np.zeros_like(offsets)
    counts = np.zeros((num_documents, SIGN_IN + 1), np.int32)
    lines = np.empty((_most_lines(text, offsets), NUM_WORDS + 1), np.int32)
    for document in range(num_documents):
        num_lines = _split(text, offsets[document], offsets[document + 1], classes, lines)
        num_lines = _apply_rules(text, lines, num_lines, classes, any_dots, counts[document])
        new_offsets[document + 1] = _join(text, lines, num_lines, new_text, new_offsets[document])
    return new_text, new_offsets, counts


@leaf
def _most_lines(text: Bytes, offsets: Offsets) -> int:
    most = 0
    for document in range(len(offsets) - 1):
        num_lines = 1
        for at in range(offsets[document], offsets[document + 1]):
            num_lines += text[at] == NEWLINE
        most = max(most, num_lines)
    return most


@leaf
def _split(text: Bytes, begin: int, end: int, classes: Classes, lines: Lines) -> int:
    num_lines = 0
    while begin <= end:
        _measure(text, begin, end, classes, lines, num_lines)
        begin = lines[num_lines, END] + 1
        num_lines += 1
    return num_lines


@leaf
def _measure(text: Bytes, start: int, limit: int, classes: Classes, lines: Lines, row: int) -> None:
    """Fill the row of the line that starts at ``start``: runs of ASCII by vectors, the rest character by character."""
    for column in range(NUM_CHARS, NUM_WORDS + 1):
        lines[row, column] = 0
    at = start
    outside = np.uint64(1)
    while at < limit and text[at] != NEWLINE:
        if text[at] < 0x80:
            size, outside = _measure_ascii(text, at, limit, outside, lines, row)
            at += size
            continue
        code, width = decode(text, at, limit)
        inside = np.uint64(classes[code] & SPACE == 0)
        lines[row, NUM_CHARS] += 1
        lines[row, NUM_UPPER] += classes[code] & UPPER != 0
        lines[row, NUM_DIGITS] += classes[code] & DIGIT != 0
        lines[row, NUM_WORDS] += inside & outside
        outside = _ONE - inside
        at += width
    lines[row, START], lines[row, END] = start, at


@leaf
def _measure_ascii(
    text: Bytes, at: int, limit: int, outside: np.uint64, lines: Lines, row: int
) -> tuple[int, np.uint64]:
    """Add up to 64 characters to the row; gives how many, and 1 if the last is white space, else 0."""
    stops = equal(text, at, NEWLINE) | between(text, at, 0x80, 0xFF)
    size = min(trailing_zeros(stops), limit - at)
    among = low_bits(size)
    words = ~(equal(text, at, 0x20) | between(text, at, 0x09, 0x0D) | between(text, at, 0x1C, 0x1F)) & among
    lines[row, NUM_CHARS] += size
    lines[row, NUM_UPPER] += popcount(between(text, at, ord("A"), ord("Z")) & among)
    lines[row, NUM_DIGITS] += popcount(between(text, at, ord("0"), ord("9")) & among)
    lines[row, NUM_WORDS] += popcount(words & ~(words << _ONE | _ONE - outside))
    return size, _ONE - (words >> np.uint64(size - 1))


@leaf
def _apply_rules(text: Bytes, lines: Lines, num_lines: int, classes: Classes, any_dots: bool, counts: Counts) -> int:
    start, end = lines[0, START], lines[num_lines - 1, END]
    for rule in range(SIGN_IN + 1):
        kept = num_lines
        if rule < ITEMS_IN_CART:
            kept = _drop(rule, text, lines, num_lines, classes)
            counts[rule] = num_lines - kept
        elif _mentions(text, start, end, _INNER[rule - ITEMS_IN_CART]):
            kept, counts[rule] = _shorten(rule, text, lines, num_lines, classes, any_dots)
        if rule == UPPERCASE or counts[rule] > 0:
            num_lines = _strip_document(text, lines, kept, classes)
    return num_lines


@leaf
def _drop(rule: int, text: Bytes, lines: Lines, num_lines: int, classes: Classes) -> int:
    """Remove the lines that break a rule, which an empty line never does; gives how many are left."""
    kept = 0
    for row in range(num_lines):
        num_chars, num_digits = lines[row, NUM_CHARS], lines[row, NUM_DIGITS]
        if rule == UPPERCASE:
            breaks = num_chars > 0 and lines[row, NUM_UPPER] / num_chars > MAX_UPPER_FRACTION
        elif rule == NUMERIC:
            breaks = num_chars > 0 and num_digits / num_chars > MAX_DIGIT_FRACTION
        elif rule == COUNTER:
            breaks = num_digits > 0 and _is_counter(text, lines[row, START], lines[row, END], classes)
        else:
            breaks = num_chars > 0 and lines[row, NUM_WORDS] < MIN_WORDS
        if not breaks:
            _move(lines, row, kept)
            kept += 1
    return kept


@leaf
def _move(lines: Lines, row: int, to: int) -> None:
    if row != to:
        for column in range(lines.shape[1]):
            lines[to, column] = lines[row, column]


@leaf
def _is_counter(text: Bytes, at: int, end: int, classes: Classes) -> bool:
    """Whether the line is a number and what it counts, among any signs: "1.2K likes"."""
    at = _skip_signs(text, at, end, classes)
    unit = _skip_number(text, at, end, classes)
    if unit == at:
        return False
    space = max(_match_any(text, unit, end, _UNITS), unit)
    noun = skip_class(text, space, end, classes, SPACE, end - space)
    after = _match_any(text, noun, end, _COUNTED)
    return noun > space and after > noun and _skip_signs(text, after, end, classes) == end


@leaf
def _skip_signs(text: Bytes, at: int, end: int, classes: Classes) -> int:
    while at < end:
        code, width = decode(text, at, end)
        if classes[code] & WORD:
            break
        at += width
    return at


@leaf
def _skip_number(text: Bytes, at: int, end: int, classes: Classes) -> int:
    """Where the digits, commas and dots from ``at`` on end; ``at`` unless a digit stands there."""
    if at >= end or not has_class(text, at, end, classes, DECIMAL):
        return at
    while at < end:
        code, width = decode(text, at, end)
        if code != ord(",") and code != ord(".") and not classes[code] & DECIMAL:
            break
        at += width
    return at


@leaf
def _match_any(text: Bytes, at: int, end: int, choices: Bytes) -> int:
    for choice in choices:
        after = match_term(text, at, end, choice, False)
        if after >= 0:
            return after
    return -1


@leaf
def _mentions(text: Bytes, start: int, end: int, letters: Bytes) -> bool:
    """Whether three letters stand side by side, in any case: most documents lack those of most phrases."""
    for at in range(start, end, BLOCK):
        first, second = equal_folded(text, at, letters[0]), equal_folded(text, at + 1, letters[1])
        if first & second & equal_folded(text, at + 2, letters[2]):
            return True
    return False


@leaf
def _shorten(rule: int, text: Bytes, lines: Lines, num_lines: int, classes: Classes, any_dots: bool) -> tuple[int, int]:
    """Cut a phrase out of the lines; gives how many lines are left and how many the phrase was in."""
    kept = num_cut = 0
    for row in range(num_lines):
        if lines[row, NUM_WORDS] <= MAX_PHRASE_WORDS and _cut(rule, text, lines, row, classes, any_dots):
            num_cut += 1
            if lines[row, NUM_WORDS] == 0:
                continue
        _move(lines, row, kept)
        kept += 1
    return kept, num_cut


@leaf
def _cut(rule: int, text: Bytes, lines: Lines, row: int, classes: Classes, any_dots: bool) -> bool:
    """Whether the line held the phrase, which is then gone."""
    start, end = lines[row, START], lines[row, END]
    if rule == ITEMS_IN_CART:
        end = _cut_items_in_cart(text, start, end, classes)
    elif rule == READ_MORE:
        end = _cut_read_more(text, start, end, classes, any_dots)
    else:
        start = _cut_sign_in(text, start, end, classes)
    if start == lines[row, START] and end == lines[row, END]:
        return False
    _measure(text, start, end, classes, lines, row)
    return True


@leaf
def _cut_items_in_cart(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Close the line over each copy of the phrase and one white space before it; gives the line's new end."""
    at = start + 3
    while at < end:
        if text[at] | 0x20 != ord("m"):  # rarer than its other letters
            at += 1
            continue
        phrase = at - 2 - decode_before(text, start, at - 2)[1]
        after = match_term(text, phrase, end, _ITEMS_IN_CART, True)
        if after < 0:
            at += 1
            continue
        start = skip_space_before(text, start, phrase, classes, 1)
        for k in range(after, end):
            text[start + k - after] = text[k]
        end -= after - start
        at = start + 3
    return end


@leaf
def _cut_sign_in(text: Bytes, start: int, end: int, classes: Classes) -> int:
    after = match_term(text, start, end, _SIGN_IN, True)
    return start if after < 0 else skip_class(text, after, end, classes, SPACE, 1)


@leaf
def _cut_read_more(text: Bytes, start: int, end: int, classes: Classes, any_dots: bool) -> int:
    dots = end
    for _ in range(3):
        if dots > start:
            dots -= decode_before(text, start, dots)[1]
    phrase = dots - len("read more")
    if phrase < start or match_term(text, phrase, dots, _READ_MORE, True) != dots:
        return end
    if not any_dots and not (end - dots == 3 and text[dots] == text[dots + 1] == text[dots + 2] == ord(".")):
        return end
    return skip_space_before(text, start, phrase, classes, 1)


@leaf
def _strip_document(text: Bytes, lines: Lines, num_lines: int, classes: Classes) -> int:
    """Remove white space at both ends of the document; gives how many lines are left."""
    first = 0
    while first < num_lines and lines[first, NUM_WORDS] == 0:
        first += 1
    while num_lines > first and lines[num_lines - 1, NUM_WORDS] == 0:
        num_lines -= 1
    if first > 0:
        for row in range(first, num_lines):
            _move(lines, row, row - first)
    if num_lines > first:
        _strip_line(text, lines, 0, classes, True)
        _strip_line(text, lines, num_lines - first - 1, classes, False)
    return num_lines - first


@leaf
def _strip_line(text: Bytes, lines: Lines, row: int, classes: Classes, left: bool) -> None:
    start, end = lines[row, START], lines[row, END]
    if left:
        start = skip_class(text, start, end, classes, SPACE, end - start)
    else:
        end = skip_space_before(text, start, end, classes, end - start)
    if start != lines[row, START] or end != lines[row, END]:
        _measure(text, start, end, classes, lines, row)


@leaf
def _join(text: Bytes, lines: Lines, num_lines: int, new_text: Bytes, at: int) -> int:
    for row in range(num_lines):
        if row > 0:
            new_text[at] = NEWLINE
            at += 1
        at = copy(text, lines[row, START], lines[row, END], new_text, at)
    return at
