"""One pass over the bytes of a document that leaves eight 64-bit words for every 64 bytes.

Everything after it (words, lines, paragraphs, the C4 rules) walks over bits instead of bytes. ASCII is classified by
vector comparisons; the other characters are decoded one by one and patched into the masks, which costs about 3 ns each.
The eight words of a block share a cache line; together they take as much memory as the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels import characters
from winnow.kernels.characters import decode
from winnow.kernels.counts import Counts, counts_type
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.phrases import find_candidates, phrase_at
from winnow.kernels.simd import BLOCK, between, equal, low_bits, popcount, trailing_zeros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

CHARACTER_COUNTS = counts_type(
    "num_chars",
    "num_newlines",
    "num_hashes",
    "num_ellipses",
    "num_spaced_ellipses",
    "num_fasttext_words",
)

NUM_MASKS = 8
SPACE = 0  # bytes of whitespace characters; set beyond the end of the document too
NEWLINE = 1  # "\n"
BREAK = 2  # bytes of characters where str.splitlines breaks
LEAD = 3  # first byte of every character
PHRASE = 4  # first byte of every phrase that a C4 rule looks for
START = 5  # first byte of every whitespace-delimited word
CHARS_BEFORE = 6  # number of characters before the block
WORDS_BEFORE = 7  # number of words that start before the block

_ONE = np.uint64(1)
_TOP = np.uint64(63)


@inlined
def num_blocks(size: int) -> int:
    """Blocks of a document of ``size`` bytes; the position after its last byte has a place too."""
    return size // BLOCK + 1


def new_masks(num_bytes: int) -> NDArray[np.uint64]:
    """Room for the masks of a document of so many bytes."""
    return np.empty((num_blocks(num_bytes), NUM_MASKS), np.uint64)


@leaf
def scan(
    text: Bytes,
    size: int,
    classes: Classes,
    masks: NDArray[np.uint64],
    counts: Counts,
) -> int:
    """Fill the masks and the counts (CHARACTER_COUNTS) of the document ``text[:size]``; gives its number of words."""
    counts.num_chars = 0
    num_words = 0
    before_space = before_gap = _ONE
    decoded = (0, 0)  # where the last character that was decoded ends, and its classes
    free = (0, 0)  # where the last "..." and the last ". . ." end
    for block in range(num_blocks(size)):
        at = block * BLOCK
        inside = low_bits(min(size - at, BLOCK))
        row = masks[block]
        gap, alnum = _scan_ascii(text, at, inside, row)
        others = between(text, at, 0x80, 0xFF) & inside
        if others:
            alnum, decoded = _scan_others(text, at, size, others, alnum, decoded, classes, row, counts)
        row[PHRASE] = _find_phrases(text, at, size, find_candidates(text, at) & inside, classes)
        row[START] = ~row[SPACE] & (row[SPACE] << _ONE | before_space)
        row[CHARS_BEFORE] = np.uint64(counts.num_chars)
        row[WORDS_BEFORE] = np.uint64(num_words)
        counts.num_chars += popcount(row[LEAD])
        counts.num_newlines += popcount(row[NEWLINE])
        counts.num_hashes += popcount(equal(text, at, ord("#")) & inside)
        counts.num_fasttext_words += popcount((gap << _ONE | before_gap) & ~gap & alnum)
        num_words += popcount(row[START])
        before_space, before_gap = row[SPACE] >> _TOP, gap >> _TOP
        free = _count_ellipses(text, at, size, inside, free, counts)
    return num_words


@inlined
def _scan_ascii(text: Bytes, at: int, inside: np.uint64, row: NDArray[np.uint64]) -> tuple[np.uint64, np.uint64]:
    """Masks as if every byte were a character; gives fastText's gaps between words, and letters and digits."""
    blank = between(text, at, 0x09, 0x0D) | equal(text, at, 0x20)
    row[SPACE] = blank | between(text, at, 0x1C, 0x1F) | ~inside
    row[NEWLINE] = equal(text, at, 0x0A) & inside
    row[BREAK] = (between(text, at, 0x0A, 0x0D) | between(text, at, 0x1C, 0x1E)) & inside
    row[LEAD] = inside
    letters = between(text, at, ord("a"), ord("z")) | between(text, at, ord("A"), ord("Z"))
    return blank | equal(text, at, 0) | ~inside, (letters | between(text, at, ord("0"), ord("9"))) & inside


@leaf
def _scan_others(
    text: Bytes,
    at: int,
    size: int,
    others: np.uint64,
    alnum: np.uint64,
    decoded: tuple[int, int],
    classes: Classes,
    row: NDArray[np.uint64],
    counts: Counts,
) -> tuple[np.uint64, tuple[int, int]]:
    """Patch the masks of a block where its non-ASCII bytes are; gives letters and digits, and the next state."""
    stop, kind = decoded
    while others:
        here = trailing_zeros(others)
        bit = _ONE << np.uint64(here)
        others ^= bit
        if at + here >= stop:
            code, length = decode(text, at + here, size)
            stop, kind = at + here + length, np.int64(classes[code])
            counts.num_ellipses += code == characters.ELLIPSIS
            if kind & characters.ALNUM:
                alnum |= bit
        else:
            row[LEAD] ^= bit
        if kind & characters.SPACE:
            row[SPACE] |= bit
        if kind & characters.BREAK:
            row[BREAK] |= bit
    return alnum, (stop, kind)


@leaf
def _find_phrases(text: Bytes, at: int, size: int, candidates: np.uint64, classes: Classes) -> np.uint64:
    found = np.uint64(0)
    while candidates:
        here = trailing_zeros(candidates)
        bit = _ONE << np.uint64(here)
        candidates ^= bit
        if phrase_at(text, at + here, size, classes):
            found |= bit
    return found


@inlined
def _count_ellipses(
    text: Bytes, at: int, size: int, inside: np.uint64, free: tuple[int, int], counts: Counts
) -> tuple[int, int]:
    """Count "..." and ". . ." that do not overlap, as ``str.count`` does."""
    dots = equal(text, at, ord(".")) & inside
    if not dots:
        return free
    close_free, apart_free = free
    close = dots & equal(text, at + 1, ord(".")) & equal(text, at + 2, ord("."))
    apart = dots & equal(text, at + 1, ord(" ")) & equal(text, at + 2, ord("."))
    if close:
        number, close_free = _count_apart(close, 3, at, size, close_free)
        counts.num_ellipses += number
    if apart:
        apart &= equal(text, at + 3, ord(" ")) & equal(text, at + 4, ord("."))
        number, apart_free = _count_apart(apart, 5, at, size, apart_free)
        counts.num_spaced_ellipses += number
    return close_free, apart_free


@leaf
def _count_apart(starts: np.uint64, length: int, at: int, size: int, free: int) -> tuple[int, int]:
    number = 0
    while starts:
        here = at + trailing_zeros(starts)
        starts &= starts - _ONE
        if free <= here <= size - length:
            number += 1
            free = here + length
    return number, free


@inlined
def rank(masks: NDArray[np.uint64], column: int, column_before: int, position: int) -> int:
    """Number of bits of a column set before a position: its characters or its words."""
    row = masks[position // BLOCK]
    return np.int64(row[column_before]) + popcount(row[column] & low_bits(position % BLOCK))


@inlined
def num_chars(masks: NDArray[np.uint64], start: int, end: int) -> int:
    """Number of characters in a range of bytes."""
    return rank(masks, LEAD, CHARS_BEFORE, end) - rank(masks, LEAD, CHARS_BEFORE, start)


@inlined
def word_range(masks: NDArray[np.uint64], start: int, end: int) -> tuple[int, int]:
    """The range of words that start in a range of bytes."""
    return rank(masks, START, WORDS_BEFORE, start), rank(masks, START, WORDS_BEFORE, end)


@inlined
def next_set(masks: NDArray[np.uint64], column: int, position: int, end: int) -> int:
    """The first position from ``position`` on where a column's bit is set, or ``end``."""
    if position >= end:
        return end
    block = position // BLOCK
    row = masks[block, column] & ~low_bits(position % BLOCK)
    while row == 0:
        block += 1
        if block * BLOCK >= end:
            return end
        row = masks[block, column]
    return min(block * BLOCK + trailing_zeros(row), end)


@inlined
def is_space(masks: NDArray[np.uint64], position: int) -> bool:
    """Whether the byte at a position belongs to a whitespace character."""
    return (masks[position // BLOCK, SPACE] >> np.uint64(position % BLOCK)) & _ONE == _ONE


@inlined
def strip(masks: NDArray[np.uint64], start: int, end: int) -> tuple[int, int]:
    """The range without the whitespace at both ends, as ``str.strip``."""
    while start < end and is_space(masks, start):
        start += 1
    while start < end and is_space(masks, end - 1):
        end -= 1
    return start, end
