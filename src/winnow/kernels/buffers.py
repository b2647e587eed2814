"""Arrow text as NumPy arrays that kernels may read in vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bytes: TypeAlias = "NDArray[np.uint8]"

PADDING = 128
"""Bytes that a kernel may read past the end of a text, whatever they hold."""


def text_buffers(texts: pa.Array) -> tuple[Bytes, NDArray[np.int64]]:
    """The bytes of a string array and the offsets of its texts: text i is ``data[offsets[i]:offsets[i + 1]]``.

    Nulls are empty texts. The array may be sliced and may hold invalid UTF-8. ``data`` is a view of Arrow's buffer
    where PADDING bytes follow the last text there, else a copy of the texts.

    Raises:
        TypeError: the array holds neither string nor large_string (nor binary, nor large_binary).
    """
    if not _is_text(texts.type):
        raise TypeError(f"expected an array of strings, got {texts.type}; cast it to string or large_string")
    if texts.null_count:
        texts = texts.fill_null("" if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type) else b"")
    _, offset_buffer, data_buffer = texts.buffers()
    width = np.int64 if _is_large(texts.type) else np.int32
    if offset_buffer is None or offset_buffer.size == 0:
        return np.zeros(PADDING, np.uint8), np.zeros(len(texts) + 1, np.int64)
    offsets = np.frombuffer(offset_buffer, width, len(texts) + 1, texts.offset * width().itemsize).astype(np.int64)
    data = np.frombuffer(data_buffer or b"", np.uint8)
    if data.size - offsets[-1] >= PADDING:
        return data, offsets
    padded = np.zeros(offsets[-1] - offsets[0] + PADDING, np.uint8)
    padded[: offsets[-1] - offsets[0]] = data[offsets[0] : offsets[-1]]
    return padded, offsets - offsets[0]


def _is_large(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_binary(kind) or _is_large(kind)
