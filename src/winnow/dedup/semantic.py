"""Documents that mean the same, by their embeddings: SemDeDup (Abbas et al. 2023, arXiv 2303.09540).

Vectors are grouped by k-means and compared within their group only, so two close vectors on either side of a border are
missed, as in the paper; fewer clusters miss fewer and cost more (time grows with documents x documents / clusters).
SemDeDup keeps what lies farthest from its centroid; here the preference decides, as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError
from winnow.core.guard import Guard
from winnow.core.shuffle import Gathering, Scattering, ScatterWriter, gather, num_partitions
from winnow.core.step import Aligned, Part, Rows, Step
from winnow.core.table import Store
from winnow.dedup.duplicates import FOUND, Duplicates, scatter_found
from winnow.dedup.preference import Preference
from winnow.measure.kmeans import FitKMeans, dimensions, nearest, unit_vectors
from winnow.measure.measure import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1024


def semantic_duplicates(
    documents: Rows,
    *,
    embeddings: Aligned,
    column: str,
    num_clusters: int,
    threshold: float = 0.95,
    prefer: Sequence[str] = (),
    measures: Sequence[Measure | Aligned] = (),
    seed: int = 0,
) -> Duplicates:
    """Find documents whose embedding has a cosine of ``threshold`` or more to that of a kept one in the same cluster.

    A document is removed only for a kept one, so no chain of neighbours connects what is not alike. ``embeddings`` is
    any aligned table of these documents with a column of fixed-size vectors. The paper's epsilon is 1 - ``threshold``.
    """
    centroids = FitKMeans(vectors=embeddings, column=column, num_clusters=num_clusters, seed=seed)
    preference = Preference(by=tuple(prefer), measures=tuple(measures))
    clusters = VectorClusters(documents=documents, centroids=centroids, preference=preference)
    return Duplicates(
        documents=documents, found=CloseVectors(clusters=clusters, threshold=threshold), method="semantic"
    )


@dataclass(frozen=True, kw_only=True)
class VectorClusters(Scattering):
    """One row per document with a vector, brought together by its nearest centroid."""

    centroids: FitKMeans
    preference: Preference

    def inputs(self) -> tuple[Step, ...]:
        """The documents, their vectors, the centroids, and what says which copy is kept."""
        return (
            self.documents,
            self.centroids.vectors,
            self.centroids,
            *self.preference.scores(self.documents),
        )

    def check(self) -> None:
        """Bind the preference; refuse vectors of other documents."""
        if self.centroids.vectors.documents.key != self.documents.key:
            raise RecipeError(f"{self.centroids.vectors.label} describes other documents than {self.documents.label}")
        self.preference.check(self.documents)

    def schema(self) -> pa.Schema:
        """The rank, the shard, the cluster and the vector, scaled to length 1."""
        vector = pa.list_(pa.float32(), dimensions(self.centroids.vectors, self.centroids.column))
        own = [pa.field("shard", pa.int32()), pa.field("cluster", pa.int64()), pa.field("vector", vector)]
        return pa.schema([*self.preference.fields(), *own])

    def partitions(self, store: Store) -> int:
        """By the bytes of the vectors, but no more than there are clusters."""
        size = 4 * dimensions(self.centroids.vectors, self.centroids.column) + 120
        wanted = num_partitions(store.table(self.centroids.vectors).manifest.rows * size)
        return min(wanted, self.centroids.num_clusters)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the vectors of one shard."""
        column = self.centroids.column
        rows = self.preference.ranked(self.documents, store, shard, self.centroids.vectors)
        rows = rows.filter(pc.is_valid(rows.column(column))).combine_chunks()
        vectors = unit_vectors(_combined(rows.column(column)))
        clusters = nearest(vectors, self.centroids.centroids(store))
        kind = self.schema().field("vector").type
        rows = rows.select([field.name for field in self.preference.fields()])
        rows = rows.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), rows.num_rows))
        rows = rows.append_column("cluster", pa.array(clusters, pa.int64()))
        rows = rows.append_column("vector", pa.FixedSizeListArray.from_arrays(vectors.ravel(), type=kind))
        for batch in rows.combine_chunks().to_batches():
            out.scatter(batch, clusters % out.num_partitions)


@dataclass(frozen=True, kw_only=True)
class CloseVectors(Gathering):
    """Documents whose vectors are close, each with the one that is kept."""

    clusters: VectorClusters
    threshold: float

    def check(self) -> None:
        """Refuse a threshold that is no cosine."""
        if not 0 < self.threshold <= 1:
            raise RecipeError(f"threshold is {self.threshold}; it must lie in (0, 1]")

    def schema(self) -> pa.Schema:
        """``FOUND``."""
        return FOUND

    @property
    def gathered(self) -> tuple[VectorClusters, ...]:
        """The clusters."""
        return (self.clusters,)

    @property
    def judged(self) -> Rows:
        """The documents."""
        return self.clusters.documents

    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Compare within every cluster of one partition."""
        rows = gather(self.clusters, store, part["partition"])
        out.num_bytes = rows.nbytes
        out.num_records = rows.num_rows
        rows = rows.sort_by([("cluster", "ascending"), *self.clusters.preference.order(), ("shard", "ascending")])
        vectors = unit_vectors(_combined(rows.column("vector")))
        kept = np.arange(rows.num_rows)
        cosine = np.ones(rows.num_rows)
        ends = np.flatnonzero(np.diff(rows.column("cluster").to_numpy(), append=-1)) + 1
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            inside = slice(start, end)
            twin, cosine[inside] = close_to_kept(vectors[inside], self.threshold)
            kept[inside] = start + twin
        scatter_found(rows, kept, cosine, np.ones(rows.num_rows, bool), out)


def close_to_kept(vectors: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each unit vector in order: the closest kept one before it if its cosine reaches the threshold, else itself.

    Also gives that cosine, at most 1. Vectors are compared block by block, so memory is that of the kept ones.
    """
    twin = np.arange(len(vectors))
    cosine = np.ones(len(vectors))
    kept = np.zeros(0, np.int64)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        before = block @ vectors[kept].T
        inside = block @ block.T
        new: list[int] = []
        for row in range(len(block)):
            candidates = np.concatenate([before[row], inside[row, new]])
            best = int(np.argmax(candidates)) if len(candidates) else -1
            if best >= 0 and candidates[best] >= threshold:
                twin[start + row] = kept[best] if best < len(kept) else start + new[best - len(kept)]
                cosine[start + row] = min(1.0, float(candidates[best]))
            else:
                new.append(row)
        kept = np.append(kept, start + np.array(new, np.int64))
    return twin, cosine


def _combined(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks else pa.array([], column.type)
