"""Making what is missing: the loop around every step.

``materialize`` walks a step's inputs in order and skips what is there. What is missing is done task by task; a finished
task leaves its shards and, last, its record, so a run that is killed goes on where it was. Aligned steps over the same
documents share one read of the text. The result is the same for any executor and any number of workers.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.core.errors import AlignmentError, FailureBudgetError, WorkerError
from winnow.core.executors import Died, Executor, Inline
from winnow.core.files import read_json, remove, remove_unfinished, write_json
from winnow.core.guard import Note
from winnow.core.plain import digest, to_plain
from winnow.core.progress import Progress, Silent
from winnow.core.step import Aligned, Part, Reshaping, Rows, Step, Whole, ordered
from winnow.core.storage import RemotePath
from winnow.core.table import Manifest, Store, Table, TaskRecord, digest_of, read_quarantine
from winnow.core.task import Task, perform, record_path

FAILURE_BUDGET = 0.01
FREE_FAILURES = 3
"""So many quarantined records never stop a run whose budget is not 0: a share of a small sample says little."""
MIN_RECORDS = 1000
"""Records seen before the failure budget may stop a run early; at a step's end it always counts."""
MAX_MACHINES = 5
"""Machines that one task may lose: fewer are bad luck, so many are the task's doing."""


def materialize(
    step: Step,
    store: Store | str | Path,
    executor: Executor | None = None,
    *,
    failure_budget: float = FAILURE_BUDGET,
    progress: Progress | None = None,
) -> Path:
    """Make the step's result and everything it needs, skip what exists, and give its directory.

    Raises RecipeError before anything runs where the recipe cannot work, FailureBudgetError where more than
    ``failure_budget`` of a step's records were quarantined, WorkerError where a task kills every worker it is given.
    """
    store = store if isinstance(store, Store) else Store(store)
    run = _Run(store, executor or Inline(), failure_budget, progress or Silent())
    for needed in ordered(step):
        needed.check()
    for group in passes(step):
        run.make([needed for needed in group if not fresh(needed, store)])
    return store.directory(step)


def passes(step: Step) -> list[list[Step]]:
    """The steps in the order in which they are made, those that are made together in one list.

    Aligned steps over the same documents share one read of them; whole steps that allow it run side by side, and come
    after everything else that can be made before them, so that many of them stand together.
    """
    waiting = ordered(step)
    made: set[str] = set()
    groups: list[list[Step]] = []
    while waiting:
        group = _together([needed for needed in waiting if made.issuperset(each.key for each in needed.inputs())])
        groups.append(group)
        made.update(needed.key for needed in group)
        waiting = [needed for needed in waiting if needed.key not in made]
    return groups


def _together(ready: Sequence[Step]) -> list[Step]:
    """Of the steps whose inputs are made, those that are made next."""
    first = next((step for step in ready if not _side_by_side(step)), ready[0])
    if isinstance(first, Aligned):
        return [step for step in ready if isinstance(step, Aligned) and step.documents.key == first.documents.key]
    return [step for step in ready if _side_by_side(step)] if _side_by_side(first) else [first]


def _side_by_side(step: Step) -> bool:
    return isinstance(step, Whole) and step.side_by_side


def fresh(step: Step, store: Store) -> bool:
    """Whether the step's result is there and was made from what its inputs and outside files are now."""
    return stale_reason(step, store) is None


def stale_reason(step: Step, store: Store) -> str | None:
    """Why the step must be made (again), in words; None where its result stands."""
    if not store.finished(step):
        return "not made yet"
    manifest = store.table(step).manifest
    for path, fingerprint in step.outside().items():
        if manifest.files.get(path) != fingerprint:
            return f"{path} has changed"
    for needed in step.inputs():
        if not store.finished(needed) or store.table(needed).manifest.digest != manifest.inputs.get(needed.key):
            return f"its input {needed.label} is made again"
    return None


@dataclass
class _Run:
    store: Store
    executor: Executor
    failure_budget: float
    progress: Progress
    records: dict[str, list[TaskRecord]] = field(default_factory=dict)

    def make(self, steps: list[Step]) -> None:
        """Make steps that share one read of their documents, or run side by side, or one step of another kind."""
        if not steps:
            return
        tasks = self._tasks(steps)
        for step in steps:
            step.announce(self.store)
        self._prepare(steps, tasks)
        done = {step.key: finished_tasks(step, self.store) for step in steps}
        pending = [task for task in tasks if any(task.index not in done[step.key] for step in task.steps)]
        self.progress.begin([step.label for step in steps], len(tasks), len(tasks) - len(pending))
        while pending:
            pending = self._round(pending)
        for step in steps:
            self._finish(step, len(_tasks_of(step, tasks)))
        self.progress.end()

    def _tasks(self, steps: Sequence[Step]) -> list[Task]:
        first = steps[0]
        if isinstance(first, Whole):
            return [Task((step,), 0, None, self.store.root) for step in steps]
        parts: list[Part] = []
        if isinstance(first, Aligned):
            parts = list(range(num_shards(first.documents, self.store)))
        elif isinstance(first, Reshaping):
            parts = first.split(self.store)
        return [Task(tuple(steps), index, part, self.store.root) for index, part in enumerate(parts)]

    def _prepare(self, steps: Sequence[Step], tasks: Sequence[Task]) -> None:
        """Start each directory anew unless it holds unfinished work from the very same inputs."""
        for step in steps:
            parts = digest([task.part for task in _tasks_of(step, tasks)])
            directory = self.store.directory(step)
            work = {"parts": parts, "inputs": self._input_digests(step), "files": step.outside()}
            begun = directory / "begun.json"
            if (directory / "manifest.json").exists() or not begun.exists() or read_json(begun) != work:
                (directory / "manifest.json").unlink(missing_ok=True)  # first: half a table must not look finished
                remove(directory)
                write_json(begun, work)

    def _round(self, tasks: list[Task]) -> list[Task]:
        """Run the tasks once; gives those to try again because their worker died."""
        again = []
        notes = {index: task.note for index, task in enumerate(tasks) if not isinstance(task.root, RemotePath)}
        with self.progress.watch(notes):
            for index, outcome in self.executor.run(perform, tasks):
                if isinstance(outcome, Died):
                    again.append(_retry(tasks[index], outcome))
                else:
                    self.progress.advance(outcome)
                    self._check_budget(tasks[index].steps, outcome)
        return again

    def _check_budget(self, steps: Sequence[Step], done: Sequence[TaskRecord]) -> None:
        for step, record in zip(steps, done, strict=True):
            records = self.records.setdefault(step.key, [])
            records.append(record)
            if sum(record.records for record in records) >= MIN_RECORDS:
                self._stop_if_over_budget(step, records)

    def _stop_if_over_budget(self, step: Step, records: Iterable[TaskRecord]) -> None:
        records = list(records)
        quarantined = sum(record.quarantined for record in records)
        seen = sum(record.records for record in records)
        free = FREE_FAILURES if self.failure_budget else 0
        if quarantined > max(free, self.failure_budget * seen):
            raise FailureBudgetError(
                f"{type(step).__name__} quarantined {quarantined} of {seen} records ({quarantined / seen:.1%}), more "
                f"than the failure budget of {self.failure_budget:.1%}. "
                f"Most common: {most_common_error(self.store.directory(step))}. Read "
                f"{self.store.directory(step) / 'quarantine'}, then repair the input or run again with "
                f"--failure-budget {min(1.0, 1.05 * quarantined / seen + 0.001):.3f}; finished work is kept"
            )

    def _finish(self, step: Step, num_tasks: int) -> None:
        if isinstance(step, Reshaping):
            step.finish(self.store)
        remove_unfinished(self.store.directory(step))
        records = TaskRecord.read_all([record_path(self.store, step, index) for index in range(num_tasks)])
        self._stop_if_over_budget(step, records)
        shards = tuple(shard for record in records for shard in record.shards)
        counts: Counter[str] = Counter()
        for record in records:
            counts.update(record.counts)
        manifest = Manifest(
            step=type(step).__name__,
            key=step.key,
            recipe=to_plain(step),
            inputs=self._input_digests(step),
            files=step.outside(),
            shards=shards,
            records=sum(record.records for record in records),
            rows=sum(record.rows for record in records),
            quarantined=sum(record.quarantined for record in records),
            seconds=sum(record.seconds for record in records),
            bytes=sum(record.bytes for record in records),
            counts=dict(sorted(counts.items())),
            libraries=libraries(),
            made=datetime.now(UTC).isoformat(timespec="milliseconds"),
            digest=digest_of(shards),
        )
        write_json(self.store.directory(step) / "manifest.json", to_plain_manifest(manifest))

    def _input_digests(self, step: Step) -> dict[str, str]:
        return {needed.key: self.store.table(needed).manifest.digest for needed in step.inputs()}


def finished_tasks(step: Step, store: Store) -> set[int]:
    """The tasks of a step that left their record."""
    return {int(path.stem) for path in (store.directory(step) / "tasks").glob("*.json")}


def num_shards(step: Rows, store: Store) -> int:
    """How many shards a finished table has."""
    return len(store.table(step).manifest.shards)


def check_aligned(left: str, left_ids: pa.Array, right: str, right_ids: pa.Array) -> None:
    """Refuse two tables that do not describe the same documents in the same order (AlignmentError names both)."""
    if left_ids.equals(right_ids):
        return
    if len(left_ids) != len(right_ids):
        raise AlignmentError(f"{left} has {len(left_ids)} rows and {right} has {len(right_ids)}: make {right} again")
    row = next(i for i, (a, b) in enumerate(zip(left_ids, right_ids, strict=True)) if a != b)
    raise AlignmentError(
        f"row {row} is document {left_ids[row]} in {left} but {right_ids[row]} in {right}: "
        f"delete the directory of {right} and run again"
    )


def libraries() -> dict[str, str]:
    """Versions of what can change a result."""
    names = """
        winnow-data numpy pyarrow numba duckdb fastwarc resiliparse trafilatura tokenizers torch transformers
    """.split()
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def to_plain_manifest(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON-ready data."""
    return {**vars(manifest), "shards": [vars(shard) for shard in manifest.shards]}


def most_common_error(directory: Path) -> str:
    """The most frequent quarantine entry of a step, in words."""
    found = Counter(f"{entry['kind']}: {entry['error'][:120]}" for entry in read_quarantine(directory))
    return max(found, key=lambda text: found[text]) if found else "nothing"


def _tasks_of(step: Step, tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if any(step is each for each in task.steps)]


def _retry(task: Task, died: Died) -> Task:
    """The task with what its worker's death says of its records; WorkerError where it has died too often."""
    names = ", ".join(step.label for step in task.steps)
    if died.with_its_machine:
        suspects = replace(task.suspects, machines=task.suspects.machines + 1)
        if suspects.machines >= MAX_MACHINES:
            raise WorkerError(
                f"task {task.index} of {names} was at work on {suspects.machines} machines that were lost, one after "
                f"the other (last: {died.reason}); if they ran out of memory, use fewer workers or larger machines; "
                "if they were taken away, run the same command again: finished work is kept"
            )
    else:
        suspects = task.suspects.after(Note.read(task.note))
        if suspects.deaths > 3 + 3 * len(suspects.poison):
            raise WorkerError(
                f"task {task.index} of {names} killed {suspects.deaths} workers ({died.reason}); if it was memory, use "
                "fewer workers; if it dies before its first record, run with --workers 0 --debug to see why"
            )
    return replace(task, suspects=suspects)


def result(step: Step, store: Store | str | Path) -> Table:
    """The finished table of a step."""
    return (store if isinstance(store, Store) else Store(store)).table(step)
