"""Windows of words that a text shares with others: where to look for them, and their hashes.

A window has ``length`` tokens. Of the runs of half its length in it, the one with the lowest hash is its anchor, so
equal windows have equal anchors (winnowing: Schleimer, Wilkerson and Aiken 2003), and neighbours mostly share one: a
text has one anchor for about every 13 tokens at a length of 50. A window can only repeat where its anchor does; only
there are windows hashed, in full and with 128 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import SPACE, Classes, character_classes, decode
from winnow.kernels.hashing import hash_bytes, mix
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.paragraphs import UNIT, second_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

TOKENS = ("words", "characters")
_BASE = np.uint64(0x9FB21C651E98DF25)
_SECOND_BASE = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)
_ABSENT = -1


class Room(NamedTuple):
    """Room for the tokens of the longest document."""

    starts: NDArray[np.int32]  # in characters
    ends: NDArray[np.int32]
    high: NDArray[np.uint64]  # hash of the token
    low: NDArray[np.uint64]  # another one
    runs: NDArray[np.uint64]  # hash of the run of half the length from a token on
    queue: NDArray[np.int64]  # runs that are the lowest of those after them


def count_windows(data: Bytes, offsets: NDArray[np.int64], length: int, by_word: bool) -> NDArray[np.int64]:
    """How many windows of ``length`` tokens each of the documents ``data[offsets[i]:offsets[i + 1]]`` has."""
    counts = np.empty(len(offsets) - 1, np.int64)
    _count_windows(data, offsets, length, by_word, character_classes(), _room(offsets), counts)
    return counts


def anchors(data: Bytes, offsets: NDArray[np.int64], length: int, by_word: bool) -> NDArray[np.uint64]:
    """The hashes of the anchors of all windows; an anchor that stands in two places is there twice."""
    found = np.empty(int(offsets[-1] - offsets[0]), np.uint64)
    number = _find_anchors(data, offsets, length, by_word, character_classes(), _room(offsets), found)
    return found[:number]


def windows(
    data: Bytes, offsets: NDArray[np.int64], length: int, by_word: bool, wanted: NDArray[np.uint64]
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The windows (of UNIT) whose anchor is ``wanted``, and where those of each document end; ``wanted`` ascend."""
    found, ends = np.empty(int(offsets[-1] - offsets[0]), UNIT), np.empty(len(offsets) - 1, np.int64)
    number = _find_windows(data, offsets, length, by_word, character_classes(), _room(offsets), wanted, found, ends)
    return found[:number], ends


def _room(offsets: NDArray[np.int64]) -> Room:
    size = int(np.diff(offsets).max(initial=0))
    kinds = (np.int32, np.int32, np.uint64, np.uint64, np.uint64, np.int64)
    return Room(*(np.empty(size, kind) for kind in kinds))


@leaf
def _count_windows(
    data: Bytes,
    offsets: NDArray[np.int64],
    length: int,
    by_word: bool,
    classes: Classes,
    room: Room,
    counts: NDArray[np.int64],
) -> None:
    for row in range(offsets.size - 1):
        num_tokens = _find_tokens(data, offsets[row], offsets[row + 1], by_word, classes, room)
        counts[row] = max(0, num_tokens - length + 1)


@leaf
def _find_anchors(
    data: Bytes,
    offsets: NDArray[np.int64],
    length: int,
    by_word: bool,
    classes: Classes,
    room: Room,
    found: NDArray[np.uint64],
) -> int:
    number = 0
    for row in range(offsets.size - 1):
        num_tokens = _find_tokens(data, offsets[row], offsets[row + 1], by_word, classes, room)
        _hash_runs(room, num_tokens, length)
        head = tail = 0
        anchor = _ABSENT
        for start in range(num_tokens - length + 1):
            head, tail = _slide(room, start, length, head, tail)
            if room.queue[head] != anchor:
                anchor = room.queue[head]
                found[number] = room.runs[anchor]
                number += 1
    return number


@leaf
def _find_windows(
    data: Bytes,
    offsets: NDArray[np.int64],
    length: int,
    by_word: bool,
    classes: Classes,
    room: Room,
    wanted: NDArray[np.uint64],
    found: NDArray[np.void],
    ends: NDArray[np.int64],
) -> int:
    leaving, second_leaving = _power(_BASE, length), _power(_SECOND_BASE, length)
    number = 0
    for row in range(offsets.size - 1):
        num_tokens = _find_tokens(data, offsets[row], offsets[row + 1], by_word, classes, room)
        _hash_runs(room, num_tokens, length)
        head = tail = 0
        anchor, is_wanted, high, low = _ABSENT, False, np.uint64(0), np.uint64(0)
        for last in range(num_tokens):
            start = last - length + 1
            high, low = high * _BASE + room.high[last], low * _SECOND_BASE + room.low[last]
            if start > 0:
                high -= room.high[start - 1] * leaving
                low -= room.low[start - 1] * second_leaving
            if start >= 0:
                head, tail = _slide(room, start, length, head, tail)
                if room.queue[head] != anchor:
                    anchor = room.queue[head]
                    is_wanted = _is_among(wanted, room.runs[anchor])
                if is_wanted:
                    found[number].start, found[number].end = room.starts[start], room.ends[last]
                    found[number].high, found[number].low = mix(high, _BASE), mix(low, _SECOND_BASE)
                    number += 1
        ends[row] = number
    return number


@inlined
def _run_length(length: int) -> int:
    """Tokens of a run: a window has about as many runs as a run has tokens."""
    return (length + 1) // 2


@inlined
def _power(base: np.uint64, exponent: int) -> np.uint64:
    power = _ONE
    for _ in range(exponent):
        power *= base
    return power


@leaf
def _find_tokens(data: Bytes, start: int, end: int, by_word: bool, classes: Classes, room: Room) -> int:
    """Fill starts, ends and hashes of the tokens of ``data[start:end]``; gives how many there are."""
    number, chars, at = 0, 0, start
    first, first_char = _ABSENT, 0
    while at < end:
        code, size = decode(data, at, end)
        is_space = by_word and classes[code] & SPACE != 0
        if first != _ABSENT and (is_space or not by_word):
            _write_token(data, first, at, first_char, chars, number, room)
            first, number = _ABSENT, number + 1
        if first == _ABSENT and not is_space:
            first, first_char = at, chars
        at, chars = at + size, chars + 1
    if first != _ABSENT:
        _write_token(data, first, end, first_char, chars, number, room)
        number += 1
    return number


@inlined
def _write_token(data: Bytes, start: int, end: int, start_char: int, end_char: int, number: int, room: Room) -> None:
    room.starts[number], room.ends[number] = start_char, end_char
    room.high[number], room.low[number] = hash_bytes(data, start, end), second_hash(data, start, end)


@leaf
def _hash_runs(room: Room, num_tokens: int, length: int) -> None:
    size = _run_length(length)
    leaving, state = _power(_BASE, size), np.uint64(0)
    for last in range(num_tokens):
        state = state * _BASE + room.high[last]
        if last >= size:
            state -= room.high[last - size] * leaving
        if last >= size - 1:
            room.runs[last - size + 1] = mix(state, _SECOND_BASE)


@inlined
def _slide(room: Room, start: int, length: int, head: int, tail: int) -> tuple[int, int]:
    """Move the window on to ``start``: ``room.queue[head:tail]`` may become its anchor, the first one is."""
    newest = start + length - _run_length(length)
    oldest = start if start == 0 else newest
    if start == 0:
        head = tail = 0
    for run in range(oldest, newest + 1):
        while tail > head and room.runs[room.queue[tail - 1]] > room.runs[run]:
            tail -= 1
        room.queue[tail] = run
        tail += 1
    while room.queue[head] < start:
        head += 1
    return head, tail


@inlined
def _is_among(sorted_hashes: NDArray[np.uint64], hashed: np.uint64) -> bool:
    low, high = 0, sorted_hashes.size
    while low < high:
        middle = (low + high) // 2
        if sorted_hashes[middle] < hashed:
            low = middle + 1
        else:
            high = middle
    return low < sorted_hashes.size and sorted_hashes[low] == hashed
