"""Byte-level BPE: text is split as GPT-2 splits it, and the bytes of each piece are merged pair by pair.

Radford et al. 2019 (openai/gpt-2, ``encoder.py``): a piece is a run of letters, of digits or of other characters with
at most one space before it, one of seven English endings, or white space; in each piece the pair of tokens that was
learnt first is merged until no pair is known. The ids are those of the tokenizers library to the last one.

Pieces repeat, so each is merged once a call and found by its hash afterwards. What is beyond the kernel is left to the
library, whole documents at a time: characters younger than Python's Unicode tables, and pieces of over MAX_PIECE bytes.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import NUM_CODE_POINTS, decode
from winnow.kernels.hashing import hash_bytes, num_slots
from winnow.kernels.jit import inlined, kernel, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

OTHER, LETTER, NUMBER, SPACE, UNKNOWN = range(5)
MAX_PIECE = 1024
"""Bytes of a piece: merging takes their square."""
MAX_KNOWN = 1 << 17
"""Pieces that are remembered at most; then all are forgotten."""
NEVER = (1 << 31) - 1
"""The rank of a pair that is not merged."""
_SPACES = (*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
"""Unicode's White_Space; ``str.isspace`` knows four more."""
_KINDS = {"L": LETTER, "N": NUMBER}
_BEYOND = ("Cn", "Cs")
_ASSIGNED = 0x40000
"""Beyond lie tags and private use, which are left to the library."""


class Merges(NamedTuple):
    """The pairs that are merged, found by their two ids."""

    keys: NDArray[np.int64]  # of each slot: the left id times 2^32 and the right one, or -1
    ranks: NDArray[np.int32]
    merged: NDArray[np.int32]
    byte_ids: NDArray[np.int32]  # of each byte


class _Known(NamedTuple):
    """Pieces that were met, by their hash, and their ids."""

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]  # 1 + where its ids begin; 0: the slot is empty
    ends: NDArray[np.int64]
    ids: NDArray[np.int32]
    size: NDArray[np.int64]  # pieces, and ids


class _Work(NamedTuple):
    """A piece that is being merged."""

    ids: NDArray[np.int32]
    ranks: NDArray[np.int32]  # of each id with the next one
    merged: NDArray[np.int32]  # what they would become


@functools.cache
def kinds() -> NDArray[np.uint8]:
    """What GPT-2's pattern takes each code point for: shape (0x110000,); takes 0.1 s once a process."""
    table = np.full(NUM_CODE_POINTS, UNKNOWN, np.uint8)
    for code in range(_ASSIGNED):
        category = unicodedata.category(chr(code))
        if category not in _BEYOND:
            table[code] = _KINDS.get(category[0], OTHER)
    table[list(_SPACES)] = SPACE
    return table


def make_merges(byte_ids: Sequence[int], merges: Mapping[tuple[int, int], int]) -> Merges:
    """The table of pairs, given in the order in which they were learnt, with what each becomes."""
    slots = num_slots(len(merges))
    made = Merges(
        np.full(slots, -1, np.int64),
        np.empty(slots, np.int32),
        np.empty(slots, np.int32),
        np.array(byte_ids, np.int32),
    )
    pairs = np.array([*merges.keys()], np.int64).reshape(-1, 2)
    _fill(made, pairs[:, 0] << 32 | pairs[:, 1], np.array([*merges.values()], np.int32))
    return made


@leaf
def _fill(merges: Merges, keys: NDArray[np.int64], merged: NDArray[np.int32]) -> None:
    for rank in range(keys.size):
        slot = _slot(merges, keys[rank])
        merges.keys[slot], merges.ranks[slot], merges.merged[slot] = keys[rank], rank, merged[rank]


@inlined
def _slot(merges: Merges, key: int) -> int:
    """Where a pair stands, or the empty slot where it would."""
    last = merges.keys.size - 1
    hashed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(hashed >> np.uint64(32)) & last
    while merges.keys[slot] != -1 and merges.keys[slot] != key:
        slot = (slot + 1) & last
    return slot


def encode_bytes(
    data: Bytes, offsets: NDArray[np.int64], merges: Merges, end_of_text: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
    """The ids of all texts, each with the end of text behind it, their offsets, and which texts are beyond the kernel.

    Text i is ``data[offsets[i]:offsets[i + 1]]``, with PADDING bytes after the last one (see ``buffers``); its ids are
    ``ids[new_offsets[i]:new_offsets[i + 1]]``, none where it is beyond.
    """
    room = min(MAX_KNOWN, int(offsets[-1] - offsets[0]) + 1)
    known = _Known(
        np.zeros(num_slots(room), np.uint64),
        np.zeros(num_slots(room), np.int64),
        np.zeros(num_slots(room), np.int64),
        np.empty(8 * room + MAX_PIECE, np.int32),
        np.zeros(2, np.int64),
    )
    return _encode(data, offsets, merges, end_of_text, kinds(), known)


@kernel
def _encode(
    data: Bytes,
    offsets: NDArray[np.int64],
    merges: Merges,
    end_of_text: int,
    kinds: NDArray[np.uint8],
    known: _Known,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
    number = offsets.size - 1
    ids = np.empty(offsets[-1] - offsets[0] + number, np.int32)
    new_offsets = np.zeros(number + 1, np.int64)
    beyond = np.zeros(number, np.bool_)
    work = _Work(np.empty(MAX_PIECE, np.int32), np.empty(MAX_PIECE, np.int32), np.empty(MAX_PIECE, np.int32))
    for text in range(number):
        first = new_offsets[text]
        last = _encode_text(data, offsets[text], offsets[text + 1], merges, kinds, known, work, ids, first)
        beyond[text] = last < 0
        if last >= 0:
            ids[last] = end_of_text
        new_offsets[text + 1] = first if last < 0 else last + 1
    return ids[: new_offsets[-1]].copy(), new_offsets, beyond


@leaf
def _encode_text(
    data: Bytes,
    at: int,
    end: int,
    merges: Merges,
    kinds: NDArray[np.uint8],
    known: _Known,
    work: _Work,
    ids: NDArray[np.int32],
    written: int,
) -> int:
    """Write the ids of one text; gives where they end, or -1 where the text is beyond."""
    while at < end:
        stop = piece_end(data, at, end, kinds)
        if stop < 0 or stop - at > MAX_PIECE:
            return -1
        slot = _find(data, at, stop, merges, known, work)
        for place in range(known.starts[slot] - 1, known.ends[slot]):
            ids[written] = known.ids[place]
            written += 1
        at = stop
    return written


@leaf
def _find(data: Bytes, at: int, stop: int, merges: Merges, known: _Known, work: _Work) -> int:
    """The slot of a piece, which is merged where it was not met before."""
    hashed = hash_bytes(data, at, stop)
    last = np.uint64(known.hashes.size - 1)
    slot = hashed & last
    while known.starts[slot] != 0 and known.hashes[slot] != hashed:
        slot = (slot + np.uint64(1)) & last
    if known.starts[slot] != 0:
        return np.int64(slot)
    if 3 * known.size[0] >= 2 * known.hashes.size or known.size[1] + MAX_PIECE > known.ids.size:
        _forget(known)
        slot = hashed & last
    number = _merge(data, at, stop, merges, work)
    known.hashes[slot], known.starts[slot] = hashed, 1 + known.size[1]
    for place in range(number):
        known.ids[known.size[1] + place] = work.ids[place]
    known.size[0] += 1
    known.size[1] += number
    known.ends[slot] = known.size[1]
    return np.int64(slot)


@leaf
def _forget(known: _Known) -> None:
    for slot in range(known.starts.size):
        known.starts[slot] = 0
    known.size[0] = known.size[1] = 0


@leaf
def _merge(data: Bytes, at: int, stop: int, merges: Merges, work: _Work) -> int:
    """Merge the bytes of a piece into ``work.ids``; gives how many are left."""
    number = stop - at
    for place in range(number):
        work.ids[place] = merges.byte_ids[data[at + place]]
    for place in range(number - 1):
        _rank(merges, work, place)
    while number > 1:
        best = 0
        for place in range(1, number - 1):
            if work.ranks[place] < work.ranks[best]:
                best = place
        if work.ranks[best] == NEVER:
            break
        work.ids[best] = work.merged[best]
        number -= 1
        for place in range(best + 1, number):
            work.ids[place] = work.ids[place + 1]
            work.ranks[place], work.merged[place] = work.ranks[place + 1], work.merged[place + 1]
        if best > 0:
            _rank(merges, work, best - 1)
        if best < number - 1:
            _rank(merges, work, best)
    return number


@inlined
def _rank(merges: Merges, work: _Work, place: int) -> None:
    """Look up the pair that begins at a place."""
    slot = _slot(merges, np.int64(work.ids[place]) << 32 | np.int64(work.ids[place + 1]))
    is_known = merges.keys[slot] != -1
    work.ranks[place] = merges.ranks[slot] if is_known else NEVER
    work.merged[place] = merges.merged[slot] if is_known else 0


@leaf
def piece_end(data: Bytes, at: int, end: int, kinds: NDArray[np.uint8]) -> int:
    """Where the piece that begins at ``at`` ends, or -1 where an unknown character decides."""
    ending = _ending(data, at, end)
    if ending > 0:
        return at + ending
    code, step = decode(data, at, end)
    kind, place = np.int64(kinds[code]), at + step
    if code == 0x20 and place < end:
        code, step = decode(data, place, end)
        if kinds[code] != SPACE:
            kind, place = np.int64(kinds[code]), place + step
    before = at
    while place < end and kind != UNKNOWN:
        code, step = decode(data, place, end)
        if kinds[code] == UNKNOWN:
            return -1
        if kinds[code] != kind:
            break
        before, place = place, place + step
    if kind == UNKNOWN:
        return -1
    if kind == SPACE and place < end and before > at:
        return before  # the last of several spaces belongs to what follows
    return place


@inlined
def _ending(data: Bytes, at: int, end: int) -> int:
    """Bytes of an English ending at ``at``: 's, 't, 'm, 'd, 're, 've, 'll; 0 where there is none."""
    if data[at] != 0x27 or at + 1 >= end:
        return 0
    one = data[at + 1]
    if one == 0x73 or one == 0x74 or one == 0x6D or one == 0x64:
        return 2
    if at + 2 >= end:
        return 0
    two = data[at + 2]
    return 3 if (two == 0x65 and (one == 0x72 or one == 0x76)) or (one == 0x6C and two == 0x6C) else 0
