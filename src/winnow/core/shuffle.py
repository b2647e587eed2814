"""Rows brought together by a number that is computed from them, out of core and without a service.

A step that scatters has one task per shard of its input; a task writes one file with one row group per partition, in
order. A step that gathers has one task per partition, which reads that row group of every file. The files are the
shuffle: it resumes and survives like any other step and runs the same on one machine and on a cluster.

The number of partitions is a power of two and a hash's partition is its highest bits, so that tables which were
scattered into different numbers of partitions (a small corpus and a large one) still meet.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from winnow.core.guard import Guard
from winnow.core.run import num_shards
from winnow.core.step import Part, Reshaping, Rows
from winnow.core.table import ShardWriter, Store, TaskRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTITION_BYTES = 256 << 20
"""Bytes of rows that a task which gathers is meant to hold."""
MAX_PARTITIONS = 4096


class ScatterWriter(ShardWriter):
    """Writes files whose row group i holds the rows of partition i: one file, unless a task rolls before it closes."""

    def __init__(self, directory: Path, index: int, schema: pa.Schema, num_partitions: int) -> None:
        super().__init__(directory, index, schema, shard_bytes=None)
        self.num_partitions = num_partitions
        self._rows: list[pa.Table] = []
        self._partitions: list[NDArray[Any]] = []

    def scatter(self, rows: pa.RecordBatch, partitions: NDArray[Any]) -> None:
        """Append rows, each with the number of its partition; within a partition rows keep their order."""
        self._rows.append(pa.Table.from_batches([rows.select(self.schema.names)]).cast(self.schema))
        self._partitions.append(np.asarray(partitions, np.int64))
        self.num_rows += rows.num_rows

    @property
    def held_bytes(self) -> int:
        """Bytes of the rows that are held."""
        return sum(rows.nbytes for rows in self._rows)

    def roll(self) -> None:
        """Write the rows that are held as one file, empty row groups too; what comes next goes into another."""
        shard = self._start()
        rows = pa.concat_tables([self.schema.empty_table(), *self._rows]).combine_chunks()
        partitions = np.concatenate([np.zeros(0, np.int64), *self._partitions])
        order = np.argsort(partitions, kind="stable")
        ends = np.cumsum(np.bincount(partitions, minlength=self.num_partitions))
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            shard.write(rows.take(order[start:end]))
        self._roll()
        self._rows, self._partitions = [], []

    def close(self, seconds: float) -> TaskRecord:
        """Write what is held and give the task's record."""
        if self._rows or not self.shards:
            self.roll()
        return super().close(seconds)


@dataclass(frozen=True, kw_only=True)
class Scattering(Reshaping):
    """Brings rows about documents together by a hash: a task per shard of the documents."""

    documents: Rows

    @abstractmethod
    def partitions(self, store: Store) -> int:
        """Into how many partitions the rows go."""

    @abstractmethod
    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the rows about one shard."""

    def split(self, store: Store) -> list[Part]:
        """One part per shard of the documents."""
        partitions = self.partitions(store)
        return [{"shard": shard, "partitions": partitions} for shard in range(num_shards(self.documents, store))]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        """A row group per partition."""
        return ScatterWriter(directory, index, self.schema(), part["partitions"])

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Scatter the rows about one shard."""
        assert isinstance(out, ScatterWriter)
        self.scatter(part["shard"], store, out, guard)


@dataclass(frozen=True, kw_only=True)
class Gathering(Reshaping):
    """Looks at what was brought together, a partition a task, and scatters what it finds to the documents' shards."""

    @property
    @abstractmethod
    def gathered(self) -> tuple[Reshaping, ...]:
        """The steps whose rows meet."""

    @property
    @abstractmethod
    def judged(self) -> Rows:
        """The documents that its rows are about."""

    @abstractmethod
    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Look at one ``partition`` ``of`` so many; rows go to the partition of their document's shard."""

    def split(self, store: Store) -> list[Part]:
        """One part per partition of what was scattered most finely."""
        of = max(scattered_into(step, store) for step in self.gathered)
        shards = num_shards(self.judged, store)
        return [{"partition": partition, "of": of, "shards": shards} for partition in range(of)]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        """A row group per shard of the documents."""
        return ScatterWriter(directory, index, self.schema(), part["shards"])

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Look at one partition."""
        assert isinstance(out, ScatterWriter)
        self.settle(part, store, out)


def num_partitions(num_bytes: int) -> int:
    """How many partitions rows of so many bytes are scattered into."""
    wanted = -(-num_bytes // PARTITION_BYTES)
    return min(MAX_PARTITIONS, 1 << max(0, wanted - 1).bit_length())


def partition_of(hashes: NDArray[np.uint64], num_partitions: int) -> NDArray[np.uint64]:
    """The partition of each 64-bit hash: its highest bits."""
    bits = num_partitions.bit_length() - 1
    return hashes >> np.uint64(64 - bits) if bits else np.zeros(len(hashes), np.uint64)


def gather(step: Rows, store: Store, partition: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows that every task of a finished step scattered into one partition, in the order of the tasks."""
    table = store.table(step)
    shards = range(len(table.manifest.shards))
    return pa.concat_tables([table.row_groups(shard, [partition], columns) for shard in shards]).combine_chunks()


def gather_hashes(
    step: Rows, store: Store, partition: int, of: int, key: str, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows whose hash (column ``key``) lies in one partition ``of`` so many, however finely they were scattered."""
    table = store.table(step)
    shards = range(len(table.manifest.shards))
    there = scattered_into(step, store)
    groups = list(range(partition * there // of, max(partition * there // of + 1, (partition + 1) * there // of)))
    rows = pa.concat_tables([table.row_groups(shard, groups, columns) for shard in shards]).combine_chunks()
    if there >= of:
        return rows
    return rows.filter(pa.array(partition_of(rows.column(key).to_numpy(), of) == np.uint64(partition)))


def scattered_into(step: Rows, store: Store) -> int:
    """How many partitions a finished step scattered its rows into."""
    return store.table(step).num_row_groups(0)
