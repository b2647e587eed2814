"""Megatron-LM's indexed dataset: ``.bin``, the ids of all sequences, and ``.idx``, where each lies.

The index (NVIDIA/Megatron-LM, megatron/core/datasets/indexed_dataset.py, version 1), little-endian throughout::

    9 bytes     "MMIDIDX" and two zeros
    uint64      version, 1
    uint8       type of the ids: 1 uint8, 2 int8, 3 int16, 4 int32, 5 int64, 8 uint16
    uint64      number of sequences
    uint64      number of documents and one
    int32[]     ids of each sequence
    int64[]     first byte of each sequence in the .bin file
    int64[]     number of the first sequence of each document, and the number of sequences
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from winnow.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQQ")
TYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}


class Index(NamedTuple):
    """What an ``.idx`` file says."""

    type: np.dtype[Any]
    """Of the ids in the ``.bin`` file."""
    starts: NDArray[np.int64]
    """The first id of each document in the ``.bin`` file, and one past the last document's last."""


def id_type(vocab_size: int) -> np.dtype[Any]:
    """What Megatron-LM reads ids of such a vocabulary as: uint16 where it suffices, else int32."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<i4")


def write_index(path: Path, type: np.dtype[Any], lengths: NDArray[np.int64]) -> None:
    """Write the ``.idx`` file of documents of such lengths, each one sequence, that lie one after another."""
    code = next(code for code, name in TYPES.items() if np.dtype(name) == type)
    number = len(lengths)
    with path.open("wb") as opened:
        opened.write(HEADER.pack(MAGIC, 1, code, number, number + 1))
        lengths.astype("<i4").tofile(opened)
        ((np.cumsum(lengths) - lengths) * type.itemsize).astype("<i8").tofile(opened)
        np.arange(number + 1, dtype="<i8").tofile(opened)


def read_index(path: Path) -> Index:
    """Read an ``.idx`` file; InputError where it is none, or where its sequences do not lie one after another."""
    content = path.read_bytes()
    if len(content) < HEADER.size or not content.startswith(MAGIC):
        raise InputError(f"{path} is no index of Megatron-LM: it does not begin with {MAGIC[:7].decode()}")
    _, version, code, num_sequences, num_documents = HEADER.unpack_from(content)
    if version != 1 or code not in TYPES:
        raise InputError(f"{path} has version {version} and ids of type {code}; known: version 1, types {[*TYPES]}")
    if len(content) < HEADER.size + 12 * num_sequences + 8 * num_documents:
        raise InputError(f"{path} ends early: it has {len(content)} bytes for {num_sequences} sequences; copy it again")
    lengths = np.frombuffer(content, "<i4", num_sequences, HEADER.size).astype(np.int64)
    pointers = np.frombuffer(content, "<i8", num_sequences, HEADER.size + 4 * num_sequences)
    documents = np.frombuffer(content, "<i8", num_documents, HEADER.size + 12 * num_sequences)
    kind = np.dtype(TYPES[code])
    ends = np.concatenate([[0], np.cumsum(lengths)])
    if not np.array_equal(pointers, ends[:-1] * kind.itemsize):
        raise InputError(f"{path} points to sequences that do not lie one after another: write it again in its order")
    return Index(kind, ends[documents])
