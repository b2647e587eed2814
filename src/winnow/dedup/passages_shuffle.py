"""How parts of documents that say the same are found: each is a row with a hash, and equal hashes meet.

A row has 49 bytes: the hash of what the part says, and where it stands. Rows are brought together by hash, out of core;
of equal ones all but one are found. Which one is kept depends on documents alone, not on files or workers.

What one shard says many times takes part once: its other rows are repeats in any case, and lie in any partition. Thus
no partition is swamped by a blank line or a menu that stands in every document.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.guard import Guard, guarded_over, with_names
from winnow.core.shuffle import Gathering, Scattering, ScatterWriter, gather, num_partitions, partition_of
from winnow.core.step import Aligned, Part, Rows, Step
from winnow.core.table import Store
from winnow.dedup.passages import FOUND
from winnow.dedup.preference import Preference

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW_BYTES = 49

Find = Callable[[pa.Array], "tuple[NDArray[np.void], NDArray[np.int64]]"]
"""From texts to their parts (of UNIT), and where those of each text end."""


@dataclass(frozen=True, kw_only=True)
class HashedParts(Scattering):
    """One row per part of a document, brought together by its hash."""

    preference: Preference
    seed: int

    @property
    @abstractmethod
    def counts(self) -> Aligned:
        """How many parts each document has at most, in its first column."""

    @abstractmethod
    def opened(self, store: Store, shard: int) -> Find:
        """What finds the parts of the documents of one shard."""

    def inputs(self) -> tuple[Step, ...]:
        """The documents, the counts and what says which copy is kept."""
        return (self.documents, self.counts, *self.preference.scores(self.documents))

    def check(self) -> None:
        """Bind the preference to the columns."""
        self.preference.check(self.documents)

    def schema(self) -> pa.Schema:
        """The hash, the rank of the document, where the part stands, and whether its shard says it better."""
        ranks = [field for field in self.preference.fields() if field.name not in ("id", "source")]
        where = [("shard", pa.int32()), ("row", pa.int32()), ("start", pa.int32()), ("end", pa.int32())]
        hashes = [("high", pa.uint64()), ("low", pa.uint64())]
        return pa.schema([*hashes, *ranks, ("place", pa.uint64()), *where, ("is_repeat", pa.bool_())])

    def order(self) -> list[tuple[str, str]]:
        """Sort keys that put equal parts together, the one to keep first."""
        ranks = [key for key in self.preference.order() if key[0] not in ("id", "source")]
        rest = [(name, "ascending") for name in ("place", "shard", "row", "start")]
        return [("high", "ascending"), ("low", "ascending"), *ranks, *rest]

    def partitions(self, store: Store) -> int:
        """By the number of parts."""
        return num_partitions(total(self.counts, store) * ROW_BYTES)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the parts of one shard."""
        ranked = self.preference.ranked(self.documents, store, shard, self.counts)
        ranks = ranked.select([name for name in ranked.column_names if name.startswith("prefer")])
        find = partial(self._rows, shard, ranks, self.opened(store, shard))
        batches = _numbered(self.documents.open_shard(store, shard, with_names(["text"], self.documents)))
        found = list(guarded_over(batches, self.documents.label, find, out, guard))
        self._scatter(pa.Table.from_batches(found, self._found_schema()).combine_chunks(), out)

    def _scatter(self, rows: pa.Table, out: ScatterWriter) -> None:
        is_repeat = repeats(rows, self.order())
        partitions = partition_of(rows.column("high").to_numpy(), out.num_partitions)
        anywhere = np.arange(rows.num_rows, dtype=np.uint64) % np.uint64(out.num_partitions)
        for batch in rows.append_column("is_repeat", pa.array(is_repeat)).to_batches():
            out.scatter(batch, np.where(is_repeat, anywhere, partitions))

    def _found_schema(self) -> pa.Schema:
        return pa.schema([field for field in self.schema() if field.name != "is_repeat"])

    def _rows(self, shard: int, ranks: pa.Table, find: Find, documents: pa.RecordBatch) -> pa.RecordBatch:
        from winnow.kernels.passages import hash_strings

        parts, ends = find(documents.column("text"))
        document = np.repeat(np.arange(documents.num_rows), np.diff(ends, prepend=0))
        rows = documents.column("row").take(pa.array(document))
        columns = {name: pa.array(np.ascontiguousarray(parts[name])) for name in ("high", "low", "start", "end")}
        columns |= {name: ranks.column(name).combine_chunks().take(rows) for name in ranks.column_names}
        columns["place"] = pa.array(hash_strings(documents.column("id"), self.seed)[document])
        columns |= {"shard": pa.repeat(pa.scalar(shard, pa.int32()), len(rows)), "row": rows}
        return pa.RecordBatch.from_pydict(columns, schema=self._found_schema())


def _numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches with a column ``row``: each document's place in the shard."""
    start = 0
    for batch in batches:
        yield batch.append_column("row", pa.array(np.arange(start, start + batch.num_rows, dtype=np.int32)))
        start += batch.num_rows


@dataclass(frozen=True, kw_only=True)
class RepeatedParts(Gathering):
    """All copies of a part but the one that is kept."""

    parts: HashedParts

    def inputs(self) -> tuple[Step, ...]:
        """The parts, and the documents whose shards they go back to."""
        return (self.parts, self.parts.documents)

    def schema(self) -> pa.Schema:
        """``FOUND``."""
        return FOUND

    @property
    def gathered(self) -> tuple[HashedParts, ...]:
        """The parts."""
        return (self.parts,)

    @property
    def judged(self) -> Rows:
        """Their documents."""
        return self.parts.documents

    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Group the rows of one partition."""
        rows = gather(self.parts, store, part["partition"])
        out.num_bytes, out.num_records = rows.nbytes, rows.num_rows
        sure = rows.column("is_repeat")
        others = rows.filter(pc.invert(sure))
        others = others.filter(pa.array(repeats(others, self.parts.order())))
        for batch in pa.concat_tables([rows.filter(sure), others]).combine_chunks().to_batches():
            out.scatter(batch, batch.column("shard").to_numpy())


def repeats(rows: pa.Table, order: list[tuple[str, str]]) -> NDArray[np.bool_]:
    """Which rows have the hash of another one that the order puts before them."""
    is_repeat = np.zeros(rows.num_rows, bool)
    _, which, counts = np.unique(rows.column("high").to_numpy(), return_inverse=True, return_counts=True)
    places = np.flatnonzero(counts[which] > 1)
    some = rows.select([name for name, _ in order]).take(pa.array(places))
    ranks = pc.sort_indices(some, sort_keys=order).to_numpy()
    high, low = (some.column(half).to_numpy()[ranks] for half in ("high", "low"))
    is_repeat[places[ranks[1:]]] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    return is_repeat


def total(counts: Aligned, store: Store) -> int:
    """The sum of the first column of an aligned table."""
    table, first = store.table(counts), counts.columns().names[:1]
    shards = range(len(table.manifest.shards))
    return sum(pc.sum(table.shard(shard, first).column(0)).as_py() or 0 for shard in shards)
