from __future__ import annotations

import doctest
import re
from dataclasses import replace
from pathlib import Path

import pytest
from browser import open_page
from fakes import HOSTILE
from raters import ARMS, LEARNT, ORACLE, WHOLE, pool, result
from test_page import embedded, read

from winnow.bench.rater import RaterArm, RaterResult
from winnow.report import rater_tables
from winnow.report.mixture import Share, Shift
from winnow.report.rater_page import render

HALF = RaterArm(kind="rater", discard=0.5)
ENDS = {WHOLE.name: 2.0, "random 50%": 2.01, ARMS[2].name: 1.8, HALF.name: 1.5, ORACLE.name: 1.4}


def shift(group: str, before: float, after: float) -> Shift:
    return Shift(
        group=group,
        before=Share(documents=10, chars=100, documents_fraction=before, chars_fraction=before),
        after=Share(documents=10, chars=100, documents_fraction=after, chars_fraction=after),
    )


SHIFTS = {HALF.name: (shift("web", 0.75, 0.4), shift("mail", 0.25, 0.6))}


@pytest.fixture(scope="module")
def study() -> RaterResult:
    return result(ENDS)


@pytest.fixture(scope="module")
def page(study: RaterResult) -> str:
    return render(study, SHIFTS)


def section(page: str, name: str) -> str:
    return page[page.index(f'<section id="{name}"') :].split("</main>")[0].split('<section id="')[1]


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(rater_tables).failed == 0


def test_verdicts_come_first_and_are_of_the_best_arm(page: str) -> None:
    names = re.findall(r'<section id="([\w-]+)"', page)
    assert names == ["verdicts", "loss-curves", "compute", "discard", "cost", "amortisation", "learning", "scores",
                     "mixture", "documents", "runs"]  # fmt: skip
    verdicts = section(page, "verdicts")
    for other in ("unfiltered", "random 50%"):
        row = verdicts[verdicts.index(f"rater, 50% dropped less {other}") :].split("</tr>")[0]
        assert "verdict reproduced" in row and ">better<" in row
        assert re.search(r"-0\.5\d* ?<span class=\"what\"> ± 0\.0", row)
    assert "are better than unfiltered at 0.3M and 1M" in page
    assert "84% of what the oracle gains" in verdicts or "83% of what the oracle gains" in verdicts


def test_a_rater_that_is_no_better_is_told_to_be_none() -> None:
    page = render(result({**ENDS, HALF.name: 1.999, ARMS[2].name: 2.2}, noise=0.02), {})
    assert "are not told to be better than unfiltered" in page
    assert "not decided" in section(page, "verdicts")
    worse = render(result({**ENDS, HALF.name: 2.5, ARMS[2].name: 2.6}), {})
    assert "are worse than unfiltered at 0.3M and 1M" in worse


def test_compute_is_told_with_scoring_and_with_everything(page: str, study: RaterResult) -> None:
    compute = section(page, "compute")
    gain = study.gain(HALF.name, "0.3M")
    assert gain is not None and gain.share is not None
    row = compute[compute.index("rater, 50% dropped") :].split("</tr>")[0]
    told = [float(one) for one in re.findall(r"<td>(-?[\d.]+)%", row)]
    assert gain.with_scoring and gain.with_everything
    expected = [gain.share, gain.with_scoring, gain.with_everything, 1 - gain.with_scoring]
    assert told == pytest.approx([100 * one for one in expected], abs=0.06)
    random = compute[compute.index("random 50%") :].split("</tr>")[0]
    assert random.count("undefined") == 3 and "0 of 3" in random


def test_the_sweep_has_a_picture_a_scale_and_names_the_best(page: str) -> None:
    discard = section(page, "discard")
    assert discard.count("<svg") == 2 and discard.count("best: 50% dropped") == 2
    assert {"unfiltered", "rater", "random", "oracle"} <= set(re.findall(r'class="name">([^<]+)<', discard))
    assert section(page, "loss-curves").count("<svg") == 2


def test_costs_are_listed_to_their_sum(page: str, study: RaterResult) -> None:
    cost = section(page, "cost")
    numbers = [float(one) for one in re.findall(r"<td>(?:<b>)?([\d.]+e\d+)", cost)]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], rel=0.01)
    assert numbers[-1] == pytest.approx(study.prices.total, rel=0.01)


def test_amortisation_states_its_assumption_or_that_nothing_is_saved(page: str) -> None:
    part = section(page, "amortisation")
    assert "1B-1x" in part and ">paid<" in part and "is an assumption" in part
    never = render(result({**ENDS, HALF.name: 2.5, ARMS[2].name: 2.6}), {})
    assert "what it saves is undefined" in section(never, "amortisation")


def test_meta_learning_is_drawn_where_it_was_followed(page: str) -> None:
    learning = section(page, "learning")
    assert re.findall(r"<figcaption><b>([^<]+)</b>", learning) == ["held-out loss", "autocorrelation"]
    assert "1,000 meta-steps in 1 min 15 s" in learning and "the softmax weighs 9% of a batch" in learning
    assert learning.count('class="line level"') == 1  # the 0.95 of the autocorrelation


def test_scores_are_drawn_by_source_and_length_raises_an_alarm(page: str, study: RaterResult) -> None:
    scores = section(page, "scores")
    assert scores.count('class="histogram"') == 2 and "0.900" in scores
    assert 'role="alert"' not in scores
    long = replace(study, pool=replace(study.pool, length_correlation=(0.8, 0.7, 0.9)))
    assert "It may measure length" in section(render(long, {}), "scores")


def test_the_mixture_stands_beside_that_of_the_pool(page: str, study: RaterResult) -> None:
    mixture = section(page, "mixture")
    web = mixture[mixture.index("web") :].split("</tr>")[0]
    assert re.findall(r"<td>([\d.]+%)", web) == ["75.0%", "40.0%"]
    assert 'id="mixture"' not in render(study, {})


def test_what_is_not_right_is_said_above_the_verdicts(study: RaterResult) -> None:
    page = render(replace(study, overlaps={"news": 7}, learnt=replace(LEARNT, heldout="split")), {})
    verdicts = section(page, "verdicts")
    assert "7 documents of news can be found in the pool" in verdicts
    assert "junk that can be learnt" in verdicts


def test_a_page_without_an_oracle_and_of_one_seed_is_drawn() -> None:
    ends = {name: end for name, end in ENDS.items() if name != "oracle"}
    page = render(result(ends, scales=("0.3M",), oracle=False, noise=0.0), {})
    assert "oracle" not in section(page, "verdicts") and "spoiled by" not in page and "of it clean" not in page


def test_documents_cannot_change_the_page(study: RaterResult) -> None:
    names = [arm.name for arm in study.arms]
    made = replace(study, pool=pool(names, oracle=True, text=HOSTILE))
    tags = read(render(made, {HOSTILE: SHIFTS[HALF.name]})).tags
    assert [name for name, _ in tags].count("script") == 2
    assert "img" not in {name for name, _ in tags}
    assert embedded(render(made, {}))["pool"]["lowest"][0]["text"].startswith(HOSTILE[:60])


def test_the_page_opens_in_a_browser_without_errors(page: str, tmp_path: Path) -> None:
    seen, console = open_page(page, tmp_path)
    assert console == "" and "What documents are worth for training" in seen
