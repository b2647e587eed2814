"""What rewrites text, and how several rewrites make one.

An editor changes texts and counts what it took. It drops no document: one that loses everything stays, with an empty
text, and a rule over the numbers decides about it. Words are counted once before the first editor and once after the
last, at 1 ns a byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from winnow.core.errors import RecipeError, did_you_mean

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Buffers = tuple[Bytes, Offsets, NDArray[np.int32]]
"""Texts (text i is ``bytes[offsets[i]:offsets[i + 1]]``) and, a row a text, what was taken from it."""


@dataclass(frozen=True)
class EditedText:
    """New texts, in the order of the old ones, and for each a row of the editor's columns."""

    texts: pa.StringArray
    counts: pa.RecordBatch


Rewrite = Callable[[pa.StringArray], EditedText]


class Editor(Protocol):
    """Rewrites text: a batch in, the new texts and what was taken away out.

    An editor is a frozen, keyword-only dataclass whose fields are plain data. Its class may set ``version`` (a class
    attribute), raised when the same fields give other texts.
    """

    def columns(self) -> pa.Schema:
        """The counts it writes; each field's metadata holds ``description`` and ``unit``."""

    def load(self) -> Rewrite:
        """Open what is needed and give the function that rewrites; called once per worker."""


@dataclass(frozen=True)
class Chain:
    """Editors applied one after the other."""

    editors: tuple[Editor, ...]

    def columns(self) -> pa.Schema:
        """Words before and after, the fraction removed, then the columns of every editor."""
        return pa.schema([*_WORD_COLUMNS, *(field for editor in self.editors for field in editor.columns())])

    def load(self) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """The function from documents to their new ``text`` and the columns; called once per worker."""
        from winnow.kernels.edit_characters import count_words, edit_classes

        classes = edit_classes()
        rewrites = [editor.load() for editor in self.editors]
        schema = pa.schema([pa.field("text", pa.string()), *self.columns()])

        def edit(documents: pa.RecordBatch) -> pa.RecordBatch:
            texts = documents.column("text").fill_null("")
            before = count_words(*_buffers(texts), classes)
            counts = []
            for rewrite in rewrites:
                edited = rewrite(texts)
                texts = edited.texts
                counts += edited.counts.columns
            after = count_words(*_buffers(texts), classes)
            words = [before, after, _removed_fraction(before, after)]
            return pa.RecordBatch.from_arrays([texts, *map(pa.array, words), *counts], schema=schema)

        return edit


def chain(editors: tuple[Editor, ...]) -> Chain:
    """Editors as one, the first one first.

    Raises:
        RecipeError: two of them write the same column.
    """
    chained = Chain(editors)
    names = chained.columns().names
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                f"two editors of one Edit write the column {name!r}: put the second one in an Edit of its own"
            )
    return chained


def check_choice(field: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a field's value that is none of the choices (RecipeError)."""
    if value not in choices:
        raise RecipeError(f"{field}={value!r} is not known; {did_you_mean(value, choices)}")


def count_column(name: str, description: str, unit: str = "lines") -> pa.Field:
    """An int32 column with how many things an editor took from a document."""
    return pa.field(name, pa.int32(), metadata={"description": description, "unit": unit})


def native(kernel: Callable[[Bytes, Offsets], Buffers], columns: pa.Schema) -> Rewrite:
    """A rewrite that runs a kernel on a copy of the texts, which it may change."""

    def rewrite(texts: pa.StringArray) -> EditedText:
        data, offsets, counts = kernel(*_buffers(texts))
        arrays = [pa.array(column) for column in counts.T]
        return EditedText(_string_array(data, offsets), pa.RecordBatch.from_arrays(arrays, schema=columns))

    return rewrite


def _buffers(texts: pa.StringArray) -> tuple[Bytes, Offsets]:
    """A copy of the texts' bytes, padded for vectors, and their offsets from 0."""
    from winnow.kernels.buffers import PADDING, text_buffers

    data, offsets = text_buffers(texts)
    return data[offsets[0] : offsets[-1] + PADDING].copy(), offsets - offsets[0]


def _string_array(data: Bytes, offsets: Offsets) -> pa.StringArray:
    buffers = pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data[: offsets[-1]])
    return pa.StringArray.from_buffers(len(offsets) - 1, *buffers)


def _removed_fraction(before: NDArray[np.int32], after: NDArray[np.int32]) -> NDArray[np.float64]:
    """1 where there was no word, as if all were gone; never below 0, though cutting a sign may bare a word."""
    removed = np.maximum(before.astype(np.float64) - after, 0.0)
    return np.divide(removed, before, out=np.ones(len(before)), where=before > 0)


_WORD_COLUMNS = (
    pa.field(
        "num_words_before",
        pa.int32(),
        metadata={"description": "fastText words that start with a letter or number, in the old text", "unit": "words"},
    ),
    pa.field("num_words_after", pa.int32(), metadata={"description": "The same, in the new text", "unit": "words"}),
    pa.field(
        "words_removed_fraction",
        pa.float64(),
        metadata={"description": "Share of the words that are gone; 1 where there was none", "range": "[0, 1]"},
    ),
)
