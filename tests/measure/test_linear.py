"""Linear models of vectors: known optima, brute force, what is held out, and the columns that they write."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_embedding import read_rows
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.step import Aligned, Step
from winnow.core.table import Store
from winnow.measure.embedding import Embedding
from winnow.measure.examples import auc
from winnow.measure.fit_linear import FitLinear, FitRidge, logistic_regression, regression_report
from winnow.measure.linear import Linear, Weights, probabilities, read_weights
from winnow.measure.score import Score
from winnow.measure.vectors import OfVectors


@dataclass(frozen=True, kw_only=True)
class Spelled(Aligned):
    """The vector and the number that a text spells: "0.5 -1 2 : 7"; an empty part is null."""

    size: int = 2

    @property
    def name(self) -> str:
        return "spelled"

    def columns(self) -> pa.Schema:
        return pa.schema(
            [("vector", pa.list_(pa.float32(), self.size)), ("number", pa.float64()), ("word", pa.string())]
        )

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        return self._judge

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        parts = [text.split(":") for text in batch.column("text").to_pylist()]
        vectors = [[float(part) for part in left.split()] or None for left, _ in parts]
        numbers = [float(right) if right.strip() else None for _, right in parts]
        columns = [
            pa.array(vectors, self.columns().field("vector").type),
            pa.array(numbers, pa.float64()),
            [""] * len(parts),
        ]
        return pa.record_batch(columns, schema=self.columns())


def spelled(
    rows: Sequence[tuple[list[float], float | None]], prefix: str = "d", size: int = 2, shards: int = 3
) -> Spelled:
    texts = [f"{' '.join(map(str, vector))} : {'' if number is None else number}" for vector, number in rows]
    named = [(f"{prefix}{row}", text) for row, text in enumerate(texts)]
    return Spelled(documents=Given(shards=tuple(tuple(named[shard::shards]) for shard in range(shards))), size=size)


def wheel(number: int) -> NDArray[np.float32]:
    """Unit vectors of three dimensions, in no order."""
    places = np.arange(number)
    vectors = np.stack([np.cos(places), np.sin(1.7 * places), np.cos(2.3 * places + 1)], axis=1)
    units: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return units


def report_of(step: Step, store: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((Store(store).table(step).files() / "report.json").read_text())
    return read


def test_the_odds_of_two_groups_are_found_in_closed_form() -> None:
    vectors = np.repeat(np.array([[1], [-1]], np.float32), 400, axis=0)
    positive = np.concatenate([np.arange(400) < 300, np.arange(400) < 100])
    weights, bias = logistic_regression(vectors, positive, 1e-9)
    assert weights[0] == pytest.approx(np.log(3), abs=1e-6)
    assert bias == pytest.approx(0, abs=1e-6)


def test_weights_are_those_of_scikit_learn() -> None:
    vectors = wheel(40)
    positive = np.sin(0.9 * np.arange(40)) + vectors[:, 0] > 0.2
    weights, bias = logistic_regression(vectors, positive, 0.5)
    assert weights == pytest.approx([0.542068774707062, 1.084636519473195, 0.2754928680256398], abs=1e-5)
    assert bias == pytest.approx(-0.675369500792367, abs=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 5), st.floats(1e-3, 10))
def test_no_step_from_the_solution_lowers_the_loss(seed: int, number: int, size: int, l2: float) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(number, size)).astype(np.float32)
    positive = np.arange(number) % 2 == 0
    weights, bias = logistic_regression(vectors, positive, l2)

    def loss(change: NDArray[np.float64]) -> float:
        logits = vectors @ (weights + change[:-1]) + bias + change[-1]
        penalty = l2 / 2 * float(np.square(weights + change[:-1]).sum())
        return float(np.logaddexp(0, np.where(positive, -logits, logits)).sum()) + penalty

    least = loss(np.zeros(size + 1))
    for _ in range(20):
        assert loss(rng.normal(size=size + 1) * 1e-3) >= least - 1e-12


def test_separable_sets_are_separated_and_the_report_says_so(tmp_path: Path) -> None:
    angles = np.linspace(0.1, 1.4, 200)
    right = spelled([([np.cos(a), np.sin(a)], None) for a in angles], "right")
    left = spelled([([-np.cos(a), np.sin(a)], None) for a in angles], "left")
    fit = FitLinear(positives=right, negatives=left, heldout_fraction=0.3)
    materialize(fit, tmp_path)
    report = report_of(fit, tmp_path)
    assert report["auc"] == 1
    assert report["num_heldout"] == pytest.approx(120, abs=30)
    weights = read_weights(Store(tmp_path).table(fit).files() / "linear.npz")
    assert weights.is_logit
    assert weights.weights[0] > 3 * abs(weights.weights[1])


def test_the_fit_depends_on_the_documents_and_not_on_their_order(tmp_path: Path) -> None:
    rows: list[tuple[list[float], float | None]] = [([*map(float, row)], None) for row in wheel(60)[:, :2]]
    found = []
    for shards in (1, 4):
        sets = [spelled(rows[half::2], f"{half}-", shards=shards) for half in (0, 1)]
        fit = FitLinear(positives=sets[0], negatives=sets[1])
        materialize(fit, tmp_path / str(shards))
        found.append((Store(tmp_path / str(shards)).table(fit).files() / "linear.npz").read_bytes())
    assert found[0] == found[1]


def test_ridge_finds_the_line_that_numbers_lie_on(tmp_path: Path) -> None:
    table = spelled([([float(x) for x in row], float(2 * row[0] - row[2] + 3)) for row in wheel(400)], size=3)
    exact = FitRidge(vectors=table, target=table, target_column="number", l2=1e-9)
    materialize(exact, tmp_path)
    weights = read_weights(Store(tmp_path).table(exact).files() / "linear.npz")
    assert weights.weights == pytest.approx([2, 0, -1], abs=1e-4)
    assert weights.bias == pytest.approx(3, abs=1e-4)
    assert not weights.is_logit
    report = report_of(exact, tmp_path)
    assert report["r_squared"] == pytest.approx(1, abs=1e-6)
    assert report["rmse"] == pytest.approx(0, abs=1e-3)
    assert report["num_examples"] + report["num_heldout"] == 400  # type: ignore[operator]


def test_ridge_leaves_out_what_has_no_number_and_pays_for_length(tmp_path: Path) -> None:
    rows: list[tuple[list[float], float | None]] = [([1.0, 0.0], 1.0), ([-1.0, 0.0], -1.0)] * 100
    rows += [([0.0, 1.0], None), ([], 5.0), ([0.0, 1.0], float("nan"))]
    table = spelled(rows)
    fit = FitRidge(vectors=table, target=table, target_column="number", l2=100, heldout_fraction=0.2)
    materialize(fit, tmp_path)
    weights = read_weights(Store(tmp_path).table(fit).files() / "linear.npz")
    report = report_of(fit, tmp_path)
    learnt_from = report["num_examples"]
    assert isinstance(learnt_from, int)
    assert learnt_from + report["num_heldout"] == 200  # type: ignore[operator]
    assert weights.weights[0] == pytest.approx(learnt_from / (learnt_from + 100), abs=0.01)
    assert weights.weights[1] == 0


def test_a_regression_report_is_what_the_numbers_say() -> None:
    numbers = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    report = regression_report(numbers[::-1] * 2, numbers)
    assert report["correlation"] == pytest.approx(-1)
    assert report["rmse"] == pytest.approx(np.sqrt(np.mean((numbers[::-1] * 2 - numbers) ** 2)))
    report = regression_report(np.array([1.0, 3.0, 2.0, 4.0, 6.0, 5.0]), numbers)
    expected = np.corrcoef([1, 3, 2, 4, 6, 5], numbers)[0, 1]
    assert report["correlation"] == pytest.approx(expected)
    assert report["correlation_interval"] == pytest.approx(
        [np.tanh(np.arctanh(expected) - 1.96 / 3**0.5), np.tanh(np.arctanh(expected) + 1.96 / 3**0.5)], abs=1e-4
    )
    assert report["r_squared"] == pytest.approx(1 - 4 / 17.5)


def test_scores_are_bias_plus_dot_product_of_the_unit_vector(tmp_path: Path) -> None:
    Weights(np.array([2, -1], np.float32), 0.5, True).save(tmp_path)
    table = spelled([([3, 4], None), ([], None), ([0, -7], None), ([-1000, 0], None)])
    score = Linear(documents=table.documents, vectors=table, model=str(tmp_path / "linear.npz"))
    materialize(score, tmp_path)
    found = {row["id"]: (row["score"], row["probability"]) for row in rows_of(score, tmp_path)}
    assert found["d0"] == pytest.approx((0.5 + 1.2 - 0.8, 1 / (1 + np.exp(-0.9))), abs=1e-6)
    assert found["d1"] == (None, None)
    assert found["d2"] == pytest.approx((1.5, 1 / (1 + np.exp(-1.5))))
    assert found["d3"] == pytest.approx((-1.5, 1 / (1 + np.exp(1.5))))


def test_predicted_values_are_no_probabilities(tmp_path: Path) -> None:
    Weights(np.array([1, 0], np.float32), 2.0, False).save(tmp_path)
    table = spelled([([1, 0], None)])
    score = Linear(documents=table.documents, vectors=table, model=str(tmp_path))
    materialize(score, tmp_path)
    assert [(row["score"], row["probability"]) for row in rows_of(score, tmp_path)] == [(3, None)]


def test_a_fitted_model_scores_documents_whose_text_is_not_read(tmp_path: Path) -> None:
    good, bad = (spelled([([x, 1], None)] * 20, name) for name, x in (("good", 3), ("bad", -3)))
    pool = spelled([([x, 1], None) for x in (-2, 0, 2)], shards=2)
    score = Linear(documents=pool.documents, vectors=pool, model=FitLinear(positives=good, negatives=bad))
    materialize(score, tmp_path)
    found = {row["id"]: row["score"] for row in rows_of(score, tmp_path)}
    assert found["d0"] < found["d1"] < found["d2"]
    assert OfVectors.reads == ()


def test_sources_that_were_never_seen_are_told_apart(tmp_path: Path, shared_data: Path) -> None:
    def embedded(*sources: str) -> Score:
        rows = [row for name in sources for row in read_rows(shared_data, name)[:1200:6]]
        return Score(
            documents=Given(shards=(tuple((row["id"], row["text"]) for row in rows),)),
            measure=Embedding(max_tokens=500),
        )

    fit = FitLinear(
        positives=embedded("wikitext2_valid_test", "openstax_textbooks"), negatives=embedded("reddit_selfposts_2013")
    )
    scores = []
    for unseen in (embedded("medquad_medical_qa"), embedded("nltk_webtext_chat")):
        judged = Linear(documents=unseen.documents, vectors=unseen, model=fit)
        materialize(judged, tmp_path)
        scores.append([row["score"] for row in rows_of(judged, tmp_path)])
    positive = np.arange(len(scores[0]) + len(scores[1])) < len(scores[0])
    assert auc(np.array(scores[0] + scores[1]), positive).low > 0.9
    assert report_of(fit, tmp_path)["auc"] > 0.95  # type: ignore[operator]


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=20))
def test_probabilities_are_the_logistic_function(logits: list[float]) -> None:
    found = probabilities(np.array(logits))
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found, 0.5 + 0.5 * np.tanh(np.array(logits) / 2), atol=1e-12)


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    two, three = spelled([([1, 2], 1.0)] * 30), spelled([([1, 2, 3], 1.0)] * 30, "e", size=3)
    with pytest.raises(RecipeError, match="positives have vectors of 2 numbers and negatives of 3"):
        materialize(FitLinear(positives=two, negatives=three), tmp_path)
    with pytest.raises(RecipeError, match=r"l2 is 0\.0"):
        materialize(FitLinear(positives=two, negatives=spelled([([1, 2], None)] * 30, "f"), l2=0.0), tmp_path)
    with pytest.raises(RecipeError, match=r"no column 'word' of numbers; it has id \(string\), vector"):
        materialize(FitRidge(vectors=two, target=two, target_column="word"), tmp_path)
    with pytest.raises(RecipeError, match="judge different documents"):
        materialize(FitRidge(vectors=two, target=three, target_column="number"), tmp_path)
    with pytest.raises(RecipeError, match="describes other documents"):
        materialize(Linear(documents=three.documents, vectors=two, model="x"), tmp_path)
    few = spelled([([1, 2], 1.0)] * 12)
    with pytest.raises(InputError, match="documents to learn from and"):
        materialize(FitRidge(vectors=few, target=few, target_column="number"), tmp_path)
    with pytest.raises(RecipeError, match="there is no model at"):
        read_weights(tmp_path / "nothing.npz")
    (tmp_path / "other.npz").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(InputError, match=r"other\.npz is no such model, which holds weights, bias, is_logit"):
        read_weights(tmp_path / "other.npz")
    Weights(np.ones(5, np.float32), 0, True).save(tmp_path)
    with pytest.raises(InputError, match=r"linear\.npz is for vectors of 5 numbers, these have 2"):
        Linear(documents=two.documents, vectors=two, model="x").open(tmp_path / "linear.npz")(
            np.ones((1, 2), np.float32)
        )
