"""Tables on disk: shards, their manifest, and how both are written and read.

A table is a directory::

    read-3f2a91c04b7e55d0/
    ├── shards/00000-000.parquet     appear whole or not at all
    ├── tasks/00000.json             one per finished task: its shards, counts and seconds
    ├── quarantine/00000.jsonl       records that broke the step: where they came from and what happened
    └── manifest.json                written last; its existence means done

Shards are Parquet with zstd level 1, because writing text bounds a native pipeline: level 1 costs 2.6 ms/MB here,
level 3 costs 4.5.
"""

from __future__ import annotations

import functools
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.errors import WinnowError
from winnow.core.files import (
    appearing,
    cache_root,
    copy,
    file_digest,
    local_copy,
    open_parquet,
    read_json,
    read_texts,
    stamp,
    write_json,
)
from winnow.core.guard import NAMES, Broken
from winnow.core.plain import Plain, digest
from winnow.core.step import Step
from winnow.core.storage import RemotePath, place

ROW_GROUP_BYTES = 16 << 20
ROW_GROUP_ROWS = 8192


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a table."""

    name: str
    rows: int
    bytes: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """What one finished task of a step left behind."""

    index: int
    shards: tuple[Shard, ...]
    records: int
    """Records that the task worked on, whatever became of them: what a failure budget is a share of."""
    rows: int
    quarantined: int
    seconds: float
    bytes: int
    """Bytes of input that the task read: of the source for Read, Arrow bytes of documents otherwise."""
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> TaskRecord:
        """Read the record of a finished task."""
        return cls.read_all([path])[0]

    @classmethod
    def read_all(cls, paths: Sequence[Path]) -> list[TaskRecord]:
        """Read the records of many finished tasks."""
        plains = map(json.loads, read_texts(paths))
        return [cls(**{**plain, "shards": tuple(Shard(**shard) for shard in plain["shards"])}) for plain in plains]

    def write(self, path: Path) -> None:
        """Write the record; from here on the task counts as done."""
        write_json(path, asdict(self))


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a finished table or artifact is, how it was made, and from what."""

    step: str
    key: str
    recipe: Plain
    inputs: dict[str, str]
    """Digest of each input's result, by the input's key."""
    files: dict[str, str]
    """Fingerprint of each outside file that was read, by its path."""
    shards: tuple[Shard, ...]
    records: int
    rows: int
    quarantined: int
    seconds: float
    """Seconds summed over tasks."""
    bytes: int
    counts: dict[str, int]
    libraries: dict[str, str]
    made: str
    digest: str
    """Digest of the shards' digests: equal exactly when the tables are byte-identical."""

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest back; FileNotFoundError where there is none."""
        found = stamp(path)
        if found is None:
            raise FileNotFoundError(str(path))
        return _read_manifest(path, found)


@functools.lru_cache(maxsize=64)
def _read_manifest(path: Path, stamp: str) -> Manifest:
    """Every task asks for its inputs' manifests; that of a hundred thousand shards takes half a second to parse."""
    plain = read_json(path)
    return Manifest(**{**plain, "shards": tuple(Shard(**shard) for shard in plain["shards"])})


def digest_of(shards: Sequence[Shard]) -> str:
    """The table's digest."""
    return digest([[shard.name, shard.digest] for shard in shards])


class Store:
    """A directory of tables, each found by its step's key: on a disk, or a URL such as ``s3://bucket/prefix``."""

    def __init__(self, root: str | Path) -> None:
        self.root = place(root)

    def directory(self, step: Step) -> Path:
        """Where the step's result lies or will lie."""
        return self.root / step.label

    def finished(self, step: Step) -> bool:
        """Whether the step's result is there."""
        return (self.directory(step) / "manifest.json").is_file()

    def table(self, step: Step) -> Table:
        """The step's finished table; WinnowError where it has not been made."""
        try:
            return Table(self.directory(step))
        except FileNotFoundError:
            raise WinnowError(f"{step.label} has not been made in {self.root}; materialize it first") from None


class Table:
    """A finished table: its manifest and its rows."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = place(directory)
        self.manifest = Manifest.read(self.directory / "manifest.json")

    def path(self, shard: int) -> Path:
        """The file of a shard."""
        return self.directory / "shards" / self.manifest.shards[shard].name

    def file(self, name: str) -> Path:
        """A file that a whole step made, on this machine; fetched into the cache where the store is elsewhere."""
        written = next((shard.digest for shard in self.manifest.shards if shard.name == name), "")
        return local_copy(self.directory / "files" / name, written)

    def files(self) -> Path:
        """The directory of the files that a whole step made, on this machine; fetched where the store is elsewhere."""
        made = self.directory / "files"
        if not isinstance(made, RemotePath):
            return made
        kept = cache_root() / "whole" / digest([[shard.name, shard.digest] for shard in self.manifest.shards])
        for missing in [shard.name for shard in self.manifest.shards if not (kept / shard.name).exists()]:
            with appearing(kept / missing) as temporary:
                copy(made / missing, temporary)
        return kept

    def footer(self, shard: int) -> pq.FileMetaData:
        """What a shard's footer says of its row groups and columns."""
        with open_parquet(self.path(shard)) as opened:
            return opened.metadata

    def column_bytes(self, shard: int, name: str) -> int:
        """Bytes of a column of plain values before they are compressed, from the shard's footer."""
        footer = self.footer(shard)
        place = [footer.schema.column(place).path for place in range(footer.num_columns)].index(name)
        groups = map(footer.row_group, range(footer.num_row_groups))
        return sum(group.column(place).total_uncompressed_size for group in groups)

    def schema(self) -> pa.Schema:
        """The schema of the shards, from the first one's footer."""
        with open_parquet(self.path(0)) as opened:
            return opened.schema_arrow

    def num_row_groups(self, shard: int) -> int:
        """How many row groups a shard has."""
        return int(self.footer(shard).num_row_groups)

    def row_groups(self, shard: int, groups: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of some row groups of one shard."""
        with open_parquet(self.path(shard)) as opened:
            return opened.read_row_groups(list(groups), columns=columns, use_threads=False)

    def batches(self, shard: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of one shard, a row group at a time."""
        with open_parquet(self.path(shard)) as opened:
            for group in range(opened.num_row_groups):
                rows = opened.read_row_group(group, columns=columns, use_threads=False)
                yield from rows.combine_chunks().to_batches()

    def shard(self, shard: int, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of one shard at once: for columns of numbers, not for text."""
        with open_parquet(self.path(shard)) as opened:
            return opened.read(columns=columns, use_threads=False)

    def quarantine(self) -> Iterator[dict[str, Any]]:
        """The quarantined records, in the order of their tasks."""
        return read_quarantine(self.directory)


def read_quarantine(directory: Path) -> Iterator[dict[str, Any]]:
    """What the tasks of a step have quarantined so far, in their order."""
    for path in sorted((directory / "quarantine").glob("*.jsonl")):
        yield from map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1])


class ShardWriter:
    """Writes what one task makes: shards, quarantine and counts, none of them visible before ``close``."""

    suffix = "parquet"

    def __init__(self, directory: Path, index: int, schema: pa.Schema, *, shard_bytes: int | None) -> None:
        """``shard_bytes``: Arrow bytes after which the next shard begins; None keeps the task's rows in one shard."""
        self.directory = directory
        self.index = index
        self.schema = schema
        self.shard_bytes = shard_bytes
        self.shards: list[Shard] = []
        self.counts: dict[str, int] = {}
        self.num_bytes = 0
        self.num_rows = 0
        self.num_records = 0
        """Set by steps whose records are not their rows and their quarantined records."""
        self._quarantined: list[dict[str, Any]] = []
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._open: OpenShard | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; columns are put in the schema's order and a missing column is an error."""
        self._pending.append(batch.select(self.schema.names))
        self._pending_bytes += batch.nbytes
        self.num_rows += batch.num_rows
        if self._pending_bytes >= ROW_GROUP_BYTES or sum(b.num_rows for b in self._pending) >= ROW_GROUP_ROWS:
            self._flush()

    def quarantine(self, *, where: str, kind: str, error: str, id: str | None = None, url: str | None = None) -> None:
        """Set one record aside: where it came from, the kind of failure and what happened."""
        self._quarantined.append({"where": where, "kind": kind, "error": error[:2000], "id": id, "url": url})

    def quarantine_document(self, document: pa.RecordBatch, label: str, broken: Broken) -> None:
        """Set one document of the table ``label`` aside."""
        about = document.select([name for name in NAMES if name in document.schema.names]).to_pylist()[0]
        self.quarantine(where=f"{label}/{about['id']}", kind=broken.kind, error=broken.error, **about)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a count that ends up in the manifest."""
        self.counts[name] = self.counts.get(name, 0) + number

    def close(self, seconds: float) -> TaskRecord:
        """Let the shards appear and give the task's record; a task without rows leaves one empty shard."""
        self._flush()
        self._roll()
        if not self.shards:
            self._start()
            self._roll()
        self._write_quarantine()
        return TaskRecord(
            index=self.index,
            shards=tuple(self.shards),
            records=self.num_records or self.num_rows + len(self._quarantined),
            rows=self.num_rows,
            quarantined=len(self._quarantined),
            seconds=seconds,
            bytes=self.num_bytes,
            counts=dict(sorted(self.counts.items())),
        )

    def abandon(self) -> None:
        """Leave nothing of the unfinished shard."""
        if self._open is not None:
            self._open.abandon()

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._open is None:
            self._open = self._start()
        rows = pa.Table.from_batches(self._pending).cast(self.schema).combine_chunks()
        self._open.write(rows)
        self._pending, self._pending_bytes = [], 0
        if self.shard_bytes is not None and self._open.num_bytes >= self.shard_bytes:
            self._roll()

    def _start(self) -> OpenShard:
        name = f"{self.index:05d}-{len(self.shards):03d}.{self.suffix}"
        self._open = self.open_shard(self.directory / "shards" / name)
        return self._open

    def open_shard(self, path: Path) -> OpenShard:
        """Begin a file."""
        return ParquetShard(path, self.schema)

    def _roll(self) -> None:
        if self._open is not None:
            self.shards.append(self._open.close())
            self._open = None

    def _write_quarantine(self) -> None:
        path = self.directory / "quarantine" / f"{self.index:05d}.jsonl"
        if self._quarantined:
            with appearing(path) as temporary:
                lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in self._quarantined)
                temporary.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
        else:
            path.unlink(missing_ok=True)


class OpenShard(ABC):
    """A shard being written; the file appears at ``close``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_rows = 0
        self.num_bytes = 0
        self._appearing = appearing(path)
        self.temporary = self._appearing.__enter__()

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        self.num_rows += rows.num_rows
        self.num_bytes += rows.nbytes
        self.write_rows(rows)

    def close(self) -> Shard:
        """Let the file appear and say what it is."""
        self.finish()
        written = file_digest(self.temporary)
        size = self.temporary.stat().st_size
        self._appearing.__exit__(None, None, None)
        return Shard(name=self.path.name, rows=self.num_rows, bytes=size, digest=written)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self.finish()
        self.temporary.unlink(missing_ok=True)

    @abstractmethod
    def write_rows(self, rows: pa.Table) -> None:
        """Append rows to the file."""

    @abstractmethod
    def finish(self) -> None:
        """Complete the file."""


class ParquetShard(OpenShard):
    """A Parquet shard being written; one row group per ``write``."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path)
        self._writer = pq.ParquetWriter(
            self.temporary, schema, compression="zstd", compression_level=1, use_dictionary=_repetitive(schema)
        )

    def write_rows(self, rows: pa.Table) -> None:
        """One row group."""
        self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))

    def finish(self) -> None:
        """Write the footer."""
        self._writer.close()


def _repetitive(schema: pa.Schema) -> list[str]:
    """Columns worth a dictionary; it only costs time where every value is another."""
    return [name for name in schema.names if name not in ("id", "text", "url")]
