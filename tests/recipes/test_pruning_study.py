"""The study of pruning: which models it trains, and a miniature of it end to end on real text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")

from winnow.bench.pruning import Arm
from winnow.bench.study import PruningStudy
from winnow.choose.select import Select
from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.core.table import Store
from winnow.evaluate.fine_tune import FineTune
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train
from winnow.recipes.pruning_study import pruning_study


def planned(**options: Any) -> PruningStudy:
    """A study of two pools, two corpora and two scales."""
    given: dict[str, Any] = {
        "pool": ("web=web.jsonl", "raw=raw.jsonl"),
        "reference": ("like=like.jsonl", "clean=clean.jsonl"),
        "heldout": ("web=heldout.jsonl",),
        "fractions": (0.3, 0.5),
        "seeds": 2,
    }
    return pruning_study(**given | options)


def trained(study: PruningStudy, arm: Arm) -> list[Train]:
    """The runs of an arm."""
    found = [measured[0].model for name, measured in study.bench.entries if name == arm.name]
    assert all(isinstance(one, Train) for one in found)
    return [one for one in found if isinstance(one, Train)]


def test_every_arm_differs_from_the_base_in_one_thing() -> None:
    study = planned()
    base = [arm for arm in study.arms if arm.pool == "web"]
    main_grid = [arm for arm in base if arm.reference in (None, "1M like", "1M web") and arm.checkpoint == 1]
    assert len(main_grid) == 1 + 2 + 3 * 3 * 2  # no pruning; random; metrics, subsets, fractions
    others = {(arm.reference, arm.checkpoint) for arm in base} - {(arm.reference, 1.0) for arm in main_grid}
    assert others == {("0.3M like", 1.0), ("1M clean", 1.0), ("1M like", 0.14), ("1M like", 0.55)}
    assert all((arm.metric, arm.fraction) == ("perplexity", 0.5) for arm in base if arm not in main_grid)
    assert {(arm.subset, arm.reference) for arm in study.arms if arm.pool == "raw"} == {
        *((subset, "1M like") for subset in ("top", "middle", "bottom")),
        ("random", None),
        ("all", None),
    }


def test_memorization_is_asked_of_a_model_that_has_seen_the_pool_and_perplexity_of_one_that_has_not() -> None:
    study = planned()
    asked = {(arm.metric, arm.reference) for arm in study.arms if arm.pool == "web" and arm.checkpoint == 1}
    assert {one for one in asked if one[0] == "memorization"} == {("memorization", "1M web")}
    assert ("perplexity", "1M web") not in asked
    assert {about.name: about.clean for about in study.references} == {
        "1M like": False,
        "0.3M like": False,
        "1M clean": True,
        "1M web": False,
    }


def test_larger_models_are_trained_on_the_base_pool_for_as_many_tokens() -> None:
    study = planned(tokens=50_000)
    of_whole = trained(study, Arm(subset="all", pool="web"))
    assert [(run.scale, run.seed) for run in of_whole] == [("0.3M", 0), ("0.3M", 1), ("1M", 0), ("1M", 1)]
    assert {run.tokens.num_tokens for _, measured in study.bench.entries for run in [measured[0].model]} == {50_000}  # type: ignore[union-attr]
    assert len(trained(study, Arm(subset="all", pool="raw"))) == 2


def test_models_that_are_compared_everywhere_are_fine_tuned_at_the_base() -> None:
    study = planned(tasks=("sst2", "rte"), task_files=("tasks",))
    tuned = [name for name, measured in study.bench.entries if any(isinstance(one, FineTune) for one in measured)]
    assert sorted(set(tuned)) == sorted(
        [
            "web: no pruning",
            "web: random 50%",
            *(f"web: {s} 50% of perplexity (1M like)" for s in ("top", "middle", "bottom")),
        ]
    )
    assert len(tuned) == 10
    assert study.accuracies == ("fine_tuned/sst2/accuracy", "fine_tuned/rte/accuracy")


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(RecipeError, match="'perplexty'; known: perplexity, el2n"):
        planned(metrics=("perplexty",))


def test_a_pool_and_a_reference_corpus_of_one_name_are_refused() -> None:
    with pytest.raises(RecipeError, match="--pool and --reference both name 'web'"):
        planned(reference=("web=like.jsonl",))


class Ran(NamedTuple):
    """A study that was run."""

    options: list[str]
    where: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def ran(real_texts: Callable[[str, int], list[str]], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    where = tmp_path_factory.mktemp("study")
    texts = [text[:600] for text in real_texts("bbc_news", 140)]
    for name, some in {"pool": texts[:60], "like": texts[60:120], "heldout": texts[120:]}.items():
        rows = [{"id": f"{name}-{number}", "text": text} for number, text in enumerate(some)]
        (where / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = [
        *(
            "run",
            "pruning_study",
            "--pool",
            f"news={where / 'pool.jsonl'}",
            "--reference",
            f"like={where / 'like.jsonl'}",
        ),
        *("--heldout", f"news={where / 'heldout.jsonl'}", "--scale", "0.3M", "--reference-scale", "0.3M"),
        *("--metrics", "perplexity", "memorization", "--fractions", "0.5", "--seeds", "1", "--tokens", "4200"),
        *("--reference-tokens", "8300", "--vocabulary", "400", "--store", str(where / "store")),
        *("--out", str(where / "out"), "--workers", "0", "--json"),
    ]
    return Ran(options, where, run(options))


def run(options: list[str]) -> dict[str, Any]:
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(options) == 0
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def test_a_miniature_answers_every_claim_that_its_arms_can(ran: Ran) -> None:
    assert ran.said["runs"] == 14
    verdicts = {one["claim"]: one["verdict"] for one in ran.said["findings"] if one["at_base"]}
    assert len(verdicts) > 15
    assert set(verdicts.values()) <= {"reproduced", "contradicted", "undecided", "not run"}
    assert verdicts["A larger reference model selects better"] == "not run"
    assert (ran.where / "out" / "study.html").read_text().startswith("<!doctype html>")


def test_a_study_that_is_run_again_trains_nothing(ran: Ran) -> None:
    made = sorted(path.name for path in (ran.where / "store").iterdir())
    page = (ran.where / "out" / "study.html").read_text()
    assert run(ran.options) == ran.said
    assert sorted(path.name for path in (ran.where / "store").iterdir()) == made
    assert (ran.where / "out" / "study.html").read_text() == page


def test_top_and_bottom_halves_of_the_tokens_part_the_pool(ran: Ran) -> None:
    study = pruning_study(
        pool=(f"news={ran.where / 'pool.jsonl'}",),
        reference=(f"like={ran.where / 'like.jsonl'}",),
        heldout=(f"news={ran.where / 'heldout.jsonl'}",),
        scale=("0.3M",),
        reference_scale=("0.3M",),
        metrics=("perplexity", "memorization"),
        fractions=(0.5,),
        seeds=1,
        tokens=4200,
        reference_tokens=8300,
        vocabulary=400,
    )
    store, kept = Store(ran.where / "store"), {}
    for arm in study.arms:
        if arm.metric == "perplexity" and arm.checkpoint == 1:
            ((_, tokens),) = trained(study, arm)[0].tokens.sources
            assert isinstance(tokens, Tokenize) and isinstance(tokens.documents, Select)
            decisions = store.table(tokens.documents).shard(0, ["id", "kept"]).to_pylist()
            kept[arm.subset] = {row["id"] for row in decisions if row["kept"]}
    assert len(kept["top"] & kept["bottom"]) <= 1  # the document on the cut
    assert len(kept["top"] | kept["bottom"]) >= 59
    assert kept["middle"] & kept["top"] and kept["middle"] & kept["bottom"]
