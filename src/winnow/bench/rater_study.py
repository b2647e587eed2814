"""The step that makes a study of a rater: the ledger of its runs, what they cost, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from winnow.bench.ledger import Curve, Ledger, add_ledger, read_ledger
from winnow.bench.rated_pool import decisions, look_at_pool, read_documents
from winnow.bench.rater import Learnt, RaterArm, RaterResult, write_result
from winnow.bench.rater_cost import Paid, Prices, amortised, gains
from winnow.bench.rater_gaps import gaps
from winnow.bench.tracks import Bench
from winnow.core.files import copy, open_parquet, read_json
from winnow.core.run import num_shards
from winnow.core.sql import check_expressions, namespaces
from winnow.core.step import Rows, Step, Whole, unique
from winnow.core.table import Store
from winnow.evaluate.shapes import BITS_PER_BYTE
from winnow.lm.scales import SCALES, Shape
from winnow.lm.trained import CONFIG, REPORT
from winnow.measure.score import Score
from winnow.rater.cost import forward_flops
from winnow.rater.fit import LOOKS, STEPS, FitDataRater

TARGETS = tuple(scale for scale in SCALES.values() if scale.multiplier == 1)
"""Sizes of models for which it is told whether the rater has paid for itself."""
MAX_POINTS = 200
"""Of a curve of meta-learning."""
PARTS = {
    "inner models": "inner_flops",
    "differentiating through their steps": "second_order_flops",
    "the rater": "rater_flops",
    "the twin of equal weights": "twin_flops",
}
"""What meta-learning goes into."""


@dataclass(frozen=True, kw_only=True)
class RaterStudy(Whole):
    """Models trained on what a rater keeps of a pool, beside all of it, a random part, and what an oracle keeps.

    Writes the ledger of its runs (``ledger.parquet``, ``ledger.json``, ``items/``), the curves of meta-learning
    (``steps.parquet``, ``looks.parquet``) and ``rater_study.json``: gaps, gains, costs, and the pool as the rater sees
    it.
    """

    bench: Bench
    arms: tuple[tuple[RaterArm, Rows], ...]
    """Every arm with its documents: the pool itself, or a selection from it."""
    fitted: FitDataRater
    scored: Score
    """The pool by the fitted rater."""
    rule: str
    """How the rater's arms drop documents."""
    validation: tuple[tuple[str, Rows], ...]
    """What bits per byte are of, the set that judges first."""
    heldout: Rows | None
    """What the rater was learnt for; None where that is a part of the pool."""
    oracle: str | None = None
    """SQL over the documents' own columns of what an oracle drops."""
    kind: str | None = None
    """SQL of what a document that the oracle drops is spoiled by."""

    def inputs(self) -> tuple[Step, ...]:
        """The runs, the scores and choices, and the documents of the sets that judge."""
        held = [] if self.heldout is None else [self.heldout]
        choices = [rows for _, rows in self.arms]
        sets = [rows for _, rows in self.validation]
        return tuple(unique(iter([self.bench, self.scored, self.fitted, *choices, *sets, *held])))

    def check(self) -> None:
        """Bind the labels of what is spoiled."""
        known = namespaces(self.scored.documents, ())
        check_expressions(known, {"oracle": self.oracle} if self.oracle else {}, ["BOOLEAN"])
        check_expressions(known, {"kind": self.kind} if self.kind else {}, ["VARCHAR"])

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Copy the ledger and the curves, and write down what the study says."""
        ledger = add_ledger(read_ledger(store.table(self.bench).files()), directory)
        for name in (STEPS, LOOKS):
            copy(store.table(self.fitted).file(name), directory / name)
        result = self._result(ledger, store)
        write_result(result, directory)
        return {"runs": len(ledger), "arms": len(self.arms)}

    def _result(self, ledger: Ledger, store: Store) -> RaterResult:
        arms = tuple(arm for arm, _ in self.arms)
        metrics = tuple(f"heldout/{name}/{BITS_PER_BYTE}" for name, _ in self.validation)
        optimal = {scale: self._optimal(ledger.where(scale=scale), metrics[0]) for scale in ledger.names("scale")}
        judged = RaterArm(kind="rater", discard=next(iter(optimal.values())))
        pool, documents = self.scored.documents, read_documents(self.scored, store, self.oracle, self.kind)
        prices = self._prices(ledger, int(documents.tokens.sum()), store)
        discards = {arm.name: arm.discard if arm.kind == "rater" else None for arm in arms}
        found = gains(ledger, metrics[0], discards, RaterArm(kind="unfiltered").name, prices)
        at_largest = [one for one in found if (one.arm, one.scale) == (judged.name, [*optimal][-1])]
        return RaterResult(
            ledger=ledger,
            arms=arms,
            rule=self.rule,
            metrics=metrics,
            optimal=optimal,
            gaps=tuple(gaps(ledger, metrics, _pairs(arms))),
            gains=tuple(found),
            prices=prices,
            amortised=tuple(self._amortised(at_largest[0].share, judged, prices) if at_largest else ()),
            learnt=self._learnt(store),
            pool=look_at_pool(
                documents,
                [(arm.name, decisions(rows, pool, store)) for arm, rows in self.arms],
                judged.name,
                pool,
                store,
                oracle=self.oracle is not None,
            ),
            overlaps=self._overlaps(store),
        )

    def _optimal(self, ledger: Ledger, metric: str) -> float:
        """The discard after which a metric is lowest on the mean of the seeds."""
        means = {
            arm.discard: np.mean([run.metrics[metric] for run in ledger.where(candidate=arm.name)])
            for arm, _ in self.arms
            if arm.kind == "rater"
        }
        return min(means, key=lambda discard: means[discard])

    def _prices(self, ledger: Ledger, scored: int, store: Store) -> Prices:
        """From what the steps say that they did."""
        fitted = store.table(self.fitted)
        cost, config = read_json(fitted.file(REPORT))["cost"], read_json(fitted.file(CONFIG))
        training: dict[str, float] = {arm.name: 0.0 for arm, _ in self.arms}
        for run in ledger:
            training[run.candidate] += run.flops or 0.0
        return Prices(
            meta={told: cost[name] for told, name in PARTS.items()},
            rating=forward_flops(Shape(**config["rater"]), 1),
            scored=scored,
            training=training,
        )

    def _amortised(self, share: float | None, judged: RaterArm, prices: Prices) -> list[Paid]:
        return [] if share is None else amortised(share, judged.discard, prices, TARGETS)

    def _learnt(self, store: Store) -> Learnt:
        fitted = store.table(self.fitted)
        report = read_json(fitted.file(REPORT))
        rows = {name: _rows(fitted.file(name)) for name in (STEPS, LOOKS)}
        curves = {name: _curve(rows[STEPS], name) for name in ("outer_loss", "inner_loss", "gradient_norm")}
        followed = ("advantage", "sample_size", "score_spread", "autocorrelation", "length_correlation")
        curves |= {name: _curve(rows[LOOKS], name) for name in followed}
        return Learnt(
            steps=report["steps"],
            chunks=report["chunks"],
            heldout_chunks=report["heldout_chunks"],
            heldout="split" if self.heldout is None else "documents",
            left_out=report["left_out"],
            seconds=report["seconds"],
            backend=report["backend"],
            warnings=tuple(report["warnings"]),
            curves=curves,
        )

    def _overlaps(self, store: Store) -> dict[str, int]:
        """Documents of each validation set whose ids the pool or the held-out set has too."""
        judging = {name: set(_ids(rows, store)) for name, rows in self.validation}
        every = set().union(*judging.values())
        learnt = [self.scored.documents, *([] if self.heldout is None else [self.heldout])]
        met = {id for rows in learnt for id in _ids(rows, store) if id in every}
        return {name: len(ids & met) for name, ids in judging.items()}


def _pairs(arms: Sequence[RaterArm]) -> list[tuple[str, str]]:
    """What is compared: every choice with the whole pool, the rater's with a random part and with the oracle's."""
    whole = [(arm, "unfiltered") for arm in arms if arm.kind != "unfiltered"]
    rated = [arm for arm in arms if arm.kind == "rater"]
    others = [arm for arm in arms if arm.kind in ("random", "oracle")]
    return [(arm.name, name) for arm, name in whole] + [(arm.name, other.name) for other in others for arm in rated]


def _ids(rows: Rows, store: Store) -> Iterator[str]:
    for shard in range(num_shards(rows, store)):
        for batch in rows.open_shard(store, shard, ["id"]):
            yield from batch.column("id").to_pylist()


def _rows(path: Path) -> list[dict[str, Any]]:
    with open_parquet(path) as opened:
        rows: list[dict[str, Any]] = opened.read().to_pylist()
    return rows


def _curve(rows: Sequence[Mapping[str, Any]], name: str) -> Curve:
    """What was measured, against the meta-step: at most ``MAX_POINTS``, each the mean since the last."""
    points = list(_points(rows, name))
    stretch = -(-len(points) // MAX_POINTS) or 1
    parts = [points[start : start + stretch] for start in range(0, len(points), stretch)]
    return tuple((part[-1][0], float(np.mean([value for _, value in part]))) for part in parts)


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> Iterator[tuple[int, float]]:
    for row in rows:
        value = row.get(name)
        if value is not None and math.isfinite(value):
            yield int(row["step"]), float(value)
