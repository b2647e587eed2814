"""Arrow text as NumPy arrays that kernels may read in vectors."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bytes: TypeAlias = "NDArray[np.uint8]"

SPAN = np.dtype([("start", np.int32), ("end", np.int32)])
"""A part of a text, in bytes."""

PADDING = 128
"""Bytes that a kernel may read past the end of a text, whatever they hold."""


def text_buffers(texts: pa.Array) -> tuple[Bytes, NDArray[np.int64]]:
    """The bytes of a string array and the offsets of its texts: text i is ``data[offsets[i]:offsets[i + 1]]``.

    Nulls are empty texts. The array may be sliced and may hold invalid UTF-8. ``data`` is a view of Arrow's buffer
    where PADDING bytes follow the last text there, else a copy of the texts; either way, do not write to it.

    Raises:
        TypeError: the array holds neither strings nor bytes.
    """
    if not _is_text(texts.type):
        raise TypeError(f"expected an array of strings, got {texts.type}; cast it to string or large_string")
    if texts.null_count:
        texts = pc.fill_null(texts, pa.scalar(b"").cast(texts.type))
    _, offset_buffer, data_buffer = texts.buffers()
    if len(texts) == 0 or data_buffer is None:
        return np.zeros(PADDING, np.uint8), np.zeros(len(texts) + 1, np.int64)
    width = np.dtype(np.int64 if _is_large(texts.type) else np.int32)
    offsets = np.frombuffer(offset_buffer, width, len(texts) + 1, texts.offset * width.itemsize).astype(np.int64)
    start, end = int(offsets[0]), int(offsets[-1])
    if data_buffer.size - end >= PADDING:
        return _view(data_buffer), offsets
    padded = np.zeros(end - start + PADDING, np.uint8)
    padded[: end - start] = np.frombuffer(data_buffer, np.uint8, end - start, start)
    return padded, offsets - start


def _view(buffer: pa.Buffer) -> Bytes:
    """A buffer's bytes as an array that NumPy takes for writable: kernels are compiled once for views and copies."""
    block = (ctypes.c_uint8 * buffer.size).from_address(buffer.address)
    block.buffer = buffer  # the view keeps it alive
    return np.ctypeslib.as_array(block)


def _is_large(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_binary(kind) or _is_large(kind)
