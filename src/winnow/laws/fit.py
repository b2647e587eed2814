"""A law fitted to runs: from many starts, with what is linear solved exactly, and with a word on how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.descent import descend, huber, jacobian, trust
from winnow.laws.law import Law
from winnow.laws.setups import Runs, Setups

if TYPE_CHECKING:
    from numpy.typing import NDArray

Over = Callable[..., Iterable[Any]]
"""How a function is called for one thing after the other: ``map``, or that of an executor."""
NUM_STARTS = 64
AGREEMENT = 1e-3
"""Starts whose objective is so close to the best, relatively, have found the same fit."""
LEAST_AGREEING = 2
SAME_END = 1e-6
"""Searches whose sums of squares lie so close together, relatively, have come to one place; one goes on for all."""
HUBER_NOISES = 1.5
"""Beyond so many noise scales a residual counts by its size, no more by its square."""
NORMAL_MAD = 1.4826
"""Times the median absolute deviation: the standard deviation of normal noise."""
LEAST_NOISE = 1e-9
FAR = 30.0
"""Logarithms of terms' shares of the values lie between this and its negative."""
LEAST_SHARE = 1e-3
"""Of the values, by a term that a search begins without."""


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

    def residuals(self, runs: Runs) -> NDArray[np.float64]:
        """[n] logarithms of prediction over measurement."""
        return self.law.residuals(self.theta, self.coefficients, runs)


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
    projected = [_projected(law, runs, np.exp(start)) for start in _starts(law, runs, num_starts, seed)]
    residuals = [law.residuals(*one, runs) for one in projected]
    squares = np.array([some @ some for some in residuals])
    if noise is None:
        noise = _scale(residuals[int(squares.argmin())], len(names))
    places, counts = _distinct(squares)
    starts = [projected[int(place)] for place in places]
    found = [refit(law, runs, theta, coefficients, noise) for theta, coefficients in starts]
    best = min(found, key=lambda one: one.objective)
    alike = [one.objective <= best.objective * (1 + AGREEMENT) + LEAST_NOISE**2 for one in found]
    agreeing = int(np.sum(counts, where=alike))
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
    """All parameters from where they are to the nearest optimum; ``theta[held]`` stays."""
    delta = max(HUBER_NOISES * noise, LEAST_NOISE)
    trusted = trust(law.residuals(theta, coefficients, runs), delta)
    space = _Space(law, runs, *_projected(law, runs, theta, held, trusted), held)

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return law.residuals(*space.unpack(x), runs)

    x = descend(residuals, space.start, *space.bounds, delta, tolerance)
    low, high = space.bounds
    at = residuals(x)
    slopes = jacobian(residuals, x, at)[:, (low < x) & (x < high)]
    return Found(*space.unpack(x), huber(at, delta), descent(slopes, at, delta))


class _Space:
    """Where a search moves: in logarithms, those of coefficients by what their terms are of the values.

    A coefficient of zero begins a little above it, so that it can come back.
    """

    def __init__(
        self,
        law: Law,
        runs: Runs,
        theta: NDArray[np.float64],
        coefficients: NDArray[np.float64],
        held: int | None = None,
    ) -> None:
        self.theta, self.free = theta, np.flatnonzero(np.arange(len(theta)) != held)
        sizes = np.sqrt(np.mean((law.terms(theta, runs) / runs.value[:, None]) ** 2, axis=0))
        self.units = 1 / np.where(sizes > 0, sizes, 1)
        shares = np.maximum(coefficients / self.units, LEAST_SHARE)
        edges, far = _edges(law, runs)[self.free], np.full(len(coefficients), FAR)
        self.bounds = np.concatenate([edges[:, 0], -far]), np.concatenate([edges[:, 1], far])
        self.start = np.clip(np.log(np.concatenate([theta[self.free], shares])), *self.bounds)

    def unpack(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Parameters and coefficients."""
        theta = self.theta.copy()
        theta[self.free] = np.exp(x[: len(self.free)])
        return theta, self.units * np.exp(x[len(self.free) :])


def _distinct(squares: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One search of those that ended alike, and how many did."""
    order = np.argsort(squares, kind="stable")
    begins = np.flatnonzero(np.diff(squares[order], prepend=-1.0) > SAME_END * squares[order])
    return order[begins], np.diff(begins, append=len(order))


def _starts(law: Law, runs: Runs, number: int, seed: int) -> NDArray[np.float64]:
    """[number, parameters] between their bounds, in logarithms."""
    from scipy.stats import qmc

    edges = _edges(law, runs)
    if not len(edges):
        return np.zeros((LEAST_AGREEING, 0))
    points = qmc.Sobol(len(edges), seed=seed).random_base2(int(np.ceil(np.log2(number))))[:number]
    found: NDArray[np.float64] = edges[:, 0] + points * (edges[:, 1] - edges[:, 0])
    return found


def _projected(
    law: Law,
    runs: Runs,
    theta: NDArray[np.float64],
    held: int | None = None,
    trusted: NDArray[np.float64] | float = 1.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """To the nearest optimum of relative squares, by how far each is trusted; coefficients are solved for."""
    from scipy.optimize import least_squares

    free, (low, high) = np.flatnonzero(np.arange(len(theta)) != held), _edges(law, runs).T
    scale = (np.sqrt(trusted) / runs.value)[:, None]
    goal, found = (np.sqrt(trusted) * np.ones(len(runs))), theta.copy()

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        found[free] = np.exp(x)
        terms = law.terms(found, runs) * scale
        return np.asarray(terms @ solved(terms, goal) - goal)

    if len(free):
        inside = np.clip(np.log(theta[free]), low[free] + 1e-9, high[free] - 1e-9)
        best = least_squares(residuals, inside, bounds=(low[free], high[free]), x_scale="jac", max_nfev=100)
        found[free] = np.exp(best.x)
    return found, solved(law.terms(found, runs) * scale, goal)


def solved(terms: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-negative coefficients whose sum of terms comes nearest to the goal; columns are scaled first."""
    from scipy.optimize import nnls

    sizes = np.linalg.norm(terms, axis=0)
    sizes[sizes == 0] = 1
    found: NDArray[np.float64] = nnls(terms / sizes, goal)[0] / sizes
    return found


def _edges(law: Law, setups: Setups) -> NDArray[np.float64]:
    """[parameters, 2] logarithms of the bounds."""
    return np.log([(one.low, one.high) for one in law.parameters(setups)]).reshape(-1, 2)


def descent(slopes: NDArray[np.float64], residuals: NDArray[np.float64], delta: float) -> float:
    """What a Gauss-Newton step would take off, as a share of the objective."""
    weights = trust(residuals, delta)
    pull = slopes.T @ (weights * residuals)
    step = np.linalg.lstsq((slopes * weights[:, None]).T @ slopes, pull, rcond=1e-12)[0]
    return float(pull @ step / 2) / max(huber(residuals, delta), LEAST_NOISE**2)


def _scale(residuals: NDArray[np.float64], num_parameters: int) -> float:
    """A robust standard deviation, about zero, of what is left where so many parameters have been fitted."""
    spent = len(residuals) / (len(residuals) - num_parameters)
    return max(float(NORMAL_MAD * np.median(np.abs(residuals)) * np.sqrt(spent)), LEAST_NOISE)


def root_mean_square(residuals: NDArray[np.float64]) -> float:
    """The size of a residual."""
    return float(np.sqrt(np.mean(residuals**2)))
