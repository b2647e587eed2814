"""What every method of deduplication ends in: for each document, the kept document that it repeats.

A method is a chain of steps whose last one scatters ``FOUND`` rows by the shard of the document that they are about;
``Duplicates`` lays them beside the documents. Nothing is removed here: a rule over the columns does that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.shuffle import gather
from winnow.core.step import Aligned, Reshaping
from winnow.core.table import Store
from winnow.measure.measure import column

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
