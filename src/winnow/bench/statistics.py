"""One difference between two candidates, and how far it can be trusted.

A score is a ratio of sums over items, and it moves for two reasons. *Seeds*: train the same candidate again and it
falls elsewhere. *Items*: ask other questions and the two may come out otherwise. Seeds are few, so their variance is
pooled over every candidate that was repeated at the scale and carries a quantile of Student's t; items are many, are
the same for both candidates and are therefore taken in pairs. The interval is

    difference ± sqrt((t_seeds · error_seeds)² + (t_items · error_items)²)

(Howe 1974, JASA 69: half-widths add as squares). What items and seeds share, an item that falls either way from run to
run, is counted with the seeds and taken off the items, else it would count twice (Owen 2007, Annals of Applied
Statistics 1). Other intervals were tried and measured beside it: ``benchmarks/intervals.py`` and docs/bench.md tell
which, and how often each held the truth.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from winnow.bench.distributions import bisect, chi_squared_quantile, t_quantile, t_tail
from winnow.core.errors import AlignmentError

Values = NDArray[np.float64]

TAIL = 0.05
"""Intervals hold the truth in all but so many cases; a comparison is decided below it."""
POWER_TAIL = 0.4
"""Two-sided tail whose quantile, added to that of ``TAIL``, finds a difference in 80 of 100 cases."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What the runs of one candidate got in one metric."""

    values: Values
    """One per seed."""
    influences: Values | None = None
    """Seeds by items: what an item adds to its run's score beyond the average item. Rows sum to zero. None where only
    whole runs were recorded."""
    items: str | None = None
    """Digest of the items' names: only influences of the same items can be compared."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How far a score moves when nothing but the seed changes: the noise floor."""

    variance: float
    """Of the score of one run, pooled over candidates."""
    residual: float
    """The part of it that single items cause, each by itself; more items make it smaller. 0 where they are unknown."""
    degrees: int
    """Degrees of freedom: repeated runs less the candidates that they repeat."""

    @property
    def deviation(self) -> float:
        """Standard deviation of one run's score."""
        return math.sqrt(self.variance)

    @property
    def interval(self) -> tuple[float, float]:
        """Holds the standard deviation in 95 of 100 cases, where scores are normally distributed."""
        quantiles = [chi_squared_quantile(share, self.degrees) for share in (1 - TAIL / 2, TAIL / 2)]
        low, high = (math.sqrt(self.variance * self.degrees / quantile) for quantile in quantiles)
        return low, high

    def half(self, seeds: int) -> float:
        """Half the width of the interval of a mean over so many seeds, on the same items."""
        return t_quantile(TAIL, self.degrees) * math.sqrt(self.variance / seeds)

    def detectable(self, seeds: int) -> float:
        """The smallest difference on these items that ``seeds`` runs of both candidates find in 80 of 100 cases."""
        quantiles = t_quantile(TAIL, self.degrees) + t_quantile(POWER_TAIL, self.degrees)
        return quantiles * self.deviation * math.sqrt(2 / seeds)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much more one candidate scores than another, or some than others, with an interval."""

    value: float
    seeds: tuple[int, ...]
    """Runs of each candidate."""
    items: int | None
    """Items that all were asked; None where only whole runs were recorded."""
    item_variance: float | None
    """Of the difference, over other items of the kind."""
    noise: Noise | None
    """None where nothing was repeated: then the interval tells of items alone."""
    weights: tuple[float, ...] = (1.0, -1.0)
    """What the mean of each candidate counts."""

    @functools.cached_property
    def interval(self) -> tuple[float, float] | None:
        """Holds the true difference in 95 of 100 cases; None where nothing is known of seeds or of items."""
        if self.noise is None and self.item_variance is None:
            return None
        return self.value - self.half(), self.value + self.half()

    @functools.cached_property
    def p(self) -> float | None:
        """The smallest tail whose interval excludes zero; None where training noise is unknown."""
        if self.noise is None:
            return None
        if self.value == 0:
            return 1.0
        degrees = [self.noise.degrees, *([self.items - 1] if self.items else [])]
        z = abs(self.value) / math.sqrt(self.seed_variance() + (self.item_variance or 0.0))
        low, high = (max(t_tail(z, one), 1e-300) for one in (max(degrees), min(degrees)))
        found = bisect(lambda log: self.half(math.exp(log)) - abs(self.value), math.log(low), math.log(high), 1e-4)
        return math.exp(found)

    def half(self, tail: float = TAIL, more_seeds: int = 0) -> float:
        """Half the interval's width, now or once every candidate was run with so many seeds more."""
        return math.hypot(self.half_of_seeds(tail, more_seeds), self.half_of_items(tail))

    def half_of_seeds(self, tail: float = TAIL, more_seeds: int = 0) -> float:
        """The part of it that training noise makes."""
        if self.noise is None:
            return 0.0
        degrees = self.noise.degrees + len(self.seeds) * more_seeds
        return t_quantile(tail, degrees) * math.sqrt(self.seed_variance(more_seeds))

    def half_of_items(self, tail: float = TAIL) -> float:
        """The part of it that the choice of items makes."""
        if not self.items or not self.item_variance:
            return 0.0
        return t_quantile(tail, self.items - 1) * math.sqrt(self.item_variance)

    def seed_variance(self, more_seeds: int = 0) -> float:
        """Of the difference, over other seeds."""
        if self.noise is None:
            return 0.0
        return self.noise.variance * _mean_variance(self.weights, [number + more_seeds for number in self.seeds])


def ratio(numerators: Values, denominators: Values, categories: NDArray[np.integer]) -> tuple[float, Values]:
    """The score of one run and what each item adds to it: its influence, by which the score moves to first order.

    The score is the mean over categories (numbers from 0, one per item) of ``sum(numerators) / sum(denominators)``.
    """
    weights = np.bincount(categories, denominators)
    ratios = np.bincount(categories, numerators) / weights
    influences = (numerators - ratios[categories] * denominators) / weights[categories] / len(ratios)
    return float(ratios.mean()), influences


def noise_floor(candidates: Iterable[Scores]) -> Noise | None:
    """The noise pooled over candidates that were run with several seeds; None without any, or where all runs agree.

    Pooling takes the noise to be alike for all candidates at a scale. Where one is twice as noisy as five others and
    seeds dominate, the intervals of its differences hold the truth in 84 to 89 of 100 cases.
    """
    repeated = [one for one in candidates if len(one.values) > 1]
    degrees = sum(len(one.values) - 1 for one in repeated)
    squares = sum(float(((one.values - one.values.mean()) ** 2).sum()) for one in repeated)
    if not squares:
        return None
    detailed = [one for one in repeated if one.influences is not None]
    fall = sum(len(one.values) - 1 for one in detailed)
    residual = sum(_residual(one) for one in detailed) / fall if fall else 0.0
    return Noise(variance=squares / degrees, residual=residual, degrees=degrees)


def _residual(scores: Scores) -> float:
    """Sum over seeds and items of the squares of what neither the item nor the seed explains."""
    assert scores.influences is not None
    return float(((scores.influences - scores.influences.mean(axis=0)) ** 2).sum())


def difference(one: Scores, other: Scores, noise: Noise | None) -> Difference:
    """How much more ``one`` scores than ``other``; AlignmentError where they were asked different items."""
    return contrast((one, other), (1.0, -1.0), noise)


def contrast(candidates: Sequence[Scores], weights: Sequence[float], noise: Noise | None) -> Difference:
    """How much more some candidates score than others: the weighted sum of their means, whose weights sum to zero.

    AlignmentError where they were asked different items.
    """
    seeds = tuple(len(one.values) for one in candidates)
    known = [one.influences for one in candidates if one.influences is not None and one.influences.shape[1] > 1]
    items, variance = None, None
    if len(known) == len(candidates):
        items = known[0].shape[1]
        if len(others := {len(one.T) for one in known}) > 1 or len({one.items for one in candidates}) > 1:
            raise AlignmentError(
                f"the candidates were not asked the same items ({' and '.join(map(str, sorted(others)))}): evaluate "
                "them with the same task files and the same limit"
            )
        apart = sum((w * one.mean(axis=0) for w, one in zip(weights, known, strict=True)), np.zeros(items))
        variance = items / (items - 1) * float((apart**2).sum())
        if noise is not None:
            variance = max(0.0, variance - noise.residual * _mean_variance(weights, seeds))
    value = sum(weight * float(one.values.mean()) for weight, one in zip(weights, candidates, strict=True))
    return Difference(
        value=value, seeds=seeds, items=items, item_variance=variance, noise=noise, weights=tuple(weights)
    )


def _mean_variance(weights: Sequence[float], seeds: Sequence[int]) -> float:
    """Variance of a weighted sum of means over so many runs, each run of variance 1."""
    return sum(weight**2 / number for weight, number in zip(weights, seeds, strict=True))


def holm(tails: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for being several (Holm 1979): those below 0.05 hold all together in 95 of 100 cases.

    None, of what could not be tested, stays None and does not count.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    known = sorted((tail, index) for index, tail in enumerate(tails) if tail is not None)
    adjusted: list[float | None] = [None] * len(tails)
    largest = 0.0
    for rank, (tail, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * tail))
        adjusted[index] = largest
    return adjusted
