"""Iterative recall of a topic from a crawl: DeepSeekMath's loop of a classifier and the sites that it finds.

Source: Shao et al. 2024 (arXiv 2402.03300), section 2.1. A fastText model of seed against pool recalls the pages that
rank highest; sites of which more than a tenth was recalled are taken to be about the topic and join the seed; and so on
until nothing new comes. There a human picked paths within those sites, and pages joined that had not been recalled;
here all pages of a site join, since a page that is in neither set is forgotten by the next round. A chain of steps has
a fixed number of rounds, so the report says how much two rounds have in common: where the last two are the same, fewer
would have done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from winnow.choose.rank import Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.files import read_json, write_json
from winnow.core.guard import Guard
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Part, Reshaping, Rows, Step, Whole
from winnow.core.table import ShardWriter, Store
from winnow.documents.read import Read
from winnow.extract.named import extractor
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.measure import column
from winnow.measure.score import Score
from winnow.measure.url import Url

IDS = pa.schema([pa.field("id", pa.string(), nullable=False)])


def iterative_recall(
    seed: str,
    pool: str,
    num_rounds: int = 4,
    fraction: float = 0.1,
    min_domain_fraction: float = 0.1,
    max_examples: int = 500_000,
    epochs: int = 3,
    rate: float = 0.1,
    word_ngrams: int = 3,
    min_count: int = 3,
    extract: str = "resiliparse",
) -> Rows:
    """Keep the pages of a pool that are like the seed, growing the seed by the sites where they are found.

    Each round recalls ``--fraction`` of the pool; the pages of sites of which more than ``--min-domain-fraction`` was
    recalled join the seed. Kept is what the last round recalls. The defaults of the classifier are
    DeepSeekMath's; a seed of fewer than some 100,000 documents needs more ``--epochs``. How much two rounds have in
    common is in the report: ``winnow show STORE/recallreport-...``.
    """
    if num_rounds < 1:
        raise RecipeError(f"--num-rounds is {num_rounds}; it must be at least 1")
    if not 0 <= min_domain_fraction < 1:
        raise RecipeError(f"--min-domain-fraction is {min_domain_fraction}; it must lie in [0, 1)")
    pages, seeds = (Read(source=source, extract=extractor(extract)) for source in (pool, seed))
    urls = Score(documents=pages, measure=Url())
    positives: Rows = seeds
    negatives: Rows = pages
    rounds: list[Round] = []
    for _ in range(num_rounds):
        fit = FitFastText(
            positives=positives,
            negatives=negatives,
            max_examples=max_examples,
            epochs=epochs,
            rate=rate,
            word_ngrams=word_ngrams,
            min_count=min_count,
        )
        recalled = Select(documents=pages, measures=(FastText(model=fit),), keep=Top("fasttext.hq_logit", fraction))
        rounds.append(Round(fit=fit, recalled=recalled, urls=urls))
        found = PagesOfSites(documents=pages, rounds=tuple(rounds), min_fraction=min_domain_fraction)
        positives = Together(documents=(seeds, _without(pages, found, {"other_site": "NOT sites.found"})))
        negatives = _without(pages, found, {"found_site": "sites.found"})
    report = RecallReport(rounds=tuple(rounds), min_fraction=min_domain_fraction)
    recall = Recall(documents=pages, report=report)
    return _without(pages, recall, {"not_recalled": f"recall.last_round IS DISTINCT FROM {num_rounds}"})


def _without(documents: Rows, beside: Aligned, rules: dict[str, str]) -> Select:
    named = RuleSet(name="recall", source="winnow.recipes.iterative_recall", measures=(), rules=tuple(rules.items()))
    return Select(documents=documents, measures=(beside,), reject=named)


@dataclass(frozen=True, kw_only=True)
class Together(Reshaping):
    """The documents of several steps, one after the other; reads theirs and keeps ids alone.

    Its columns are those that all of them have.
    """

    documents: tuple[Rows, ...]

    def schema(self) -> pa.Schema:
        """The columns that all have, in the order of the first."""
        first, *others = (step.schema() for step in self.documents)
        return pa.schema([field for field in first if all(field.name in other.names for other in others)])

    def split(self, store: Store) -> list[Part]:
        """A part for each shard of each step."""
        return [
            {"step": index, "shard": shard}
            for index, step in enumerate(self.documents)
            for shard in range(num_shards(step, store))
        ]

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """A shard of ids for each shard."""
        return ShardWriter(directory, index, IDS, shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Write the ids of one shard."""
        for batch in self.documents[part["step"]].open_shard(store, part["shard"], ["id"]):
            out.write(batch)

    def open_shard(self, store: Store, shard: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The documents of one shard."""
        part = self.split(store)[shard]
        wanted = self.schema().names if columns is None else columns
        yield from self.documents[part["step"]].open_shard(store, part["shard"], wanted)


@dataclass(frozen=True, kw_only=True)
class Round(Whole):
    """What a round recalled, by site: the registered domain. Pages without a URL are of none.

    Writes ``sites.parquet``: ``site``, ``pages``, ``recalled``.
    """

    fit: FitFastText
    recalled: Select
    urls: Score

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Count, a shard at a time."""
        counts = pa.table({name: pa.array([], kind) for name, kind in _COUNTS.items()})
        for shard in range(num_shards(self.recalled, store)):
            sites, kept = _column(store, self.urls, shard, "registered_domain"), self.kept(store, shard)
            rows = pa.table([sites, np.ones(len(sites), np.int64), kept.astype(np.int64)], names=list(_COUNTS))
            both = pa.concat_tables([counts, rows.filter(sites.is_valid())]).group_by("site")
            counts = both.aggregate([("pages", "sum"), ("recalled", "sum")]).rename_columns(list(_COUNTS))
        pq.write_table(counts.sort_by("site"), directory / "sites.parquet")
        return {"sites": counts.num_rows}

    def kept(self, store: Store, shard: int) -> NDArray[np.bool_]:
        """Which pages of a shard were recalled."""
        kept: NDArray[np.bool_] = _column(store, self.recalled, shard, "kept").to_numpy(zero_copy_only=False)
        return kept

    def found(self, store: Store, min_fraction: float) -> pa.Array:
        """The sites of which more than a fraction was recalled."""
        counts = pq.read_table(store.table(self).file("sites.parquet")).combine_chunks()
        share = pc.divide(counts["recalled"].cast(pa.float64()), counts["pages"])
        return counts.filter(pc.greater(share, min_fraction))["site"].combine_chunks()


_COUNTS = {"site": pa.string(), "pages": pa.int64(), "recalled": pa.int64()}


@dataclass(frozen=True, kw_only=True)
class PagesOfSites(Aligned):
    """Which pages are of a site that some round found."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    rounds: tuple[Round, ...]
    min_fraction: float

    @property
    def name(self) -> str:
        """``sites``."""
        return "sites"

    def columns(self) -> pa.Schema:
        """``found``."""
        meaning = f"Whether it is of a site of whose pages some round recalled more than {self.min_fraction}"
        return pa.schema([column("found", pa.bool_(), meaning)])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Look up the sites of one shard."""
        first = self.rounds[0]
        sites = _column(store, first.urls, shard, "registered_domain")
        found = pa.concat_arrays([one.found(store, self.min_fraction) for one in self.rounds])
        is_found = pc.is_in(sites, found, skip_nulls=True)
        return _look_up(store, first, shard, pa.record_batch([is_found], schema=self.columns()))


@dataclass(frozen=True, kw_only=True)
class RecallReport(Whole):
    """What each round learnt from and recalled, and what it has in common with the one before.

    Writes ``report.json``, for each round: ``positives`` that were learnt from and the ``auc`` on those held out, pages
    ``recalled``, their ``jaccard`` with those of the round before, the share of them that the round before recalled too
    (``known_fraction``; DeepSeekMath stopped at 0.98), ``sites`` that were found in it.
    """

    rounds: tuple[Round, ...]
    min_fraction: float

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Compare the rounds."""
        told: list[dict[str, Any]] = []
        before: NDArray[np.bool_] | None = None
        for number, one in enumerate(self.rounds, 1):
            kept = np.concatenate([one.kept(store, shard) for shard in range(num_shards(one.recalled, store))])
            learnt = read_json(store.table(one.fit).file("report.json"))
            told.append(
                {
                    "round": number,
                    "positives": learnt["num_positives"],
                    "auc": learnt["auc"],
                    "recalled": int(kept.sum()),
                    "jaccard": None if before is None else _share(kept & before, kept | before),
                    "known_fraction": None if before is None else _share(kept & before, kept),
                    "sites": len(one.found(store, self.min_fraction)),
                }
            )
            before = kept
        write_json(directory / "report.json", {"rounds": told})
        return {"rounds": len(told)}


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum() / max(1, whole.sum()))


@dataclass(frozen=True, kw_only=True)
class Recall(Aligned):
    """In which rounds each page was recalled."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    report: RecallReport

    @property
    def name(self) -> str:
        """``recall``."""
        return "recall"

    def inputs(self) -> tuple[Step, ...]:
        """The pages, the rounds and their report."""
        return (self.documents, *(one.recalled for one in self.report.rounds), self.report)

    def columns(self) -> pa.Schema:
        """``first_round``, ``last_round`` and ``num_rounds``."""
        never = "null where none did"
        return pa.schema(
            [
                column("first_round", pa.int32(), f"First round that recalled it, from 1; {never}"),
                column("last_round", pa.int32(), f"Last round that recalled it; {never}"),
                column("num_rounds", pa.int32(), "How many rounds recalled it"),
            ]
        )

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Read the rounds' decisions on one shard."""
        rounds = self.report.rounds
        kept = np.stack([one.kept(store, shard) for one in rounds])
        number = kept.sum(axis=0).astype(np.int32)
        first = (kept.argmax(axis=0) + 1).astype(np.int32)
        last = (len(rounds) - kept[::-1].argmax(axis=0)).astype(np.int32)
        columns = [pa.array(first, mask=number == 0), pa.array(last, mask=number == 0), pa.array(number)]
        return _look_up(store, rounds[0], shard, pa.record_batch(columns, schema=self.columns()))


def _column(store: Store, step: Rows, shard: int, name: str) -> pa.Array:
    return store.table(step).shard(shard, [name]).column(name).combine_chunks()


def _look_up(store: Store, of: Round, shard: int, rows: pa.RecordBatch) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """The function that finds the rows of documents among those of one shard."""
    ids = _column(store, of.recalled, shard, "id")
    return lambda batch: rows.take(pc.index_in(batch.column("id"), ids))
