"""Small steps that workers can import: they make documents, judge them, and die when told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.guard import Broken, Guard, apply_guarded
from winnow.core.step import Aligned, Part, Reshaping, Step, Whole
from winnow.core.table import ShardWriter, Store

SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string())])


@dataclass(frozen=True, kw_only=True)
class Letters(Reshaping):
    """Documents "d0", "d1", ... whose text is their number of letters "a"; ``size`` documents a task."""

    tasks: int = 2
    size: int = 5
    shard_bytes: int | None = None
    slow: float = 0.0

    def schema(self) -> pa.Schema:
        return SCHEMA

    def split(self, store: Store) -> list[Part]:
        return list(range(self.tasks))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        return ShardWriter(directory, index, SCHEMA, shard_bytes=self.shard_bytes)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        numbers = range(part * self.size, (part + 1) * self.size)
        out.num_bytes = sum(numbers)
        time.sleep(self.slow)
        rows = {"id": [f"d{n}" for n in numbers], "text": ["a" * n for n in numbers]}
        out.write(pa.RecordBatch.from_pydict(rows, schema=SCHEMA))


@dataclass(frozen=True, kw_only=True)
class Length(Aligned):
    """The length of each text; misbehaves on the documents named in ``fatal`` (SIGKILL) or ``bad`` (an exception)."""

    fatal: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    once: str = ""
    """A file: the first worker that finds it missing makes it and is killed."""
    called: str = "length"
    log: str = ""
    """A file to append a line to for every batch that is judged."""

    @property
    def name(self) -> str:
        return self.called

    def columns(self) -> pa.Schema:
        return pa.schema([("length", pa.int64())])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        return self._judge

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        ids = set(batch.column("id").to_pylist())
        if self.once and not Path(self.once).exists():
            Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if ids & set(self.fatal):
            os.kill(os.getpid(), signal.SIGSEGV)
        if ids & set(self.bad):
            raise ValueError("a bad document")
        lengths = pc.utf8_length(batch.column("text")).cast(pa.int64())
        return pa.RecordBatch.from_arrays([lengths], schema=self.columns())


@dataclass(frozen=True, kw_only=True)
class Doubled(Reshaping):
    """Its documents with their text twice; drops to quarantine what breaks."""

    documents: Letters
    bad: tuple[str, ...] = ()

    def schema(self) -> pa.Schema:
        return SCHEMA

    def split(self, store: Store) -> list[Part]:
        return list(range(self.documents.tasks))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        return ShardWriter(directory, index, SCHEMA, shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        for batch in self.documents.open_shard(store, part):
            for rows, result in apply_guarded(self._double, batch, 0, 0, guard):
                if isinstance(result, Broken):
                    out.quarantine_document(rows, self.documents.label, result)
                else:
                    out.write(result)

    def _double(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if set(batch.column("id").to_pylist()) & set(self.bad):
            raise ValueError("cannot be doubled")
        text = pc.binary_join_element_wise(batch.column("text"), batch.column("text"), "")
        return pa.RecordBatch.from_arrays([batch.column("id"), text], schema=SCHEMA)


@dataclass(frozen=True, kw_only=True)
class Longest(Whole):
    """A file that holds the largest length."""

    lengths: Length

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        table = store.table(self.lengths)
        lengths = [n for i in range(len(table.manifest.shards)) for n in table.shard(i)["length"].to_pylist()]
        (directory / "longest.txt").write_text(str(max(lengths)))
        return {"lengths": len(lengths)}


@dataclass(frozen=True, kw_only=True)
class Meeting(Whole):
    """Ends once ``guests`` of its kind have come to the place at the same time, each as its own task."""

    side_by_side = True

    place: str
    name: str
    guests: int = 2
    documents: Letters

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        with (Path(self.place) / "visits").open("a") as visits:
            visits.write(f"{self.name}\n")
        Path(self.place, self.name).touch()
        until = time.monotonic() + 60
        while len(list(Path(self.place).glob("guest-*"))) < self.guests:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} waited alone")
            time.sleep(0.01)
        (directory / "name.txt").write_text(self.name)
        return {}


@dataclass(frozen=True, kw_only=True)
class Album(Whole):
    """Reads several meetings."""

    meetings: tuple[Meeting, ...]

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        names = [store.table(meeting).file("name.txt").read_text() for meeting in self.meetings]
        (directory / "names.txt").write_text(" ".join(names))
        return {}


def square_or_die(number: int) -> int:
    """The square; dies at 3, raises at 5."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        raise ValueError("five")
    return number * number


@dataclass(frozen=True, kw_only=True)
class Given(Reshaping):
    """Documents written down in the test: shards of ``(id, text)`` or ``(id, text, url, source)``."""

    shards: tuple[tuple[tuple[str | None, ...], ...], ...]

    def schema(self) -> pa.Schema:
        return pa.schema([(name, pa.string()) for name in ("id", "text", "url", "source")])

    def split(self, store: Store) -> list[Part]:
        return list(range(len(self.shards)))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        return ShardWriter(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        rows = [dict(zip(self.schema().names, [*row, None, None][:4], strict=True)) for row in self.shards[part]]
        out.write(pa.RecordBatch.from_pylist(rows, schema=self.schema()))


def rows_of(step: Step, store: Path) -> list[dict[str, Any]]:
    """All rows of a finished table."""
    table = Store(store).table(step)
    return [row for shard in range(len(table.manifest.shards)) for row in table.shard(shard).to_pylist()]
