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

LONGEST = 32
"""Bytes that a string may have."""

NOT_FOUND = -1

Strings: TypeAlias = "NDArray[np.uint64]"
"""A table: each slot is the hash of a string and its kind (0: empty), and the number."""


def as_buffer(string: str) -> Bytes:
    """The UTF-8 bytes of a string with the padding that kernels want."""
    return np.frombuffer(string.encode() + bytes(PADDING), np.uint8)


def string_table(entries: Iterable[tuple[int, str, int]]) -> Strings:
    """A table of strings from kinds, strings and numbers (not negative)."""
    listed = list(entries)
    table = np.zeros(2 * num_slots(2 * len(listed)), np.uint64)
    for kind, string, number in listed:
        size = len(string.encode())
        if size > LONGEST:
            raise ValueError(f"{string!r} has {size} bytes; a string table holds up to {LONGEST}")
        wanted = hash_bytes(as_buffer(string), 0, size) ^ np.uint64(kind)
        slot = _slot(table, wanted)
        table[slot], table[slot + 1] = wanted, number
    return table


@inlined
def _slot(table: Strings, wanted: np.uint64) -> int:
    last = np.uint64(table.size // 2 - 1)
    slot = wanted & last
    while table[2 * slot] != 0 and table[2 * slot] != wanted:
        slot = (slot + np.uint64(1)) & last
    return 2 * np.int64(slot)


@inlined
def find_hash(table: Strings, kind: int, hashed: np.uint64) -> int:
    """The number of the string with a hash, or NOT_FOUND."""
    slot = _slot(table, hashed ^ np.uint64(kind))
    return np.int64(table[slot + 1]) if table[slot] != 0 else NOT_FOUND


@leaf
def find_string(table: Strings, kind: int, text: Bytes, start: int, end: int) -> int:
    """The number of the string ``text[start:end]``, or NOT_FOUND."""
    if end - start > LONGEST or end <= start:
        return NOT_FOUND
    return find_hash(table, kind, hash_bytes(text, start, end))
