"""Scores of tasks and groups: closed cases, DCLM's published results, and how many tasks a group stands on."""

from __future__ import annotations

import pytest

from winnow.evaluate.aggregate import centred, group_scores, metrics, task_scores
from winnow.evaluate.shapes import Score
from winnow.evaluate.tasks import Baseline, all_tasks, task_groups

CORE = task_groups()["core"]
BASELINES: tuple[Baseline, ...] = ("v1", "v2", "corrected")


def score(
    task: str, numerator: float, denominator: float = 1, category: str | None = None, metric: str = "accuracy"
) -> Score:
    return Score(task=task, metric=metric, item="0", category=category, numerator=numerator, denominator=denominator)


def value(accuracies: dict[str, float], group: str, baseline: Baseline) -> float:
    (found,) = [found for found in group_scores(accuracies) if (found.group, found.baseline) == (group, baseline)]
    return found.score


@pytest.mark.parametrize("baseline", [0.0, 0.091, 0.25, 0.62])
def test_guessing_centres_at_zero_and_perfection_at_one(baseline: float) -> None:
    assert centred(baseline, baseline) == 0.0
    assert centred(1.0, baseline) == pytest.approx(1.0)
    assert centred((1 + baseline) / 2, baseline) == pytest.approx(0.5)
    assert centred(0.0, baseline) <= 0.0


@pytest.mark.parametrize("group", ["core", "extended", "mmlu", "world_knowledge", "safety"])
@pytest.mark.parametrize("baseline", BASELINES)
def test_a_group_of_guesses_is_zero_and_of_right_answers_one(group: str, baseline: Baseline) -> None:
    names = task_groups()[group]
    guessed = {name: all_tasks()[name].baselines[baseline] for name in names}
    assert value(guessed, group, baseline) == pytest.approx(0.0, abs=1e-12)
    assert value(dict.fromkeys(names, 1.0), group, baseline) == pytest.approx(1.0)


def test_the_versions_differ_by_the_tasks_whose_baselines_do() -> None:
    guessed = {name: all_tasks()[name].baselines["v1"] for name in CORE}
    # Of the 22, v2 raised three: commonsense_qa 20 to 40.3, language_identification 9.1 to 25, lsat_ar 20 to 25.
    lost = centred(0.2, 0.403) + centred(0.091, 0.25) + centred(0.2, 0.25)
    assert value(guessed, "core", "v2") == pytest.approx(lost / 22)
    # 1/N: commonsense_qa is 25 again, and BoolQ's 62 becomes 50.
    corrected = centred(0.2, 0.25) + centred(0.091, 0.25) + centred(0.2, 0.25) + centred(0.62, 0.5)
    assert value(guessed, "core", "corrected") == pytest.approx(corrected / 22)


def test_the_small_tasks_are_centred_by_one_over_n_alone() -> None:
    (found,) = group_scores({"sciq": 0.625, "copycolors": 0.1})
    assert (found.name, found.num_tasks, found.of_tasks) == ("small/centered_corrected", 2, 8)
    assert found.score == pytest.approx(0.25)


def test_a_group_says_on_how_many_of_its_tasks_it_stands() -> None:
    found = {group.name: group for group in group_scores({"copa": 0.75, "boolq": 0.62, "piqa": 1.0})}
    assert found["core/centered_v2"].score == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    assert (found["core/centered_v2"].num_tasks, found["core/centered_v2"].of_tasks) == (3, 22)
    assert (found["extended/centered_v1"].num_tasks, found["extended/centered_v1"].of_tasks) == (3, 53)
    assert (found["reading_comprehension/centered_v2"].num_tasks) == 1
    assert "safety/centered_v2" not in found


def test_a_tasks_score_is_the_sum_of_numerators_over_that_of_denominators() -> None:
    bits = [score("copa", 8, 4, metric="bits_per_byte"), score("copa", 1, 5, metric="bits_per_byte")]
    found = task_scores([score("copa", 1), score("copa", 0), score("copa", 0), score("copa", 0), *bits])
    assert found == {"accuracy": {"copa": 0.25}, "bits_per_byte": {"copa": 1.0}}


def test_a_score_by_category_is_the_mean_over_the_categories_whatever_their_sizes() -> None:
    items = [score("jeopardy", 1, category="science")] + [score("jeopardy", 0, category="literature")] * 9
    assert task_scores(items)["accuracy"]["jeopardy"] == 0.5


def test_metrics_name_tasks_groups_and_what_groups_stand_on() -> None:
    named = metrics([score("copa", 1), score("heldout/wiki", 9, 3, metric="bits_per_byte")])
    assert named["copa/accuracy"] == 1.0
    assert named["heldout/wiki/bits_per_byte"] == 3.0
    assert named["copa/centered_v2"] == named["core/centered_v2"] == named["commonsense_reasoning/centered_v1"] == 1.0
    assert named["core/num_tasks"] == 1


def test_the_bits_per_byte_of_a_group_are_the_mean_of_its_tasks() -> None:
    bits = [score("sciq", 8, 4, metric="bits_per_byte"), score("copycolors", 300, 100, metric="bits_per_byte")]
    named = metrics(bits)
    assert named["small/bits_per_byte"] == 2.5
    assert "core/bits_per_byte" not in named


def test_no_scores_are_no_metrics() -> None:
    assert metrics([]) == {}
