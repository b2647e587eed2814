"""A law fitted to runs: from many starts, with what is linear solved exactly, and with a word on how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.law import Law
from winnow.laws.setups import Runs, Setups

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_STARTS = 64
AGREEMENT = 1e-3
"""Starts whose objective is so close to the best, relatively, have found the same fit."""
LEAST_AGREEING = 2
HUBER_NOISES = 1.5
"""Beyond so many noise scales a residual counts by its size, no more by its square."""
NORMAL_MAD = 1.4826
"""Times the median absolute deviation: the standard deviation of normal noise."""
LEAST_NOISE = 1e-9
STEP = 1e-7
"""Of a logarithm, in differences."""
FAR = 60.0
"""Logarithms of coefficients lie between this and its negative."""


@dataclass(frozen=True)
class Fit:
    """A law with the parameters that suit its runs best."""

    law: Law
    theta: NDArray[np.float64]
    """Of what it is not linear in, in the order of ``parameters``."""
    coefficients: NDArray[np.float64]
    objective: float
    """Sum of Huber's loss of the residuals, which are logarithms."""
    noise: float
    """Scale of the residuals: relative, so 0.01 is one percent."""
    num_starts: int
    agreeing: int
    """Starts that ended here."""
    descent: float
    """Share of the objective that one more Gauss-Newton step would take off: zero where the fit has converged."""

    def predict(self, setups: Setups) -> NDArray[np.float64]:
        """[n] values."""
        return self.law.predict(self.theta, self.coefficients, setups)


def fit(law: Law, runs: Runs, *, noise: float | None = None, num_starts: int = NUM_STARTS, seed: int = 0) -> Fit:
    """The law's parameters at the least sum of Huber's loss of log residuals, never the mean, which ends too early.

    First the coefficients are solved for (non-negative least squares of relative errors) while the rest is searched
    from ``num_starts`` points of a Sobol sequence over the logarithms (variable projection: Golub & Pereyra 1973); then
    all move together. ``noise`` is the scale of residuals where repeated runs tell it, else that of the residuals' own
    median. InputError where there are fewer runs than parameters, or where one start alone reached the best fit.
    """
    names = [*(one.name for one in law.parameters(runs)), *law.coefficients(runs)]
    if len(runs) <= len(names):
        raise InputError(
            f"{type(law).__name__} has {len(names)} parameters ({', '.join(names)}) and there are {len(runs)} runs: "
            "more runs than parameters are needed, two or three times as many for intervals that mean something"
        )
    projected = [_projected(law, runs, start) for start in _starts(law, runs, num_starts, seed)]
    if noise is None:
        noise = _scale(law.residuals(*min(projected, key=lambda one: _squares(law, runs, one)), runs))
    found = [refit(law, runs, *one, noise) for one in projected]
    best = min(found, key=lambda one: one.objective)
    agreeing = sum(one.objective <= best.objective * (1 + AGREEMENT) + LEAST_NOISE**2 for one in found)
    if agreeing < LEAST_AGREEING:
        second = sorted(one.objective for one in found)[1] if len(found) > 1 else float("nan")
        raise InputError(
            f"{type(law).__name__}: of {num_starts} starts one alone reached the best fit ({best.objective:.4g}, the "
            f"next {second:.4g}), which is then chance: try more starts, more runs, or a law with fewer parameters"
        )
    return Fit(law, best.theta, best.coefficients, best.objective, noise, num_starts, agreeing, best.descent)


@dataclass(frozen=True)
class Found:
    """Where one search ended."""

    theta: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    objective: float
    descent: float


def refit(
    law: Law,
    runs: Runs,
    theta: NDArray[np.float64],
    coefficients: NDArray[np.float64],
    noise: float,
    held: int | None = None,
    tolerance: float = 1e-12,
) -> Found:
    """All parameters from where they are to the nearest optimum; coefficients of zero stay, as ``theta[held]`` does."""
    from scipy.optimize import least_squares

    delta = max(HUBER_NOISES * noise, LEAST_NOISE)
    space = _Space(law, runs, theta, coefficients, held)

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return law.residuals(*space.unpack(x), runs)

    result = least_squares(
        residuals,
        space.start,
        jac=lambda x: jacobian(residuals, x),
        bounds=space.bounds,
        loss="huber",
        f_scale=delta,
        x_scale="jac",
        xtol=tolerance,
        ftol=tolerance,
        gtol=tolerance,
        max_nfev=200,
    )
    at, slopes = residuals(result.x), jacobian(residuals, result.x)[:, result.active_mask == 0]
    return Found(*space.unpack(result.x), huber(at, delta), _descent(slopes, at, delta))


class _Space:
    """The logarithms that a search moves, as parts of all parameters."""

    def __init__(
        self,
        law: Law,
        runs: Runs,
        theta: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        held: int | None = None,
    ) -> None:
        self.num_theta, used = len(theta), np.flatnonzero(coefficients)
        self.all = np.concatenate([theta, coefficients])
        moved = np.concatenate([np.flatnonzero(np.arange(len(theta)) != held), len(theta) + used])
        edges = _edges(law, runs)
        low = np.concatenate([edges[:, 0], np.full(len(coefficients), -FAR)])[moved]
        high = np.concatenate([edges[:, 1], np.full(len(coefficients), FAR)])[moved]
        self.moved, self.bounds = moved, (low, high)
        self.start = np.clip(np.log(self.all[moved]), low, high)

    def unpack(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Parameters and coefficients."""
        found = self.all.copy()
        found[self.moved] = np.exp(x)
        return found[: self.num_theta], found[self.num_theta :]


def huber(residuals: NDArray[np.float64], delta: float) -> float:
    """Sum of Huber's loss: half the square up to delta, a straight line beyond (Huber 1964)."""
    size = np.abs(residuals)
    return float(np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).sum())


def jacobian(of: Callable[[NDArray[np.float64]], NDArray[np.float64]], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, len(x)] by differences."""
    here = of(x)
    return np.stack([(of(x + step) - here) / STEP for step in STEP * np.eye(len(x))], 1)


def _starts(law: Law, runs: Runs, number: int, seed: int) -> NDArray[np.float64]:
    """[number, parameters] between their bounds, in logarithms."""
    from scipy.stats import qmc

    edges = _edges(law, runs)
    if not len(edges):
        return np.zeros((LEAST_AGREEING, 0))
    points = qmc.Sobol(len(edges), seed=seed).random_base2(int(np.ceil(np.log2(number))))[:number]
    found: NDArray[np.float64] = edges[:, 0] + points * (edges[:, 1] - edges[:, 0])
    return found


def _projected(law: Law, runs: Runs, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From a start to an optimum of relative squares, the coefficients solved for at every step."""
    from scipy.optimize import least_squares

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        terms = law.terms(np.exp(x), runs) / runs.value[:, None]
        found: NDArray[np.float64] = terms @ solved(terms) - 1
        return found

    if len(start):
        low, high = _edges(law, runs).T
        inside = np.clip(start, low + 1e-9, high - 1e-9)
        start = np.asarray(least_squares(residuals, inside, bounds=(low, high), x_scale="jac", max_nfev=100).x)
    theta = np.exp(start)
    return theta, solved(law.terms(theta, runs) / runs.value[:, None])


def solved(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-negative coefficients whose sum of terms comes nearest to one; columns are scaled first."""
    from scipy.optimize import nnls

    sizes = np.linalg.norm(terms, axis=0)
    sizes[sizes == 0] = 1
    found: NDArray[np.float64] = nnls(terms / sizes, np.ones(len(terms)))[0] / sizes
    return found


def _edges(law: Law, setups: Setups) -> NDArray[np.float64]:
    """[parameters, 2] logarithms of the bounds."""
    return np.log([(one.low, one.high) for one in law.parameters(setups)]).reshape(-1, 2)


def _descent(slopes: NDArray[np.float64], residuals: NDArray[np.float64], delta: float) -> float:
    """What a Gauss-Newton step would take off, as a share of the objective."""
    weights = 1 / np.maximum(1, np.abs(residuals) / delta)
    pull = slopes.T @ (weights * residuals)
    step = np.linalg.lstsq((slopes * weights[:, None]).T @ slopes, pull, rcond=1e-12)[0]
    return float(pull @ step / 2) / max(huber(residuals, delta), LEAST_NOISE**2)


def _squares(law: Law, runs: Runs, at: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
    found = law.residuals(*at, runs)
    return float(found @ found)


def _scale(residuals: NDArray[np.float64]) -> float:
    """A robust standard deviation, about zero."""
    return max(float(NORMAL_MAD * np.median(np.abs(residuals))), LEAST_NOISE)
