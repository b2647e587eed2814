"""What every method of deduplication ends in: for each document, the kept document that it repeats.

A method is a chain of steps whose last one scatters ``FOUND`` rows by the shard of the document that they are about;
``Duplicates`` lays them beside the documents. Nothing is removed here: a rule over the columns does that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.shuffle import ScatterWriter, gather
from winnow.core.step import Aligned, Reshaping
from winnow.core.table import Store
from winnow.measure.measure import column

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = pa.schema(
    [
        column("duplicate_of", pa.string(), "Id of the kept document that this one repeats; null where it is kept"),
        column("duplicate_source", pa.string(), "Source of that kept document"),
        column("similarity", pa.float64(), "How alike the two are, computed exactly", range="[0, 1]"),
        column("cluster_size", pa.int64(), "The kept document and all that repeat it", unit="documents", range="[1, )"),
    ]
)
FOUND = pa.schema([pa.field("id", pa.string()), *COLUMNS])
"""One row per document of a cluster of two or more; documents that repeat nothing have none."""


@dataclass(frozen=True, kw_only=True)
class Duplicates(Aligned):
    """Which documents repeat another one: ``duplicate_of`` is null for what should be kept."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    found: Reshaping
    """Scatters ``FOUND`` rows, one partition per shard of the documents."""
    method: str

    @property
    def name(self) -> str:
        """The method: ``exact``, ``minhash``, ``semantic``."""
        return self.method

    def columns(self) -> pa.Schema:
        """``duplicate_of``, ``duplicate_source``, ``similarity``, ``cluster_size``."""
        return COLUMNS

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Read what was found about the documents of one shard."""
        found = gather(self.found, store, shard)

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            rows = found.take(pc.index_in(batch.column("id"), found.column("id").combine_chunks()))
            columns = [rows.column(name).combine_chunks() for name in COLUMNS.names]
            columns[-1] = pc.fill_null(columns[-1], 1)
            return pa.RecordBatch.from_arrays(columns, schema=COLUMNS)

        return look_up


def scatter_found(
    rows: pa.Table,
    kept: NDArray[np.int64],
    similarity: NDArray[np.float64],
    mine: NDArray[np.bool_],
    out: ScatterWriter,
) -> None:
    """Write ``FOUND`` rows for the documents of clusters of two or more.

    Args:
        rows: documents, with ``id``, ``source`` and ``shard``.
        kept: for each row the index of the kept row that it repeats; its own where it is kept.
        similarity: of each row to that one; not read where it is kept.
        mine: the rows to write of; others only take part.
        out: has one partition per shard.
    """
    places = np.arange(rows.num_rows)
    size = np.bincount(kept, minlength=rows.num_rows)[kept]
    repeats = kept != places
    twins = rows.select(["id", "source"]).take(pa.array(np.where(repeats, kept, 0), mask=~repeats))
    found = pa.table(
        {
            "id": rows.column("id"),
            "duplicate_of": twins.column("id"),
            "duplicate_source": twins.column("source"),
            "similarity": pa.array(similarity, mask=~repeats),
            "cluster_size": pa.array(size),
        },
        schema=FOUND,
    )
    written = mine & (size > 1)
    shards = rows.column("shard").to_numpy()[written]
    for batch in found.filter(pa.array(written)).combine_chunks().to_batches():
        out.scatter(batch, shards)
