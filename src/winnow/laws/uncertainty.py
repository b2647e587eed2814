"""How sure a fit is: fits of resampled runs, and how far each parameter can move before the runs object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from winnow.laws.fit import Fit, Found, Over, refit
from winnow.laws.law import Law
from winnow.laws.setups import Runs, Setups

if TYPE_CHECKING:
    from numpy.typing import NDArray

Identified = Literal["both sides", "below", "above", "not identified"]
"""Which sides of a parameter's interval the runs settle."""
IDENTIFIED: dict[tuple[bool, bool], Identified] = {
    (True, True): "both sides",
    (True, False): "below",
    (False, True): "above",
    (False, False): "not identified",
}
NUM_DRAWS = 1000
CHI2_95 = 3.841
"""The 95% point of a chi-squared variable of one degree: by so much may minus twice the log likelihood rise."""
NUM_PROFILE = 17
BATCH = 20
"""Resampled fits that are made by one process one after the other."""
TOLERANCE = 1e-4
"""Of a resampled fit, relatively: far below how much such fits differ."""


@dataclass(frozen=True)
class Draws:
    """Fits of resampled runs."""

    law: Law
    theta: NDArray[np.float64]
    """[draws, parameters]."""
    coefficients: NDArray[np.float64]
    """[draws, coefficients]."""
    noise: float

    def __len__(self) -> int:
        return len(self.theta)

    def predict(self, setups: Setups) -> NDArray[np.float64]:
        """[draws, n] values."""
        return np.stack([self.law.predict(*one, setups) for one in zip(self.theta, self.coefficients, strict=True)])


def bootstrap(
    fitted: Fit,
    runs: Runs,
    num_draws: int = NUM_DRAWS,
    seed: int = 0,
    over: Over = map,
) -> Draws:
    """Fits of as many runs drawn with replacement, each from where all runs lead; a run's rows are drawn together."""
    random = np.random.default_rng(seed)
    names, of = np.unique(runs.run, return_inverse=True)
    rows = [np.flatnonzero(of == number) for number in range(len(names))]
    drawn = [
        np.concatenate([rows[number] for number in random.integers(len(names), size=len(names))])
        for _ in range(num_draws)
    ]
    batches = [drawn[place : place + BATCH] for place in range(0, num_draws, BATCH)]
    found = list(chain.from_iterable(over(partial(_refits, fitted, runs), batches)))
    return Draws(
        fitted.law, np.stack([one.theta for one in found]), np.stack([one.coefficients for one in found]), fitted.noise
    )


def _refits(fitted: Fit, runs: Runs, drawn: Sequence[NDArray[np.int64]]) -> list[Found]:
    return [
        refit(fitted.law, runs.rows(rows), fitted.theta, fitted.coefficients, fitted.noise, tolerance=TOLERANCE)
        for rows in drawn
    ]


@dataclass(frozen=True)
class Profile:
    """The objective along one parameter, all others at their best."""

    name: str
    value: float
    """Of the fit."""
    values: NDArray[np.float64]
    deviance: NDArray[np.float64]
    """Minus twice the log likelihood, less its least."""
    interval: tuple[float, float]
    """95%; a side that the runs do not settle is the parameter's bound."""
    identified: Identified


def profile(fitted: Fit, runs: Runs, place: int) -> Profile:
    """How the objective rises where a parameter is held at other values, and where that is by too much."""
    from scipy.optimize import brentq

    parameter, best = fitted.law.parameters(runs)[place], np.log(fitted.theta[place])

    def deviance(log: float) -> float:
        held = fitted.theta.copy()
        held[place] = np.exp(log)
        found = refit(fitted.law, runs, held, fitted.coefficients, fitted.noise, held=place)
        return 2 * (found.objective - fitted.objective) / fitted.noise**2

    def beyond(log: float) -> float:
        return deviance(log) - CHI2_95

    edges, settled = [], []
    for edge in np.log([parameter.low, parameter.high]):
        settled.append(bool(edge != best and beyond(edge) > 0))
        edges.append(brentq(beyond, best, edge, xtol=1e-4) if settled[-1] else edge)
    logs = np.unique([*np.linspace(edges[0], edges[1], NUM_PROFILE), best])
    low, high = np.exp(edges).tolist()
    return Profile(
        name=parameter.name,
        value=float(fitted.theta[place]),
        values=np.exp(logs),
        deviance=np.array([deviance(log) for log in logs]),
        interval=(low, high),
        identified=IDENTIFIED[settled[0], settled[1]],
    )
