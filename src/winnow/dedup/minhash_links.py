"""Which documents hang together by equal band hashes: what has to be looked at in one place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.core.guard import Guard
from winnow.core.run import num_shards
from winnow.core.shuffle import ScatterWriter, gather_hashes, num_partitions, partition_of
from winnow.core.step import Part, Reshaping, Step, Whole
from winnow.core.table import ShardWriter, Store
from winnow.measure.minhash import MinHash
from winnow.measure.score import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASH_BYTES = 16
"""A band hash and the number of its document."""
HELD_BYTES = 128 << 20
"""Bytes of rows that a task which scatters holds before it writes them."""


@dataclass(frozen=True, kw_only=True)
class BandHashes(Reshaping):
    """One row per band of each document with words, brought together by its hash; a document is named by its number.

    Documents are numbered through the shards of their table.
    """

    signatures: Score

    @property
    def num_bands(self) -> int:
        """How many bands a document has."""
        assert isinstance(self.signatures.measure, MinHash)
        return self.signatures.measure.bands

    def schema(self) -> pa.Schema:
        """The hash and the number of the document."""
        return pa.schema([pa.field("hash", pa.uint64()), pa.field("document", pa.int64())])

    def split(self, store: Store) -> list[Part]:
        """One part per shard of the documents."""
        firsts = first_numbers(self.signatures, store)
        partitions = num_partitions(firsts[-1] * self.num_bands * HASH_BYTES)
        return [{"shard": shard, "first": first, "partitions": partitions} for shard, first in enumerate(firsts[:-1])]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        """A row group per partition of the hashes."""
        return ScatterWriter(directory, index, self.schema(), part["partitions"])

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Scatter the band hashes of one shard."""
        assert isinstance(out, ScatterWriter)
        first = part["first"]
        for batch in store.table(self.signatures).batches(part["shard"], ["bands"]):
            bands = batch.column("bands")
            numbers = pc.fill_null(pc.list_value_length(bands), 0).to_numpy()
            hashes = bands.flatten()
            documents = np.repeat(first + np.arange(batch.num_rows), numbers)
            rows = pa.RecordBatch.from_arrays([hashes, pa.array(documents)], schema=self.schema())
            out.scatter(rows, partition_of(hashes.to_numpy(), out.num_partitions))
            first += batch.num_rows
            if out.held_bytes >= HELD_BYTES:
                out.roll()


def first_numbers(signatures: Score, store: Store) -> list[int]:
    """The number of the first document of each shard, and at last the number of documents."""
    rows = [shard.rows for shard in store.table(signatures).manifest.shards]
    return [0, *np.cumsum(rows).tolist()]


@dataclass(frozen=True, kw_only=True)
class Links(Reshaping):
    """Pairs of documents with an equal band hash, enough of them to connect every bucket.

    Documents are numbered through: first those of ``others``, in order, then ours. Buckets without any of ours are left
    out.
    """

    bands: BandHashes
    others: tuple[BandHashes, ...] = ()

    @property
    def all_bands(self) -> tuple[BandHashes, ...]:
        """Those of the other documents, and ours."""
        return (*self.others, self.bands)

    def schema(self) -> pa.Schema:
        """Two numbers of documents."""
        return pa.schema([pa.field("left", pa.int64()), pa.field("right", pa.int64())])

    def split(self, store: Store) -> list[Part]:
        """One part per partition of the hashes."""
        documents = sum(first_numbers(bands.signatures, store)[-1] for bands in self.all_bands)
        of = num_partitions(documents * self.bands.num_bands * HASH_BYTES)
        return [{"partition": partition, "of": of} for partition in range(of)]

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """One shard."""
        return ShardWriter(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Pair the rows of one partition."""
        hashes, documents, first = [], [], 0
        for bands in self.all_bands:
            rows = gather_hashes(bands, store, part["partition"], part["of"], "hash")
            out.num_bytes += rows.nbytes
            hashes.append(rows.column("hash").to_numpy())
            documents.append(rows.column("document").to_numpy() + first)
            ours, first = first, first + first_numbers(bands.signatures, store)[-1]
        left, right = pairs(np.concatenate(hashes), np.concatenate(documents), ours)
        out.num_records = sum(map(len, hashes))
        for start in range(0, len(left), 1 << 20):
            block = [pa.array(side[start : start + (1 << 20)]) for side in (left, right)]
            out.write(pa.RecordBatch.from_arrays(block, schema=self.schema()))


def pairs(
    hashes: NDArray[np.uint64], documents: NDArray[np.int64], ours: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A chain of pairs through the documents of each hash, where one of them is numbered ``ours`` or higher."""
    rows = perhaps_repeated(hashes)
    rows = rows[np.argsort(hashes[rows], kind="stable")]  # they nearly are in order
    hashes, documents = hashes[rows], documents[rows]
    equal = hashes[1:] == hashes[:-1]
    if ours > 0 and len(rows):
        bucket = np.append(0, np.cumsum(~equal))
        concerned = np.bincount(bucket, weights=documents >= ours) > 0
        equal &= concerned[bucket[1:]]
    return documents[:-1][equal], documents[1:][equal]


def perhaps_repeated(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The places of all hashes that occur more than once, and of few others.

    Sorts words of a hash's upper bits and its place, in a quarter of the time of sorting places by hashes.
    """
    place_bits = np.uint64(len(hashes).bit_length())
    place_mask = (np.uint64(1) << place_bits) - np.uint64(1)
    words = hashes & ~place_mask | np.arange(len(hashes), dtype=np.uint64)
    words.sort()
    upper = words >> place_bits
    repeated = np.zeros(len(hashes), bool)
    repeated[1:] = upper[1:] == upper[:-1]
    repeated[:-1] |= repeated[1:]
    places: NDArray[np.int64] = (words[repeated] & place_mask).astype(np.int64)
    return places


@dataclass(frozen=True, kw_only=True)
class Components(Whole):
    """Which documents hang together: for each shard a file with the rows that have a partner, and their component.

    Union-find over all documents in a memory-mapped file of 8 bytes a document, which is gone in the end.
    """

    links: Links

    def inputs(self) -> tuple[Step, ...]:
        """The links, and the signatures that say how large a component is."""
        return (self.links, *(bands.signatures for bands in self.links.all_bands))

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Connect all pairs, then write what hangs together."""
        from winnow.kernels.components import ALONE, connect

        total = sum(first_numbers(bands.signatures, store)[-1] for bands in self.links.all_bands)
        with tempfile.TemporaryFile(dir=directory) as spill:
            spill.truncate(max(1, total) * 8)
            parents = np.memmap(spill, np.int64, shape=max(1, total))
            parents[:] = ALONE
            for shard in range(num_shards(self.links, store)):
                for batch in store.table(self.links).batches(shard):
                    connect(parents, *(batch.column(side).to_numpy() for side in ("left", "right")))
            counts = {"documents": total, "candidates": 0, "shingles": 0}
            for name, rows in self._files(parents, store):
                pq.write_table(rows.select(["row", "component"]), directory / name, compression="zstd")
                counts["candidates"] += rows.num_rows
                counts["shingles"] += int(np.sum(rows.column("num_shingles").to_numpy()))
        return counts

    def _files(self, parents: NDArray[np.int64], store: Store) -> Iterator[tuple[str, pa.Table]]:
        from winnow.kernels.components import labels

        first = 0
        for place, bands in enumerate(self.links.all_bands):
            table = store.table(bands.signatures)
            for shard, described in enumerate(table.manifest.shards):
                documents, lowest = labels(parents, first, first + described.rows)
                rows = documents - first
                sizes = table.shard(shard, ["num_shingles"]).column("num_shingles").to_numpy()[rows]
                columns = {"row": rows, "component": lowest, "num_shingles": sizes}
                yield component_file(place, shard), pa.table(columns)
                first += described.rows


def component_file(place: int, shard: int) -> str:
    """The file about a shard of the documents at a place among ``Links.all_bands``."""
    return f"{place:03d}-{shard:05d}.parquet"
