"""The step that fine-tunes a language model on classification tasks and measures its accuracy.

As "When Less is More" does with GLUE (Marion et al. 2023, section 4 and table 2): all weights are trained, for three
epochs, in five runs. A small model may do no better than saying the most frequent label every time, so the report
has that label's share beside each accuracy.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.errors import RecipeError
from winnow.core.files import fingerprint, remove, write_json
from winnow.core.plain import digest
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.evaluate.aggregate import metrics
from winnow.evaluate.classification import Classification, Labelled, find_classification
from winnow.evaluate.evaluate import ITEMS, REPORT, SCHEMA
from winnow.evaluate.parts import done_parts
from winnow.evaluate.shapes import ACCURACY, Score
from winnow.lm.tokenizer import needs_torch
from winnow.measure.model import Model

if TYPE_CHECKING:
    from winnow.evaluate.engine import Network


@dataclass(frozen=True, kw_only=True)
class FineTune(Whole):
    """What a language model scores on classification tasks once it is fine-tuned on each.

    Writes ``items.parquet``, one row per item as ``Evaluate`` does: ``numerator`` counts the runs that were right,
    ``denominator`` those that asked it, ``prediction`` has the label that each of them gave. ``report.json`` has the
    accuracies under ``metrics``, as ``fine_tuned/sst2/accuracy``; by the same names the ``majority`` share, which is
    the accuracy of always giving the most frequent label, and the accuracy of each of the ``runs``; the
    ``learning_rate``; and ``notes`` on tasks that do not compare to published ones. A step that is interrupted goes on
    at the run.
    """

    side_by_side: ClassVar[bool] = True

    model: Model
    """A checkpoint's directory, a Hugging Face directory or hub name, or the step that trains one."""
    tasks: tuple[str, ...]
    """``NAME``, whose file is below one of ``task_files``, ``NAME=FILE``, or ``NAME=TRAIN,TEST``; without rows of its
    own to learn from a file is split into five parts, and each run asks the next one and learns from the others."""
    task_files: tuple[str, ...] = ()
    """Directories that hold tasks' files."""
    fields: tuple[str, ...] = ()
    """The one or two fields that hold the texts of tasks other than GLUE's; by default every text of a row."""
    num_runs: int = 5
    """Each with another head and order."""
    epochs: int = 3
    learning_rate: float | None = None
    """At its highest; None for what suits the model's size."""
    seed: int = 0
    """Of the split, the heads and the orders."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks' names."""
        return tuple(task.partition("=")[0] for task in self.tasks)

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the accuracies are called, task by task."""
        return tuple(f"{item_task(name)}/{ACCURACY}" for name in self.names)

    def check(self) -> None:
        """Refuse what cannot be learnt."""
        names = self.names
        if not names:
            raise RecipeError("nothing to fine-tune on: name tasks such as sst2, or files as NAME=TRAIN,TEST")
        if len({*names}) < len(names):
            raise RecipeError(f"the tasks {', '.join(names)} repeat a name: give each once")
        if len(self.fields) > 2:
            raise RecipeError(f"fields are {', '.join(self.fields)}: a classification has one text or two")
        if self.num_runs < 1 or self.epochs < 0:
            raise RecipeError(f"num_runs is {self.num_runs} and epochs {self.epochs}; they must be at least 1 and 0")
        if self.learning_rate is not None and not 0 < self.learning_rate < 1:
            raise RecipeError(f"learning_rate is {self.learning_rate}; it must lie in (0, 1)")
        needs_torch("fine-tuning a model")

    def outside(self) -> dict[str, str]:
        """Digests of the tasks' files, and of a model that is at hand."""
        given = [self.model] if isinstance(self.model, str) and Path(self.model).exists() else []
        paths = [file.path for task in self._tasks() for file in task.files]
        return {path: fingerprint(path) for path in [*given, *paths]}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Fine-tune task by task and run by run; what is done is kept beside the result until all is."""
        from winnow.evaluate.classifier import default_learning_rate
        from winnow.evaluate.models import ready_model

        work = store.directory(self) / "parts"
        path = self.model if isinstance(self.model, str) else str(store.table(self.model).files())
        found = self._tasks()
        tasks = [task.read() for task in found]
        with ready_model(path) as model:
            rate = self.learning_rate or default_learning_rate(model.network.num_params)
            makers = {
                f"{task.name}-{run}": partial(self._run, task, run, model.network, rate)
                for task in tasks
                for run in range(self.num_runs)
            }
            runs = list(done_parts(self.label, makers, work))
        items = merged(runs)
        pq.write_table(items, directory / ITEMS, compression="zstd")
        notes = [task.note for task in found if task.note]
        write_json(directory / REPORT, self._report(items, runs, rate, notes))
        remove(work)
        return {"num_tasks": len(tasks), "num_items": items.num_rows}

    def _tasks(self) -> list[Classification]:
        return [find_classification(task, self.task_files, self.fields) for task in self.tasks]

    def _run(self, task: Labelled, run: int, network: Network, rate: float) -> pa.Table:
        """The rows of one run: the network learns from some examples and is asked others."""
        from winnow.evaluate.classifier import Classifier, encode

        train, test = task.split(run, self.seed)
        classifier = Classifier(network, len(task.labels), seed=int(digest([self.seed, task.name, run])[:8], 16))
        classes = [task.labels.index(example.label) for example in train]
        classifier.fit(encode([example.texts for example in train], network), classes, self.epochs, rate)
        predicted = classifier.predict(encode([example.texts for example in test], network))
        rows = [
            {
                "task": item_task(task.name),
                "metric": ACCURACY,
                "item": example.item,
                "numerator": float(task.labels[found] == example.label),
                "denominator": 1.0,
                "prediction": task.labels[found],
                "gold": example.label,
            }
            for example, found in zip(test, predicted, strict=True)
        ]
        return pa.Table.from_pylist(rows, schema=SCHEMA)

    def _report(self, items: pa.Table, runs: Sequence[pa.Table], rate: float, notes: Sequence[str]) -> dict[str, Any]:
        of_runs: dict[str, list[float]] = defaultdict(list)
        for run in runs:
            for name, accuracy in accuracies(run).items():
                of_runs[name].append(round(accuracy, 4))
        return {
            "metrics": accuracies(items),
            "majority": majorities(items),
            "runs": of_runs,
            "learning_rate": rate,
            "tasks": list(self.names),
            "notes": notes,
        }


def item_task(name: str) -> str:
    """What a task is called among items and metrics, apart from one of that name that is not learnt first."""
    return f"fine_tuned/{name}"


def merged(runs: Sequence[pa.Table]) -> pa.Table:
    """One row per item from one per item and run: what each predicted, and how many were right of how many."""
    asked: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in pa.concat_tables(runs).to_pylist():
        asked[row["task"], row["item"]].append(row)
    rows = [
        {
            **same[0],
            "numerator": sum(row["numerator"] for row in same),
            "denominator": sum(row["denominator"] for row in same),
            "prediction": " ".join(row["prediction"] for row in same),
        }
        for same in asked.values()
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def accuracies(items: pa.Table) -> dict[str, float]:
    """The accuracy of each task by the metric's name."""
    return metrics(Score(**row) for row in items.select([field.name for field in fields(Score)]).to_pylist())


def majorities(items: pa.Table) -> dict[str, float]:
    """The accuracy of one who always gives a task's most frequent label, by the metric's name."""
    gold: dict[str, Counter[str]] = defaultdict(Counter)
    for row in items.to_pylist():
        gold[f"{row['task']}/{row['metric']}"][row["gold"]] += row["denominator"]
    return {name: max(counts.values()) / counts.total() for name, counts in gold.items()}
