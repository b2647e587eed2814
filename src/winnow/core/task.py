"""One task of a run: the work of one step, or of aligned steps that share a read, done in a worker."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from winnow.core.errors import WinnowError
from winnow.core.files import appearing_directory, file_digest, files_below
from winnow.core.guard import Broken, Guard, Suspects, apply_guarded, with_names
from winnow.core.step import Aligned, Part, Reshaping, Step, Whole
from winnow.core.table import Shard, ShardWriter, Store, TaskRecord


@dataclass(frozen=True)
class Task:
    """One unit of work: a part of one step, or one shard for aligned steps that share its read."""

    steps: tuple[Step, ...]
    index: int
    part: Part
    root: Path
    suspects: Suspects = field(default_factory=Suspects)

    @property
    def note(self) -> Path:
        """Where the worker notes which records it is at."""
        return Store(self.root).directory(self.steps[0]) / "tasks" / f"{self.index:05d}.note"


def perform(task: Task) -> list[TaskRecord]:
    """Do one task; called in a worker. Gives one record per step, in their order."""
    store = Store(task.root)
    if not (store.directory(task.steps[0]) / "begun.json").exists():
        raise WinnowError(
            f"{platform.node()} finds nothing of this run in the store {task.root}: a run on several machines needs a "
            "store that all of them reach, a directory on shared disks or a URL such as s3://bucket/prefix"
        )
    guard = Guard(task.note, task.suspects)
    try:
        missing = [step for step in task.steps if not record_path(store, step, task.index).exists()]
        if missing and isinstance(missing[0], Aligned):
            _perform_aligned([step for step in missing if isinstance(step, Aligned)], task, store, guard)
        elif missing:
            _perform_one(missing[0], task, store, guard)
    finally:
        guard.close()
    return [TaskRecord.read(record_path(store, step, task.index)) for step in task.steps]


def record_path(store: Store, step: Step, index: int) -> Path:
    """Where the record of a step's finished task lies."""
    return store.directory(step) / "tasks" / f"{index:05d}.json"


def _perform_one(step: Step, task: Task, store: Store, guard: Guard) -> None:
    began = time.perf_counter()
    if isinstance(step, Whole):
        with appearing_directory(store.directory(step) / "files") as directory:
            counts = step.make(store, directory)
            seconds = time.perf_counter() - began
            shards = tuple(_as_shard(path, directory) for path in files_below(directory))
        record = TaskRecord(
            index=0, shards=shards, records=0, rows=0, quarantined=0, seconds=seconds, bytes=0, counts=counts
        )
    elif isinstance(step, Reshaping):
        writer = step.writer(store.directory(step), task.index, task.part)
        try:
            step.make(task.part, store, writer, guard)
            record = writer.close(time.perf_counter() - began)
        except BaseException:
            writer.abandon()
            raise
    else:
        raise WinnowError(f"{type(step).__name__} has none of the three shapes")
    record.write(record_path(store, step, task.index))


def _as_shard(path: Path, directory: Path) -> Shard:
    return Shard(name=str(path.relative_to(directory)), rows=0, bytes=path.stat().st_size, digest=file_digest(path))


def _perform_aligned(steps: Sequence[Aligned], task: Task, store: Store, guard: Guard) -> None:
    with ExitStack() as stack:
        columns = [_Column(step, store, task.index) for step in steps]
        for column in columns:
            stack.callback(column.writer.abandon)
        start = 0
        num_bytes = 0
        for batch in steps[0].documents.open_shard(store, task.part, _columns_read(steps)):
            num_bytes += batch.nbytes
            for column in columns:
                column.judge(batch, start, num_bytes, guard)
            start += batch.num_rows
        for column in columns:
            column.writer.num_bytes = num_bytes
            column.writer.close(column.seconds).write(record_path(store, column.step, task.index))
        stack.pop_all()


def _columns_read(steps: Sequence[Aligned]) -> list[str] | None:
    """The documents' columns that some of the steps look at, and those that name a document; None for all."""
    read: list[str] = []
    for step in steps:
        if step.reads is None:
            return None
        read.extend(step.reads)
    return with_names(read, steps[0].documents)


class _Column:
    """One aligned step at work on one shard."""

    def __init__(self, step: Aligned, store: Store, index: int) -> None:
        began = time.perf_counter()
        self.step = step
        self.function = step.load(store, index)
        self.writer = ShardWriter(store.directory(step), index, step.schema(), shard_bytes=None)
        self.seconds = time.perf_counter() - began

    def judge(self, batch: pa.RecordBatch, start: int, num_bytes: int, guard: Guard) -> None:
        began = time.perf_counter()
        for documents, outcome in apply_guarded(self._checked, batch, start, num_bytes, guard):
            if isinstance(outcome, Broken):
                self._set_aside(documents, outcome)
            else:
                self._append(documents, outcome, quarantined=False)
        self.seconds += time.perf_counter() - began

    def _checked(self, batch: pa.RecordBatch) -> list[pa.Array]:
        columns = self.function(batch)
        if columns.num_rows != batch.num_rows:
            raise WinnowError(
                f"{self.step.label} gave {columns.num_rows} rows for {batch.num_rows} documents; it must give one each"
            )
        expected = self.step.columns()
        return [columns.column(name).cast(expected.field(name).type) for name in expected.names]

    def _set_aside(self, document: pa.RecordBatch, broken: Broken) -> None:
        nulls = [pa.nulls(1, field.type) for field in self.step.columns()]
        self._append(document, nulls, quarantined=True)
        self.writer.quarantine_document(document, self.step.documents.label, broken)

    def _append(self, batch: pa.RecordBatch, values: list[pa.Array], *, quarantined: bool) -> None:
        flags = pa.repeat(pa.scalar(quarantined), batch.num_rows)
        self.writer.write(pa.RecordBatch.from_arrays([batch.column("id"), *values, flags], schema=self.step.schema()))
