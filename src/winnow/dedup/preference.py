"""Which of several copies is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from winnow.core.run import check_aligned
from winnow.core.sql import ORDERED, check_expressions, evaluate, namespaces, read_columns
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store
from winnow.measure.measure import Measure
from winnow.measure.score import scores_of


@dataclass(frozen=True, kw_only=True)
class Preference:
    """Among copies, the one with the highest number is kept; between equals the next number decides, then the lower id.

    Attributes:
        by: SQL of numbers over ``documents`` and the measures: ``"text.num_chars"``, ``"-epoch(documents.date)"``,
            ``"CASE documents.source WHEN 'wiki' THEN 1 ELSE 0 END"``. NULL comes last.
        measures: what the expressions refer to.
    """

    by: tuple[str, ...] = ()
    measures: tuple[Measure | Aligned, ...] = ()

    def scores(self, documents: Rows) -> tuple[Aligned, ...]:
        """The aligned tables that the expressions read."""
        return scores_of(documents, self.measures)

    def check(self, documents: Rows) -> None:
        """Bind every expression to the columns (RecipeError)."""
        known = namespaces(documents, self.scores(documents))
        check_expressions(known, {f"prefer[{i}]": sql for i, sql in enumerate(self.by)}, ORDERED)

    def fields(self) -> list[pa.Field]:
        """The columns of ``ranked``."""
        own = [pa.field("id", pa.string()), pa.field("source", pa.string())]
        return [*own, *(pa.field(f"prefer{i}", pa.float64()) for i in range(len(self.by)))]

    def order(self) -> list[tuple[str, str]]:
        """Sort keys that put the copy to keep first."""
        return [(f"prefer{i}", "descending") for i in range(len(self.by))] + [
            ("id", "ascending"),
            ("source", "ascending"),
        ]

    def ranked(
        self, documents: Rows, store: Store, shard: int, beside: Aligned, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """One row per document of a shard: ``fields``, then the columns of an aligned table, all or only some."""
        tables = read_columns(documents, self.scores(documents), store, shard, [*self.by, "source"])
        about = tables["documents"]
        other = store.table(beside).shard(shard, None if columns is None else ["id", *columns])
        ids = about.column("id").combine_chunks()
        check_aligned(documents.label, ids, beside.label, other.column("id").combine_chunks())
        rank = {"id": ids, "source": about.column("source")}
        if self.by:
            found = evaluate(tables, {f"prefer{i}": f"CAST(({sql}) AS DOUBLE)" for i, sql in enumerate(self.by)})
            rank |= {name: _ordered(found.column(name)) for name in found.column_names}
        return pa.table({**rank, **{name: other.column(name) for name in other.column_names if name != "id"}})


def _ordered(numbers: pa.ChunkedArray) -> pa.Array:
    """The numbers with what has no order (NULL, NaN) below all others."""
    values = numbers.combine_chunks().fill_null(np.nan).to_numpy(zero_copy_only=False)
    return pa.array(np.where(np.isnan(values), -np.inf, values))
