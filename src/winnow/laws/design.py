"""What to train next: the run that would take most off the regret that is still expected, before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.advice import Beliefs
from winnow.laws.plans import FLOPS_PER_TOKEN, Budget, Pool, check_pools, models_between, plans, setups_of
from winnow.laws.setups import Setups

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Evenly spaced in logarithms and one under one: these tell what data is worth from what repeating it costs."""
MOST_DRAWS = 1000
"""Of all fits: each is taken as the truth once."""
DEGREE = 4
"""Of the curves of regret."""
NUM_OUTCOMES = 5
"""Values of a run that each truth gives, each with other noise; the same noise for all runs that are compared."""


@dataclass(frozen=True)
class NextRun:
    """A training, and what it would do to the regret of the advice."""

    training: Setups
    """One row."""
    regret_now: float
    """Expected of the advice as it is, on the mean over the budgets, in the value's own unit."""
    regret_after: float
    """The same of advice that knows this training's value too."""
    flops: float
    """Of the training."""


def next_runs(
    believed: Beliefs, pools: Sequence[Pool], budgets: Sequence[Budget], candidates: Setups | None = None
) -> list[NextRun]:
    """Trainings with the regret that is expected after them, the least first (Raiffa & Schlaifer 1961: preposterior).

    Each draw in turn is the truth and gives the training's value, with its noise. What every plan's regret then is on
    the mean is a smooth curve of that value, fitted to the draws (Strong et al. 2015, Medical Decision Making 35:570);
    the plan of least regret by the curves is judged by the truth. No law is fitted again, so a value that no draw
    expects teaches less here than it would. With few draws a training that teaches nothing can seem to harm a little.

    Unless given, candidates are single pools and the first pools together, for ``EPOCHS``, on the smallest and the
    largest model, of no more tokens than runs had so far. InputError where there is one draw alone.
    """
    check_pools(pools)
    if candidates is None:
        sizes = sorted(set(believed.params))
        candidates = trainings(pools, offers(len(pools)), EPOCHS, sizes, believed.most_tokens)
    models = models_between(*believed.params)
    regrets = []
    for budget in budgets:
        values = believed.predict(setups_of(pools, plans(pools, budget, models)))
        regrets.append(_thinned(values - values.min(1, keepdims=True)))
    if len(regrets[0]) < 2:
        raise InputError("there is one draw alone, so nothing is uncertain and no run can help: resample the fit")
    values = np.log(_thinned(believed.predict(candidates)))
    now = _expected(values[:, 0], believed.noise, regrets, degree=0)
    found = [
        NextRun(
            training=candidates.rows([place]),
            regret_now=now,
            regret_after=_expected(values[:, place], believed.noise, regrets, DEGREE),
            flops=float(FLOPS_PER_TOKEN * candidates.num_params[place] * candidates.tokens[place]),
        )
        for place in range(len(candidates))
    ]
    return sorted(found, key=lambda one: (one.regret_after, one.flops))


def trainings(
    pools: Sequence[Pool],
    offered: Sequence[tuple[int, ...]],
    epochs: Sequence[float] = EPOCHS,
    num_params: Sequence[float] = (1.0,),
    most_tokens: float = np.inf,
) -> Setups:
    """Every combination of the pools offered, by their places, the epochs over all of them, and the model.

    Pools that would give more than ``most_tokens`` are shrunk together until they do not, so that epochs stay as they
    are: small trainings then repeat their data as often as large ones (Zhou et al. 2026, arXiv 2606.07597).
    """
    sizes, unique, seen, models = np.array([pool.unique_tokens for pool in pools]), [], [], []
    for places, times, params in product(offered, epochs, num_params):
        whole = np.where(np.isin(np.arange(len(pools)), places), sizes, 0.0)
        unique.append(whole * min(1.0, most_tokens / (times * whole.sum())))
        seen.append(times * unique[-1])
        models.append(params)
    return Setups(tuple(pool.name for pool in pools), np.array(unique), np.array(seen), np.array(models))


def alone(num_pools: int) -> list[tuple[int, ...]]:
    """Every pool by itself."""
    return [(place,) for place in range(num_pools)]


def offers(num_pools: int) -> list[tuple[int, ...]]:
    """Every pool by itself, and the first ones together."""
    return [*alone(num_pools), *(tuple(range(number)) for number in range(2, num_pools + 1))]


def _expected(values: NDArray[np.float64], noise: float, regrets: Sequence[NDArray[np.float64]], degree: int) -> float:
    """Regret that is left once a training has shown its value: [draws] logarithms, and of each budget [draws, plans].

    Of degree 0 nothing is learned from the value, and it is the regret of today.
    """
    random = np.random.default_rng(0)
    shown = values[:, None] + noise * random.standard_normal((len(values), NUM_OUTCOMES))
    left, halves = 0.0, (slice(0, None, 2), slice(1, None, 2))
    # Plans are judged by other draws than those they were chosen by, or chance would look like knowledge.
    for truths, others in (halves, halves[::-1]):
        known = np.sort(shown[others], axis=None)
        learned, told = (_curves(known, shown[half].ravel(), degree) for half in (others, truths))
        for regret in regrets:
            expected = told @ np.linalg.lstsq(learned, np.repeat(regret[others], NUM_OUTCOMES, axis=0), rcond=None)[0]
            chosen = expected.argmin(1).reshape(-1, NUM_OUTCOMES)
            left += float(np.take_along_axis(regret[truths], chosen, 1).mean())
    return left / len(halves) / len(regrets)


def _curves(known: NDArray[np.float64], values: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """[n, degree + 1] Legendre's polynomials of the values' ranks among those known, which no wild draw stretches."""
    ranks = 2 * np.searchsorted(known, values) / len(known) - 1
    return np.asarray(np.polynomial.legendre.legvander(ranks, degree), np.float64)


def _thinned(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """``MOST_DRAWS`` rows at most, evenly spaced."""
    found: NDArray[np.float64] = draws[np.linspace(0, len(draws) - 1, min(len(draws), MOST_DRAWS)).astype(int)]
    return found
