"""Short strings with numbers, in one array that a kernel looks them up in by hash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.hashing import hash_bytes, num_slots
from winnow.kernels.jit import inlined, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

LONGEST = 31
"""Bytes that a string may have."""

_NUM_KINDS = 4
_FILTER = _NUM_KINDS * 256
"""Words before the slots: for a kind and a byte, a bit for each size of the strings that start with it, and 32 bits
higher for those that end with it. They turn away nine in ten of the strings that are looked for and not there."""

NOT_FOUND = -1

Strings: TypeAlias = "NDArray[np.uint64]"
"""A filter, then the slots: the hash of a string and its kind (0: empty), and its number."""


def as_buffer(string: str) -> Bytes:
    """The UTF-8 bytes of a string with the padding that kernels want."""
    return np.frombuffer(bytearray(string.encode() + bytes(PADDING)), np.uint8)


def string_table(entries: Iterable[tuple[int, str, int]]) -> Strings:
    """A table of strings from kinds, strings and numbers (not negative)."""
    listed = list(entries)
    table = np.zeros(_FILTER + 2 * num_slots(len(listed)), np.uint64)
    for kind, string, number in listed:
        encoded = string.encode()
        size = len(encoded)
        if size > LONGEST:
            raise ValueError(f"{string!r} has {size} bytes; a string table holds up to {LONGEST}")
        wanted = hash_bytes(as_buffer(string), 0, size) ^ np.uint64(kind)
        slot = _slot(table, wanted)
        table[slot], table[slot + 1] = wanted, number
        table[256 * kind + encoded[0]] |= np.uint64(1 << size)
        table[256 * kind + encoded[-1]] |= np.uint64(1 << size + 32)
    return table


@inlined
def _slot(table: Strings, wanted: np.uint64) -> int:
    last = np.uint64((table.size - _FILTER) // 2 - 1)
    slot = wanted & last
    at = _FILTER + 2 * np.int64(slot)
    while table[at] != 0 and table[at] != wanted:
        slot = (slot + np.uint64(1)) & last
        at = _FILTER + 2 * np.int64(slot)
    return at


@inlined
def may_hold(table: Strings, kind: int, text: Bytes, start: int, end: int) -> bool:
    """Whether the string ``text[start:end]`` may be in the table: soon told, and mostly not."""
    if end - start > LONGEST or end <= start:
        return False
    sizes = table[256 * kind + text[start]] & (table[256 * kind + text[end - 1]] >> np.uint64(32))
    return (sizes >> np.uint64(end - start)) & np.uint64(1) != 0


@leaf
def find_hash(table: Strings, kind: int, hashed: np.uint64) -> int:
    """The number of the string with a hash, or NOT_FOUND."""
    slot = _slot(table, hashed ^ np.uint64(kind))
    return np.int64(table[slot + 1]) if table[slot] != 0 else NOT_FOUND


@inlined
def find_string(table: Strings, kind: int, text: Bytes, start: int, end: int) -> int:
    """The number of the string ``text[start:end]``, or NOT_FOUND."""
    if not may_hold(table, kind, text, start, end):
        return NOT_FOUND
    return find_hash(table, kind, hash_bytes(text, start, end))
