"""From items to scores: of tasks, and of groups of tasks as DCLM centres and averages them.

A score of 0 is that of one who guesses and 1 that of one who is always right: ``(accuracy - b) / (1 - b)`` with the
task's baseline b (mlfoundations/dclm, ``eval/aggregated_metrics.py``). A group's score is the mean over those of its
tasks that were evaluated, and says how many they are: DCLM reports none unless all are there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from winnow.evaluate.shapes import ACCURACY, BITS_PER_BYTE, Score
from winnow.evaluate.tasks import Baseline, all_tasks, task_groups

CENTRED = "centered_"
"""What the names of centred scores begin with, the baseline behind it."""


@dataclass(frozen=True, kw_only=True)
class GroupScore:
    """The mean centred accuracy of a group's tasks."""

    group: str
    baseline: Baseline
    score: float
    num_tasks: int
    """Tasks that it stands on."""
    of_tasks: int
    """Tasks of the group that the baseline is known of."""

    @property
    def name(self) -> str:
        """What it is called among metrics, as ``core/centered_v2``."""
        return f"{self.group}/{CENTRED}{self.baseline}"


def centred(accuracy: float, baseline: float) -> float:
    """How far an accuracy lies from guessing (0) to perfect (1); all fractions; negative below guessing.

    >>> centred(0.25, 0.25), centred(1.0, 0.25), centred(0.0, 0.5)
    (0.0, 1.0, -1.0)
    """
    return (accuracy - baseline) / (1 - baseline)


def task_scores(scores: Iterable[Score]) -> dict[str, dict[str, float]]:
    """Every metric of every task, ``{metric: {task: value}}``: sums of numerators over sums of denominators.

    Of tasks with categories (MMLU's 57, Jeopardy's 5, BBQ's 11), the mean over the categories.
    """
    sums: dict[tuple[str, str], dict[str | None, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for score in scores:
        total = sums[score.metric, score.task][score.category]
        total[0] += score.numerator
        total[1] += score.denominator
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for (metric, task), by_category in sums.items():
        ratios = [numerator / denominator for numerator, denominator in by_category.values()]
        values[metric][task] = sum(ratios) / len(ratios)
    return dict(values)


def group_scores(accuracies: Mapping[str, float]) -> list[GroupScore]:
    """The centred score of every group that one of the tasks is in, against each baseline that is known."""
    tasks = all_tasks()
    found = []
    for group, names in task_groups().items():
        for baseline in get_args(Baseline):
            known = [name for name in names if baseline in tasks[name].baselines]
            values = [
                centred(accuracies[name], tasks[name].baselines[baseline]) for name in known if name in accuracies
            ]
            if values:
                found.append(
                    GroupScore(
                        group=group,
                        baseline=baseline,
                        score=sum(values) / len(values),
                        num_tasks=len(values),
                        of_tasks=len(known),
                    )
                )
    return found


def metrics(scores: Iterable[Score]) -> dict[str, float]:
    """Every number that a set of items amounts to, by name.

    ``<task>/<metric>`` and ``<task>/centered_<baseline>``; of groups the means over their tasks,
    ``<group>/centered_<baseline>`` and ``<group>/bits_per_byte``, with ``<group>/num_tasks`` beside them.
    """
    by_metric = task_scores(scores)
    named = {f"{task}/{metric}": value for metric, values in by_metric.items() for task, value in values.items()}
    accuracies = by_metric.get(ACCURACY, {})
    for task, accuracy in accuracies.items():
        baselines = all_tasks()[task].baselines if task in all_tasks() else {}
        named.update({f"{task}/{CENTRED}{name}": centred(accuracy, value) for name, value in baselines.items()})
    for group in group_scores(accuracies):
        named[group.name] = group.score
        named[f"{group.group}/num_tasks"] = group.num_tasks
    for name, tasks in task_groups().items():
        bits = [named[f"{task}/{BITS_PER_BYTE}"] for task in tasks if f"{task}/{BITS_PER_BYTE}" in named]
        if bits:
            named[f"{name}/{BITS_PER_BYTE}"] = sum(bits) / len(bits)
    return named
