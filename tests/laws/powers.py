"""A small law and its runs, for tests of what any law goes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.laws.law import Law, Parameter
from winnow.laws.setups import Runs, Setups, one_pool

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Power(Law):
    """E + B / D^beta."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return (Parameter("beta", 0.05, 2.0),)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        return ("E", "B")

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        return np.stack([np.ones(len(setups)), setups.tokens ** -theta[0]], 1)


THETA, COEFFICIENTS = np.array([0.4]), np.array([1.5, 30.0])


def trainings(number: int = 24, low: float = 1e3, high: float = 1e7) -> Setups:
    tokens = np.geomspace(low, high, number)
    return one_pool(tokens, tokens, np.ones(number))


def measured(setups: Setups, noise: float, seed: int = 0, runs: list[str] | None = None) -> Runs:
    """What the law gives, with relative noise; every row a run of its own unless told."""
    random = np.random.default_rng(seed)
    values = Power().predict(THETA, COEFFICIENTS, setups) * np.exp(noise * random.standard_normal(len(setups)))
    names = np.array(runs or [str(number) for number in range(len(setups))])
    return Runs(setups.pools, setups.unique, setups.seen, setups.num_params, values, names)
