"""What a classifier learns from, and the area under its ROC curve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Letters

from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure.examples import FitOnTwoSets, auc, calibration, draw, heldout_report

WANTED, UNWANTED = Letters(tasks=3, size=40), Letters(tasks=2, size=100)


@dataclass(frozen=True, kw_only=True)
class Fit(FitOnTwoSets):
    def make(self, store: Store, directory: Path) -> dict[str, int]:
        return {}


def examples(tmp_path: Path, wanted: Letters = WANTED, max_examples: int = 1000, seed: int = 0) -> pa.Table:
    fit = Fit(positives=wanted, negatives=UNWANTED, max_examples=max_examples, heldout_fraction=0.2, seed=seed)
    materialize(fit, tmp_path, Inline())
    return fit.examples(Store(tmp_path), "text")


def test_each_set_gives_at_most_the_number_asked_for_whatever_its_shards(tmp_path: Path) -> None:
    first = examples(tmp_path, max_examples=50)
    assert first.num_rows == 100
    assert sum(first["positive"].to_pylist()) == 50
    reshaped = Letters(tasks=6, size=20)  # the same documents in other shards
    assert examples(tmp_path, wanted=reshaped, max_examples=50).equals(first)


def test_every_document_is_drawn_where_there_are_fewer(tmp_path: Path) -> None:
    assert examples(tmp_path).num_rows == 120 + 200


def test_another_seed_draws_and_holds_out_other_documents(tmp_path: Path) -> None:
    first, second = (examples(tmp_path, max_examples=50, seed=seed) for seed in (0, 1))
    assert set(first["id"].to_pylist()) != set(second["id"].to_pylist())
    assert set(first.filter(first["heldout"])["id"].to_pylist()) != set(
        second.filter(second["heldout"])["id"].to_pylist()
    )


def test_the_same_share_of_each_set_is_held_out(tmp_path: Path) -> None:
    table = examples(tmp_path, max_examples=50)
    held = table.filter(table["heldout"])["positive"].to_pylist()
    assert (held.count(True), held.count(False)) == (10, 10)


def test_the_two_sets_come_mixed(tmp_path: Path) -> None:
    positive = examples(tmp_path)["positive"].to_numpy()
    assert 0.2 < positive[:100].mean() < 0.55


def test_too_small_a_set_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"letters-.* has 4 documents to learn from: give at least 10"):
        examples(tmp_path, wanted=Letters(tasks=1, size=4))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heldout_fraction": 1.0}, "heldout_fraction is 1.0"),
        ({"max_examples": 3}, "max_examples is 3"),
        ({"negatives": WANTED}, "are both letters-"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_before_anything_runs(wrong: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"positives": WANTED, "negatives": UNWANTED, **wrong}
    with pytest.raises(RecipeError, match=message):
        Fit(**fields).check()  # type: ignore[arg-type]


def test_a_draw_is_uniform_and_depends_on_id_and_seed() -> None:
    draws = np.array([draw(f"d{n}", 7) for n in range(20_000)])
    assert abs(draws.mean() - 0.5) < 0.01
    assert abs((draws < 0.1).mean() - 0.1) < 0.01
    assert draw("d1", 7) != draw("d1", 8)


def test_the_area_of_a_few_scores_by_hand() -> None:
    scores = np.array([0.9, 0.4, 0.4, 0.1])
    found = auc(scores, np.array([True, True, False, False]))
    assert found.value == (1 + 1 + 0.5 + 1) / 4


def test_the_interval_is_that_of_delong() -> None:
    """Six against five values; variance worked out from the placement values 1, 1, .8, .8, .6, .2 and the like."""
    high, low = np.array([9.0, 8, 6, 6.5, 4, 1.5]), np.array([1.0, 2, 3, 5, 7])
    found = auc(np.concatenate([high, low]), np.repeat([True, False], [6, 5]))
    of_high = np.array([1, 1, 0.8, 0.8, 0.6, 0.2])
    of_low = np.array([1, 5 / 6, 5 / 6, 4 / 6, 2 / 6])
    reach = 1.959963984540054 * np.sqrt(of_high.var(ddof=1) / 6 + of_low.var(ddof=1) / 5)
    assert found.value == pytest.approx(of_high.mean()) == pytest.approx(of_low.mean())
    assert found.high == pytest.approx(min(1, found.value + reach))
    assert found.low == pytest.approx(found.value - reach)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2).filter(lambda s: len({b for _, b in s}) == 2))
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    high = [score for score, positive in rows if positive]
    low = [score for score, positive in rows if not positive]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in high for b in low]
    found = auc(np.array([score for score, _ in rows], float), np.array([positive for _, positive in rows]))
    assert found.value == pytest.approx(np.mean(pairs))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_one_sided_examples_have_no_area() -> None:
    with pytest.raises(InputError, match="2 positives and 0 negatives were held out"):
        auc(np.array([1.0, 2.0]), np.array([True, True]))


def test_calibration_compares_what_was_said_with_what_was(tmp_path: Path) -> None:
    bins = calibration(np.array([0.05, 0.01, 0.95, 1.0]), np.array([False, True, True, True]))
    assert bins == [
        {"num": 2, "mean_probability": pytest.approx(0.03), "positive_fraction": 0.5},
        {"num": 2, "mean_probability": pytest.approx(0.975), "positive_fraction": 1.0},
    ]


def test_the_report_counts_what_was_learnt_from_and_judges_by_the_rest(tmp_path: Path) -> None:
    table = examples(tmp_path)
    heldout = table.filter(table["heldout"])
    scores = np.array([len(text) for text in heldout["text"].to_pylist()], float)
    report = heldout_report(scores, scores / 200, table)
    assert report["num_positives"] + report["num_negatives"] + report["num_heldout"] == 320  # type: ignore[operator]
    assert 0 < report["auc"] < 0.5  # type: ignore[operator]
