from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Length, Letters

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure.agreement import Agreement, spearman_interval

LETTERS = Letters(tasks=4, size=50)


def agreement(score: str, exam: str = "true", other: Letters = LETTERS) -> Agreement:
    """Of the length of a text with some function of it."""
    return Agreement(
        teacher=Length(documents=LETTERS),
        score="length.length",
        student=Length(documents=other, called="other"),
        student_score=score,
        exam=exam,
        fraction=0.1,
    )


def report(step: Agreement, store: Path) -> dict[str, float]:
    materialize(step, store)
    found: dict[str, float] = read_json(Store(store).table(step).file("report.json"))
    return found


def test_a_student_that_says_the_same_agrees_whatever_its_scale(tmp_path: Path) -> None:
    found = report(agreement("ln(1 + other.length)"), tmp_path)
    assert (found["num_documents"], found["auc"], found["overlap"]) == (200, 1, 1)
    assert found["spearman"] == pytest.approx(1)


def test_a_student_that_says_the_opposite_agrees_on_nothing(tmp_path: Path) -> None:
    found = report(agreement("-other.length"), tmp_path)
    assert (found["auc"], found["overlap"]) == (0, 0)
    assert found["spearman"] == pytest.approx(-1)


def test_only_documents_of_the_exam_with_both_scores_count(tmp_path: Path) -> None:
    exam = "length.length < 120 AND length.length % 2 = 0"
    found = report(agreement("nullif(other.length, 0)", exam), tmp_path)
    assert found["num_documents"] == 59


def test_the_share_found_is_that_of_the_teachers_top(tmp_path: Path) -> None:
    """The student puts the best half of the top first and takes the rest from the bottom."""
    found = report(agreement("CASE WHEN other.length < 190 THEN -other.length ELSE other.length END"), tmp_path)
    assert found["overlap"] == 0.5


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="judge different documents"):
        materialize(agreement("other.length", other=Letters(tasks=2)), tmp_path)
    with pytest.raises(RecipeError, match="exam"):
        materialize(agreement("other.length", "length.length"), tmp_path)
    with pytest.raises(InputError, match="5 documents are left"):
        materialize(agreement("other.length", "length.length < 5"), tmp_path)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=30))
def test_spearman_is_the_correlation_of_mean_ranks(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.array(side, float) for side in zip(*pairs, strict=True))
    ranks = [[np.mean([i for i, v in enumerate(sorted(side)) if v == x]) for x in side] for side in (one, other)]
    value, low, high = spearman_interval(one, other)
    if np.std(ranks[0]) and np.std(ranks[1]):
        assert value == pytest.approx(np.corrcoef(np.array(ranks))[0, 1])
    else:
        assert value == 0
    assert -1 <= low <= value + 1e-9 and value - 1e-9 <= high <= 1
