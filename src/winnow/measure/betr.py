"""Benchmark-targeted ranking: how near a document comes to an example of a benchmark, among all documents.

BETR (Mizrahi et al. 2025, arXiv 2507.12466) embeds a sample of documents and the *training* examples of benchmarks;
each example ranks the documents by cosine, and a document is worth the maximum over the examples of v(its rank). Since
v falls with the rank, whatever its form, the order of documents is that of their best rank, which is given here. As
many documents share a rank as there are examples; ``betr.similarity / 2 - betr.best_rank`` puts the nearest first.
The rest of the corpus is then scored by a classifier that learns the top of the sample (``choose.distil``).

Two passes over the vectors, by blocks: the first keeps for every example the similarities of its ``depth`` nearest
documents, the second looks every document up in them. So memory is examples x ``depth`` and not examples x documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json, write_json
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Rows, Step, Whole
from winnow.core.table import Store
from winnow.measure.kmeans import dimensions, unit_vectors
from winnow.measure.measure import column

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 2048
"""Documents, and examples, that are compared at once."""
GRID = 2.0**20
"""Components of unit vectors are rounded to multiples of 1/GRID. Products are then whole numbers below 2**40, which
float64 adds exactly in any order: a similarity is the same to the bit in every block and on every machine."""


def benchmark_rank(
    documents: Rows, *, vectors: Aligned, examples: Aligned, column: str = "vector", depth: int = 1000
) -> BenchmarkRank:
    """The best rank of each document among the nearest of any benchmark example (BETR).

    Args:
        documents: what is ranked; the paper takes a random sample of 10 million.
        vectors: their embeddings, a column of fixed-size vectors.
        examples: embeddings of benchmark *training* examples by the same model (``BenchmarkExamples``).
        column: the name of that column in both.
        depth: ranks beyond it are not told apart. To tell the best tenth of the documents apart, it must be well above
            a tenth of the number of documents per example.
    """
    nearest = NearestDocuments(vectors=vectors, examples=examples, column=column, depth=depth)
    return BenchmarkRank(documents=documents, nearest=nearest)


@dataclass(frozen=True, kw_only=True)
class NearestDocuments(Whole):
    """How near the ``depth`` nearest documents of each example are: cosines, in order.

    Writes ``nearest.npy`` (float64, examples x depth, ascending) and what is compared: ``examples.npy``, ``ids.json``.
    """

    vectors: Aligned
    examples: Aligned
    column: str
    depth: int

    def check(self) -> None:
        """Refuse vectors that cannot be compared."""
        if self.depth < 1:
            raise RecipeError(f"depth is {self.depth}; it must be at least 1")
        here, there = dimensions(self.vectors, self.column), dimensions(self.examples, self.column)
        if here != there:
            raise RecipeError(
                f"{self.vectors.label} has vectors of {here} numbers and {self.examples.label} of {there}: "
                "embed both with the same model"
            )

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Compare every example with every document."""
        ids, examples = self._examples(store)
        depth = min(self.depth, store.table(self.vectors).manifest.rows)
        nearest = np.full((len(ids), depth), -np.inf)
        for shard in range(num_shards(self.vectors, store)):
            for _, vectors in on_grid(self.vectors, store, shard, self.column):
                for block in _blocks(len(ids)):
                    both = np.concatenate([nearest[block], _similarity(examples[block], vectors)], axis=1)
                    nearest[block] = np.partition(both, -depth, axis=1)[:, -depth:]
        np.save(directory / "nearest.npy", np.sort(nearest, axis=1))
        np.save(directory / "examples.npy", examples)
        write_json(directory / "ids.json", ids)
        return {"examples": len(ids)}

    def _examples(self, store: Store) -> tuple[list[str], NDArray[np.float64]]:
        """The examples in the order of their ids."""
        ids: list[str] = []
        taken = [np.zeros((0, dimensions(self.examples, self.column)))]
        for shard in range(num_shards(self.examples, store)):
            for some, vectors in on_grid(self.examples, store, shard, self.column):
                ids += some.to_pylist()
                taken.append(vectors)
        if not ids:
            raise InputError(f"{self.examples.label} holds no vector: give benchmark examples with text")
        order = np.argsort(np.array(ids, dtype=object), kind="stable")
        return [ids[place] for place in order], np.concatenate(taken)[order]


@dataclass(frozen=True, kw_only=True)
class BenchmarkRank(Aligned):
    """The best rank that a benchmark example gives each document."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    nearest: NearestDocuments

    @property
    def name(self) -> str:
        """``betr``."""
        return "betr"

    def inputs(self) -> tuple[Step, ...]:
        """The documents, their vectors, and what is near the examples."""
        return (self.documents, self.nearest.vectors, self.nearest)

    def check(self) -> None:
        """Refuse vectors of other documents."""
        if self.nearest.vectors.documents.key != self.documents.key:
            raise RecipeError(f"{self.nearest.vectors.label} describes other documents than {self.documents.label}")

    def columns(self) -> pa.Schema:
        """The rank, the example that gives it, and the cosine to it."""
        beyond = f"{self.nearest.depth + 1} where it is beyond {self.nearest.depth} for all"
        rank = f"Lowest rank by cosine that an example gives: 1 is nearest, equals share one, {beyond}"
        missing = "null without a vector"
        return pa.schema(
            [
                column("best_rank", pa.int64(), f"{rank}; {missing}", range="[1, inf)"),
                column("example", pa.string(), f"Of the examples that give it, the one nearest; {missing}"),
                column("similarity", pa.float64(), f"Cosine to that example; {missing}", range="[-1, 1]"),
            ]
        )

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Look the documents of one shard up in what is near the examples."""
        files = store.table(self.nearest).files()
        nearest, examples = (np.load(files / name) for name in ("nearest.npy", "examples.npy"))
        names, ids, placed = pa.array(read_json(files / "ids.json")), [], [self.columns().empty_table()]
        for some, vectors in on_grid(self.nearest.vectors, store, shard, self.nearest.column):
            rank, which, similarity = _best(vectors, examples, nearest, beyond=self.nearest.depth + 1)
            ids.append(some)
            columns = [rank, names.take(pa.array(which)), np.clip(similarity, -1, 1)]  # the grid adds a millionth
            placed.append(pa.table(columns, schema=self.columns()))
        known = pa.chunked_array(ids, pa.string()).combine_chunks()
        rows = pa.concat_tables(placed).combine_chunks()

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            found = rows.take(pc.index_in(batch.column("id"), known))
            return pa.RecordBatch.from_arrays([c.combine_chunks() for c in found.columns], schema=self.columns())

        return look_up


def on_grid(vectors: Aligned, store: Store, shard: int, column: str) -> Iterator[tuple[pa.Array, NDArray[np.float64]]]:
    """The ids and vectors of one shard in blocks, without nulls: unit vectors as whole numbers of 1/GRID."""
    for batch in store.table(vectors).batches(shard, ["id", column]):
        valid = batch.filter(batch.column(column).is_valid())
        for block in _blocks(valid.num_rows):
            some = valid.slice(block.start, block.stop - block.start)
            yield some.column("id"), np.round(unit_vectors(some.column(column)).astype(np.float64) * GRID)


def _similarity(examples: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cosine of each example with each vector."""
    cosines: NDArray[np.float64] = examples @ vectors.T / GRID**2
    return cosines


def _best(
    vectors: NDArray[np.float64], examples: NDArray[np.float64], nearest: NDArray[np.float64], beyond: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each vector its lowest rank, the nearest example that gives it (of equals the first), and their cosine."""
    best = np.full(len(vectors), beyond)
    which, cosine = np.zeros(len(vectors), np.int64), np.full(len(vectors), -np.inf)
    for block in _blocks(len(examples)):
        similarity = _similarity(examples[block], vectors)
        highest = similarity.max(axis=0)
        far = (best == beyond) & (highest > cosine)
        which[far], cosine[far] = block.start + similarity.argmax(axis=0)[far], highest[far]
        for example, row in enumerate(similarity, start=block.start):
            near = np.flatnonzero(row >= nearest[example, 0])
            rank = 1 + nearest.shape[1] - np.searchsorted(nearest[example], row[near], side="right")
            better = (rank < best[near]) | ((rank == best[near]) & (row[near] > cosine[near]))
            won = near[better]
            best[won], which[won], cosine[won] = rank[better], example, row[won]
    return best, which, cosine


def _blocks(size: int) -> Iterator[slice]:
    for start in range(0, size, BLOCK):
        yield slice(start, min(start + BLOCK, size))
