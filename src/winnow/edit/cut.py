"""Text without the passages that stand elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import AlignmentError, RecipeError
from winnow.core.guard import Guard, guarded_over
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Part, Reshaping, Rows
from winnow.core.table import ShardWriter, Store
from winnow.edit.edit import Edit
from winnow.kernels.buffers import text_buffers

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPANS = "duplicate_spans"
COLUMNS = pa.schema(
    [
        pa.field("num_passages_removed", pa.int32(), metadata={"description": "Spans cut", "unit": "spans"}),
        pa.field("num_chars_removed", pa.int64(), metadata={"description": "Characters cut", "unit": "characters"}),
        pa.field(
            "chars_removed_fraction",
            pa.float64(),
            metadata={"description": "Share of the characters that are gone; 0 of none", "range": "[0, 1]"},
        ),
        pa.field(
            "num_chars_left",
            pa.int64(),
            metadata={"description": "Characters left, white space at both ends aside", "unit": "characters"},
        ),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Cut(Reshaping):
    """The documents without the spans that an aligned table marks in their text (its column ``duplicate_spans``).

    Every other column stays, and what was cut is counted in columns, as by an ``Edit``. A document that loses all its
    text stays, with an empty one: the rule ``documents.num_chars_left = 0`` rejects it.
    """

    documents: Rows
    """Those that ``marks`` judges, or a selection of them."""
    marks: Aligned

    def check(self) -> None:
        """Refuse marks without spans, and marks in a text that is not this one."""
        if SPANS not in self.marks.columns().names:
            raise RecipeError(
                f"{self.marks.label} marks no passages: it has the columns {', '.join(self.marks.columns().names)} and "
                f"not {SPANS}; give bloom_duplicates, line_duplicates or substring_duplicates"
            )
        below: Rows | None = self.documents
        while below is not None and below.key != self.marks.documents.key:
            if isinstance(below, Edit | Cut):
                raise RecipeError(
                    f"{below.label} has rewritten the text in which {self.marks.label} marks passages: "
                    f"look for passages in {below.label}"
                )
            below = next((step for step in below.inputs() if isinstance(step, Rows)), None)
        if below is None:
            raise RecipeError(
                f"{self.marks.label} marks passages in {self.marks.documents.label}, which {self.documents.label} "
                "is no selection of"
            )

    def schema(self) -> pa.Schema:
        """The documents' columns, then what was cut."""
        return pa.schema([*(field for field in self.documents.schema() if field.name not in COLUMNS.names), *COLUMNS])

    def split(self, store: Store) -> list[Part]:
        """One part per shard of the documents."""
        return list(range(num_shards(self.documents, store)))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """One shard of new documents per shard of old ones."""
        return ShardWriter(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Cut the texts of one shard."""
        marks = store.table(self.marks).shard(part, ["id", SPANS])
        batches = self.documents.open_shard(store, part)
        for rows in guarded_over(batches, self.documents.label, partial(self._cut, marks), out, guard):
            out.write(rows)

    def _cut(self, marks: pa.Table, documents: pa.RecordBatch) -> pa.RecordBatch:
        found = pc.index_in(documents.column("id"), marks.column("id").combine_chunks())
        if found.null_count:
            absent = documents.column("id").filter(found.is_null())[0]
            raise AlignmentError(
                f"document {absent} of {self.documents.label} is not in {self.marks.label}: delete the directory of "
                f"{self.marks.label} and run again"
            )
        texts, spans = documents.column("text"), marks.column(SPANS).combine_chunks().take(found)
        cut, removed = without(texts, spans)
        numbers = spans.value_lengths().fill_null(0).to_numpy()
        chars = pc.utf8_length(texts).fill_null(0).to_numpy()
        left = pc.utf8_length(pc.utf8_trim_whitespace(cut)).fill_null(0)
        counts = [numbers, removed, removed / np.maximum(chars, 1), left]
        columns = {name: documents.column(name) for name in documents.schema.names} | {"text": cut}
        columns |= {name: pa.array(count) for name, count in zip(COLUMNS.names, counts, strict=True)}
        return pa.RecordBatch.from_pydict(columns)


def without(texts: pa.StringArray, spans: pa.ListArray) -> tuple[pa.StringArray, NDArray[np.int64]]:
    """Texts without some spans of characters (in order and apart), and how many characters each has lost."""
    from winnow.kernels.passages import cut_spans

    starts, ends = (values.to_numpy().astype(np.int64) for values in spans.flatten().flatten())
    numbers = spans.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    written, offsets = cut_spans(*text_buffers(texts), starts, ends, numbers)
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(written[: offsets[-1]].copy())]
    cut = pa.Array.from_buffers(pa.string(), len(texts), buffers)
    if texts.null_count:
        cut = pc.if_else(texts.is_null(), pa.scalar(None, pa.string()), cut)
    row = np.repeat(np.arange(len(texts)), numbers)
    return cut, np.bincount(row, ends - starts, len(texts)).astype(np.int64)
