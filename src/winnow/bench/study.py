"""The step that makes a study of pruning: the ledger of its runs, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from winnow.bench.ledger import add_ledger, read_ledger
from winnow.bench.pruning import Agreement, Arm, Reference, Scoring, Setting, Study, Ties, write_study
from winnow.bench.statistics import Values
from winnow.bench.tracks import Bench, scale_label
from winnow.core.files import read_json
from winnow.core.run import num_shards
from winnow.core.sql import evaluate, read_columns
from winnow.core.step import Aligned, Whole
from winnow.core.table import Store
from winnow.evaluate.evaluate import Evaluate
from winnow.evaluate.fine_tune import FineTune
from winnow.evaluate.shapes import BITS_PER_BYTE
from winnow.lm.mix import ABOUT
from winnow.lm.scales import find_scale
from winnow.lm.train import Train
from winnow.measure.agreement import spearman_interval


@dataclass(frozen=True)
class Scored:
    """A scoring of a pool, and the table and SQL that hold it."""

    scoring: Scoring
    table: Aligned
    score: str


@dataclass(frozen=True, kw_only=True)
class PruningStudy(Whole):
    """Models trained on parts of pools, and how the scores agree that chose the parts.

    Writes the ledger of its runs (``ledger.parquet``, ``ledger.json``, ``items/``) and ``study.json``, from which
    ``winnow.bench.findings`` judges the claims of Marion et al. 2023.
    """

    bench: Bench
    arms: tuple[Arm, ...]
    references: tuple[Reference, ...]
    pool: str
    """The base pool; the base scale is that of the bench's first run."""
    reference: str
    """Name of the reference model that scores unless a claim is about references."""
    scored: tuple[Scored, ...]
    """Scorings of the base pool, the base reference's perplexity first; each pair's agreement is measured."""

    @property
    def accuracies(self) -> tuple[str, ...]:
        """Metrics of accuracy after fine-tuning, the one that claims are judged by first."""
        measured = (one for _, some in self.bench.entries for one in some)
        return next((one.metrics for one in measured if isinstance(one, FineTune)), ())

    def inputs(self) -> tuple[Aligned | Bench, ...]:
        """The runs, and the scores."""
        return (self.bench, *(one.table for one in self.scored))

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Copy the ledger and its items, and write down what the study is."""
        ledger = add_ledger(read_ledger(store.table(self.bench).files()), directory)
        scores = [_values(one, store) for one in self.scored]
        evaluation = self.bench.entries[0][1][0]
        assert isinstance(evaluation, Evaluate) and isinstance(evaluation.model, Train)
        heldout, scale = evaluation.heldout, find_scale(evaluation.model.scale)
        trained = read_json(store.table(evaluation.model).file("report.json"))
        about = read_json(store.table(heldout[0][1]).file(ABOUT))
        study = Study(
            ledger=ledger,
            arms=self.arms,
            references=self.references,
            base=Setting(pool=self.pool, scale=scale_label(scale, trained["num_tokens"])),
            reference=self.reference,
            heldout=tuple(f"heldout/{name}/{BITS_PER_BYTE}" for name, _ in heldout),
            bytes_per_token=float(about["num_bytes"] / about["num_tokens"]),
            accuracies=self.accuracies,
            agreements=tuple(self._agreements(scores)),
            ties=tuple(_ties(one.scoring, values) for one, values in zip(self.scored, scores, strict=True)),
        )
        write_study(study, directory)
        return {"runs": len(ledger), "arms": len(self.arms)}

    def _agreements(self, scores: list[Values]) -> Iterator[Agreement]:
        """Of every two scorings, over the documents that have both."""
        for place, (one, left) in enumerate(zip(self.scored, scores, strict=True)):
            for other, right in zip(self.scored[place + 1 :], scores[place + 1 :], strict=True):
                both = ~np.isnan(left) & ~np.isnan(right)
                value, low, high = spearman_interval(left[both], right[both])
                yield Agreement(one=one.scoring, other=other.scoring, value=value, low=low, high=high)


def _values(scored: Scored, store: Store) -> Values:
    """The scores of a pool's documents, in their order; NaN for none."""
    documents, wanted = scored.table.documents, {"score": f"CAST(({scored.score}) AS DOUBLE)"}
    tables = [
        evaluate(read_columns(documents, (scored.table,), store, shard, wanted.values()), wanted)
        for shard in range(num_shards(documents, store))
    ]
    return np.asarray(pa.concat_tables(tables).column("score"), np.float64)


def _ties(scoring: Scoring, values: Values) -> Ties:
    there = values[~np.isnan(values)]
    distinct, counts = np.unique(there, return_counts=True)
    return Ties(scoring=scoring, num_values=len(distinct), largest=float(counts.max(initial=0) / max(1, len(there))))
