"""The pass over all documents, one after the other, that fills a Bloom filter and asks it.

It is one task, and may take hours; so every few minutes it leaves a checkpoint (the filter and how far it is), and a
run that is killed goes on from there.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.core.errors import RecipeError
from winnow.core.files import appearing, read_json, remove, write_json
from winnow.core.guard import Guard
from winnow.core.run import num_shards
from winnow.core.shuffle import ScatterWriter, gather, scattered_into
from winnow.core.step import Part, Reshaping, Rows
from winnow.core.storage import RemotePath
from winnow.core.table import Shard, ShardWriter, Store
from winnow.dedup.passages import SPANS, spans_column
from winnow.measure.measure import column

if TYPE_CHECKING:
    from winnow.kernels.bloom import Blocks

CHECKPOINT_SECONDS = 300.0
"""Least time between two checkpoints."""
CHECKPOINT_SHARE = 0.1
"""Share of the time that may go into writing them: a filter of 100 GB takes minutes."""
BLOCKS_READ = 1 << 20
"""Blocks of a saved filter that are read at once: 64 MiB."""
HELD_BYTES = 256 << 20
"""Bytes of verdicts that are held before they are written."""

NUM_NGRAMS = "ngrams"
"""What the step that scatters n-grams counts them as."""

VERDICTS = pa.schema(
    [
        pa.field("id", pa.string()),
        column("num_ngrams", pa.int64(), "N-grams that were looked up", unit="n-grams", range="[0, )"),
        column("duplicate_fraction", pa.float64(), "Share of them that were met before; 0 of none", range="[0, 1]"),
        column("is_duplicate", pa.bool_(), "The document as a whole is a duplicate"),
        column("duplicate_spans", SPANS, "Paragraphs that are duplicates, in order", unit="characters"),
    ]
)


@dataclass(frozen=True, kw_only=True)
class BloomPass(Reshaping):
    """For every document which of its paragraphs were met before."""

    documents: Rows
    ngrams: Reshaping
    """Partitions of documents in the order in which they are met; its manifest counts ``NUM_NGRAMS``."""
    whole_documents: bool
    threshold: float
    false_positive_rate: float
    max_bytes: int | None

    def check(self) -> None:
        """Refuse a threshold and a rate that are no shares."""
        if not 0 <= self.threshold <= 1:
            raise RecipeError(f"threshold={self.threshold} is out of range: give a share of n-grams, 0 to 1")
        if not 0 < self.false_positive_rate < 1:
            raise RecipeError(
                f"false_positive_rate={self.false_positive_rate} is out of range: give more than 0 and less than 1"
            )

    def schema(self) -> pa.Schema:
        """``VERDICTS``."""
        return VERDICTS

    def split(self, store: Store) -> list[Part]:
        """One part, with the number of n-grams that the filter must hold."""
        num_ngrams = store.table(self.ngrams).manifest.counts.get(NUM_NGRAMS, 0)
        return [{"num_ngrams": num_ngrams, "shards": num_shards(self.documents, store)}]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        """A row group per shard of the documents."""
        return ScatterWriter(directory, index, VERDICTS, part["shards"])

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Meet all documents in their order, from the last checkpoint on; RecipeError where the filter does not fit."""
        assert isinstance(out, ScatterWriter)
        blocks = self._empty_filter(part["num_ngrams"])
        checkpoint = Checkpoint(self._checkpoint(store))
        for partition in range(checkpoint.restore(blocks, out), scattered_into(self.ngrams, store)):
            rows = gather(self.ngrams, store, partition)
            guard.at(out.num_rows, rows.num_rows, out.num_bytes)
            rows = rows.sort_by([("place", "ascending"), ("id", "ascending"), ("source", "ascending")])
            out.scatter(self._verdicts(rows.combine_chunks(), blocks), rows.column("shard").to_numpy())
            out.num_bytes += rows.nbytes
            if out.held_bytes >= HELD_BYTES:
                out.roll()
                checkpoint.save(blocks, out, partition + 1)

    def finish(self, store: Store) -> None:
        """Remove the checkpoint."""
        remove(self._checkpoint(store))

    def _empty_filter(self, num_ngrams: int) -> Blocks:
        """The smallest filter that keeps the rate; checked on the machine that is to hold it."""
        from winnow.kernels.bloom import BLOCK_BYTES, MAX_BLOCKS, blocks_for, new_blocks

        num_blocks = blocks_for(num_ngrams, self.false_positive_rate)
        num_bytes = BLOCK_BYTES * num_blocks
        allowed = min(_memory() * 3 // 4 if self.max_bytes is None else self.max_bytes, MAX_BLOCKS * BLOCK_BYTES)
        if num_bytes > allowed:
            raise RecipeError(
                f"a Bloom filter for {num_ngrams:,} n-grams at a false-positive rate of {self.false_positive_rate} "
                f"takes {num_bytes:,} bytes, and {allowed:,} are allowed: allow more (max_bytes) or ask for a higher "
                "rate, and the n-grams that are hashed are used again; or split the documents at random into "
                f"{-(-num_bytes // max(allowed, 1))} or more parts, each with a filter of its own"
            )
        return new_blocks(num_blocks)

    def _checkpoint(self, store: Store) -> Path:
        return store.directory(self) / "checkpoint"

    def _verdicts(self, rows: pa.Table, blocks: Blocks) -> pa.RecordBatch:
        """Look up and insert the n-grams of documents, in their order."""
        from winnow.kernels.bloom import count_seen

        lists = rows.column("paragraphs").combine_chunks()
        starts, ends, sizes = (values.to_numpy() for values in lists.flatten().flatten())
        seen = np.empty(len(sizes), np.int32)
        hashes = rows.column("ngrams").combine_chunks().flatten().to_numpy()
        count_seen(blocks, hashes, sizes, self.threshold, seen)
        document = np.repeat(np.arange(rows.num_rows), lists.value_lengths().to_numpy())
        num_ngrams, num_seen = (np.bincount(document, numbers, rows.num_rows) for numbers in (sizes, seen))
        fraction = num_seen / np.maximum(num_ngrams, 1)
        repeats = seen / sizes > self.threshold
        columns = [
            rows.column("id").combine_chunks(),
            pa.array(num_ngrams.astype(np.int64)),
            pa.array(fraction),
            pa.array((fraction > self.threshold) & self.whole_documents),
            spans_column(document[repeats], starts[repeats], ends[repeats], rows.num_rows),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=VERDICTS)


@dataclass
class Checkpoint:
    """How far a pass has come: the filter, and the files that were written."""

    directory: Path
    _saved: float = field(default_factory=time.monotonic)
    _cost: float = 0.0

    def save(self, blocks: Blocks, out: ScatterWriter, partition: int) -> None:
        """Keep the filter and what was written, if the last time is long ago; ``partition`` is the next one."""
        began = time.monotonic()
        if began - self._saved < max(CHECKPOINT_SECONDS, self._cost / CHECKPOINT_SHARE):
            return
        with appearing(self.directory / f"{partition:05d}.filter") as path:
            blocks.tofile(path)
        shards = [asdict(shard) for shard in out.shards]
        progress = {"partition": partition, "rows": out.num_rows, "bytes": out.num_bytes, "shards": shards}
        write_json(self.directory / "progress.json", progress)
        for path in self.directory.glob("*.filter"):
            if path.name != f"{partition:05d}.filter":
                path.unlink()
        self._saved = time.monotonic()
        self._cost = self._saved - began

    def restore(self, blocks: Blocks, out: ScatterWriter) -> int:
        """Fill the filter and the writer from the last checkpoint, if there is one; gives the next partition."""
        if not (self.directory / "progress.json").exists():
            return 0
        progress = read_json(self.directory / "progress.json")
        path = self.directory / f"{progress['partition']:05d}.filter"
        with path.open_ranges() if isinstance(path, RemotePath) else path.open("rb") as saved:
            for start in range(0, len(blocks), BLOCKS_READ):
                saved.readinto(blocks[start : start + BLOCKS_READ].data)  # type: ignore[attr-defined, unused-ignore]
        out.num_rows, out.num_bytes = progress["rows"], progress["bytes"]
        out.shards = [Shard(**shard) for shard in progress["shards"]]
        return int(progress["partition"])


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
