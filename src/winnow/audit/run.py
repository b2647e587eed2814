"""A recipe over one copy of the documents: made, and looked at case by case."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.audit.copy import write_copy
from winnow.audit.definition import sets_of
from winnow.audit.fates import Fates, fates, texts_of
from winnow.audit.items import Decontamination, decontamination, judge_item
from winnow.audit.judge import Pair, Verdict, judge
from winnow.audit.passages import ABOUT as ABOUT_PASSAGES
from winnow.audit.passages import judge_passage, last_cut
from winnow.audit.plants import Plant, Planted
from winnow.core.run import materialize
from winnow.core.step import Rows
from winnow.core.table import Store
from winnow.dedup.minhash_pairs import NearDuplicates
from winnow.report.similarity import jaccard


@dataclass
class Run:
    """The recipe over one copy of the documents, once it is made."""

    recipe: Rows
    store: Store
    documents: pa.Table
    fates: Fates
    decontamination: Decontamination | None

    @functools.cached_property
    def rows(self) -> Mapping[str, Mapping[str, Any]]:
        """What decontamination found in each document."""
        return {} if self.decontamination is None else self.decontamination.rows()

    @functools.cached_property
    def questions(self) -> Mapping[str, str]:
        """What the items ask, by id."""
        return {} if self.decontamination is None else self.decontamination.questions()

    def judge(self, plant: Plant, planted: Planted) -> Verdict:
        """What became of a planted case."""
        if plant.kind in ABOUT_PASSAGES:
            return judge_passage(plant, self.fates, planted.inserted, self.cut)
        if plant.id in planted.inserted:
            return judge_item(plant, self.fates, self.rows)
        return judge(plant, self.fates, self.compare)

    @functools.cached_property
    def seen(self) -> Mapping[str, str]:
        """The texts as the last method of deduplication saw them."""
        if not self.fates.methods:
            return {}
        judged = self.fates.methods[-1]
        return texts_of(judged.documents, list(self.fates.matches[judged.label]), self.store)

    @functools.cached_property
    def cut(self) -> Mapping[str, str]:
        """The texts without the passages that were cut."""
        step = last_cut(self.recipe)
        return {} if step is None else texts_of(step, list(self.read), self.store)

    @functools.cached_property
    def read(self) -> Mapping[str, str]:
        """The texts as they were read."""
        ids, texts = (self.documents.column(name).to_pylist() for name in ("id", "text"))
        return {id: text or "" for id, text in zip(ids, texts, strict=True)}

    def text(self, id: str) -> str:
        """A text as deduplication saw it, or as it was read."""
        return self.seen.get(id, self.read.get(id, ""))

    @functools.cached_property
    def bands(self) -> Mapping[str, frozenset[tuple[int, int]]]:
        """The band hashes of every document, where the last method finds candidates by them."""
        found = getattr(self.fates.methods[-1], "found", None)
        if not isinstance(found, NearDuplicates):
            return {}
        table = self.store.table(found.candidates.bands.signatures)
        rows = (
            row
            for shard in range(len(table.manifest.shards))
            for row in table.shard(shard, ["id", "bands"]).to_pylist()
        )
        return {row["id"]: frozenset(enumerate(row["bands"] or ())) for row in rows}

    def compare(self, left: str, right: str) -> Pair:
        """How alike two documents are as the last method saw them, and whether it had reason to compare them."""
        sets = sets_of(self.fates.methods[-1])
        alike = None if sets is None else jaccard(sets(self.text(left)), sets(self.text(right)))
        return Pair(alike, self._share_a_band(left, right))

    def _share_a_band(self, left: str, right: str) -> bool | None:
        empty: frozenset[tuple[int, int]] = frozenset()
        return bool(self.bands.get(left, empty) & self.bands.get(right, empty)) if self.bands else None


def made(recipe: Rows, store: Store, documents: pa.Table, directory: Path) -> Run:
    """Write the documents where the recipe reads them, run it, and look at what it did."""
    write_copy(documents, directory)
    materialize(recipe, store, failure_budget=1.0)
    step = decontamination(recipe)
    looked_for = None if step is None else Decontamination(step, store)
    return Run(recipe, store, documents, fates(recipe, store), looked_for)
