"""Whether a small scale tells what a large one would: rank correlation and decision accuracy.

*Decision accuracy* is the share of pairs of candidates of which the small scale picks the same winner as the large one
(Magnusson et al. 2025, DataDecide). It is what a choice among filters needs; a correlation may be high for two bad
candidates far below the rest and say nothing of the good ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from winnow.bench.ledger import Ledger
from winnow.bench.metrics import lower_is_better
from winnow.bench.scores import scores_of
from winnow.bench.statistics import TAIL, Noise, Scores, Values, difference, holm, noise_floor
from winnow.core.errors import InputError

NUM_SAMPLES = 2000
MIN_CANDIDATES = 6
"""Fewer give no interval: of five candidates it would hold the truth in 84 of 100 cases, of four in 76."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number over candidates, with the interval that resampling the candidates gives (95%)."""

    value: float
    interval: tuple[float, float] | None
    """None with fewer than ``MIN_CANDIDATES``."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What a small scale tells about a large one, over the candidates that were run at both."""

    small: str
    large: str
    metric: str
    large_metric: str
    candidates: tuple[str, ...]
    points: tuple[tuple[float, float], ...]
    """Of every candidate its mean score at the small and at the large scale, as they are in the ledger."""
    pearson: Estimate | None
    """Correlations are of scores whose signs are turned so that higher is better; None where not defined."""
    spearman: Estimate | None
    kendall: Estimate | None
    """Tau-b."""
    accuracy: Estimate | None
    """Decision accuracy of one run each at the small scale, over pairs that the large scale decides."""
    accuracy_of_all: Estimate | None
    """The same over all pairs, whether the large scale decides them or not."""
    num_decided: int | None
    """Pairs that the large scale decides (Holm over all pairs); None where its training noise is unknown."""
    num_pairs: int


def transfer(ledger: Ledger, small: str, large: str, metric: str, large_metric: str | None = None) -> Transfer:
    """Compare two scales of one track in a metric, or in one metric at the small and another at the large scale.

    The same ledger gives the same intervals: the resampling has a fixed seed. Raises InputError where fewer than two
    candidates have both.
    """
    wanted = large_metric or metric
    if len(tracks := ledger.names("track")) > 1:
        raise InputError(f"the ledger holds the tracks {', '.join(tracks)}: give one, ledger.where(track=...)")
    low = scores_of(ledger.where(scale=small), [metric])[metric]
    high = scores_of(ledger.where(scale=large), [wanted])[wanted]
    names = tuple(sorted(set(low) & set(high)))
    if len(names) < 2:
        raise InputError(f"{len(names)} candidates have {metric} at {small} and {wanted} at {large}: two are needed")
    signs = [-1.0 if lower_is_better(one) else 1.0 for one in (metric, wanted)]
    means = np.array([[low[name].values.mean(), high[name].values.mean()] for name in names])
    x, y = (means * signs).T
    right = _right([low[name].values * signs[0] for name in names], y)
    decided = _decided([high[name] for name in names], noise_floor(high.values()))
    every = ~np.eye(len(names), dtype=bool)
    drawn = _draws(len(names))
    return Transfer(
        small=small,
        large=large,
        metric=metric,
        large_metric=wanted,
        candidates=names,
        points=tuple((float(left), float(up)) for left, up in means),
        pearson=_estimate(pearson(x, y, drawn)),
        spearman=_estimate(spearman(x, y, drawn)),
        kendall=_estimate(kendall(x, y, drawn)),
        accuracy=None if decided is None else _estimate(_mean_of(right, decided, drawn)),
        accuracy_of_all=_estimate(_mean_of(right, every, drawn)),
        num_decided=None if decided is None else int(decided.sum()) // 2,
        num_pairs=len(names) * (len(names) - 1) // 2,
    )


def pearson(x: Values, y: Values, drawn: Values) -> Values:
    """Correlation in every sample; ``drawn`` (samples by points) is how often each point is in it.

    NaN where one of the two does not vary. ``x`` and ``y`` may differ from sample to sample.
    """
    sizes = drawn.sum(axis=1, keepdims=True)
    left, up = (values - (drawn * values).sum(axis=1, keepdims=True) / sizes for values in (x, y))
    spreads = (drawn * left**2).sum(axis=1) * (drawn * up**2).sum(axis=1)
    return _share((drawn * left * up).sum(axis=1), np.sqrt(spreads))


def spearman(x: Values, y: Values, drawn: Values) -> Values:
    """Rank correlation in every sample, ranked anew; equal values share the middle of their ranks."""
    left, up = (drawn @ ((values > values[:, None]) + (values == values[:, None]) / 2) for values in (x, y))
    return pearson(left, up, drawn)


def kendall(x: Values, y: Values, drawn: Values) -> Values:
    """Kendall's tau-b in every sample."""
    left, up = (np.sign(values[:, None] - values) for values in (x, y))
    spreads = _over_pairs(left**2, drawn) * _over_pairs(up**2, drawn)
    return _share(_over_pairs(left * up, drawn), np.sqrt(spreads))


def _over_pairs(of_pairs: Values, drawn: Values) -> Values:
    """The sum over all pairs of points in every sample."""
    sums: Values = ((drawn @ of_pairs) * drawn).sum(axis=1)
    return sums


def _share(parts: Values, wholes: Values) -> Values:
    shares: Values = np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=wholes > 1e-12)
    return shares


def _right(small: list[Values], large: Values) -> Values:
    """Of every two candidates, the share of pairs of runs in the order of the large scale; a tie counts half."""
    right = np.zeros((len(large), len(large)))
    for i, j in itertools.permutations(range(len(large)), 2):
        agreement = np.sign(small[i][:, None] - small[j]) * np.sign(large[i] - large[j])
        right[i, j] = (1 + agreement.mean()) / 2
    return right


def _decided(scores: Sequence[Scores], noise: Noise | None) -> NDArray[np.bool_] | None:
    """Which pairs the scores decide; None where their noise is unknown."""
    if noise is None:
        return None
    pairs = list(itertools.combinations(range(len(scores)), 2))
    tails = holm([difference(scores[i], scores[j], noise).p for i, j in pairs])
    decided = np.zeros((len(scores), len(scores)), bool)
    for (i, j), tail in zip(pairs, tails, strict=True):
        decided[i, j] = decided[j, i] = tail is not None and tail < TAIL
    return decided


def _mean_of(right: Values, counted: NDArray[np.bool_], drawn: Values) -> Values:
    """The mean over the counted pairs in every sample; NaN where there are none."""
    return _share(_over_pairs(right * counted, drawn), _over_pairs(counted.astype(float), drawn))


def _draws(number: int) -> Values:
    """How often each candidate is in each sample: in the first each once, in the others as drawn with replacement."""
    samples = NUM_SAMPLES if number >= MIN_CANDIDATES else 0
    draws = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), samples)
    return np.concatenate([np.ones((1, number)), draws])


def _estimate(found: Values) -> Estimate | None:
    """The number in the first sample, and where it lies in the others."""
    value, others = float(found[0]), found[1:][~np.isnan(found[1:])]
    if np.isnan(value):
        return None
    if not len(others):
        return Estimate(value=value, interval=None)
    low, high = np.quantile(others, [TAIL / 2, 1 - TAIL / 2])
    return Estimate(value=value, interval=(float(low), float(high)))
