"""Documents whose content is the same: equal hashes are brought together, so time is linear in documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError
from winnow.core.guard import Guard
from winnow.core.shuffle import Gathering, Scattering, ScatterWriter, gather_hashes, num_partitions, partition_of
from winnow.core.step import Aligned, Part, Rows, Step
from winnow.core.table import Store
from winnow.dedup.duplicates import FOUND, Duplicates, scatter_found
from winnow.dedup.preference import Preference
from winnow.measure.content_hash import ContentHash, Of
from winnow.measure.measure import Measure
from winnow.measure.score import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW_BYTES = 120
"""About what a row of keys takes in memory."""


def exact_duplicates(
    documents: Rows,
    *,
    of: Of = "text",
    prefer: Sequence[str] = (),
    measures: Sequence[Measure | Aligned] = (),
    against: Sequence[Duplicates] = (),
) -> Duplicates:
    """Find documents with the same text, normalised text or URL.

    Of equal documents the one that ``prefer`` puts first is kept (see ``Preference``), else the one with the lowest id,
    so the order of files decides nothing. ``against`` names finished exact deduplications of other documents: what
    stands there already is a duplicate here, and nothing of theirs is read again but keys.
    """
    preference = Preference(by=tuple(prefer), measures=tuple(measures))
    hashes = Score(documents=documents, measure=ContentHash(of=of))
    keys = Keys(documents=documents, hashes=hashes, preference=preference)
    others = tuple(_keys_of(other, keys) for other in against)
    return Duplicates(documents=documents, found=EqualKeys(keys=keys, others=others), method="exact")


def _keys_of(other: Duplicates, keys: Keys) -> Keys:
    """The keys of another deduplication; RecipeError where they are no keys of the same kind."""
    found = other.found
    if not isinstance(found, EqualKeys) or found.keys.hashes.name != keys.hashes.name:
        raise RecipeError(
            f"{other.label} is not an exact deduplication by {keys.hashes.name}: `against` takes results of "
            "exact_duplicates with the same `of`"
        )
    return found.keys


@dataclass(frozen=True, kw_only=True)
class Keys(Scattering):
    """One row per document with content, brought together by its hash."""

    hashes: Aligned
    """Two columns, ``high`` and ``low``."""
    preference: Preference

    def inputs(self) -> tuple[Step, ...]:
        """The documents, their hashes and what says which copy is kept."""
        return (self.documents, self.hashes, *self.preference.scores(self.documents))

    def check(self) -> None:
        """Bind the preference to the columns."""
        self.preference.check(self.documents)

    def schema(self) -> pa.Schema:
        """The hash, the rank and the shard of the document."""
        hashes = [pa.field("high", pa.uint64()), pa.field("low", pa.uint64())]
        return pa.schema([*hashes, *self.preference.fields(), pa.field("shard", pa.int32())])

    def partitions(self, store: Store) -> int:
        """By the number of documents."""
        return num_partitions(store.table(self.hashes).manifest.rows * ROW_BYTES)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the keys of one shard."""
        rows = self.preference.ranked(self.documents, store, shard, self.hashes)
        rows = rows.filter(pc.is_valid(rows.column("high")))
        rows = rows.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), rows.num_rows))
        for batch in rows.combine_chunks().to_batches():
            out.scatter(batch, partition_of(batch.column("high").to_numpy(), out.num_partitions))


@dataclass(frozen=True, kw_only=True)
class EqualKeys(Gathering):
    """Documents with equal keys, each with the one that is kept."""

    keys: Keys
    others: tuple[Keys, ...] = ()
    """Keys of other documents, which come first."""

    def schema(self) -> pa.Schema:
        """``FOUND``."""
        return FOUND

    @property
    def gathered(self) -> tuple[Keys, ...]:
        """Others' keys, then ours."""
        return (*self.others, self.keys)

    @property
    def judged(self) -> Rows:
        """Our documents."""
        return self.keys.documents

    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Group the rows of one partition."""
        tables = []
        for place, keys in enumerate(self.gathered):
            rows = gather_hashes(keys, store, part["partition"], part["of"], "high")
            out.num_bytes += rows.nbytes
            tables.append(rows.append_column("table", pa.repeat(pa.scalar(place, pa.int8()), rows.num_rows)))
        out.num_records = tables[-1].num_rows
        rows = _repeated(pa.concat_tables(tables, promote_options="default"))
        rows = rows.sort_by([("high", "ascending"), ("low", "ascending"), ("table", "ascending"), *self._order()])
        mine = rows.column("table").to_numpy() == len(self.others)
        scatter_found(rows, _first_of_equals(rows), np.ones(rows.num_rows), mine, out)

    def _order(self) -> list[tuple[str, str]]:
        return [*self.keys.preference.order(), ("shard", "ascending")]


def _repeated(rows: pa.Table) -> pa.Table:
    """The rows whose hash's upper half occurs more than once: all that need sorting."""
    _, which, counts = np.unique(rows.column("high").to_numpy(), return_inverse=True, return_counts=True)
    return rows.filter(pa.array(counts[which] > 1))


def _first_of_equals(rows: pa.Table) -> NDArray[np.int64]:
    """For each row of a table sorted by hash: the first row with the same one."""
    high, low = rows.column("high").to_numpy(), rows.column("low").to_numpy()
    begins = np.ones(rows.num_rows, bool)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    first: NDArray[np.int64] = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    return first
