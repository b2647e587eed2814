"""Keeping or removing each document that LSH found a partner for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.files import cache_root
from winnow.core.guard import Guard
from winnow.core.run import num_shards
from winnow.core.shuffle import Gathering, ScatterWriter, num_partitions, partition_of
from winnow.core.step import Part, Reshaping, Rows, Step
from winnow.core.table import ShardWriter, Store
from winnow.dedup.duplicates import FOUND, Duplicates, scatter_found
from winnow.dedup.minhash_links import HELD_BYTES, BandHashes, Components, component_file
from winnow.dedup.preference import Preference

if TYPE_CHECKING:
    from numpy.typing import NDArray

Similarity = Literal["jaccard", "containment"]

ROW_BYTES = 200
"""About what a candidate takes in memory besides its bands and shingles."""
BAND_BYTES = 40
"""A band hash and its entry in a table of buckets."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Candidates(Reshaping):
    """One row per document that LSH found a partner for, brought together by component."""

    components: Components
    preference: Preference
    others: tuple[Duplicates, ...] = ()
    """Of their documents only those take part that they kept."""

    @property
    def bands(self) -> BandHashes:
        """The band hashes of our documents."""
        return self.components.links.bands

    @property
    def documents(self) -> Rows:
        """Our documents."""
        return self.bands.signatures.documents

    def inputs(self) -> tuple[Step, ...]:
        """The components, all documents and their signatures, and what says which copy is kept."""
        signatures = [bands.signatures for bands in self.components.links.all_bands]
        documents = [signature.documents for signature in signatures]
        scores = self.preference.scores(self.documents)
        return (self.components, *documents, *signatures, *self.others, *scores)

    def check(self) -> None:
        """Bind the preference to the columns."""
        self.preference.check(self.documents)

    def schema(self) -> pa.Schema:
        """The rank, whether the document is one of ours, its shard and its signature."""
        own = [pa.field("ours", pa.bool_()), pa.field("shard", pa.int32())]
        signature = self.bands.signatures.columns()
        return pa.schema([*self.preference.fields(), *own, signature.field("bands"), signature.field("shingles")])

    def split(self, store: Store) -> list[Part]:
        """One part per shard of the documents, the others' first."""
        counts = store.table(self.components).manifest.counts
        row_bytes = ROW_BYTES + BAND_BYTES * self.bands.num_bands
        partitions = num_partitions(counts["candidates"] * row_bytes + counts["shingles"] * 4)
        return [
            {"place": place, "shard": shard, "partitions": partitions}
            for place, bands in enumerate(self.components.links.all_bands)
            for shard in range(num_shards(bands.signatures, store))
        ]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        """A row group per partition of the components."""
        return ScatterWriter(directory, index, self.schema(), part["partitions"])

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Scatter the candidates of one shard."""
        assert isinstance(out, ScatterWriter)
        place, shard = part["place"], part["shard"]
        rows, components = self._candidates(place, shard, store)
        if len(rows) == 0:
            return
        ranked = self._ranked(place, shard, store).take(pa.array(rows))
        partitions = partition_of(components.astype(np.uint64) * _SPREAD, out.num_partitions)
        signatures = store.table(self.components.links.all_bands[place].signatures)
        done = first = 0
        for batch in signatures.batches(shard, ["bands", "shingles"]):
            stop = int(np.searchsorted(rows, first + batch.num_rows))
            signed = batch.take(pa.array(rows[done:stop] - first))
            columns = [*ranked.slice(done, stop - done).combine_chunks().columns, *signed.columns]
            block = pa.Table.from_arrays(columns, schema=self.schema()).combine_chunks()
            for some in block.to_batches():
                out.scatter(some, partitions[done:stop])
            if out.held_bytes >= HELD_BYTES:
                out.roll()
            done, first = stop, first + batch.num_rows

    def _candidates(self, place: int, shard: int, store: Store) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of a shard that take part, and the component of each."""
        hanging = pq.read_table(store.table(self.components).file(component_file(place, shard)))
        rows, components = (hanging.column(name).to_numpy() for name in ("row", "component"))
        if place == len(self.others):
            return rows, components
        kept = store.table(self.others[place]).shard(shard, ["duplicate_of"]).column("duplicate_of").is_null()
        taken = kept.to_numpy()[rows]
        return rows[taken], components[taken]

    def _ranked(self, place: int, shard: int, store: Store) -> pa.Table:
        """The columns before the signature, for all documents of a shard."""
        signatures = self.components.links.all_bands[place].signatures
        ours = place == len(self.others)
        preference = self.preference if ours else Preference()
        ranked = preference.ranked(signatures.documents, store, shard, signatures, columns=[])
        for field in self.preference.fields()[ranked.num_columns :]:
            ranked = ranked.append_column(field, pa.repeat(pa.scalar(0.0), ranked.num_rows))
        ranked = ranked.append_column("ours", pa.repeat(pa.scalar(ours), ranked.num_rows))
        return ranked.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), ranked.num_rows))


@dataclass(frozen=True, kw_only=True)
class NearDuplicates(Gathering):
    """Documents that resemble a kept one, each with the most similar."""

    candidates: Candidates
    threshold: float
    similarity: Similarity = "jaccard"

    def check(self) -> None:
        """Refuse what is no threshold and no similarity."""
        if not 0 < self.threshold <= 1:
            raise RecipeError(f"threshold is {self.threshold}; it must lie in (0, 1]")
        if self.similarity not in get_args(Similarity):
            raise RecipeError(
                f"no similarity {self.similarity!r}; {did_you_mean(self.similarity, get_args(Similarity))}"
            )

    def schema(self) -> pa.Schema:
        """``FOUND``."""
        return FOUND

    @property
    def gathered(self) -> tuple[Candidates, ...]:
        """The candidates."""
        return (self.candidates,)

    @property
    def judged(self) -> Rows:
        """Our documents."""
        return self.candidates.documents

    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Decide on the documents of one partition."""
        from winnow.kernels.leaders import Sets, settle

        gathered = _Gathered(self._parts(part["partition"], store))
        out.num_bytes, out.num_records = gathered.num_bytes, gathered.rows.num_rows
        order = pc.sort_indices(
            gathered.rows, [("ours", "ascending"), *self.candidates.preference.order(), ("shard", "ascending")]
        )
        rows, places = gathered.rows.take(order), order.to_numpy().astype(np.int64)
        ours = rows.column("ours").to_numpy()
        bands = gathered.bands.reshape(-1, self.candidates.bands.num_bands)
        sets = Sets(places, gathered.starts[places], gathered.sizes[places], bands, gathered.shingles, ~ours)
        decided = settle(sets, self.threshold, self.similarity == "containment")
        out.count("leaders left out of full buckets", decided.num_left_out)
        scatter_found(rows, decided.kept, decided.similarity, ours, out)

    def _parts(self, partition: int, store: Store) -> Iterator[pa.Table]:
        table = store.table(self.candidates)
        for shard in range(len(table.manifest.shards)):
            yield table.row_groups(shard, [partition])


class _Gathered:
    """The rows of a partition in memory, their signatures in files that the system may drop from memory.

    A component lies in one partition, however large it is, and most of it is signatures.
    """

    def __init__(self, parts: Iterator[pa.Table]) -> None:
        rows, sizes = [], []
        self.num_bytes = 0
        disk = cache_root()
        disk.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=disk) as bands, tempfile.TemporaryFile(dir=disk) as shingles:
            for part in parts:
                self.num_bytes += part.nbytes
                lists = part.column("shingles").combine_chunks()
                sizes.append(lists.value_lengths().to_numpy().astype(np.int64))
                shingles.write(np.ascontiguousarray(lists.flatten().to_numpy()).data)
                bands.write(np.ascontiguousarray(part.column("bands").combine_chunks().flatten().to_numpy()).data)
                rows.append(part.drop_columns(["bands", "shingles"]))
            self.bands = _mapped(bands, np.uint64)
            self.shingles = _mapped(shingles, np.uint32)
        self.rows = pa.concat_tables(rows).combine_chunks()
        self.sizes: NDArray[np.int64] = np.concatenate(sizes)
        self.starts: NDArray[np.int64] = np.cumsum(self.sizes) - self.sizes


def _mapped(file: Any, kind: type[np.generic]) -> NDArray[Any]:
    """What was written to a file, mapped to memory; the file may be closed."""
    file.flush()
    return np.memmap(file, kind, mode="r+") if file.tell() else np.zeros(0, kind)
