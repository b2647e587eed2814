"""What kind a character is, and UTF-8 that may be broken.

Parquet and Arrow readers do not check that text is UTF-8, so every byte that is not part of a well-formed sequence
counts as one character of no class: Python's ``bytes.decode("utf-8", "surrogateescape")`` draws the same line.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from winnow.kernels.jit import inlined, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

SPACE = 1  # str.isspace
BREAK = 2  # str.splitlines breaks here
ALPHA = 4  # str.isalpha
ALNUM = 8  # str.isalnum
SYMBOL = 16  # datatrove's PUNCTUATION_SET
TERMINAL = 32  # datatrove's TERMINAL_PUNCTUATION: may end a sentence
PUNCTUATION = 64  # general category P
DECIMAL = 128  # general category Nd

NUM_CODE_POINTS = 0x110000
ELLIPSIS = 0x2026
_ASSIGNED = 0x40000  # beyond lie tags, variation selectors and private use: of none of the classes
_BREAKS = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"

Ranges = Iterable[tuple[int, int]]
Classes: TypeAlias = "NDArray[np.uint32]"
"""Flags of every code point, indexed by it."""

_TERMINAL: Ranges = (
    (0x21, 0x21), (0x2E, 0x2E), (0x3F, 0x3F), (0x589, 0x589), (0x61D, 0x61F), (0x6D4, 0x6D4), (0x700, 0x702),
    (0x7F9, 0x7F9), (0x837, 0x837), (0x839, 0x839), (0x83D, 0x83E), (0x964, 0x965), (0x104A, 0x104B),
    (0x1362, 0x1362), (0x1367, 0x1368), (0x166E, 0x166E), (0x1735, 0x1736), (0x17D4, 0x17D6), (0x17D9, 0x17DA),
    (0x1803, 0x1803), (0x1809, 0x1809), (0x1944, 0x1945), (0x1AA8, 0x1AAB), (0x1B5A, 0x1B5B), (0x1B5E, 0x1B5F),
    (0x1B7D, 0x1B7E), (0x1C3B, 0x1C3C), (0x1C7E, 0x1C7F), (0x203C, 0x203D), (0x2047, 0x2049), (0x2E2E, 0x2E2E),
    (0x2E3C, 0x2E3C), (0x2E53, 0x2E54), (0x3002, 0x3002), (0xA4FF, 0xA4FF), (0xA60E, 0xA60F), (0xA6F3, 0xA6F3),
    (0xA6F7, 0xA6F7), (0xA876, 0xA877), (0xA8CE, 0xA8CF), (0xA92F, 0xA92F), (0xA9C8, 0xA9C9), (0xAA5D, 0xAA5F),
    (0xAAF0, 0xAAF1), (0xABEB, 0xABEB), (0xFE52, 0xFE52), (0xFE56, 0xFE57), (0xFF01, 0xFF01), (0xFF0E, 0xFF0E),
    (0xFF1F, 0xFF1F), (0xFF61, 0xFF61), (0x10A56, 0x10A57), (0x10F55, 0x10F59), (0x10F86, 0x10F89),
    (0x11047, 0x11048), (0x110BE, 0x110C1), (0x11141, 0x11143), (0x111C5, 0x111C6), (0x111CD, 0x111CD),
    (0x111DE, 0x111DF), (0x11238, 0x11239), (0x1123B, 0x1123C), (0x112A9, 0x112A9), (0x1144B, 0x1144C),
    (0x115C2, 0x115C3), (0x115C9, 0x115D7), (0x11641, 0x11642), (0x1173C, 0x1173E), (0x11944, 0x11944),
    (0x11946, 0x11946), (0x11A42, 0x11A43), (0x11A9B, 0x11A9C), (0x11C41, 0x11C42), (0x11EF7, 0x11EF8),
    (0x11F43, 0x11F44), (0x16A6E, 0x16A6F), (0x16AF5, 0x16AF5), (0x16B37, 0x16B38), (0x16B44, 0x16B44),
    (0x16E98, 0x16E98), (0x1BC9F, 0x1BC9F), (0x1DA88, 0x1DA88),
)  # fmt: skip
"""Code points that may end a sentence (datatrove@0.10.1 ``utils/text.py``; Unicode's Sentence_Terminal)."""

_SYMBOL: Ranges = (
    (0x0, 0x8), (0xB, 0x1F), (0x22, 0x2D), (0x2F, 0x2F), (0x3A, 0x3E), (0x40, 0x40), (0x5B, 0x60), (0x7B, 0x9F),
    (0xAB, 0xAB), (0xB4, 0xB4), (0xBB, 0xBB), (0x2013, 0x2014), (0x2019, 0x2019), (0x201C, 0x201E),
    (0x2026, 0x2026), (0x2236, 0x2236), (0x2501, 0x2501), (0x25BA, 0x25BA), (0x3001, 0x3001), (0x3008, 0x300D),
    (0x3010, 0x3011), (0xFF05, 0xFF05), (0xFF08, 0xFF09), (0xFF0C, 0xFF0C), (0xFF11, 0xFF11), (0xFF1A, 0xFF1B),
    (0xFF5E, 0xFF5E),
)  # fmt: skip
"""The rest of datatrove@0.10.1's PUNCTUATION_SET: marks and control characters ("１" is its slip, kept)."""


def mark(table: NDArray[np.generic], ranges: Ranges, flag: int) -> None:
    """Set a flag for all code points of some ranges, both ends included."""
    for low, high in ranges:
        table[low : high + 1] = table[low : high + 1] | flag  # type: ignore[operator]


def mark_where(table: NDArray[np.generic], is_member: Callable[[str], bool], flag: int) -> None:
    """Set a flag for all assigned code points that are members of a class."""
    members = np.fromiter((is_member(chr(code)) for code in range(_ASSIGNED)), bool, _ASSIGNED)
    table[:_ASSIGNED][members] |= flag


@functools.cache
def character_classes() -> Classes:
    """The classes of every code point: flags, shape (0x110000,); takes 0.1 s once a process."""
    table = np.zeros(NUM_CODE_POINTS, np.uint32)
    categories = [unicodedata.category(chr(code)) for code in range(_ASSIGNED)]
    mark_where(table, str.isspace, SPACE)
    mark_where(table, str.isalpha, ALPHA)
    mark_where(table, str.isalnum, ALNUM)
    mark_where(table, lambda character: categories[ord(character)][0] == "P", PUNCTUATION)
    mark_where(table, lambda character: categories[ord(character)] == "Nd", DECIMAL)
    mark(table, ((ord(character), ord(character)) for character in _BREAKS), BREAK)
    mark(table, _TERMINAL, TERMINAL | SYMBOL)
    mark(table, _SYMBOL, SYMBOL)
    return table


@inlined
def _continues(data: Bytes, at: int, end: int) -> bool:
    return at < end and (data[at] & 0xC0) == 0x80


@inlined
def decode(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The character at ``at`` and its length in bytes; a byte that fits nowhere is 0xDC00 + byte, length 1."""
    return (np.int64(data[at]), 1) if data[at] < 0x80 else _decode_long(data, at, end)


@leaf
def _decode_long(data: Bytes, at: int, end: int) -> tuple[int, int]:
    first = np.int64(data[at])
    if 0xC2 <= first < 0xE0 and _continues(data, at + 1, end):
        return (first & 0x1F) << 6 | (data[at + 1] & 0x3F), 2
    if 0xE0 <= first < 0xF0 and _continues(data, at + 1, end) and _continues(data, at + 2, end):
        code = (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (data[at + 2] & 0x3F)
        if code >= 0x800 and not 0xD800 <= code < 0xE000:
            return code, 3
    if (
        0xF0 <= first < 0xF5
        and _continues(data, at + 1, end)
        and _continues(data, at + 2, end)
        and _continues(data, at + 3, end)
    ):
        high = (first & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        code = high | (np.int64(data[at + 2]) & 0x3F) << 6 | (data[at + 3] & 0x3F)
        if 0x10000 <= code < NUM_CODE_POINTS:
            return code, 4
    return 0xDC00 + first, 1


@inlined
def decode_before(data: Bytes, start: int, at: int) -> tuple[int, int]:
    """The character that ends at ``at``, looking back no further than ``start``, and its length in bytes."""
    return (np.int64(data[at - 1]), 1) if data[at - 1] < 0x80 else _decode_long_before(data, start, at)


@leaf
def _decode_long_before(data: Bytes, start: int, at: int) -> tuple[int, int]:
    first = at - 1
    while first > start and at - first < 4 and (data[first] & 0xC0) == 0x80:
        first -= 1
    code, length = decode(data, first, at)
    if first + length == at:
        return code, length
    return 0xDC00 + np.int64(data[at - 1]), 1


@inlined
def encode(out: Bytes, at: int, code: int) -> int:
    """Write a character as UTF-8, up to four bytes; gives where it ends."""
    if code < 0x80:
        out[at] = code
        return at + 1
    return _encode_long(out, at, code)


@leaf
def _encode_long(out: Bytes, at: int, code: int) -> int:
    if code < 0x800:
        out[at] = 0xC0 | code >> 6
        out[at + 1] = 0x80 | code & 0x3F
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | code >> 12
        out[at + 1] = 0x80 | code >> 6 & 0x3F
        out[at + 2] = 0x80 | code & 0x3F
        return at + 3
    out[at] = 0xF0 | code >> 18
    out[at + 1] = 0x80 | code >> 12 & 0x3F
    out[at + 2] = 0x80 | code >> 6 & 0x3F
    out[at + 3] = 0x80 | code & 0x3F
    return at + 4
