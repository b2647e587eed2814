from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.kernels.hashed_ngrams_reference import count_buckets, ngrams
from winnow.measure.dsir import Dsir, FitDsir
from winnow.measure.score import Score

TARGET = ("The cell divides.", "A cell is alive; the cell eats.", "Ein Ausflug nach Köln")
RAW = ("buy now! buy now!", "the cell phone is cheap", "", "子供たちは学校へ行く。", "नमस्ते दुनिया", "x")


def rows(texts: tuple[str, ...], shards: int = 1) -> Given:
    named = [(f"d{number}", text) for number, text in enumerate(texts)]
    return Given(shards=tuple(tuple(named[start::shards]) for start in range(shards)))


def weights_of(target: Given, raw: Given, store: Path, **options: Any) -> list[dict[str, Any]]:
    score = Score(documents=raw, measure=Dsir(model=FitDsir(target=target, raw=raw, **options)))
    materialize(score, store)
    return sorted(rows_of(score, store), key=lambda row: str(row["id"]))


def brute(texts: tuple[str, ...], target: tuple[str, ...], raw: tuple[str, ...], num_buckets: int) -> list[float]:
    """The published formula, a bucket at a time (data-selection 1.0.3, ``HashedNgramDSIR``)."""

    def probabilities(some: tuple[str, ...]) -> np.ndarray[Any, Any]:
        counts = np.zeros(num_buckets)
        for text in some:
            for bucket, number in count_buckets(text, 2, num_buckets).items():
                counts[bucket] += number
        shares: np.ndarray[Any, Any] = counts / counts.sum()
        return shares

    log_diff = np.log(probabilities(target) + 1e-8) - np.log(probabilities(raw) + 1e-8)
    return [float(sum(n * log_diff[b] for b, n in count_buckets(text, 2, num_buckets).items())) for text in texts]


@pytest.mark.parametrize("num_buckets", [1, 50, 10_000])
def test_weights_are_the_published_formula(tmp_path: Path, num_buckets: int) -> None:
    found = weights_of(rows(TARGET), rows(RAW, 2), tmp_path, num_buckets=num_buckets)
    assert [row["log_weight"] for row in found] == pytest.approx(
        brute(RAW, TARGET, RAW, num_buckets), rel=1e-6, abs=1e-6
    )
    for row, text in zip(found, RAW, strict=True):
        number = len(list(ngrams(text, 2)))
        assert row["num_ngrams"] == number
        if number:
            assert row["log_weight_per_ngram"] == pytest.approx(row["log_weight"] / number)
    assert found[2]["log_weight"] == 0
    assert found[2]["log_weight_per_ngram"] is None


@settings(max_examples=10)
@given(st.lists(st.text(min_size=1).filter(str.split), min_size=1, max_size=5))
def test_a_target_that_is_the_corpus_weighs_nothing(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    both = rows(tuple(texts))
    found = weights_of(both, both, tmp_path_factory.mktemp("same"))
    assert {row["log_weight"] for row in found} == {0.0}


def test_the_plain_weight_grows_with_length_and_the_mean_does_not(tmp_path: Path) -> None:
    raw = ("the cell divides " * 2, "the cell divides " * 200, "buy now " * 5000)
    found = weights_of(rows(("the cell divides the cell eats",)), rows(raw), tmp_path)
    assert found[1]["log_weight"] > 50 * found[0]["log_weight"] > 0
    assert found[1]["log_weight_per_ngram"] == pytest.approx(found[0]["log_weight_per_ngram"], rel=0.2)
    assert found[2]["log_weight"] < 0


def test_neither_shards_nor_their_order_matter(tmp_path: Path) -> None:
    one = weights_of(rows(TARGET), rows(RAW), tmp_path / "one")
    assert one == weights_of(rows(TARGET, 3), rows(RAW, 4), tmp_path / "other")


def test_the_report_says_how_far_apart_the_sets_are(tmp_path: Path) -> None:
    fit = FitDsir(target=rows(("a a a b",)), raw=rows(("a b",)), num_buckets=1)
    materialize(fit, tmp_path)
    report = read_json(Store(tmp_path).table(fit).file("report.json"))
    assert report == {"num_target_ngrams": 7, "num_raw_ngrams": 3, "kl_divergence": 0.0}
    fit = FitDsir(target=rows(TARGET), raw=rows(RAW))
    materialize(fit, tmp_path)
    assert read_json(Store(tmp_path).table(fit).file("report.json"))["kl_divergence"] > 1


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no words"):
        materialize(FitDsir(target=rows(("", " ")), raw=rows(RAW)), tmp_path)
    with pytest.raises(RecipeError, match="num_buckets is 0"):
        materialize(FitDsir(target=rows(TARGET), raw=rows(RAW), num_buckets=0), tmp_path)
    with pytest.raises(RecipeError, match="no log ratios at"):
        Dsir(model=str(tmp_path / "none.npy")).load()
    (tmp_path / "wrong.npy").write_text("no")
    with pytest.raises(InputError, match="does not hold log ratios"):
        Dsir(model=str(tmp_path / "wrong.npy")).load()
