"""What methods that find parts of documents end in: for each document, the spans that stand elsewhere too.

Nothing is removed here: ``Cut`` takes the spans out of the text, or a rule over the columns rejects the document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.shuffle import gather
from winnow.core.step import Aligned, Reshaping
from winnow.core.table import Store
from winnow.measure.measure import column

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPANS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))
"""Parts of a text, in characters: in order, apart, ``end`` not included."""

FOUND = pa.schema([("row", pa.int32()), ("start", pa.int32()), ("end", pa.int32())])
"""A span of the document in some row of its shard."""

COLUMNS = pa.schema(
    [
        column("num_duplicate_chars", pa.int64(), "Characters in the spans", unit="characters", range="[0, )"),
        column("duplicate_fraction", pa.float64(), "Share of the text's characters; 0 of none", range="[0, 1]"),
        column(
            "duplicate_spans", SPANS, "What stands elsewhere, in order; not the copy that is kept", unit="characters"
        ),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Passages(Aligned):
    """The parts of each document that repeat another one, or an earlier part of the same."""

    reads: ClassVar[tuple[str, ...] | None] = ("text",)

    found: Reshaping
    """Scatters ``FOUND`` rows, one partition per shard of the documents; spans may overlap and come in any order."""
    method: str

    @property
    def name(self) -> str:
        """The method: ``lines``, ``substrings``."""
        return self.method

    def columns(self) -> pa.Schema:
        """``num_duplicate_chars``, ``duplicate_fraction``, ``duplicate_spans``."""
        return COLUMNS

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Read what was found in the documents of one shard."""
        batches = self.documents.open_shard(store, shard, ["id"])
        ids = pa.chunked_array([batch.column("id") for batch in batches], pa.string()).combine_chunks()
        found = gather(self.found, store, shard)
        spans = spans_column(*merged(*(found.column(name).to_numpy() for name in FOUND.names)), len(ids))

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            own = spans.take(pc.index_in(batch.column("id"), ids))
            starts, ends = (values.to_numpy().astype(np.int64) for values in own.flatten().flatten())
            document = np.repeat(np.arange(len(own)), own.value_lengths().to_numpy())
            chars = np.bincount(document, ends - starts, len(own)).astype(np.int64)
            lengths = pc.utf8_length(batch.column("text")).fill_null(0).to_numpy()
            columns = [pa.array(chars), pa.array(chars / np.maximum(lengths, 1)), own]
            return pa.RecordBatch.from_arrays(columns, schema=COLUMNS)

        return look_up


def merged(
    rows: NDArray[np.int32], starts: NDArray[np.int32], ends: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Spans in order, those that overlap made one; spans that only touch stay two."""
    order = np.lexsort((ends, starts, rows))
    rows, starts, ends = rows[order], starts[order], ends[order]
    place = rows.astype(np.int64) << 32
    reach = np.maximum.accumulate(place + ends)
    begins = np.ones(len(rows), bool)
    begins[1:] = (place + starts)[1:] >= reach[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(rows))[: len(first)] - 1
    return rows[first], starts[first], (reach[last] - place[last]).astype(np.int32)


def spans_column(
    rows: NDArray[np.integer], starts: NDArray[np.int32], ends: NDArray[np.int32], num_rows: int
) -> pa.ListArray:
    """A column of spans; span i belongs to row ``rows[i]``, which ascend."""
    offsets = np.searchsorted(rows, np.arange(num_rows + 1))
    spans = pa.StructArray.from_arrays([pa.array(starts, pa.int32()), pa.array(ends, pa.int32())], ["start", "end"])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), spans)
