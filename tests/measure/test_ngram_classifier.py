from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
from winnow.measure.score import Score

SCIENCE = "cell energy theory measured protein equation result because therefore which".split()
SALES = "buy cheap discount shipping click offer free price now best".split()
COMMON = "the a of and to in is it was for".split()


def sentences(words: list[str], number: int, seed: int, prefix: str) -> list[tuple[str, str]]:
    """Documents of 5 to 80 words, one in five of them its own kind's."""
    draw = random.Random(seed)
    texts = [
        " ".join(draw.choice(words if draw.random() < 0.2 else COMMON) for _ in range(draw.randint(5, 80)))
        for _ in range(number)
    ]
    return [(f"{prefix}{place}", text) for place, text in enumerate(texts)]


def given(rows: Sequence[tuple[str, str | None]], shards: int = 1) -> Given:
    return Given(shards=tuple(tuple(rows[start::shards]) for start in range(shards)))


GOOD, BAD = sentences(SCIENCE, 200, 1, "g"), sentences(SALES, 200, 2, "b")
FIT = FitNgramClassifier(positives=given(GOOD), negatives=given(BAD), num_buckets=1 << 12, heldout_fraction=0.3)
ODD = [
    ("empty", ""),
    ("space", " \n"),
    ("one", "a"),
    ("long", "cell theory " * 90_000),
    ("han", "子供たちは学校へ行く。"),
    ("none", None),
]


def scored(fit: FitNgramClassifier, documents: Given, store: Path) -> dict[str, dict[str, Any]]:
    score = Score(documents=documents, measure=NgramClassifier(model=fit))
    materialize(score, store)
    return {row["id"]: row for row in rows_of(score, store)}


def test_wanted_documents_score_high_and_the_report_says_how_surely(tmp_path: Path) -> None:
    new = sentences(SCIENCE, 50, 3, "g") + sentences(SALES, 50, 4, "b")
    found = scored(FIT, given(new), tmp_path)
    logits = {id: row["logit"] for id, row in found.items()}
    wins = [logits[f"g{n}"] > logits[f"b{m}"] for n in range(50) for m in range(50)]
    assert np.mean(wins) > 0.95
    assert all(row["probability"] == pytest.approx(1 / (1 + np.exp(-row["logit"]))) for row in found.values())
    report = read_json(Store(tmp_path).table(FIT).file("report.json"))
    low, high = report["auc_interval"]
    assert 0.9 < low <= report["auc"] <= high <= 1
    assert report["num_heldout"] + report["num_positives"] + report["num_negatives"] == 400
    assert sum(part["num"] for part in report["calibration"]) == report["num_heldout"]


def test_the_most_telling_ngrams_are_the_words_that_one_side_uses(tmp_path: Path) -> None:
    fit = replace(FIT, num_buckets=1 << 20)
    materialize(fit, tmp_path)
    telling = read_json(Store(tmp_path).table(fit).file("report.json"))["telling"]
    sides = {1: SCIENCE, -1: SALES}
    for sign, own in sides.items():
        ngrams = [one["ngram"] for one in telling if one["weight"] * sign > 0]
        assert set(ngrams[:8]) <= set(own)
        assert len(ngrams) == 20
    assert all(one["adds"] > 0 for one in telling)


def test_a_document_that_says_the_same_again_scores_the_same(tmp_path: Path) -> None:
    """The mean is over n-grams alone, so length is no feature, as fastText's end of a document makes it."""
    fit = replace(FIT, ngram=1)
    text = "the cell of a discount is free "
    found = scored(fit, given([("once", text), ("often", text * 400)]), tmp_path)
    assert found["once"]["logit"] == pytest.approx(found["often"]["logit"], abs=1e-9)


def test_shards_and_their_order_do_not_matter(tmp_path: Path) -> None:
    turned = replace(FIT, positives=given(GOOD[::-1], 5), negatives=given(BAD[100:] + BAD[:100], 3))
    made = []
    for fit in (FIT, turned):
        materialize(fit, tmp_path)
        made.append(Store(tmp_path).table(fit).files())
    for file in ("model.npz", "report.json"):
        assert (made[0] / file).read_bytes() == (made[1] / file).read_bytes()


def test_odd_documents_have_a_number_or_none(tmp_path: Path) -> None:
    found = scored(FIT, given(ODD), tmp_path)
    assert {id for id, row in found.items() if row["logit"] is None} == {"empty", "space", "none"}
    assert {id for id, row in found.items() if row["probability"] is None} == {"empty", "space", "none"}
    assert found["long"]["logit"] > found["one"]["logit"]
    assert not any(row["quarantined"] for row in found.values())


def test_a_model_file_scores_as_the_step_that_made_it(tmp_path: Path) -> None:
    found = scored(FIT, given(GOOD[:5]), tmp_path)
    file = str(Store(tmp_path).table(FIT).files() / "model.npz")
    judge = NgramClassifier(model=file).load()
    logits = judge(pa.RecordBatch.from_pydict({"text": [text for _, text in GOOD[:5]]})).column("logit").to_pylist()
    assert logits == [found[id]["logit"] for id, _ in GOOD[:5]]
    assert NgramClassifier(model=file).files() == (file,)


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    for name, value in (("ngram", 0), ("num_buckets", 0), ("epochs", 0), ("rate", 0.0)):
        options: dict[str, Any] = {name: value}
        with pytest.raises(RecipeError, match=f"{name} is {value}"):
            replace(FIT, **options).check()
    with pytest.raises(RecipeError, match="no model at"):
        NgramClassifier(model=str(tmp_path / "none.npz")).load()
    (tmp_path / "wrong.npz").write_text("no")
    with pytest.raises(InputError, match="is no such model"):
        NgramClassifier(model=str(tmp_path / "wrong.npz")).load()
