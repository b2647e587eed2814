"""What the page of an advice is made of, and what follows from it: curves, worths of epochs, chances of being best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.advice import FAR_EPOCHS, Advice, Beliefs, Switch
from winnow.laws.baselines import SingleScaleRanking
from winnow.laws.compare import Form
from winnow.laws.law import Law
from winnow.laws.plans import Pool
from winnow.laws.setups import Runs, Setups
from winnow.laws.uncertainty import Draws, Profile
from winnow.report.figures import value

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_DRAWS = 250
"""Resampled fits of a law that bands are drawn from."""
QUANTILES = 0.025, 0.5, 0.975
NUM_TOKENS = 40
"""Points of a curve."""
MARGIN = 1.5
"""Times what is known to either side that curves go on."""
NUM_FRESH = 1000
"""Points between which the worth of repeated tokens is read off fresh ones, by straight lines of logarithms."""
LEAST_FRESH = 0.01
"""Of a pool's tokens, the fewest that a repeated pool is compared with."""
LEAST_EPOCHS = 4.0
"""That pictures of epochs go to, where no run repeats anything."""
ALIKE = 0.05
"""Relative difference up to which a run counts as one of a curve."""


@dataclass(frozen=True, kw_only=True)
class AdviceData:
    """Everything that the page of an advice shows."""

    metric: str
    """What runs were measured by; lower is better."""
    believed: Beliefs
    pools: tuple[Pool, ...]
    """Best first."""
    runs: Runs
    forms: tuple[Form, ...]
    """Laws fitted to the runs; those whose draws are believed make the advice."""
    profiles: tuple[Profile, ...]
    advices: tuple[Advice, ...]
    """One for each budget, at least one."""
    switches: tuple[Switch, ...]
    num_params: float = 1.0
    """Of the model that the switches are of; curves and worths are drawn for it."""
    baselines: tuple[Form, ...] = ()
    """Laws that no advice follows from, shown beside the others."""
    ranking: SingleScaleRanking | None = None
    flags: tuple[str, ...] = ()
    """What is to be said of the runs and the fits."""

    def __post_init__(self) -> None:
        if not self.advices or not self.forms:
            raise InputError(
                f"there are {len(self.advices)} budgets with advice and {len(self.forms)} forms of law; "
                "a page needs one of each at least"
            )
        if (names := tuple(pool.name for pool in self.pools)) != self.runs.pools:
            raise InputError(f"the pools are {names} and the runs are of {self.runs.pools}: give both in one order")

    @cached_property
    def unit(self) -> str:
        """What budgets are counted in."""
        return "tokens" if all(one.budget.tokens is not None for one in self.advices) else "FLOPs"

    def amount(self, advice: Advice) -> float:
        """How much its budget is, in ``unit``."""
        given = advice.budget.tokens if self.unit == "tokens" else advice.budget.flops
        return advice.recommended.plan.flops if given is None else given

    @cached_property
    def along(self) -> tuple[Advice, ...]:
        """The advices from the smallest budget to the largest."""
        return tuple(sorted(self.advices, key=self.amount))

    @cached_property
    def best(self) -> Form:
        """The form that predicts runs best which it was not fitted to."""
        return min(self.forms, key=lambda form: form.cross_validated)

    def drawn(self, law: Law) -> Draws | None:
        """Some resampled fits of a law; None where it is not believed."""
        return next((_some(draws) for draws in self.believed.draws if draws.law == law), None)

    @cached_property
    def thinned(self) -> Beliefs:
        """What is believed, by fewer draws."""
        return replace(self.believed, draws=tuple(map(_some, self.believed.draws)))

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """[p] unique tokens of the pools."""
        return np.array([pool.unique_tokens for pool in self.pools])

    @cached_property
    def keep_fractions(self) -> NDArray[np.float64]:
        """[p] of the tokens of all pools that the first ones have."""
        found: NDArray[np.float64] = np.cumsum(self.sizes) / self.sizes.sum()
        return found


def law_name(law: Law) -> str:
    """The law's name, and what of it is not as usual."""
    unusual = [
        f"{one.name} {own if isinstance(own, bool) else value(own)}"
        for one in fields(law)
        if (own := getattr(law, one.name)) != one.default
    ]
    return ", ".join([type(law).__name__, *unusual])


def _some(draws: Draws) -> Draws:
    return replace(draws, theta=draws.theta[:MOST_DRAWS], coefficients=draws.coefficients[:MOST_DRAWS])


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A curve with its band: quantiles over the draws."""

    at: NDArray[np.float64]
    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]


def curves(data: AdviceData) -> list[Prediction]:
    """Values against tokens of the first pool, the first two, and so on, every token equally often."""
    known = [advice.recommended.plan.tokens for advice in data.advices]
    known += [float(one) for switch in data.switches for one in (switch.tokens, *switch.interval) if np.isfinite(one)]
    known += [one for runs in measured(data) for one in runs.tokens.tolist()]
    tokens = np.geomspace(min(known) / MARGIN, max(known) * MARGIN, NUM_TOKENS)
    found = []
    for number in range(1, len(data.pools) + 1):
        unique = np.where(np.arange(len(data.pools)) < number, data.sizes, 0.0)
        seen = tokens[:, None] * unique / unique.sum()
        found.append(_predicted(data.thinned, tokens, _setups(data, unique, seen)))
    return found


def measured(data: AdviceData) -> list[Runs]:
    """The runs that lie on each of the curves: whole first pools, equally often, a model of that size."""
    return [data.runs.rows(rows) for rows in _of_prefixes(data)]


def _of_prefixes(data: AdviceData) -> list[NDArray[np.bool_]]:
    runs, sizes = data.runs, data.sizes
    even = np.isclose(runs.epochs, (runs.tokens / runs.used)[:, None], rtol=ALIKE)
    whole = np.isclose(runs.unique, sizes, rtol=ALIKE)
    model = np.isclose(runs.num_params, data.num_params, rtol=ALIKE)
    places = np.arange(len(sizes))
    return [
        model & np.where(places < number, even & whole, runs.seen == 0).all(1) for number in range(1, len(sizes) + 1)
    ]


def _setups(data: AdviceData, unique: NDArray[np.float64], seen: NDArray[np.float64]) -> Setups:
    return Setups(
        data.runs.pools, np.broadcast_to(unique, seen.shape), seen, np.full(len(seen), data.num_params, dtype=float)
    )


def _predicted(believed: Beliefs | Draws, at: NDArray[np.float64], setups: Setups) -> Prediction:
    low, middle, high = np.quantile(believed.predict(setups), QUANTILES, axis=0)
    return Prediction(at=at, low=low, middle=middle, high=high)


def most_epochs(data: AdviceData) -> float:
    """What pictures of epochs go to: as far as advice that is not flagged may."""
    return max(LEAST_EPOCHS, math.ceil(FAR_EPOCHS * max(data.believed.most_epochs)))


def worths(data: AdviceData, form: Form) -> list[Prediction]:
    """What each further epoch over a pool is worth, in epochs of fresh tokens of its kind.

    After k epochs a model is as good as after one epoch over so many distinct tokens; by how much that grows from one
    epoch to the next is what the epoch is worth: 1 of the first, 0 where it teaches nothing, below where it harms.
    NaN where a law's values do not fall with fresh tokens.
    """
    draws = data.drawn(form.fitted.law)
    if draws is None:
        draws = Draws(form.fitted.law, form.fitted.theta[None], form.fitted.coefficients[None], form.fitted.noise)
    epochs = np.unique(np.geomspace(1, most_epochs(data), NUM_TOKENS).round())
    return [_worth(data, draws, place, epochs) for place in range(len(data.pools))]


def _worth(data: AdviceData, draws: Draws, place: int, epochs: NDArray[np.float64]) -> Prediction:
    only = np.eye(len(data.pools))[place]
    size = data.sizes[place]
    fresh = np.geomspace(LEAST_FRESH, epochs[-1], NUM_FRESH)
    later = np.maximum(epochs, 2)
    times = np.concatenate([later, later - 1])
    alone = draws.predict(_setups(data, only * size, np.outer(times * size, only)))
    distinct = np.outer(fresh * size, only)
    falling = draws.predict(_setups(data, distinct, distinct))
    found = np.array([_inverse(one, fresh, other) for one, other in zip(falling, alone, strict=True)])
    worth = np.where(epochs == 1, 1.0, found[:, : len(epochs)] - found[:, len(epochs) :])
    if np.isnan(worth).any():
        worth = worth[~np.isnan(worth).any(1)] if not np.isnan(worth).any(1).all() else np.full_like(worth, np.nan)
    low, middle, high = np.quantile(worth, QUANTILES, axis=0)
    return Prediction(at=epochs, low=low, middle=middle, high=high)


def _inverse(
    falling: NDArray[np.float64], fresh: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fresh epochs that give these values; NaN where values do not fall with them."""
    if not (np.diff(falling) < 0).all():
        return np.full_like(values, np.nan)
    return np.exp(np.interp(values, falling[::-1], np.log(fresh)[::-1]))


def chances(advices: Sequence[Advice]) -> dict[float, list[float]]:
    """For each budget, how often a plan with this keep-fraction is the best; largest keep-fraction first.

    Keep-fractions that are never best are left out.
    """
    sums: dict[float, list[float]] = {}
    for place, advice in enumerate(advices):
        for choice in advice.choices:
            row = sums.setdefault(choice.plan.keep_fraction, [0.0] * len(advices))
            row[place] += choice.p_best
    return {kept: sums[kept] for kept in sorted(sums, reverse=True) if any(sums[kept])}
