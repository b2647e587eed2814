"""What a choice does to the mixture: the documents and characters of every source, before it and after it.

Exact, of all documents. Costs a pass over columns of numbers where a measure of the choice counts characters
(``num_chars``, as ``Text`` does), and one over the texts where none does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.core.table import Store
from winnow.report.look import look
from winnow.report.scores import SOURCE

CHARS = "num_chars"
"""The column that counts characters, whichever measure it belongs to."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one group has of all documents."""

    documents: int
    chars: int
    documents_fraction: float
    """Its share of all documents, in [0, 1]; 0 where there are none."""
    chars_fraction: float


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One group before a choice and after it."""

    group: str
    before: Share
    after: Share


def mixture_shift(select: Select, store: Store, group: str = SOURCE) -> tuple[Shift, ...]:
    """Every group of the documents that came to a selection, those with the most characters first.

    ``group`` is SQL over the columns of the documents and the selection's measures; a document where it is NULL
    belongs to the group ``""``.
    """
    shards = [_counted(select, store, shard, group) for shard in range(num_shards(select, store))]
    if not shards:
        return ()
    sums = [(name, "sum") for name in _COUNTS]
    counts = pa.concat_tables(shards).group_by("group").aggregate(sums)
    counts = counts.rename_columns([name.removesuffix("_sum") for name in counts.column_names])
    totals = {name: pc.sum(counts.column(name)).as_py() or 0 for name in _COUNTS}
    rows = sorted(counts.to_pylist(), key=lambda row: (-row["chars"], -row["documents"], row["group"]))
    return tuple(
        Shift(group=row["group"], before=_share(row, totals, ""), after=_share(row, totals, "kept_")) for row in rows
    )


_COUNTS = ("documents", "chars", "kept_documents", "kept_chars")


def _counted(select: Select, store: Store, shard: int, group: str) -> pa.Table:
    """The counts of every group of one shard."""
    counters = [f"{score.name}.{CHARS}" for score in select.scores() if CHARS in score.columns().names]
    seen = look(select, store, shard, [group, *counters[:1]])
    chars = seen.values.column(counters[0]) if counters else _lengths(select, store, shard)
    chars = pc.fill_null(chars.cast(pa.int64()), 0)
    names = pc.fill_null(seen.values.column(group).cast(pa.string()), "")
    kept = pa.array(seen.kept.astype(np.int64))
    ones = pa.array(np.ones(len(seen.ids), np.int64))
    columns = [names, ones, chars, kept, pc.multiply(chars, kept)]
    rows = pa.table(dict(zip(("group", *_COUNTS), columns, strict=True)))
    summed = rows.group_by("group").aggregate([(name, "sum") for name in _COUNTS])
    return summed.rename_columns([name.removesuffix("_sum") for name in summed.column_names])


def _lengths(select: Select, store: Store, shard: int) -> pa.ChunkedArray:
    """The characters of every document of a shard, from its text."""
    batches = select.documents.open_shard(store, shard, ["text"])
    return pa.chunked_array([pc.utf8_length(batch.column("text")) for batch in batches], pa.int32())


def _share(row: dict[str, int], totals: dict[str, int], prefix: str) -> Share:
    documents, chars = (row[f"{prefix}{name}"] for name in ("documents", "chars"))
    return Share(
        documents=documents,
        chars=chars,
        documents_fraction=documents / max(1, totals[f"{prefix}documents"]),
        chars_fraction=chars / max(1, totals[f"{prefix}chars"]),
    )
