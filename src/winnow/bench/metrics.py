"""What the names of metrics tell: whether less is better, what follows from what, and what comes first."""

from __future__ import annotations

import re
from collections.abc import Iterable

from winnow.bench.ledger import Ledger
from winnow.evaluate.aggregate import CENTRED
from winnow.evaluate.shapes import ACCURACY
from winnow.evaluate.tasks import task_groups

PRESENT = f"{CENTRED}v2"
LEADING = f"core/{PRESENT}"
"""What ranks candidates where all of its tasks were evaluated."""

LOWER = re.compile(r"(^|[/._])(bits_per_byte|loss|perplexity)($|[/._])")


def lower_is_better(metric: str) -> bool:
    """Whether the metric is a loss, by its name.

    >>> lower_is_better("heldout/wiki/bits_per_byte"), lower_is_better("core/centered_v2")
    (True, False)
    """
    return LOWER.search(metric) is not None


def comparable(metrics: Iterable[str]) -> list[str]:
    """The metrics without those that follow from others, by name.

    Counts of tasks, a task's centred scores beside its accuracy, and a group's score against other baselines beside
    that against DCLM's present ones would only be compared again.
    """
    every = set(metrics)
    return sorted(metric for metric in every if not _follows(metric, every))


def _follows(metric: str, every: set[str]) -> bool:
    of, _, kind = metric.rpartition("/")
    if not kind.startswith(CENTRED):
        return kind == "num_tasks"
    return f"{of}/{ACCURACY}" in every or (kind != PRESENT and f"{of}/{PRESENT}" in every)


def by_weight(ledger: Ledger, first: str | None = None) -> tuple[str, ...]:
    """The comparable metrics of any run, the one that should rank candidates first.

    ``first`` where it is given; CORE where all of its tasks were evaluated; bits per byte of held-out sets; groups of
    tasks; then single tasks, and among equals what most runs have.
    """
    measured = comparable(ledger.metrics())
    if first is not None and first in ledger.metrics() and first not in measured:
        measured.append(first)
    often = {metric: sum(metric in run.metrics for run in ledger) for metric in measured}
    whole = len(task_groups()["core"])
    leading = LEADING if all(run.metrics.get("core/num_tasks", whole) == whole for run in ledger) else None

    def place(metric: str) -> tuple[object, ...]:
        kind = 0 if metric.startswith("heldout/") else 1 if f"/{CENTRED}" in metric else 2
        return metric != first, metric != leading, kind, -often[metric], metric

    return tuple(sorted(measured, key=place))
