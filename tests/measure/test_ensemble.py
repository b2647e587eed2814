"""Quantiles of scores, and several scores as one."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Length, Letters

from winnow.choose.rank import Top
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.executors import Inline, Processes
from winnow.core.guard import Guard
from winnow.core.run import materialize, num_shards
from winnow.core.step import Part
from winnow.core.table import ShardWriter, Store
from winnow.measure import ensemble as module
from winnow.measure.ensemble import Ensemble, FitWeights, ensemble
from winnow.measure.text import Text

DOCUMENTS = Letters(tasks=3, size=10)  # lengths 0 to 29
LENGTH = Length(documents=DOCUMENTS)


def rows_of(step: Ensemble, store: Path, executor: Any = None) -> dict[str, list[Any]]:
    materialize(step, store, executor or Inline())
    opened = Store(store)
    shards = [opened.table(step).shard(shard).to_pydict() for shard in range(num_shards(step, opened))]
    return {name: [value for shard in shards for value in shard[name]] for name in shards[0]}


def of_lengths(scores: Mapping[str, str], **settings: Any) -> Ensemble:
    return ensemble(DOCUMENTS, scores=scores, measures=[LENGTH], **settings)


def test_a_quantile_is_the_share_below_and_half_of_the_equal(tmp_path: Path) -> None:
    found = rows_of(of_lengths({"all": "length.length", "tens": "length.length // 10"}), tmp_path)
    assert found["all_quantile"] == pytest.approx([(n + 0.5) / 30 for n in range(30)])
    assert found["tens_quantile"] == pytest.approx([5 / 30] * 10 + [15 / 30] * 10 + [25 / 30] * 10)
    assert found["score"] == pytest.approx(np.mean([found["all_quantile"], found["tens_quantile"]], axis=0).tolist())


def test_the_highest_bucket_of_any_score_is_that_of_the_maximum(tmp_path: Path) -> None:
    found = rows_of(of_lengths({"long": "length.length", "short": "-length.length"}, how="max"), tmp_path)
    assert found["score"] == pytest.approx([max(n + 0.5, 29.5 - n) / 30 for n in range(30)])
    assert found["bucket"] == [int(max(n + 0.5, 29.5 - n) / 30 * 20) for n in range(30)]
    assert max(found["bucket"]) == 19


SCORES = {"size": "length.length", "noise": "(length.length * 7) % 30"}


def among_the_pool(documents: Letters) -> Ensemble:
    """Other documents, placed among the quantiles of ``DOCUMENTS``."""
    fitted = ensemble(DOCUMENTS, scores={"size": "text.num_chars", "odd": "text.num_chars % 2"}, measures=[Text()])
    return Ensemble(documents=documents, quantiles=fitted.quantiles)


@dataclass(frozen=True, kw_only=True)
class Long(Letters):
    """Documents of 20 letters and more."""

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        ids, texts = [f"long{n}" for n in range(60)], ["a" * (20 + n % 10) for n in range(60)]
        out.write(pa.RecordBatch.from_pydict({"id": ids, "text": texts}, schema=self.schema()))


def test_learned_weights_tell_the_score_that_separates_from_the_one_that_does_not(tmp_path: Path) -> None:
    pool = among_the_pool(DOCUMENTS)
    weights = FitWeights(positives=among_the_pool(Long(tasks=1)), negatives=pool, heldout_fraction=0.3)
    learned = Ensemble(documents=DOCUMENTS, quantiles=pool.quantiles, how="learned", weights=weights)
    score = rows_of(learned, tmp_path)["score"]
    file = Store(tmp_path).table(weights).file
    learnt, report = (json.loads(file(name).read_text()) for name in ("weights.json", "report.json"))
    assert learnt["weights"]["size"] > 5 * abs(learnt["weights"]["odd"])
    assert report["auc"] > 0.6
    quantiles = rows_of(pool, tmp_path)["quantiles"]
    logit = learnt["bias"] + np.array(quantiles) @ [learnt["weights"]["size"], learnt["weights"]["odd"]]
    assert score == pytest.approx(1 / (1 + np.exp(-logit)))


def test_weights_belong_to_the_learned_way_alone(tmp_path: Path) -> None:
    quantiles = of_lengths(SCORES).quantiles
    with pytest.raises(RecipeError, match="'learned', and no other, needs them"):
        Ensemble(documents=DOCUMENTS, quantiles=quantiles, how="learned").check()


def test_weights_of_quantiles_in_different_pools_are_refused() -> None:
    other = of_lengths({"all": "length.length"})
    with pytest.raises(RecipeError, match="quantiles of different pools"):
        FitWeights(positives=of_lengths(SCORES), negatives=other).check()


def test_a_score_that_is_missing_is_passed_over(tmp_path: Path) -> None:
    scores = {"even": "CASE WHEN length.length % 2 = 0 THEN length.length END", "late": "nullif(length.length, 0)"}
    found = rows_of(of_lengths(scores), tmp_path)
    assert found["score"][0] == found["even_quantile"][0] == 0.5 / 15
    assert found["late_quantile"][0] is None
    assert found["even_quantile"][1] is None
    none = rows_of(of_lengths({"never": "CASE WHEN length.length < 0 THEN 1 END"}), tmp_path)
    assert none["score"] == none["bucket"] == [None] * 30


def test_what_is_not_a_number_has_no_quantile(tmp_path: Path) -> None:
    found = rows_of(of_lengths({"odd": "CASE WHEN length.length = 3 THEN 'nan'::DOUBLE ELSE 1 END"}), tmp_path)
    assert found["odd_quantile"][3] is None
    assert set(found["odd_quantile"][:3]) == {0.5}


def test_quantiles_within_a_group_are_those_of_the_group(tmp_path: Path) -> None:
    found = rows_of(of_lengths({"all": "length.length"}, by_group="length.length // 10"), tmp_path)
    assert found["all_quantile"] == pytest.approx([(n % 10 + 0.5) / 10 for n in range(30)])


def test_of_more_values_than_are_kept_the_quantile_is_off_by_a_step_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_POINTS", 8)
    found = rows_of(of_lengths({"all": "length.length * length.length"}), tmp_path)["all_quantile"]
    assert found == sorted(found)
    assert max(abs(q - (n + 0.5) / 30) for n, q in enumerate(found)) <= 1 / 8


def test_quantiles_of_other_documents_place_a_score_among_those(tmp_path: Path) -> None:
    long, characters = Letters(tasks=5, size=20), [Text()]
    fitted = ensemble(long, scores={"size": "text.num_chars"}, measures=characters).quantiles
    found = rows_of(Ensemble(documents=DOCUMENTS, quantiles=fitted), tmp_path)
    assert found["score"] == pytest.approx([(n + 0.5) / 100 for n in range(30)])


def test_the_result_does_not_depend_on_shards_or_workers(tmp_path: Path) -> None:
    shards = Letters(tasks=6, size=5)
    other = ensemble(shards, scores={"all": "length.length"}, measures=[Length(documents=shards)])
    here = rows_of(of_lengths({"all": "length.length"}), tmp_path / "one")
    assert here == rows_of(other, tmp_path / "two", Processes(2))


def test_a_choice_may_rest_on_it(tmp_path: Path) -> None:
    both = of_lengths({"all": "length.length"})
    chosen = Select(documents=DOCUMENTS, measures=(both,), keep=Top("ensemble.score", 0.1))
    materialize(chosen, tmp_path, Inline())
    assert Store(tmp_path).table(chosen).manifest.counts["kept"] == 3


@pytest.mark.parametrize(
    ("scores", "settings", "message"),
    [
        ({}, {}, "scores is empty"),
        ({"a b": "length.length"}, {}, "'a b' must be a name"),
        ({"a": "length.lenght"}, {}, "lenght"),
        ({"a": "'text'"}, {}, "VARCHAR, but must be"),
        ({"a": "length.length"}, {"how": "median"}, "how is 'median'"),
        ({"a": "length.length"}, {"num_buckets": 0}, "num_buckets is 0"),
        ({"a": "length.length"}, {"by_group": "length.nothing"}, "nothing"),
    ],
)
def test_what_cannot_be_combined_is_refused_before_anything_runs(
    tmp_path: Path, scores: dict[str, str], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        materialize(of_lengths(scores, **settings), tmp_path, Inline())
    assert not list(tmp_path.glob("ensemble*"))


def test_scores_of_other_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="not letters"):
        materialize(Ensemble(documents=Letters(), quantiles=of_lengths({"a": "length.length"}).quantiles), tmp_path)


def sql_of(value: float | None) -> str:
    return "NULL::DOUBLE" if value is None else f"'{value}'::DOUBLE"


@settings(max_examples=25)
@given(st.lists(st.sampled_from([None, math.nan, -2.0, -1.0, 0.0, 1.0, 7.5]), min_size=1, max_size=40))
def test_any_values_get_the_quantiles_of_a_direct_count(values: list[float | None]) -> None:
    documents = Letters(tasks=1, size=len(values))
    cases = " ".join(f"WHEN {place} THEN {sql_of(value)}" for place, value in enumerate(values))
    scores = {"v": f"CASE length.length {cases} END"}
    with tempfile.TemporaryDirectory() as store:
        step = ensemble(documents, scores=scores, measures=[Length(documents=documents)])
        found = rows_of(step, Path(store))["v_quantile"]
    valid = [value for value in values if value is not None and not math.isnan(value)]
    for value, quantile in zip(values, found, strict=True):
        if value is None or math.isnan(value):
            assert quantile is None
        else:
            below, equal = sum(v < value for v in valid), sum(v == value for v in valid)
            assert quantile == pytest.approx((below + equal / 2) / len(valid))
