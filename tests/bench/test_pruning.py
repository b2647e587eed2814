from __future__ import annotations

import dataclasses
import doctest
import json
from pathlib import Path

import numpy as np
import pytest
from studies import (
    ACCURACY,
    BOOKS_BITS,
    OWN,
    POOL_BITS,
    as_the_paper_says,
    make_study,
    nothing,
    scoring,
    the_other_way,
    without,
)

from winnow.bench import measured
from winnow.bench.claims import CLAIMS, NONE, Contrast, Pick, find_reference
from winnow.bench.findings import Finding, judge_study
from winnow.bench.ledger import Ledger, Run, write_ledger
from winnow.bench.measured import Evidence, outcome_of
from winnow.bench.pruning import Arm, Reference, Setting, read_study, write_study
from winnow.bench.statistics import Scores, contrast, noise_floor
from winnow.bench.terminal import print_findings
from winnow.core.errors import InputError


def answers(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {one.claim: one for one in findings if one.at_base}


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(measured).failed == 0


def test_where_the_paper_is_right_every_claim_is_reproduced() -> None:
    found = answers(judge_study(make_study(scales=("1M", "3M"))))
    assert {name: one.verdict for name, one in found.items() if one.verdict != "reproduced"} == {}
    assert len(found) == len(CLAIMS)


def test_where_the_order_is_turned_claims_are_contradicted() -> None:
    found = answers(judge_study(make_study(the_other_way, scales=("1M", "3M"), agreement=0.3)))
    contradicted = {one.number for one in found.values() if one.verdict == "contradicted"}
    assert contradicted == {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
    assert not [one.claim for one in found.values() if one.verdict in ("reproduced", "not run")]


def test_where_nothing_differs_only_likeness_is_reproduced() -> None:
    found = answers(judge_study(make_study(nothing, seeds=5)))
    told = {one.claim: one.verdict for one in found.values() if one.number not in (7, 11)}
    kinds = {claim.statement: getattr(claim, "expected", "") for claim in CLAIMS}
    for claim, verdict in told.items():
        expected = "undecided" if kinds[claim] == "better" else "reproduced"
        assert verdict == (expected if "larger model" not in claim else "not run"), claim


def test_noise_leaves_claims_undecided_and_tells_what_would_decide_them() -> None:
    study = make_study(noise=0.02, seed=1)
    found = answers(judge_study(study))["The middle of perplexity beats no pruning"]
    assert found.verdict == "undecided" and found.more_seeds
    assert found.words == f"undecided; {found.more_seeds} more seeds of each would"


def test_seeds_that_would_decide_do() -> None:
    study = make_study(noise=0.02, seed=3)
    (claim,) = [one for one in CLAIMS if one.statement == "The middle of perplexity beats no pruning"]
    found = Evidence(study).measured(claim, study.base, POOL_BITS)  # type: ignore[arg-type]
    more = found.more_seeds(0.05)
    assert more is not None and found.outcome(0.05) == "undecided"
    assert found.outcome(0.05, more) == "reproduced" and found.outcome(0.05, more - 1) == "undecided"


def test_one_seed_each_decides_nothing() -> None:
    found = answers(judge_study(make_study(seeds=1)))["The middle of perplexity beats no pruning"]
    assert found.words == "undecided: one seed cannot decide, training noise is unknown"
    assert found.p is None and found.parts[0].interval is None


def test_the_answer_is_a_mean_over_both_shares_of_the_pool() -> None:
    study = make_study()
    found = answers(judge_study(study))["The middle of perplexity beats no pruning"]
    (part,) = found.parts
    runs = {
        arm.name: [run.metrics[POOL_BITS] for run in study.ledger if run.candidate == arm.name] for arm in study.arms
    }
    middles = [np.mean(runs[f"raw: middle {share}% of perplexity ({OWN})"]) for share in (50, 30)]
    assert part.value == pytest.approx(np.mean(middles) - np.mean(runs["raw: no pruning"]))
    assert part.fractions == (0.5, 0.3) and part.what == "middle of perplexity less no pruning"
    half = without(study, lambda arm: arm.fraction == 0.3)
    (part,) = answers(judge_study(half))["The middle of perplexity beats no pruning"].parts
    assert part.fractions == (0.5,) and part.value == pytest.approx(middles[0] - np.mean(runs["raw: no pruning"]))


def test_a_claim_of_several_parts_holds_only_where_all_do() -> None:
    def one_fails(arm: Arm, scale: str) -> float:
        return 0.2 if arm.subset == "top" and arm.metric == "perplexity" else as_the_paper_says(arm, scale)

    found = answers(judge_study(make_study(one_fails)))
    easy = found["Easy data is worst: the bottom of perplexity loses to random, middle and top"]
    assert easy.verdict == "contradicted"
    assert easy.parts[0].what == "top of perplexity less bottom of perplexity" and easy.parts[0].value > 0
    assert [part.value < 0 for part in easy.parts] == [False, True, True]


def test_what_was_not_run_is_said() -> None:
    study = without(make_study(), lambda arm: arm.metric == "memorization")
    found = answers(judge_study(study))
    assert {one.number for one in found.values() if one.verdict == "not run"} == {3, 4, 8, 9}
    assert all(one.parts == () for one in found.values() if one.verdict == "not run")
    fewer = dataclasses.replace(make_study(), references=make_study().references[:2], accuracies=(), agreements=())
    names = {one.name for one in fewer.references}
    fewer = without(fewer, lambda arm: arm.reference not in (None, *names))
    assert {one.number for one in answers(judge_study(fewer)).values() if one.verdict == "not run"} == {6, 7, 9, 11, 12}


def test_every_setting_is_judged_where_its_arms_were_run() -> None:
    def scarce_turns(arm: Arm, scale: str) -> float:
        return the_other_way(arm, scale) if arm.pool == "scarce" else as_the_paper_says(arm, scale)

    study = make_study(scarce_turns, pools=("raw", "scarce"), scales=("1M", "3M"))
    first = [one for one in judge_study(study) if one.claim == "The middle of perplexity beats no pruning"]
    assert {(str(one.setting), one.metric): one.verdict for one in first} == {
        ("raw, 1M", POOL_BITS): "reproduced",
        ("raw, 3M", POOL_BITS): "reproduced",
        ("scarce, 1M", POOL_BITS): "contradicted",
        ("scarce, 3M", POOL_BITS): "contradicted",
        ("raw, 1M", BOOKS_BITS): "reproduced",
    }
    assert [one.at_base for one in first] == [True, False, False, False, False]
    assert all(one.adjusted_p is None for one in first[1:])


def test_accuracy_is_better_when_higher() -> None:
    found = answers(judge_study(make_study()))["Pruning by perplexity gains accuracy after fine-tuning (GLUE)"]
    assert found.metric == ACCURACY and found.verdict == "reproduced" and found.parts[0].value > 0


def test_where_nothing_differs_hardly_any_answer_is_wrong() -> None:
    """Claims of a gain share one error rate: of 30 studies without any difference 1 or 2 are expected to claim one."""
    wrong = 0
    for seed in range(30):
        study = without(make_study(nothing, seed=seed, noise=0.01), lambda arm: arm.fraction == 0.7)
        found = answers(judge_study(dataclasses.replace(study, accuracies=())))
        wrong += any(one.verdict != "undecided" for one in found.values() if one.parts and one.number in range(1, 7))
    assert wrong <= 5


def test_the_interval_of_a_contrast_holds_the_truth() -> None:
    """Arms of unequal seeds, one of them on both pairs, with the noise of all of them pooled."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        made = [Scores(values=rng.normal(0, 2, seeds)) for seeds in (3, 2, 5, 1, 3)]
        interval = contrast(made[:4], [0.5, 0.5, -0.75, -0.25], noise_floor(made)).interval
        assert interval is not None
        hits += interval[0] < 0 < interval[1]
    assert 935 <= hits <= 965


def test_items_of_a_contrast_are_taken_together() -> None:
    """What all arms find hard does not widen the interval, and a mean of equal arms varies as one of them does."""
    rng = np.random.default_rng(6)
    hardness, taste = rng.normal(0, 9, 40), rng.normal(0, 1, (2, 40))
    taste -= taste.mean(axis=1, keepdims=True)
    one, other = (Scores(values=np.zeros(1), influences=(hardness - hardness.mean() + row)[None]) for row in taste)
    plain = contrast([one, other], [1.0, -1.0], None)
    doubled = contrast([one, one, other], [0.5, 0.5, -1.0], None)
    assert doubled.item_variance == pytest.approx(plain.item_variance)
    assert plain.item_variance == pytest.approx(40 / 39 * ((taste[0] - taste[1]) ** 2).sum())


@pytest.mark.parametrize(
    ("expected", "interval", "outcome"),
    [
        ("no better", (-3.0, -2.0), "reproduced"),
        ("no better", (-3.0, 0.5), "reproduced"),
        ("no better", (-0.5, 1.5), "undecided"),
        ("no better", (0.1, 0.2), "contradicted"),
        ("alike", (-0.5, 0.5), "reproduced"),
        ("alike", (0.2, 0.8), "reproduced"),
        ("alike", (0.5, 1.5), "undecided"),
        ("alike", (1.1, 1.5), "contradicted"),
        ("little worse", (-0.9, -0.1), "reproduced"),
        ("little worse", (-0.5, 9.0), "reproduced"),
        ("little worse", (-1.5, 0.0), "undecided"),
        ("little worse", (-1.5, -1.1), "contradicted"),
    ],
)
def test_an_interval_lies_where_it_is_claimed_or_elsewhere(
    expected: str, interval: tuple[float, float], outcome: str
) -> None:
    assert outcome_of(expected, *interval, 1.0) == outcome  # type: ignore[arg-type]


def test_reference_models_are_found_by_size_and_corpus() -> None:
    study = make_study()
    found = {role: find_reference(study, role) for role in ("own", "smallest", "largest", "clean", "noisy")}
    assert {role: one and one.name for role, one in found.items()} == {
        "own": OWN, "smallest": "0.3M clean", "largest": "3M clean", "clean": OWN, "noisy": "1M noisy",
    }  # fmt: skip
    alone = dataclasses.replace(study, references=study.references[1:2])
    assert find_reference(alone, "largest") is None and find_reference(alone, "clean") is None
    assert Contrast(Pick("middle", "perplexity", role="clean"), NONE).pairs(alone, "raw") == []


def test_memorization_may_be_asked_of_a_model_that_has_seen_the_pool() -> None:
    study = make_study()
    seen = Reference(name="1M raw", num_params=1_000_000, corpus="raw", clean=False)

    def moved(name: str) -> str:
        return name.replace(f"memorization ({OWN})", "memorization (1M raw)")

    arms = [
        dataclasses.replace(arm, reference=seen.name) if arm.metric == "memorization" else arm for arm in study.arms
    ]
    other = dataclasses.replace(
        study,
        arms=tuple(arms),
        references=(*study.references, seen),
        ledger=Ledger(tuple(dataclasses.replace(run, candidate=moved(run.candidate)) for run in study.ledger)),
        agreements=tuple(
            dataclasses.replace(one, one=dataclasses.replace(one.one, reference=seen.name))
            if one.one.metric == "memorization"
            else one
            for one in study.agreements
        ),
    )
    assert other.scorer("memorization") == "1M raw" and other.scorer("perplexity") == OWN
    before, after = answers(judge_study(study)), answers(judge_study(other))
    assert {name: one.verdict for name, one in after.items()} == {name: one.verdict for name, one in before.items()}


def test_names_of_arms_tell_all_of_them() -> None:
    arm = Arm(subset="middle", fraction=0.5, pool="raw", metric="perplexity", reference=OWN, checkpoint=0.14)
    assert arm.name == "raw: middle 50% of perplexity (1M clean at 14%)"
    assert arm.scoring == scoring("perplexity", "raw", 0.14)
    assert Arm(subset="random", fraction=0.3, pool="raw").name == "raw: random 30%"
    assert Arm(subset="all", pool="raw").name == "raw: no pruning"


@pytest.mark.parametrize(
    "wrong",
    [
        {"subset": "middle", "fraction": 0.5},
        {"subset": "random", "fraction": 0.5, "metric": "el2n", "reference": OWN},
        {"subset": "all", "fraction": 0.5},
        {"subset": "random", "fraction": 0.0},
        {"subset": "random", "fraction": 1.0},
        {"subset": "random", "fraction": 1.5},
    ],
)
def test_an_arm_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="of a pool"):
        Arm(pool="raw", **wrong)  # type: ignore[arg-type]


def test_a_study_that_does_not_fit_its_ledger_is_refused() -> None:
    study = make_study()
    for wrong, told in (
        ({"reference": "3M claen"}, "did you mean 3M clean"),
        ({"base": Setting(pool="raw", scale="9M")}, "no scale '9M'"),
        ({"heldout": ()}, "no held-out metric"),
        ({"arms": (*study.arms, study.arms[0])}, "two arms are called 'raw: no pruning'"),
        ({"ledger": Ledger((Run(run="1", candidate="stray", scale="1M"),))}, "'stray', which is no arm"),
    ):
        with pytest.raises(InputError, match=told):
            dataclasses.replace(study, **wrong)


def test_a_study_is_written_and_read_back(tmp_path: Path) -> None:
    study = make_study(pools=("raw", "scarce"))
    write_ledger(study.ledger, tmp_path)
    write_study(study, tmp_path)
    again = read_study(tmp_path)
    assert dataclasses.replace(again, ledger=study.ledger) == study
    assert judge_study(again) == judge_study(study)
    with pytest.raises(InputError, match=r"holds no study\.json"):
        read_study(tmp_path / "nowhere")


def test_findings_are_json() -> None:
    plain = json.loads(json.dumps([one.to_plain() for one in judge_study(make_study())], allow_nan=False))
    assert plain[0]["verdict"] == "reproduced" and plain[0]["parts"][0]["seeds"] == [3, 3, 3]


def test_a_difference_in_bits_is_one_in_perplexity() -> None:
    study = make_study()
    assert study.of_perplexity(study.margin) == pytest.approx(0.01)
    assert study.of_perplexity(-0.25) == pytest.approx(-0.5)  # four bytes per token: one bit per token less


def test_findings_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    study = without(make_study(scales=("1M", "3M")), lambda arm: arm.metric == "memorization")
    print_findings(judge_study(study))
    told = capsys.readouterr().out
    assert "The middle of perplexity beats no pruning" in told and "not run" in told
    assert "reproduced" in told.splitlines()[-1]
