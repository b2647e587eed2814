from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.step import Aligned
from winnow.measure import betr
from winnow.measure.benchmark_examples import BenchmarkExamples
from winnow.measure.betr import GRID, BenchmarkRank, benchmark_rank

NUMBERS = 3


@dataclass(frozen=True, kw_only=True)
class Spelled(Aligned):
    """The vector of whole numbers that a document's text spells, or nothing."""

    size: int = NUMBERS

    @property
    def name(self) -> str:
        return "spelled"

    def columns(self) -> pa.Schema:
        return pa.schema([("vector", pa.list_(pa.float32(), self.size))])

    def load(self, store: object, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        return self._judge

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        vectors = [[float(n) for n in text.split()] or None for text in batch.column("text").to_pylist()]
        return pa.RecordBatch.from_arrays([pa.array(vectors, self.columns().field(0).type)], schema=self.columns())


Vectors = list[list[int]]


def documents(vectors: Vectors, prefix: str = "d", shards: int = 2) -> Given:
    rows = [(f"{prefix}{number:03}", " ".join(map(str, vector))) for number, vector in enumerate(vectors)]
    return Given(shards=tuple(tuple(rows[start::shards]) for start in range(shards)))


def ranked(rows: Given, examples: Given, depth: int) -> BenchmarkRank:
    return benchmark_rank(rows, vectors=Spelled(documents=rows), examples=Spelled(documents=examples), depth=depth)


def found(rows: Given, examples: Given, depth: int, store: Path) -> list[dict[str, Any]]:
    step = ranked(rows, examples, depth)
    materialize(step, store)
    return sorted(rows_of(step, store), key=lambda row: str(row["id"]))


def unit(vector: list[int]) -> list[int]:
    array = np.array(vector, np.float32)
    length = np.linalg.norm(array)
    return [round(float(n) * GRID) for n in (array / (length or 1)).astype(np.float64)]


def brute(vectors: Vectors, examples: Vectors, depth: int) -> list[tuple[int, int, float]]:
    """For each document: every example's rank of it, by sorting all documents in whole numbers."""
    best: list[tuple[int, int, float]] = []
    units, targets = [unit(vector) for vector in vectors], [unit(vector) for vector in examples]
    for one in units:
        ranks = []
        for place, target in enumerate(targets):
            own = sum(a * b for a, b in zip(target, one, strict=True))
            nearer = sum(sum(a * b for a, b in zip(target, other, strict=True)) > own for other in units)
            ranks.append((min(nearer, depth) + 1, -own / GRID**2, place))
        rank, negated, place = min(ranks)
        best.append((rank, place, min(1.0, max(-1.0, -negated))))
    return best


vector = st.lists(st.integers(-3, 3), min_size=NUMBERS, max_size=NUMBERS)


@settings(max_examples=12)
@given(
    st.lists(vector, min_size=1, max_size=30),
    st.lists(vector, min_size=1, max_size=9),
    st.integers(1, 40),
    st.integers(1, 7),
)
def test_ranks_are_those_of_sorting_everything(
    tmp_path_factory: pytest.TempPathFactory, vectors: Vectors, examples: Vectors, depth: int, block: int
) -> None:
    before, betr.BLOCK = betr.BLOCK, block
    try:
        rows = found(documents(vectors), documents(examples, "e"), depth, tmp_path_factory.mktemp("betr"))
    finally:
        betr.BLOCK = before
    expected = brute(vectors, examples, depth)
    assert [row["best_rank"] for row in rows] == [rank for rank, _, _ in expected]
    assert [row["example"] for row in rows] == [f"e{e:03}" for _, e, _ in expected]
    assert [row["similarity"] for row in rows] == [cosine for _, _, cosine in expected]


def test_the_nearest_document_of_any_example_is_first_and_text_is_not_read(tmp_path: Path) -> None:
    rows = found(
        documents([[1, 0, 0], [2, 1, 0], [0, 0, 5], [-1, 0, -2]]), documents([[9, 0, 0], [0, 0, 1]], "e"), 2, tmp_path
    )
    assert [(row["best_rank"], row["example"]) for row in rows] == [(1, "e000"), (2, "e000"), (1, "e001"), (3, "e000")]
    assert rows[2]["similarity"] == pytest.approx(1)
    assert BenchmarkRank.reads == ()


def test_neither_shards_nor_their_order_change_a_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.integers(-1000, 1000, (300, NUMBERS)).tolist()
    examples = rng.integers(-1000, 1000, (20, NUMBERS)).tolist()
    one = found(documents(vectors, shards=1), documents(examples, "e", shards=1), 10, tmp_path)
    assert one == found(documents(vectors, shards=7), documents(examples, "e", shards=3), 10, tmp_path)


def test_a_document_without_a_vector_has_no_rank(tmp_path: Path) -> None:
    rows = Given(shards=((("a", "1 0 0"), ("b", "")), (("c", ""),)))
    by_id = {row["id"]: row["best_rank"] for row in found(rows, documents([[1, 0, 0]], "e"), 5, tmp_path)}
    assert by_id == {"a": 1, "b": None, "c": None}


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    rows, examples = documents([[1, 0, 0]]), documents([[1, 0, 0]], "e")
    with pytest.raises(RecipeError, match="depth is 0"):
        materialize(ranked(rows, examples, 0), tmp_path)
    with pytest.raises(RecipeError, match=r"vectors of 3 numbers and .* of 2"):
        two = Spelled(documents=examples, size=2)
        materialize(benchmark_rank(rows, vectors=Spelled(documents=rows), examples=two), tmp_path)
    with pytest.raises(RecipeError, match="other documents"):
        other = Spelled(documents=documents([[2, 0, 0]]))
        materialize(benchmark_rank(rows, vectors=other, examples=Spelled(documents=examples)), tmp_path)
    with pytest.raises(InputError, match="holds no vector"):
        materialize(ranked(rows, Given(shards=((("e", ""),),)), 3), tmp_path)


def test_examples_are_passage_question_and_right_answer(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "sums.jsonl").write_text(
        '{"question": "What is two and two?", "choices": ["three", "four"], "answer": 1}\n'
        '{"question": "Who spoke first?", "passage": "Anna greeted Ben.", "answer": ["Anna", "she"]}\n'
    )
    step = BenchmarkExamples(tasks=(str(tasks),))
    materialize(step, tmp_path / "store")
    assert [(row["id"], row["text"], row["source"]) for row in rows_of(step, tmp_path / "store")] == [
        ("sums#0", "What is two and two?\nfour", "sums"),
        ("sums#1", "Anna greeted Ben.\nWho spoke first?\nAnna", "sums"),
    ]
    assert list(step.outside()) == [str(tasks / "sums.jsonl")]
