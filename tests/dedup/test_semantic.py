from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.step import Aligned
from winnow.core.table import Store
from winnow.dedup import semantic
from winnow.dedup.duplicates import Duplicates
from winnow.dedup.semantic import close_to_kept, semantic_duplicates
from winnow.measure.kmeans import FitKMeans

VECTOR = pa.list_(pa.float32(), 2)


@dataclass(frozen=True, kw_only=True)
class Vectors(Aligned):
    """The vector that a document's text spells: an angle in degrees, or nothing."""

    @property
    def name(self) -> str:
        return "angle"

    def columns(self) -> pa.Schema:
        return pa.schema([("vector", VECTOR), ("number", pa.int64())])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        return self._judge

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        angles = [None if text == "" else np.deg2rad(float(text)) for text in batch.column("text").to_pylist()]
        vectors = [None if a is None else [7 * np.cos(a), 7 * np.sin(a)] for a in angles]
        columns = [pa.array(vectors, VECTOR), pa.array([0] * len(angles), pa.int64())]
        return pa.RecordBatch.from_arrays(columns, schema=self.columns())


def deduplicated(rows: tuple[tuple[str, str], ...], **options: object) -> Duplicates:
    documents = Given(shards=(rows[::2], rows[1::2]))
    settings: dict[str, object] = {"num_clusters": 1, "threshold": float(np.cos(np.deg2rad(10.5))), **options}
    vectors = Vectors(documents=documents)
    return semantic_duplicates(documents, embeddings=vectors, column="vector", **settings)  # type: ignore[arg-type]


def test_a_document_goes_only_for_a_kept_one_and_chains_do_not_grow(tmp_path: Path) -> None:
    rows = (("a", "0"), ("b", "10"), ("c", "20"), ("d", "90"), ("e", ""))
    expected = {"a": None, "b": "a", "c": None, "d": None, "e": None}
    for number, order in enumerate(permutations(rows)):
        if number % 17 == 0:
            found = deduplicated(tuple(order))
            materialize(found, tmp_path / str(number))
            there = {row["id"]: row for row in rows_of(found, tmp_path / str(number))}
            assert {id: row["duplicate_of"] for id, row in there.items()} == expected
            assert there["b"]["similarity"] == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)
            assert (there["a"]["cluster_size"], there["c"]["cluster_size"]) == (2, 1)


def test_only_vectors_of_one_cluster_are_compared(tmp_path: Path) -> None:
    rows = tuple((f"{n}", str(angle)) for n, angle in enumerate([0, 1, 2, 180, 181, 182]))
    found = deduplicated(rows, num_clusters=2)
    materialize(found, tmp_path)
    twins = {row["id"]: row["duplicate_of"] for row in rows_of(found, tmp_path)}
    assert twins == {"0": None, "1": "0", "2": "0", "3": None, "4": "3", "5": "3"}


@settings(max_examples=40)
@given(st.lists(st.integers(0, 359), max_size=40), st.integers(1, 7))
def test_blocks_decide_as_one_comparison_after_another_does(angles: list[int], block: int) -> None:
    vectors = np.array([[np.cos(np.deg2rad(a)), np.sin(np.deg2rad(a))] for a in angles], np.float32).reshape(-1, 2)
    threshold = float(np.cos(np.deg2rad(10.5)))
    kept: list[int] = []
    expected = []
    for row, vector in enumerate(vectors):
        cosines = [float(vectors[other] @ vector) for other in kept]
        is_close = bool(cosines) and max(cosines) >= threshold
        expected.append(is_close)
        if not is_close:
            kept.append(row)
    before, semantic.BLOCK = semantic.BLOCK, block
    try:
        twin, cosine = close_to_kept(vectors, threshold)
    finally:
        semantic.BLOCK = before
    assert (twin != np.arange(len(angles))).tolist() == expected
    assert all(twin[twin[row]] == twin[row] for row in range(len(angles)))
    assert (cosine >= threshold).all()


def test_centroids_stand_in_the_middle_of_what_they_gather(tmp_path: Path) -> None:
    rows = tuple((str(n), str(angle)) for n, angle in enumerate([40, 50, 200, 210, 220]))
    fit = FitKMeans(vectors=Vectors(documents=Given(shards=(rows,))), column="vector", num_clusters=2)
    materialize(fit, tmp_path)
    found = fit.centroids(Store(tmp_path))
    angles = sorted(np.rad2deg(np.arctan2(found[:, 1], found[:, 0])) % 360)
    assert angles == pytest.approx([45, 210], abs=0.01)


def test_what_cannot_work_is_refused_with_what_is_there(tmp_path: Path) -> None:
    rows = (("a", "0"),)
    with pytest.raises(RecipeError, match=r"threshold is 1\.5"):
        materialize(deduplicated(rows, threshold=1.5), tmp_path)
    with pytest.raises(InputError, match="1 vectors, fewer than the 3 clusters"):
        materialize(deduplicated(rows, num_clusters=3), tmp_path)
    documents = Given(shards=(rows,))
    with pytest.raises(RecipeError, match=r"no column 'number' of fixed-size vectors.*vector \(fixed_size_list"):
        vectors = Vectors(documents=documents)
        materialize(semantic_duplicates(documents, embeddings=vectors, column="number", num_clusters=1), tmp_path)
    with pytest.raises(RecipeError, match="other documents"):
        other = Vectors(documents=Given(shards=((("b", "1"),),)))
        materialize(semantic_duplicates(documents, embeddings=other, column="vector", num_clusters=1), tmp_path)
