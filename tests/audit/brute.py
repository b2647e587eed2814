"""A method of deduplication that compares all pairs: perfect by its own definition, and slow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.guard import Guard
from winnow.core.run import num_shards
from winnow.core.shuffle import ScatterWriter
from winnow.core.step import Part, Reshaping, Rows
from winnow.core.table import ShardWriter, Store
from winnow.dedup.duplicates import FOUND, Duplicates, scatter_found
from winnow.documents.read import Read
from winnow.report.similarity import jaccard, shingles


@dataclass(frozen=True, kw_only=True)
class AllPairs(Reshaping):
    """A document repeats the first kept one that is like it; with ``chained``, whatever is connected is one cluster."""

    documents: Rows
    threshold: float
    chained: bool = False

    def schema(self) -> pa.Schema:
        return FOUND

    def split(self, store: Store) -> list[Part]:
        return [num_shards(self.documents, store)]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        return ScatterWriter(directory, index, FOUND, part)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        assert isinstance(out, ScatterWriter)
        tables = []
        for shard in range(part):
            for batch in self.documents.open_shard(store, shard, ["id", "source", "text"]):
                numbers = pa.array(np.full(batch.num_rows, shard), pa.int32())
                tables.append(pa.Table.from_batches([batch]).append_column("shard", numbers))
        rows = pa.concat_tables(tables).sort_by("id")
        grams = [shingles(text or "") for text in rows.column("text").to_pylist()]
        kept = np.arange(len(grams))
        similarity = np.ones(len(grams))
        for place in range(len(grams)):
            for other in range(place):
                alike = 0.0 if not grams[place] & grams[other] else jaccard(grams[place], grams[other])
                if alike >= self.threshold and self.chained:
                    joined = {kept[place], kept[other]}
                    kept[np.isin(kept, list(joined))] = min(joined)
                elif alike >= self.threshold and kept[other] == other:
                    kept[place], similarity[place] = other, alike
                    break
        scatter_found(rows, kept, similarity, np.ones(len(grams), bool), out)


def all_pairs(source: str, threshold: float = 0.8, chained: bool = False) -> Rows:
    """Keep one of what is alike."""
    documents: Rows = Read(source=source)
    found = Duplicates(
        documents=documents,
        found=AllPairs(documents=documents, threshold=threshold, chained=chained),
        method="pairs",
    )
    rules = RuleSet(name="pairs", source="here", measures=(), rules=(("duplicate", "pairs.duplicate_of IS NOT NULL"),))
    return Select(documents=documents, measures=(found,), reject=rules)
