"""Scores as comparisons need them: per seed from the ledger, per item from the runs' ``items.parquet``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.bench.ledger import Ledger, Run
from winnow.bench.statistics import Scores, Values, ratio
from winnow.core.errors import AlignmentError, InputError
from winnow.core.files import open_parquet
from winnow.evaluate.aggregate import CENTRED
from winnow.evaluate.shapes import ACCURACY
from winnow.evaluate.tasks import all_tasks, task_groups

AGREEMENT = 1e-6
"""How far the score of a run's items may lie from what the ledger says, as a share of it."""


class Items(NamedTuple):
    """What each item adds to a run's score, in the order of the items' names."""

    influences: Values
    digest: str
    """Of the names."""


def repeats(ledger: Ledger) -> dict[str, list[Run]]:
    """The runs of every candidate at one scale of one track, in the order of their seeds.

    Runs that recorded no seed count as repeats of each other. Raises InputError where two runs of a candidate have the
    same one: they differ in something else, so they are no repeats.
    """
    found: dict[str, list[Run]] = {}
    for run in sorted(ledger, key=lambda run: (run.candidate, run.seed is not None, run.seed or 0, run.run)):
        runs = found.setdefault(run.candidate, [])
        if runs and run.seed is not None and runs[-1].seed == run.seed:
            raise InputError(
                f"there are two runs of {run}: {runs[-1].run} and {run.run}; rename one candidate, or take one of the "
                "two out of the ledger"
            )
        runs.append(run)
    return found


def scores_of(ledger: Ledger, metrics: Sequence[str]) -> dict[str, dict[str, Scores]]:
    """By metric and candidate, what the runs at one scale of one track got; per item where every run kept its items.

    Raises InputError where the items of a run do not give its score in the ledger.
    """
    by_metric: dict[str, dict[str, Scores]] = {metric: {} for metric in metrics}
    for candidate, runs in repeats(ledger).items():
        items = [_read(ledger.items_path(run), run, metrics) for run in runs]
        for metric in metrics:
            if having := [place for place, run in enumerate(runs) if metric in run.metrics]:
                values = np.array([runs[place].metrics[metric] for place in having])
                by_metric[metric][candidate] = _scores(values, [items[place].get(metric) for place in having], runs[0])
    return by_metric


def _scores(values: Values, items: Sequence[Items | None], run: Run) -> Scores:
    kept = [one for one in items if one is not None]
    if len(kept) < len(items):
        return Scores(values=values)
    if len({one.digest for one in kept}) > 1:
        raise AlignmentError(
            f"the seeds of {run.candidate} at {run.scale} were not asked the same items: evaluate them with the same "
            "task files and the same limit"
        )
    return Scores(values=values, influences=np.stack([one.influences for one in kept]), items=kept[0].digest)


def _read(path: Path | None, run: Run, metrics: Sequence[str]) -> dict[str, Items]:
    """The items of a run, by those of the metrics that it kept them for."""
    if path is None or not path.is_file():
        return {}
    slopes = {metric: _slopes(metric, run) for metric in metrics if metric in run.metrics}
    wanted = sorted({part for parts in slopes.values() for part in parts})
    with open_parquet(path) as opened:
        rows = opened.read(["task", "metric", "item", "category", "numerator", "denominator"])
    names = pc.binary_join_element_wise(rows["task"], rows["metric"], "/")
    rows = rows.append_column("name", names).filter(pc.is_in(names, pa.array(wanted, pa.string())))
    found: dict[str, Items] = {}
    for name in pc.unique(rows["name"]).to_pylist():
        of_part = rows.filter(pc.equal(rows["name"], name)).sort_by("item")
        found[name] = Items(_influences(of_part, run, name), _digest(of_part["item"].to_pylist()))
    return {metric: _sum(parts, found) for metric, parts in slopes.items() if parts and set(parts) <= set(found)}


def _slopes(metric: str, run: Run) -> dict[str, float]:
    """The metrics that a metric is a weighted sum of, apart from a constant; a plain one is itself.

    The centred score of a task or a group is a sum of accuracies.
    """
    group, _, kind = metric.rpartition("/")
    if not kind.startswith(CENTRED):
        return {metric: 1.0}
    baseline, tasks = kind.removeprefix(CENTRED), all_tasks()
    slopes = {
        f"{name}/{ACCURACY}": 1 / (1 - tasks[name].baselines[baseline])  # type: ignore[index]
        for name in task_groups().get(group, (group,))
        if name in tasks and baseline in tasks[name].baselines and f"{name}/{ACCURACY}" in run.metrics
    }
    return {name: slope / len(slopes) for name, slope in slopes.items()}


def _sum(slopes: Mapping[str, float], parts: Mapping[str, Items]) -> Items:
    influences = [slope * parts[name].influences for name, slope in slopes.items()]
    return Items(np.concatenate(influences), _digest([parts[name].digest for name in slopes]))


def _influences(rows: pa.Table, run: Run, metric: str) -> Values:
    """What each item adds; where items have categories, to the mean over these."""
    numerators, denominators = (rows[name].to_numpy() for name in ("numerator", "denominator"))
    categories = rows["category"].fill_null("").combine_chunks().dictionary_encode().indices.to_numpy()
    value, influences = ratio(numerators, denominators, categories)
    if not _agrees(value, run.metrics[metric]):
        raise InputError(
            f"{metric} of {run} is {run.metrics[metric]:.6g} in the ledger, but its items give {value:.6g}: they come "
            "from another evaluation"
        )
    return influences


def _agrees(value: float, recorded: float) -> bool:
    return abs(value - recorded) <= AGREEMENT * max(1.0, abs(recorded))


def _digest(names: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(names).encode(), digest_size=16).hexdigest()
