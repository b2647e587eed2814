"""The lines, paragraphs or runs of sentences of a text, each with a hash of what it says.

Their hashes have 128 bits, in two halves that are computed apart: among 10^12 lines two that differ agree with a
probability of 10^-15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import SPACE, Classes, character_classes, decode, decode_before
from winnow.kernels.hashing import hash_bytes, mix
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.sentences import without_closers
from winnow.kernels.simd import low_bits, word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

LINE, PARAGRAPH, SENTENCES = range(3)
UNITS = ("line", "paragraph", "sentences")
RUN = 3
"""Sentences of a run (Raffel et al. 2020, section 2.2)."""

UNIT = np.dtype([("start", np.int32), ("end", np.int32), ("high", np.uint64), ("low", np.uint64)])
"""A part of a text, in characters, and the hash of its content, without the newlines after it."""

_NEWLINE = 0x0A
_FACTOR = np.uint64(0xFF51AFD7ED558CCD)
_LENGTH = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(29)


class Piece(NamedTuple):
    """A line, paragraph or sentence, in bytes."""

    start: int
    end: int  # of its content
    stop: int  # of what belongs to it: the newlines after it


def units(
    data: Bytes, offsets: NDArray[np.int64], kind: int, min_length: int, stripped: bool
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The units (of UNIT) of the documents ``data[offsets[i]:offsets[i + 1]]``, and where those of each document end.

    Units of fewer than ``min_length`` characters are left out. ``stripped`` units are compared without the white space
    at their ends. ``data`` has PADDING bytes after the last document.
    """
    room = int(offsets[-1] - offsets[0]) + len(offsets)
    found, ends = np.empty(room, UNIT), np.empty(len(offsets) - 1, np.int64)
    number = _find_units(data, offsets, kind, min_length, stripped, character_classes(), found, ends)
    return found[:number], ends


@leaf
def _find_units(
    data: Bytes,
    offsets: NDArray[np.int64],
    kind: int,
    min_length: int,
    stripped: bool,
    classes: Classes,
    found: NDArray[np.void],
    ends: NDArray[np.int64],
) -> int:
    """Fill ``found`` and ``ends``; gives how many units there are."""
    number = 0
    shortest = 1 if kind == SENTENCES else min_length
    for row in range(offsets.size - 1):
        at, end, chars, first = offsets[row], offsets[row + 1], 0, number
        while at < end:
            piece = _next_piece(data, at, end, kind, classes)
            chars += _num_chars(data, at, piece.start)
            whole = _num_chars(data, piece.start, piece.stop)
            start, last = piece.start, piece.end
            if stripped:
                start, last = _strip(data, start, last, classes)
            if _num_chars(data, start, last) >= shortest and whole:
                found[number].start, found[number].end = chars, chars + whole
                found[number].high, found[number].low = hash_bytes(data, start, last), second_hash(data, start, last)
                number += 1
            at, chars = piece.stop, chars + whole
        if kind == SENTENCES:
            number = _join_runs(found, first, number, min_length)
        ends[row] = number
    return number


@inlined
def _next_piece(data: Bytes, at: int, end: int, kind: int, classes: Classes) -> Piece:
    if kind == LINE:
        stop = _line_end(data, at, end)
        return Piece(at, stop, min(stop + 1, end))
    if kind == PARAGRAPH:
        return _paragraph(data, at, end, classes)
    return _sentence(data, at, end, classes)


@inlined
def _line_end(data: Bytes, at: int, end: int) -> int:
    while at < end and data[at] != _NEWLINE:
        at += 1
    return at


@leaf
def _paragraph(data: Bytes, start: int, end: int, classes: Classes) -> Piece:
    """Lines up to the next one that is blank; the blank lines after it belong to it."""
    last = start
    at = start
    while at < end:
        stop = _line_end(data, at, end)
        if _is_blank(data, at, stop, classes):
            break
        last = stop
        at = min(stop + 1, end)
    while at < end:
        stop = _line_end(data, at, end)
        if not _is_blank(data, at, stop, classes):
            break
        at = min(stop + 1, end)
    return Piece(start, last, at)


@inlined
def _is_blank(data: Bytes, start: int, end: int, classes: Classes) -> bool:
    first, last = _strip(data, start, end, classes)
    return first >= last


@leaf
def _sentence(data: Bytes, at: int, end: int, classes: Classes) -> Piece:
    """Up to a word that ends in . ! or ?, perhaps with quotes and brackets after it, or to the end of the line."""
    start = _skip_space(data, at, end, classes)
    at = last = start
    while at < end and data[at] != _NEWLINE:
        code, length = decode(data, at, end)
        if classes[code] & SPACE:
            if _ends_sentence(data, start, last):
                break
        else:
            last = at + length
        at += length
    return Piece(start, last, last)


@inlined
def _ends_sentence(data: Bytes, start: int, end: int) -> bool:
    end = without_closers(data, start, end)
    return end > start and data[end - 1] in (ord("."), ord("!"), ord("?"))


@inlined
def _skip_space(data: Bytes, at: int, end: int, classes: Classes) -> int:
    while at < end:
        code, length = decode(data, at, end)
        if classes[code] & SPACE == 0:
            break
        at += length
    return at


@inlined
def _strip(data: Bytes, start: int, end: int, classes: Classes) -> tuple[int, int]:
    start = _skip_space(data, start, end, classes)
    while end > start:
        code, length = decode_before(data, start, end)
        if classes[code] & SPACE == 0:
            break
        end -= length
    return start, end


@inlined
def _num_chars(data: Bytes, start: int, end: int) -> int:
    count = 0
    for at in range(start, end):
        count += (data[at] & 0xC0) != 0x80
    return count


@inlined
def second_hash(data: Bytes, start: int, end: int) -> np.uint64:
    """Another hash of ``data[start:end]``, which shares no step with ``hash_bytes``."""
    state, at = np.uint64(end - start) * _FACTOR, start
    while end - at > 8:
        state = (state ^ (state >> _SHIFT)) * _LENGTH + word_at(data, at)
        at += 8
    state = (state ^ (state >> _SHIFT)) * _LENGTH + (word_at(data, at) & low_bits(8 * (end - at)))
    state = (state ^ (state >> _SHIFT)) * _FACTOR
    return state ^ (state >> np.uint64(32))


@leaf
def _join_runs(found: NDArray[np.void], first: int, end: int, min_length: int) -> int:
    """Make runs of RUN sentences of the sentences ``found[first:end]``; gives where those of some length end."""
    number = first
    for start in range(first, end - RUN + 1):
        high = low = np.uint64(RUN)
        for place in range(start, start + RUN):
            high, low = mix(high, found[place].high), mix(low, found[place].low)
        begin, stop = found[start].start, found[start + RUN - 1].end
        if stop - begin >= min_length:
            found[number].start, found[number].end, found[number].high, found[number].low = begin, stop, high, low
            number += 1
    return number
