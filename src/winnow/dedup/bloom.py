"""Paragraphs and documents most of whose n-grams of words stood in documents before them: DCLM's BFF.

Of DCLM's deduplications it is the one behind DCLM-Baseline (Li et al. 2024, section 4.3): a document is read once, its
paragraphs are looked up in one Bloom filter, and those that are new are added to it.

Such a pass depends on the order of documents. Here the order is that of a hash of their ids, so neither the order of
files nor the number of workers decides anything. Everything but the pass itself is done in parallel: n-grams are hashed
shard by shard and brought into that order by files. These take 1.5 bytes a byte of text; scattering the text instead,
to hash its n-grams in the pass, takes a third of that but makes the pass half as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.guard import Guard, guarded_over, with_names
from winnow.core.shuffle import Scattering, ScatterWriter, gather, num_partitions, partition_of
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store
from winnow.dedup.bloom_pass import NUM_NGRAMS, VERDICTS, BloomPass
from winnow.documents.schema import text_bytes
from winnow.kernels.buffers import text_buffers

Unit = Literal["paragraph+document", "paragraph", "document"]
NGRAM_BYTES = 2
"""Bytes of n-grams, of 8 each, per byte of text: 0.8 to 1.5 in prose, 2.7 where every character is a word."""
PASS_SHARE = 4
"""The pass is one task, so it may hold so many times what one of many tasks may."""


def bloom_duplicates(
    documents: Rows,
    *,
    unit: Unit = "paragraph+document",
    ngram: int = 13,
    min_ngram: int | None = None,
    threshold: float = 0.8,
    false_positive_rate: float = 0.01,
    max_bytes: int | None = None,
    seed: int = 0,
) -> BloomDuplicates:
    """Find paragraphs and documents most of whose n-grams were met before, as DCLM's BFF does.

    A line is a paragraph. Its n-grams are looked up in the filter; where more than ``threshold`` of them are there it
    is a duplicate, else they are inserted. A document is a duplicate where more than ``threshold`` of the n-grams of
    all its paragraphs were there. The defaults are DCLM-Baseline's (``--remove-type old-both``).

    Args:
        documents: what is judged; nothing is removed.
        unit: ``paragraph`` judges paragraphs alone; ``document`` takes a document for one paragraph.
        ngram: words of an n-gram; a word is a segment of UAX #29 that is not white space.
        min_ngram: a paragraph of fewer words than ``ngram`` but at least so many is one n-gram; a shorter one is
            neither looked up nor inserted. As ``ngram`` if not given.
        threshold: in [0, 1].
        false_positive_rate: of a look-up in the filter once everything is in it, in (0, 1).
        max_bytes: RecipeError where the filter would take more, with how much it takes; three quarters of the
            machine's memory if not given. The rate is never raised.
        seed: of the order in which documents are met.
    """
    shortest = ngram if min_ngram is None else min_ngram
    ngrams = ScatteredNgrams(documents=documents, unit=unit, ngram=ngram, min_ngram=shortest, seed=seed)
    met = BloomPass(
        documents=documents,
        ngrams=ngrams,
        whole_documents=unit != "paragraph",
        threshold=threshold,
        false_positive_rate=false_positive_rate,
        max_bytes=max_bytes,
    )
    return BloomDuplicates(documents=documents, found=met)


@dataclass(frozen=True, kw_only=True)
class ScatteredNgrams(Scattering):
    """The n-grams of every document, brought into an order that its id decides; the manifest counts them."""

    unit: Unit
    ngram: int
    min_ngram: int
    seed: int

    def check(self) -> None:
        """Refuse units and lengths that cannot be."""
        if self.unit not in get_args(Unit):
            raise RecipeError(f"unit={self.unit!r} is not known; {did_you_mean(self.unit, get_args(Unit))}")
        if not 1 <= self.min_ngram <= self.ngram:
            raise RecipeError(
                f"n-grams of {self.ngram} words, or {self.min_ngram} in short paragraphs: give 1 <= min_ngram <= ngram"
            )

    def schema(self) -> pa.Schema:
        """A document's place in the order, what it is, its paragraphs and the hashes of their n-grams."""
        paragraph = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("num_ngrams", pa.int32())])
        about = [("place", pa.uint64()), ("id", pa.string()), ("source", pa.string()), ("shard", pa.int32())]
        return pa.schema([*about, ("paragraphs", pa.list_(paragraph)), ("ngrams", pa.list_(pa.uint64()))])

    def partitions(self, store: Store) -> int:
        """By the bytes of the text; the pass holds one partition."""
        return num_partitions(text_bytes(self.documents, store) * NGRAM_BYTES // PASS_SHARE)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Hash the n-grams of one shard."""
        batches = self.documents.open_shard(store, shard, with_names(["source", "text"], self.documents))
        for rows in guarded_over(batches, self.documents.label, partial(self._rows, shard), out, guard):
            out.scatter(rows, partition_of(rows.column("place").to_numpy(), out.num_partitions))
            out.count(NUM_NGRAMS, len(rows.column("ngrams").flatten()))

    def _rows(self, shard: int, documents: pa.RecordBatch) -> pa.RecordBatch:
        from winnow.kernels.passages import hash_strings

        ids = documents.column("id")
        places = pa.array(hash_strings(ids, self.seed))
        about = [places, ids, documents.column("source"), pa.repeat(pa.scalar(shard, pa.int32()), len(ids))]
        return pa.RecordBatch.from_arrays([*about, *self._lists(documents.column("text"))], schema=self.schema())

    def _lists(self, texts: pa.Array) -> tuple[pa.ListArray, pa.ListArray]:
        """For each text its paragraphs that have n-grams, with their numbers, and the hashes of the n-grams."""
        from winnow.kernels.bloom_ngrams import paragraph_ngrams

        found = paragraph_ngrams(*text_buffers(texts), self.ngram, self.min_ngram, self.unit != "document")
        names = found.paragraphs.dtype.names or ()
        paragraphs = pa.StructArray.from_arrays([np.ascontiguousarray(found.paragraphs[name]) for name in names], names)
        ends = np.concatenate([[0], found.ends])
        hash_ends = np.concatenate([[0], np.cumsum(found.paragraphs["num_ngrams"], dtype=np.int64)])[ends]
        return (
            pa.ListArray.from_arrays(pa.array(ends, pa.int32()), paragraphs),
            pa.ListArray.from_arrays(pa.array(hash_ends, pa.int32()), pa.array(found.hashes)),
        )


@dataclass(frozen=True, kw_only=True)
class BloomDuplicates(Aligned):
    """Which paragraphs and documents repeat others, by their n-grams."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    found: BloomPass
    """Scatters ``VERDICTS`` by the shard of the document."""

    @property
    def name(self) -> str:
        """``bloom``."""
        return "bloom"

    def columns(self) -> pa.Schema:
        """``num_ngrams``, ``duplicate_fraction``, ``is_duplicate`` and ``duplicate_spans``."""
        return pa.schema([field for field in VERDICTS if field.name != "id"])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Read the verdicts on the documents of one shard."""
        found = gather(self.found, store, shard)
        ids = found.column("id").combine_chunks()

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            rows = found.take(pc.index_in(batch.column("id"), ids)).combine_chunks()
            columns = [rows.column(name).combine_chunks() for name in self.columns().names]
            return pa.RecordBatch.from_arrays(columns, schema=self.columns())

        return look_up
