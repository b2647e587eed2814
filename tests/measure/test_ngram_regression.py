from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure.function import Function
from winnow.measure.ngram_regression import FitNgramRegression, NgramRegression
from winnow.measure.score import Score

PLAIN, HARD = "of the to and in is it we".split(), "energy theory protein entropy".split()


def grade(text: str) -> float | None:
    """100 and 50 times the share of hard words; nothing for an empty text."""
    words = text.split()
    return 100 + 50 * sum(word in HARD for word in words) / len(words) if words else None


def essays(number: int, seed: int) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    texts = []
    for _ in range(number):
        share = draw.random()
        texts.append(" ".join(draw.choice(HARD if draw.random() < share else PLAIN) for _ in range(40)))
    return [(f"{seed}-{place:03}", text) for place, text in enumerate(texts)]


def fit(rows: list[tuple[str, str]], shards: int = 1) -> FitNgramRegression:
    documents = Given(shards=tuple(tuple(rows[start::shards]) for start in range(shards)))
    target = Score(documents=documents, measure=Function(name="grade", function=grade))
    return FitNgramRegression(target=target, score="grade.value", num_buckets=1 << 12)


ROWS = [*essays(400, 1), ("empty", "")]
FIT = fit(ROWS)


def test_a_number_is_predicted_in_its_own_units(tmp_path: Path) -> None:
    new = essays(60, 2)
    documents = Given(shards=((*new, ("empty", "")),))
    score = Score(documents=documents, measure=NgramRegression(model=FIT))
    materialize(score, tmp_path)
    found = {row["id"]: row["value"] for row in rows_of(score, tmp_path)}
    assert found.pop("empty") is None
    errors = [found[id] - float(grade(text) or 0) for id, text in new]
    assert np.sqrt(np.mean(np.square(errors))) < 6
    report = read_json(Store(tmp_path).table(FIT).file("report.json"))
    assert report["num_examples"] + report["num_heldout"] == 400
    assert report["r_squared"] > 0.8
    assert report["correlation_interval"][0] < report["correlation"] < report["correlation_interval"][1]


def test_shards_and_their_order_do_not_matter(tmp_path: Path) -> None:
    turned = fit(ROWS[::-1], 4)
    materialize(FIT, tmp_path)
    materialize(turned, tmp_path)
    one, other = (Store(tmp_path).table(step).files() / "model.npz" for step in (FIT, turned))
    assert one.read_bytes() == other.read_bytes()


def test_what_is_left_out_is_not_learnt_from(tmp_path: Path) -> None:
    half = replace(FIT, leave_out="documents.id >= '1-200'")
    few = replace(FIT, max_examples=150)
    materialize(half, tmp_path)
    materialize(few, tmp_path)
    for step, number in ((half, 200), (few, 150)):
        report = read_json(Store(tmp_path).table(step).file("report.json"))
        assert report["num_examples"] + report["num_heldout"] == number


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"names 'grade\.valu'"):
        replace(FIT, score="grade.valu").check()
    with pytest.raises(RecipeError, match="heldout_fraction is 1"):
        replace(FIT, heldout_fraction=1.0).check()
    with pytest.raises(RecipeError, match="rate is 0"):
        replace(FIT, rate=0.0).check()
    with pytest.raises(InputError, match="at least 10 of each"):
        materialize(fit(ROWS[:15]), tmp_path)
