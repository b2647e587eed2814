"""Which record a task is at, kept where it outlives the worker.

Before a worker touches records it notes their positions in a small file (one ``pwrite``, about a microsecond). When the
worker is killed, the parent reads the note: those records are suspects. The retry takes suspects one at a time, and
a record that is alone in the note at a second death is poison: it is skipped and quarantined. The same notes drive
the progress bar, so progress is right for any number of workers and any executor that shares the disk.

In an object store a note is a request, ten thousand times as dear. There a first attempt leaves none, and an attempt
after a death leaves all: a record that kills costs one death more, and ordinary work costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from winnow.core.errors import WinnowError
from winnow.core.storage import RemotePath

if TYPE_CHECKING:
    import pyarrow as pa

    from winnow.core.step import Rows
    from winnow.core.table import ShardWriter

R = TypeVar("R")
T = TypeVar("T")

NOTE_BYTES = 64
NAMES = ("id", "url")
"""Columns that name a document where it is set aside."""


@dataclass(frozen=True)
class Suspects:
    """What earlier deaths of a task's workers say about its records, by position within the task."""

    deaths: int = 0
    start: int = 0
    count: int = 0
    """Records ``start`` to ``start + count`` were being worked on at the last death."""
    poison: frozenset[int] = frozenset()
    machines: int = 0
    """Machines that went away while they had the task; that says nothing of its records."""

    def after(self, note: Note) -> Suspects:
        """The suspects once another worker has died at this note."""
        alone_again = note.count == 1 and self.count > 0 and self.start <= note.start < self.start + self.count
        if alone_again:
            return replace(self, deaths=self.deaths + 1, start=0, count=0, poison=self.poison | {note.start})
        return replace(self, deaths=self.deaths + 1, start=note.start, count=note.count)


@dataclass(frozen=True)
class Note:
    """The records a worker is at, and how far its task has come."""

    start: int = 0
    count: int = 0
    num_bytes: int = 0

    @classmethod
    def read(cls, path: Path) -> Note:
        """The note a worker left; an empty one where it had not begun."""
        try:
            start, count, num_bytes = path.read_text().split()
        except (OSError, ValueError):
            return cls()
        return cls(int(start), int(count), int(num_bytes))


class Guard:
    """Notes positions for one task and says which records to take alone or not at all."""

    def __init__(self, path: Path, suspects: Suspects) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.suspects = suspects
        self._path = path
        self._file = None
        if not isinstance(path, RemotePath):
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)

    def at(self, start: int, count: int = 1, num_bytes: int = 0) -> None:
        """Note that records ``start`` to ``start + count`` are being worked on, ``num_bytes`` into the input."""
        note = f"{start} {count} {num_bytes}".ljust(NOTE_BYTES)
        if self._file is not None:
            os.pwrite(self._file, note.encode(), 0)
        elif self.suspects.deaths:
            self._path.write_text(note)

    def is_poison(self, position: int) -> bool:
        """Whether the record killed its worker twice."""
        return position in self.suspects.poison

    def runs(self, start: int, count: int) -> Iterator[tuple[int, int]]:
        """Split a batch into ``(start, count)`` runs: whole if nothing in it is suspect, else suspects alone.

        Poison is left out.
        """
        last = self.suspects.start + self.suspects.count
        run = start
        for position in range(max(start, min(self._first_special(), start + count)), start + count):
            suspect = self.suspects.start <= position < last
            if not suspect and not self.is_poison(position):
                continue
            if position > run:
                yield run, position - run
            if suspect and not self.is_poison(position):
                yield position, 1
            run = position + 1
        if run < start + count:
            yield run, start + count - run

    def each(self, start: int, records: Sequence[T], num_bytes: int) -> Iterator[tuple[T, bool]]:
        """The records with whether each is poison; positions are noted by the run, suspects alone."""
        position = start
        for run, count in self.runs(start, len(records)):
            yield from ((record, True) for record in records[position - start : run - start])
            self.at(run, count, num_bytes)
            yield from ((record, False) for record in records[run - start : run - start + count])
            position = run + count
        yield from ((record, True) for record in records[position - start :])

    def close(self) -> None:
        """Remove the note: the task is done."""
        if self._file is not None:
            os.close(self._file)
        if self._file is not None or self.suspects.deaths:
            self._path.unlink(missing_ok=True)

    def _first_special(self) -> int:
        marked = [*self.suspects.poison]
        if self.suspects.count:
            marked.append(self.suspects.start)
        return min(marked, default=1 << 62)


@dataclass(frozen=True)
class Broken:
    """Why one record could not be worked on."""

    kind: str
    """``error`` (an exception), ``crash`` (it killed its worker), ``time`` or ``memory`` (over its limit)."""
    error: str


def apply_guarded(
    function: Callable[[pa.RecordBatch], R], batch: pa.RecordBatch, start: int, num_bytes: int, guard: Guard
) -> Iterator[tuple[pa.RecordBatch, R | Broken]]:
    """Apply a function to a batch so that a bad document costs no other: gives runs of rows with their results.

    ``start`` is the position of the batch's first row within the task. A document on which the function raises, or that
    killed its worker twice, comes alone with ``Broken``. A WinnowError is not the document's fault and passes through.
    """
    position = start
    for run, count in guard.runs(start, batch.num_rows):
        yield from _killers(batch, position - start, run - start)
        guard.at(run, count, num_bytes)
        yield from _halving(function, batch.slice(run - start, count))
        position = run + count
    yield from _killers(batch, position - start, batch.num_rows)


def _killers(batch: pa.RecordBatch, start: int, end: int) -> Iterator[tuple[pa.RecordBatch, Broken]]:
    for row in range(start, end):
        yield batch.slice(row, 1), Broken("crash", "it killed its worker twice")


def _halving(
    function: Callable[[pa.RecordBatch], R], batch: pa.RecordBatch
) -> Iterator[tuple[pa.RecordBatch, R | Broken]]:
    try:
        yield batch, function(batch)
    except WinnowError:
        raise
    except Exception as error:  # noqa: BLE001 - one bad document must not cost its neighbours
        if batch.num_rows == 1:
            yield batch, Broken("error", f"{type(error).__name__}: {error}")
            return
        middle = batch.num_rows // 2
        yield from _halving(function, batch.slice(0, middle))
        yield from _halving(function, batch.slice(middle))


def with_names(columns: Iterable[str], documents: Rows) -> list[str]:
    """The columns, and those of the documents that name one of them."""
    return list(dict.fromkeys([*(name for name in NAMES if name in documents.schema().names), *columns]))


def guarded_over(
    batches: Iterable[pa.RecordBatch],
    label: str,
    function: Callable[[pa.RecordBatch], R],
    out: ShardWriter,
    guard: Guard,
) -> Iterator[R]:
    """What a function makes of the documents of a task, batch by batch; a document that breaks it is quarantined.

    ``label`` names the table that the documents are from.
    """
    start = 0
    for batch in batches:
        out.num_bytes += batch.nbytes
        for some, made in apply_guarded(function, batch, start, out.num_bytes, guard):
            if isinstance(made, Broken):
                out.quarantine_document(some, label, made)
            else:
                yield made
        start += batch.num_rows
