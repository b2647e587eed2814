"""Centroids of a column of vectors: what groups documents by topic before they are compared or counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Rows, Whole
from winnow.core.table import Store
from winnow.measure.examples import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS_PER_CENTROID = 256
"""Vectors that a centroid is fitted on at most, in the mean: more do not move it (faiss stops there too)."""
ITERATIONS = 20
BLOCK = 8192


@dataclass(frozen=True, kw_only=True)
class FitKMeans(Whole):
    """Spherical k-means: centroids of unit length, by cosine, fitted on a sample of the vectors.

    Writes ``centroids.npy``, float32, ``num_clusters`` x dimensions. Begins at vectors drawn at random; a cluster that
    becomes empty begins again at the vector that its centroid fits worst (Dhillon & Modha 2001).
    """

    vectors: Aligned
    column: str
    """A column of fixed-size vectors, of any length but 0; documents with a null there are left out."""
    num_clusters: int
    seed: int = 0

    def check(self) -> None:
        """Refuse a column that holds no vectors."""
        if self.num_clusters < 1:
            raise RecipeError(f"num_clusters is {self.num_clusters}; it must be at least 1")
        dimensions(self.vectors, self.column)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Sample the vectors and move the centroids until they stand."""
        sample = self._sample(store)
        if len(sample) < self.num_clusters:
            raise InputError(
                f"{self.vectors.label} has {len(sample)} vectors, fewer than the {self.num_clusters} clusters asked "
                "for: ask for fewer"
            )
        rng = np.random.default_rng(self.seed)
        centroids = sample[np.sort(rng.choice(len(sample), self.num_clusters, replace=False))]
        for _ in range(ITERATIONS):
            moved = _moved(sample, centroids)
            if np.array_equal(moved, centroids):
                break
            centroids = moved
        np.save(directory / "centroids.npy", centroids)
        return {"fitted_on": len(sample)}

    def centroids(self, store: Store) -> NDArray[np.float32]:
        """The centroids that were fitted."""
        found: NDArray[np.float32] = np.load(store.table(self).file("centroids.npy"))
        return found

    def _sample(self, store: Store) -> NDArray[np.float32]:
        """The vectors of documents drawn by a hash of their ids, in the order of ids, whatever the shards."""
        wanted = POINTS_PER_CENTROID * self.num_clusters
        share = wanted / max(1, store.table(self.vectors).manifest.rows)
        ids, taken = [], [np.zeros((0, dimensions(self.vectors, self.column)), np.float32)]
        for shard in range(num_shards(self.vectors, store)):
            for batch in store.table(self.vectors).batches(shard, ["id", self.column]):
                valid = batch.filter(batch.column(self.column).is_valid())
                drawn = [draw(id, self.seed) < share for id in valid.column("id").to_pylist()]
                chosen = valid.filter(pa.array(drawn, pa.bool_()))
                ids.extend(chosen.column("id").to_pylist())
                taken.append(unit_vectors(chosen.column(self.column)))
        order = np.argsort(np.array(ids, dtype=object), kind="stable")
        return np.concatenate(taken)[order]


def dimensions(vectors: Rows, column: str) -> int:
    """How long the vectors of a column are; RecipeError where it holds none."""
    schema = vectors.schema()
    kind = schema.field(column).type if column in schema.names else None
    if kind is None or not pa.types.is_fixed_size_list(kind):
        there = ", ".join(f"{field.name} ({field.type})" for field in schema)
        raise RecipeError(f"{vectors.label} has no column {column!r} of fixed-size vectors; it has {there}")
    return int(kind.list_size)


def unit_vectors(column: pa.Array) -> NDArray[np.float32]:
    """Vectors of a fixed-size list column without nulls, one a row, scaled to length 1; a vector of zeros stays."""
    size = column.type.list_size
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False).reshape(len(column), size)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = values / np.where(lengths == 0, np.float32(1), lengths)
    return scaled


def nearest(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each unit vector the centroid with the highest cosine; the first of equals."""
    found = [np.argmax(block @ centroids.T, axis=1) for block in _blocks(vectors)]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _blocks(vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), BLOCK):
        yield vectors[start : start + BLOCK]


def _moved(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each centroid at the mean direction of the vectors nearest to it."""
    labels = nearest(vectors, centroids)
    sums = np.zeros(centroids.shape, np.float64)
    np.add.at(sums, labels, vectors)
    empty = np.setdiff1d(np.arange(len(centroids)), labels)
    if len(empty):
        fit = np.einsum("ij,ij->i", vectors, centroids[labels])
        sums[empty] = vectors[np.argsort(fit, kind="stable")[: len(empty)]]
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths == 0, centroids, sums / np.where(lengths == 0, 1, lengths)).astype(np.float32)
