"""What deduplication did: what each source lost, the largest clusters, and whether those drawn by chance are pure.

Costs two passes over ids and the columns of duplicates, and the texts of a bounded number of documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.run import check_aligned, num_shards
from winnow.core.step import Step, ordered
from winnow.core.table import Store
from winnow.dedup.duplicates import Duplicates
from winnow.report.clusters import clusters_of
from winnow.report.look import spread
from winnow.report.model import (
    CLUSTER_ALARM,
    MAX_LARGEST,
    MAX_SAMPLED,
    MAX_SOURCES,
    SOURCE_ALARM,
    SOURCE_ALARM_DOCUMENTS,
    Deduplication,
    Histogram,
    SourceShare,
    Spread,
)
from winnow.report.samples import chance

EDGES = tuple(round(i / 40, 3) for i in range(41))
"""Bins of similarities."""
MAX_DRAWN_ROWS = 4000
"""Duplicates per shard that clusters are drawn from."""


@dataclass
class _Seen:
    """What the first pass counts."""

    documents: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    similar: Any = field(default_factory=lambda: np.zeros(len(EDGES) - 1, np.int64))
    num_clusters: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    """Size of the largest clusters and of those drawn, by the id of the kept document."""
    drawn: dict[str, str] = field(default_factory=dict)
    """The number that each drawn cluster's kept document draws."""


def deduplications(step: Step, store: Store) -> tuple[Deduplication, ...]:
    """What every method of deduplication below a materialized step did."""
    return tuple(_examined(one, store) for one in ordered(step) if isinstance(one, Duplicates))


def _examined(step: Duplicates, store: Store) -> Deduplication:
    seen = _Seen()
    shards = num_shards(step.documents, store)
    for shard in range(shards):
        _count(_rows(step, store, shard), seen, draw=shard in spread(shards))
    largest = sorted(seen.sizes, key=lambda kept: (-seen.sizes[kept], kept))[:MAX_LARGEST]
    sampled = sorted(seen.drawn, key=lambda kept: seen.drawn[kept])[:MAX_SAMPLED]
    clusters = clusters_of(step, store, list(dict.fromkeys([*largest, *sampled])), seen.sizes)
    removed = sum(seen.removed.values())
    removed_bytes = _removed_bytes(step, store, spread(shards), removed)
    sources = _shares(seen)
    drawn = [clusters[kept] for kept in sampled if kept in clusters]
    return Deduplication(
        name=step.name,
        label=step.label,
        documents=sum(seen.documents.values()),
        removed=removed,
        num_clusters=seen.num_clusters,
        removed_bytes=removed_bytes,
        bytes_are_exact=len(spread(shards)) == shards,
        sources=sources[:MAX_SOURCES],
        similarities=_histogram(step, seen) if seen.similar[:-1].any() else None,
        largest=tuple(clusters[id] for id in largest if id in clusters),
        sampled=tuple(drawn),
        to_kept=_spread([member.jaccard for cluster in drawn for member in cluster.members]),
        among=_spread([similarity for cluster in drawn for similarity in cluster.among]),
        alarms=tuple(_alarms(step, sources, {id: seen.sizes[id] for id in largest})),
    )


def _rows(step: Duplicates, store: Store, shard: int) -> pa.Table:
    """One row per document of a shard: its source beside what was found about it."""
    found = store.table(step).shard(shard)
    columns = [name for name in ("id", "source") if name in step.documents.schema().names]
    batches = list(step.documents.open_shard(store, shard, columns))
    about = pa.Table.from_batches(batches) if batches else found.select(["id"]).slice(0, 0)
    ids, others = (table.column("id").combine_chunks() for table in (about, found))
    check_aligned(step.documents.label, ids, step.label, others)
    sources = about.column("source") if "source" in columns else pa.nulls(len(ids), pa.string())
    return found.append_column("source", pc.fill_null(sources, ""))


def _count(rows: pa.Table, seen: _Seen, *, draw: bool) -> None:
    repeats = rows.filter(pc.is_valid(rows.column("duplicate_of")))
    for counted, some in ((seen.documents, rows), (seen.removed, repeats)):
        for source, number in zip(*_value_counts(some.column("source")), strict=True):
            counted[source] += number
    values = repeats.column("similarity").drop_null().to_numpy()
    seen.similar += np.histogram(np.clip(values, 0, 1), EDGES)[0]
    clustered = rows.filter(pc.greater(rows.column("cluster_size"), 1))
    seen.num_clusters += clustered.num_rows - repeats.num_rows
    _keep_largest(clustered, seen)
    if draw:
        _draw(repeats.slice(0, MAX_DRAWN_ROWS), seen)


def _value_counts(column: pa.ChunkedArray) -> tuple[list[str], list[int]]:
    counted = pc.value_counts(column)
    return counted.field("values").to_pylist(), counted.field("counts").to_pylist()


def _keep_largest(clustered: pa.Table, seen: _Seen) -> None:
    """The largest clusters of a shard that are not known yet; two rows of one cluster say the same."""
    kept = pc.coalesce(clustered.column("duplicate_of"), clustered.column("id"))
    sizes = pa.table({"kept": kept, "size": clustered.column("cluster_size")})
    grouped = sizes.group_by("kept").aggregate([("size", "max")])
    grouped = grouped.sort_by([("size_max", "descending"), ("kept", "ascending")]).slice(0, MAX_LARGEST)
    seen.sizes |= zip(grouped.column("kept").to_pylist(), grouped.column("size_max").to_pylist(), strict=True)


def _draw(repeats: pa.Table, seen: _Seen) -> None:
    """Clusters by chance: those whose kept document's id draws the lowest numbers."""
    pairs = zip(repeats.column("duplicate_of").to_pylist(), repeats.column("cluster_size").to_pylist(), strict=True)
    drawn = sorted((chance(id), id, size) for id, size in dict(pairs).items())[:MAX_SAMPLED]
    seen.drawn |= {id: number for number, id, _ in drawn}
    seen.sizes |= {id: size for _, id, size in drawn}


def _shares(seen: _Seen) -> tuple[SourceShare, ...]:
    """Every source, the largest share lost first."""
    shares = []
    for source, documents in seen.documents.items():
        removed = seen.removed[source]
        alarm = documents >= SOURCE_ALARM_DOCUMENTS and removed > SOURCE_ALARM * documents
        shares.append(SourceShare(source=source, documents=documents, removed=removed, alarm=alarm))
    return tuple(sorted(shares, key=lambda one: (not one.alarm, -one.removed / one.documents, one.source)))


def _alarms(step: Duplicates, sources: Sequence[SourceShare], sizes: dict[str, int]) -> Iterator[str]:
    for one in sources:
        if one.alarm:
            yield (
                f"{step.name}: the source {one.source or '(none)'} loses {one.removed:,} of {one.documents:,} "
                f"documents ({one.removed / one.documents:.0%}, more than {SOURCE_ALARM:.0%})"
            )
    for kept, size in sizes.items():
        if size > CLUSTER_ALARM:
            yield f"{step.name}: {size:,} documents are one cluster (more than {CLUSTER_ALARM:,}); kept is {kept}"


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    lowest, tenth, median = (round(float(q), 4) for q in np.quantile(values, [0, 0.1, 0.5]))
    return Spread(number=len(values), lowest=lowest, tenth=tenth, median=median)


def _histogram(step: Duplicates, seen: _Seen) -> Histogram:
    return Histogram(
        expression=f"{step.name}.similarity",
        choice=step.label,
        description="How alike a removed document and the kept one are, as the method computed it",
        unit="",
        edges=EDGES,
        kept=(0,) * (len(EDGES) - 1),
        dropped=tuple(map(int, seen.similar)),
    )


def _removed_bytes(step: Duplicates, store: Store, shards: Iterable[int], removed: int) -> int | None:
    """Bytes of the removed texts: those in some shards, times how many more documents were removed in all."""
    if "text" not in step.documents.schema().names:
        return None
    total = documents = 0
    for shard in shards:
        repeats = pc.is_valid(store.table(step).shard(shard, ["duplicate_of"]).column(0)).combine_chunks()
        start = 0
        for batch in step.documents.open_shard(store, shard, ["text"]):
            texts = batch.column("text").filter(repeats.slice(start, batch.num_rows))
            start += batch.num_rows
            total += pc.sum(pc.binary_length(texts)).as_py() or 0
            documents += len(texts)
    return round(total * removed / documents) if documents else 0
