from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.bench.ledger import Ledger, Run, write_ledger
from winnow.bench.scores import repeats, scores_of
from winnow.core.errors import AlignmentError
from winnow.evaluate.aggregate import metrics
from winnow.evaluate.shapes import Score

TASKS = {"copa": 40, "boolq": 60, "bigbench_dyck_languages": 25}
"""Three tasks of CORE with baselines of 50, 62 and 0%."""


def evaluated(directory: Path, seed: int, items: int | None = None) -> Run:
    """A run whose metrics are what the evaluation makes of its items."""
    rng = np.random.default_rng(seed)
    scores = [
        Score(task=task, metric="accuracy", item=f"{task}:{k}", category=None, numerator=float(right), denominator=1.0)
        for task, number in TASKS.items()
        for k, right in enumerate(rng.random(items or number) < 0.7)
    ]
    columns = ("task", "metric", "item", "category", "numerator", "denominator")
    rows = [{name: getattr(score, name) for name in columns} for score in scores]
    schema = pa.schema([(name, pa.float64() if name.endswith("ator") else pa.string()) for name in columns])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), directory / f"{seed}.parquet")
    named = {name: float(value) for name, value in metrics(scores).items()}
    return Run(run=str(seed), candidate="a", scale="1M", seed=seed, metrics=named, items=f"{seed}.parquet")


def test_a_group_is_compared_by_the_items_of_its_tasks(tmp_path: Path) -> None:
    ledger = write_ledger([evaluated(tmp_path, seed) for seed in range(3)], tmp_path)
    found = scores_of(ledger, ["core/centered_v2", "copa/centered_v2", "copa/accuracy"])
    core, copa, plain = (found[name]["a"] for name in ("core/centered_v2", "copa/centered_v2", "copa/accuracy"))
    assert core.influences is not None and copa.influences is not None and plain.influences is not None
    assert core.influences.shape == (3, sum(TASKS.values()))
    assert copa.influences == pytest.approx(2 * plain.influences)
    assert core.values == pytest.approx([run.metrics["core/centered_v2"] for run in ledger])


def test_an_answer_moves_a_group_by_its_share_of_the_centred_score(tmp_path: Path) -> None:
    found = scores_of(write_ledger([evaluated(tmp_path, 0)], tmp_path), ["core/centered_v2"])["core/centered_v2"]["a"]
    assert found.influences is not None
    values = np.unique(np.round(found.influences[0], 9))
    gaps = np.abs(values[:, None] - values)
    for task, baseline in {"copa": 0.5, "boolq": 0.62, "bigbench_dyck_languages": 0.0}.items():
        assert np.isclose(gaps, 1 / TASKS[task] / (1 - baseline) / 3, atol=1e-8).any(), task


def test_without_the_items_of_one_task_a_group_has_none(tmp_path: Path) -> None:
    run = evaluated(tmp_path, 0)
    more = dataclasses.replace(run, metrics={**run.metrics, "piqa/accuracy": 0.5})
    assert scores_of(write_ledger([more], tmp_path), ["core/centered_v2"])["core/centered_v2"]["a"].influences is None


def test_seeds_that_were_asked_other_items_are_refused(tmp_path: Path) -> None:
    ledger = write_ledger([evaluated(tmp_path, 0), evaluated(tmp_path, 1, items=20)], tmp_path)
    with pytest.raises(AlignmentError, match="the seeds of a at 1M"):
        scores_of(ledger, ["copa/accuracy"])


def test_runs_are_grouped_in_the_order_of_their_seeds() -> None:
    runs = [Run(run=f"{name}{seed}", candidate=name, seed=seed) for name in "ba" for seed in (2, 0, 1)]
    found = repeats(Ledger(tuple(runs)))
    assert {name: [run.seed for run in some] for name, some in found.items()} == {"a": [0, 1, 2], "b": [0, 1, 2]}
