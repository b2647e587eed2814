"""The study of a rater: what it trains, what it refuses, and a miniature of it end to end on real text."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")

import tiny

from winnow.bench.rater import read_result
from winnow.bench.rater_study import RaterStudy
from winnow.choose.rank import Accept, BatchTop, Rank, Top
from winnow.choose.select import Select
from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train
from winnow.recipes.datarater import datarater

NOISE = "documents.metadata->>'noise'"


def planned(**options: Any) -> RaterStudy:
    """A study at one scale."""
    given: dict[str, Any] = {
        "source": "pool.jsonl",
        "heldout": "good.jsonl",
        "validation": ("news=news.jsonl", "talk=talk.jsonl"),
        "scale": ("0.3M",),
        "seeds": 2,
        "discard": (0.9, 0.25),
    }
    return datarater(**given | options)


def keep(study: RaterStudy, name: str) -> Rank:
    """How an arm chooses."""
    rows = next(rows for arm, rows in study.arms if arm.name == name)
    assert isinstance(rows, Select) and rows.keep is not None
    return rows.keep


def test_every_arm_is_trained_alike_at_every_scale_with_every_seed() -> None:
    study = planned(scale=("0.3M", "1M"), tokens=50_000, oracle=f"{NOISE} IS NOT NULL")
    names = ["unfiltered", "random 50%", "rater, 25% dropped", "rater, 90% dropped", "oracle"]
    assert [arm.name for arm, _ in study.arms] == names
    runs = {}
    for name, measured in study.bench.entries:
        train = measured[0].model
        assert isinstance(train, Train)
        runs[name, train.scale, train.seed] = train
    assert set(runs) == {(name, scale, seed) for name in names for scale in ("0.3M", "1M") for seed in (0, 1)}
    assert {run.tokens.num_tokens for run in runs.values()} == {50_000}
    assert {tuple(name for name, _ in run.heldout) for run in runs.values()} == {("news", "talk")}


def test_models_rater_and_sets_share_the_tokenizer_of_the_pool() -> None:
    study = planned()
    tables = {study.fitted.documents, study.fitted.heldout}
    tables |= {one[0].model.tokens.sources[0][1] for _, one in study.bench.entries}  # type: ignore[union-attr]
    assert all(isinstance(one, Tokenize) for one in tables)
    assert len({one.tokenizer for one in tables}) == 1  # type: ignore[union-attr]
    assert study.fitted.documents.documents == study.scored.documents  # type: ignore[attr-defined]


@pytest.mark.parametrize(("rule", "kind"), [("top", Top), ("batch", BatchTop), ("accept", Accept)])
def test_the_rule_drops_shares_of_tokens_by_the_raters_score(rule: str, kind: type[Rank]) -> None:
    found = keep(planned(rule=rule), "rater, 90% dropped")
    assert isinstance(found, kind)
    assert (found.fraction, found.by, found.score) == (0.1, "rater.num_tokens", "rater.score")  # type: ignore[attr-defined]
    random_part = keep(planned(rule=rule), "random 50%")
    assert (random_part.fraction, random_part.by) == (0.5, "rater.num_tokens")


def test_the_word_split_holds_out_a_part_of_the_pool() -> None:
    study = planned(heldout="split")
    assert study.fitted.heldout == "split" and study.heldout is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"validation": ()}, "nothing is measured: give --validation"),
        ({"validation": ("good.jsonl",)}, "must be NAME=VALUE"),
        ({"validation": ("news=pool.jsonl",)}, "the --source too: nothing may judge itself"),
        ({"validation": ("news=good.jsonl",)}, "the --heldout too: nothing may judge itself"),
        ({"heldout": "pool.jsonl"}, "--source and --heldout are both pool.jsonl"),
        ({"rule": "tops"}, "--rule is 'tops'; did you mean top?"),
        ({"discard": (0.5, 1.0)}, "--discard has 1; shares"),
        ({"discard": (0.0,)}, "--discard has 0; shares"),
        ({"discard": ()}, "give at least one share, each once"),
        ({"discard": (0.5, 0.5)}, "give at least one share, each once"),
        ({"seeds": 0}, "--seeds is 0"),
        ({"kind": NOISE}, "there is no --oracle"),
    ],
)
def test_what_makes_no_study_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told.replace("?", r"\?")):
        planned(**options)


class Ran(NamedTuple):
    """A study that was run."""

    options: list[str]
    where: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def ran(real_texts: Callable[[str, int], list[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    where = tmp_path_factory.mktemp("study")
    texts = [text[:400] for text in real_texts("bbc_news", 120)]
    rng = random.Random(0)
    pool = []
    for number, text in enumerate(texts[:80]):
        noise = {"noise": ("letters", "backwards")[number // 2 % 2]} if number % 2 else {}
        spoiled = {"letters": "".join(rng.choice("qxz#~") for _ in text), "backwards": text[::-1]}
        pool.append({"id": f"pool-{number}", "source": ("web", "mail")[number % 4 // 2], **noise,
                     "text": spoiled[noise["noise"]] if noise else text})  # fmt: skip
    sets = {
        "pool": pool,
        "good": [{"id": f"good-{number}", "text": text} for number, text in enumerate(texts[80:110])],
        "news": [{"id": "pool-0", "text": texts[0]},
                 *({"id": f"news-{number}", "text": text} for number, text in enumerate(texts[110:113]))],
    }  # fmt: skip
    for name, rows in sets.items():
        (where / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = [
        *("run", "datarater", "--source", str(where / "pool.jsonl"), "--heldout", str(where / "good.jsonl")),
        *("--validation", f"news={where / 'news.jsonl'}", "--scale", "tiny", "--inner", "tiny", "--seeds", "2"),
        *("--tokens", "2600", "--discard", "0.5", "--steps", "20", "--rater-width", "16"),
        *("--rater-layers", "1", "--batch-size", "8", "--heldout-batch-size", "16", "--vocabulary", "320"),
        *("--oracle", f"{NOISE} IS NOT NULL", "--kind", NOISE),
        *("--store", str(where / "store"), "--out", str(where / "out"), "--workers", "0", "--json"),
    ]  # fmt: skip
    with tiny.installed():
        yield Ran(options, where, run(options))


def run(options: list[str]) -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(options) == 0
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def test_a_miniature_leaves_a_ledger_a_study_and_a_page(ran: Ran) -> None:
    assert ran.said["runs"] == 8  # four arms, two seeds
    files = sorted(path.name for path in (ran.where / "out" / "files").iterdir())
    assert files == ["items", "ledger.json", "ledger.parquet", "looks.parquet", "rater_study.json", "steps.parquet"]
    result = read_result(ran.where / "out" / "files")
    assert json.loads(json.dumps(result.to_plain())) == {
        name: value for name, value in ran.said.items() if name not in ("out", "runs", "mixture")
    }
    assert (ran.where / "out" / "study.html").read_text().startswith("<!doctype html>")


def test_what_the_oracle_keeps_is_clean_and_what_the_rater_drops_is_as_much_as_asked(ran: Ran) -> None:
    result = read_result(ran.where / "out" / "files")
    kept = {one.arm: one for one in result.pool.kept}
    assert kept["unfiltered"].share == 1 and kept["unfiltered"].documents == 80
    assert kept["oracle"].clean == 1 and kept["oracle"].documents == 40
    longest = 400 / result.pool.tokens  # a document on the cut
    for arm in result.named("rater"):
        assert kept[arm.name].share == pytest.approx(1 - arm.discard, abs=longest)
    assert {(one.kind, one.documents) for one in result.pool.told} == {("all", 40), ("letters", 20), ("backwards", 20)}
    auc = {one.kind: one.auc for one in result.pool.told}
    assert auc["letters"] > 0.9
    assert auc["all"] == pytest.approx((auc["letters"] + auc["backwards"]) / 2)


def test_costs_are_what_the_steps_say_and_add_up(ran: Ran) -> None:
    result = read_result(ran.where / "out" / "files")
    (report,) = (ran.where / "store").glob("fitdatarater-*/files/report.json")
    cost = json.loads(report.read_text())["cost"]
    assert result.prices.meta_learning == sum(value for name, value in cost.items() if name.endswith("_flops"))
    assert result.prices.scored == result.pool.tokens
    trained = sum(run.flops or 0 for run in result.ledger)
    assert result.prices.total == result.prices.meta_learning + result.prices.rating * result.pool.tokens + trained


def test_a_judging_document_that_the_pool_has_too_is_told(ran: Ran) -> None:
    assert ran.said["overlaps"] == {"news": 1}
    assert "1 document of news can be found in the pool" in (ran.where / "out" / "study.html").read_text()


def test_the_mixture_is_told_of_every_choice(ran: Ran) -> None:
    assert set(ran.said["mixture"]) == {"random 50%", "rater, 50% dropped", "oracle"}
    for shifts in ran.said["mixture"].values():
        assert {shift["group"]: shift["before"]["documents"] for shift in shifts} == {"web": 40, "mail": 40}


def test_a_study_that_is_run_again_trains_nothing_and_a_new_discard_only_its_own(ran: Ran) -> None:
    before = {path.name for path in (ran.where / "store").iterdir()}
    page = (ran.where / "out" / "study.html").read_text()
    assert run(ran.options) == ran.said
    assert {path.name for path in (ran.where / "store").iterdir()} == before
    assert (ran.where / "out" / "study.html").read_text() == page
    options = [*ran.options]
    options[options.index("--out") + 1] = str(ran.where / "more")
    options.insert(options.index("0.5"), "0.75")
    assert run(options)["runs"] == 10
    new = [path.name for path in (ran.where / "store").iterdir() if path.name not in before]
    assert sum(name.startswith("train-") for name in new) == 2
    result = read_result(ran.where / "more" / "files")
    bits = {
        arm: sum(run.metrics[result.metrics[0]] for run in result.ledger.where(candidate=arm.name))
        for arm in result.named("rater")
    }
    assert len(bits) == 2 and result.judged == min(bits, key=lambda arm: bits[arm])
    assert not any(name.startswith(("fitdatarater-", "score-")) for name in new)


def test_a_label_that_no_document_has_is_refused_before_anything_runs(ran: Ran, capsys: Any) -> None:
    options = [*ran.options]
    options[options.index("--oracle") + 1] = "documents.noisy IS NOT NULL"
    before = sorted(path.name for path in (ran.where / "store").iterdir())
    assert main(options) == 2
    assert "'documents.noisy'" in capsys.readouterr().err
    assert sorted(path.name for path in (ran.where / "store").iterdir()) == before


def test_scores_are_shown_by_source_and_documents_from_both_ends(ran: Ran) -> None:
    pool = read_result(ran.where / "out" / "files").pool
    texts = {row["id"]: row["text"] for row in map(json.loads, (ran.where / "pool.jsonl").read_text().splitlines())}
    kept = {one.arm: one for one in pool.kept}
    assert {one.source: one.documents for one in pool.sources} == {"web": 40, "mail": 40}
    assert all(sum(one.kept) + sum(one.dropped) == one.documents for one in pool.sources)
    assert sum(sum(one.kept) for one in pool.sources) == kept["rater, 50% dropped"].documents
    low, high = ([one.score for one in some] for some in (pool.lowest, pool.highest))
    assert low == sorted(low) and high == sorted(high, reverse=True) and max(low) < min(high)
    assert all(texts[one.id] == one.text for one in (*pool.lowest, *pool.highest))
