"""How far models trained on a rater's choice lie from those that had all of the pool, a random or the clean part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from winnow.bench.ledger import Ledger
from winnow.bench.scores import scores_of
from winnow.bench.statistics import Scores, difference, holm, noise_floor
from winnow.bench.verdict import judge


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One arm less another after equal steps, in bits per byte: below zero the first is better."""

    arm: str
    other: str
    scale: str
    metric: str
    value: float
    interval: tuple[float, float] | None
    """Holds the truth in 95 of 100 cases, taken alone; None where nothing was repeated."""
    seeds: tuple[int, ...]
    adjusted_p: float | None
    """Holm's, over all pairs at the scale in the metric."""
    better: str | None
    """The better arm; None where it is not decided."""
    words: str
    """The verdict, or what would decide it."""


def gaps(ledger: Ledger, metrics: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Gap]:
    """Every pair of arms at every scale in every metric; noise is pooled over all arms of a scale."""
    found: list[Gap] = []
    for scale in ledger.names("scale"):
        scores = scores_of(ledger.where(scale=scale), metrics)
        for metric in metrics:
            found += _gaps(scores[metric], scale, metric, pairs)
    return found


def _gaps(scores: Mapping[str, Scores], scale: str, metric: str, pairs: Sequence[tuple[str, str]]) -> Iterator[Gap]:
    noise = noise_floor(scores.values())
    there = [pair for pair in pairs if pair[0] in scores and pair[1] in scores]
    apart = [difference(scores[arm], scores[other], noise) for arm, other in there]
    for (arm, other), one, p in zip(there, apart, holm([one.p for one in apart]), strict=True):
        verdict = judge(arm, other, metric, one, p)
        yield Gap(
            arm=arm,
            other=other,
            scale=scale,
            metric=metric,
            value=one.value,
            interval=one.interval,
            seeds=one.seeds,
            adjusted_p=p,
            better=verdict.better,
            words=verdict.words,
        )
