"""What a rater costs and what it saves, in FLOPs: meta-learning it, scoring with it, training on what it keeps.

Everything is a closed form of numbers that runs have measured, so that it adds up (Calian et al. 2025, section 4: the
rater's forward pass over every document that is drawn is charged, dropped ones too).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from winnow.bench.ledger import Curve, Ledger, Run
from winnow.bench.statistics import Scores, noise_floor
from winnow.lm.scales import Scale


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What was paid, in FLOPs."""

    meta: Mapping[str, int]
    """Of meta-learning, by what it went into."""
    rating: int
    """Of scoring one token."""
    scored: int
    """Tokens of the pool, each scored once."""
    training: Mapping[str, float]
    """Of all runs of each arm."""

    @property
    def meta_learning(self) -> int:
        """All of it."""
        return sum(self.meta.values())

    @property
    def scoring(self) -> int:
        """The pool, once."""
        return self.rating * self.scored

    @property
    def total(self) -> float:
        """Everything that the study did."""
        return self.meta_learning + self.scoring + sum(self.training.values())

    def oversampling(self, discard: float, num_params: int) -> float:
        """FLOPs of scoring per FLOP of training, where 1 / (1 - discard) tokens are scored for each that is kept."""
        return self.rating / (1 - discard) / (6 * num_params)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How early an arm reaches what the unfiltered run ends at, as a share of that run's compute."""

    arm: str
    scale: str
    shares: tuple[float | None, ...]
    """Of training alone, a seed each, beside the unfiltered run of the same seed; None where it never gets there."""
    half: float | None
    """Of the 95% interval of the mean share, from training noise; None where that is unknown."""
    scoring: float
    """FLOPs of scoring per FLOP of training."""
    meta: float
    """Meta-learning as a share of the unfiltered run's FLOPs."""

    @property
    def share(self) -> float | None:
        """Mean over the seeds, training alone; None where one of them never gets there."""
        found = [one for one in self.shares if one is not None]
        return float(np.mean(found)) if found and len(found) == len(self.shares) else None

    @property
    def with_scoring(self) -> float | None:
        """Training, and scoring what was drawn for it."""
        return None if self.share is None else self.share * (1 + self.scoring)

    @property
    def with_everything(self) -> float | None:
        """And meta-learning, as if this run alone had to pay for it."""
        return None if self.with_scoring is None else self.with_scoring + self.meta

    @property
    def half_with_scoring(self) -> float | None:
        """Of the interval of ``with_scoring``, and of ``with_everything``."""
        return None if self.half is None else self.half * (1 + self.scoring)


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What a rater is worth to a model of some size, if the measured share holds there."""

    scale: str
    num_params: int
    training: int
    """FLOPs of training on the unfiltered pool."""
    saved: float
    """Of these, what the rater saves net of scoring; below zero it costs."""
    meta: float | None
    """Meta-learning as a share of what is saved; None where nothing is."""

    @property
    def paid(self) -> bool:
        """Whether one model saves more than the rater cost to learn."""
        return self.meta is not None and self.meta < 1


def reached(curve: Curve, level: float) -> float | None:
    """Tokens after which a falling curve is at a level for the first time, between points by a straight line.

    A curve that begins there is not followed further back. None where it never gets there.

    >>> reached(((100, 3.0), (200, 2.0), (300, 1.5)), 2.25), reached(((100, 3.0), (200, 2.0)), 1.9)
    (175.0, None)
    """
    before: tuple[int, float] | None = None
    for tokens, value in curve:
        if value <= level:
            if before is None:
                return float(tokens)
            return before[0] + (tokens - before[0]) * (before[1] - level) / (before[1] - value)
        before = tokens, value
    return None


def gains(
    ledger: Ledger, metric: str, discards: Mapping[str, float | None], baseline: str, prices: Prices
) -> list[Gain]:
    """The gain of every arm at every scale; ``discards`` has None for an arm that needs no rater.

    Intervals are of the noise pooled over all arms of a scale that got there.
    """
    found: list[Gain] = []
    for scale in ledger.names("scale"):
        runs = {(run.candidate, run.seed): run for run in ledger.where(scale=scale)}
        shares = {name: _shares(runs, name, baseline, metric) for name in discards if name != baseline}
        values = [Scores(values=np.array(one)) for one in shares.values() if one and None not in one]
        noise = noise_floor(values)
        size = next(run for (name, _), run in runs.items() if name == baseline)
        for name, some in shares.items():
            if some:
                rated = discards[name] is not None
                found.append(
                    Gain(
                        arm=name,
                        scale=scale,
                        shares=tuple(some),
                        half=None if noise is None or None in some else noise.half(len(some)),
                        scoring=prices.oversampling(discards[name] or 0.0, size.num_params or 1) if rated else 0.0,
                        meta=prices.meta_learning / (size.flops or 1.0) if rated else 0.0,
                    )
                )
    return found


def _shares(runs: Mapping[tuple[str, int | None], Run], name: str, baseline: str, metric: str) -> list[float | None]:
    """Of each seed that both have: tokens until the arm is where the baseline ends, over the baseline's tokens."""
    found: list[float | None] = []
    for (candidate, seed), run in runs.items():
        other = runs.get((baseline, seed))
        if candidate == name and other is not None and other.curves.get(metric):
            tokens, level = other.curves[metric][-1]
            there = reached(run.curves.get(metric, ()), level)
            found.append(None if there is None else there / tokens)
    return found


def amortised(share: float, discard: float, prices: Prices, scales: Sequence[Scale]) -> list[Paid]:
    """What one model of each scale saves if it too gets by with this share of its training."""
    found = []
    for scale in scales:
        scoring = share * scale.flops * prices.oversampling(discard, scale.num_params)
        saved = (1 - share) * scale.flops - scoring
        found.append(
            Paid(
                scale=scale.name,
                num_params=scale.num_params,
                training=scale.flops,
                saved=saved,
                meta=prices.meta_learning / saved if saved > 0 else None,
            )
        )
    return found
