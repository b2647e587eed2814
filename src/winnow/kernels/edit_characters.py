"""Characters as the edits need them: Python's classes, white space at the ends, phrases in any case, words.

Positions are bytes of UTF-8 that may be broken (see ``characters``). Buffers that ``simd`` reads end in 64 spare bytes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from winnow.kernels import characters
from winnow.kernels.characters import ALNUM, SPACE, decode, decode_before, mark_where
from winnow.kernels.jit import kernel, leaf
from winnow.kernels.simd import BLOCK, equal, trailing_zeros

Bytes = NDArray[np.uint8]
Classes = NDArray[Any]
"""Flags by code point."""
Offsets = NDArray[np.int64]
Counts = NDArray[np.int32]

UPPER = 256  # str.isupper
DIGIT = 512  # str.isdigit
WORD = 1024  # \w of re
SEPARATOR = 2048  # ends a word for fastText (0.9.2, Dictionary::readWord)
NEWLINE = 10


@cache
def edit_classes() -> Classes:
    """The shared classes of every code point and four more: uint16 flags, shape (0x110000,); 0.2 s once a process."""
    table = characters.character_classes().astype(np.uint16)
    mark_where(table, str.isupper, UPPER)
    mark_where(table, str.isdigit, DIGIT)
    mark_where(table, lambda character: character.isalnum() or character == "_", WORD)
    mark_where(table, lambda character: character in " \n\r\t\v\f\0", SEPARATOR)
    return table


def terms(*words: str) -> Bytes:
    """ASCII words as rows of bytes, each ended by zeros, for ``match_term``."""
    width = max(map(len, words)) + 1
    return np.array([list(word.encode("ascii").ljust(width, b"\0")) for word in words], np.uint8)


@leaf
def has_class(text: Bytes, at: int, end: int, classes: Classes, wanted: int) -> bool:
    """Whether the character at ``at`` is of a class."""
    return bool(classes[decode(text, at, end)[0]] & wanted)


@leaf
def skip_class(text: Bytes, at: int, end: int, classes: Classes, wanted: int, most: int) -> int:
    """Where at most so many characters of a class, from ``at`` on, end."""
    for _ in range(most):
        if at >= end:
            break
        code, width = decode(text, at, end)
        if classes[code] & wanted == 0:
            break
        at += width
    return at


@leaf
def skip_space_before(text: Bytes, start: int, at: int, classes: Classes, most: int) -> int:
    """Where at most so many white space characters before ``at`` begin."""
    for _ in range(most):
        if at <= start:
            break
        code, width = decode_before(text, start, at)
        if classes[code] & SPACE == 0:
            break
        at -= width
    return at


@leaf
def strip(text: Bytes, start: int, end: int, classes: Classes) -> tuple[int, int]:
    """The span without the white space at its ends, as ``str.strip``."""
    start = skip_class(text, start, end, classes, SPACE, end - start)
    return start, skip_space_before(text, start, end, classes, end - start)


@leaf
def match_term(text: Bytes, at: int, end: int, term: Bytes, turkish: bool) -> int:
    """Where the small-letter ASCII ``term`` ends if it stands at ``at`` in any case, else -1.

    Case is ignored as by ``str.lower``, for which the Kelvin sign is a k; if ``turkish`` as by ``re.IGNORECASE``, for
    which also İ and ı are an i and ſ is an s.
    """
    for letter in term:
        if letter == 0:
            break
        if at >= end:
            return -1
        code, width = decode(text, at, end)
        if _folded(code, turkish) != letter:
            return -1
        at += width
    return at


@leaf
def _folded(code: int, turkish: bool) -> int:
    if ord("A") <= code <= ord("Z"):
        return code + 32
    if code == 0x212A:
        return ord("k")
    if turkish and (code == 0x130 or code == 0x131):
        return ord("i")
    if turkish and code == 0x17F:
        return ord("s")
    return code


@leaf
def find_byte(text: Bytes, at: int, end: int, byte: int) -> int:
    """The first such byte from ``at`` on, or ``end``."""
    while at < end:
        found = equal(text, at, byte)
        if found:
            at += trailing_zeros(found)
            break
        at += BLOCK
    return min(at, end)


@leaf
def copy(source: Bytes, start: int, end: int, target: Bytes, at: int) -> int:
    """Copy a span of bytes to another buffer; gives where it ends there."""
    for k in range(start, end):
        target[at + k - start] = source[k]
    return at + end - start


@kernel
def count_words(text: Bytes, offsets: Offsets, classes: Classes) -> Counts:
    """fastText words of each document that start with a letter or a number (int32)."""
    num_words = np.zeros(len(offsets) - 1, np.int32)
    for document in range(len(offsets) - 1):
        num_words[document] = _count_words(text, offsets[document], offsets[document + 1], classes)
    return num_words


@leaf
def _count_words(text: Bytes, start: int, end: int, classes: Classes) -> int:
    count = 0
    outside = 1
    for at in range(start, end):
        byte = text[at]
        inside = 1 - (classes[byte] // SEPARATOR & 1)
        begins = outside & inside
        if begins and byte >= 0x80:
            count += has_class(text, at, end, classes, ALNUM)
        else:
            count += begins & classes[byte] // ALNUM
        outside = 1 - inside
    return count
