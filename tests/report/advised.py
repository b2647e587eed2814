"""Runs of a known law, draws about its truth and the advice that follows, for tests of the page; nothing is fitted."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from winnow.laws.advice import advise, beliefs, switches
from winnow.laws.compare import Form
from winnow.laws.fit import Fit
from winnow.laws.goyal import GoyalUtility
from winnow.laws.law import Law
from winnow.laws.plans import Budget, Pool
from winnow.laws.setups import Runs, Setups
from winnow.laws.uncertainty import CHI2_95, Draws, Identified, Profile
from winnow.report.advice_model import AdviceData

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 12.8e6
NAMES = ("t10", "t20", "t30", "t40")
LAW = GoyalUtility(gamma=1.0, reference=SIZE, pivot=4e6)
UTILITY, HALF_LIFE = (0.16, 0.125, 0.10, 0.085), (6.72727, 8.54545, 5.27273, 2.27273)
COEFFICIENTS = np.array([1.0, 0.1])
EPOCHS = (0.5, 1, 2, 4, 8, 16)
NOISE = 0.003
TOKENS = (32e6, 64e6, 128e6, 256e6, 640e6, 1280e6)


def truth(number: int) -> NDArray[np.float64]:
    """Published parameters of the first pools (Goyal et al. 2024)."""
    return np.array([*UTILITY[:number], *HALF_LIFE[:number]])


def trained(names: Sequence[str], num_params: float = 1.0) -> Runs:
    """Runs of each pool alone, at several numbers of epochs."""
    number = len(names)
    unique = np.repeat(np.eye(number), len(EPOCHS), axis=0) * SIZE
    seen = unique * np.tile(EPOCHS, number)[:, None]
    setups = Setups(tuple(names), unique, seen, np.full(len(seen), num_params))
    noise = np.exp(NOISE * np.random.default_rng(0).standard_normal(len(seen)))
    values = LAW.predict(truth(number), COEFFICIENTS, setups) * noise
    return Runs(setups.pools, unique, seen, setups.num_params, values, np.arange(len(seen)).astype(str))


def drawn(law: Law, theta: NDArray[np.float64], coefficients: NDArray[np.float64], number: int = 20) -> Draws:
    """Parameters a few percent about these."""
    random = np.random.default_rng(1)
    spread = 0.03 * random.standard_normal((number, len(theta) + len(coefficients)))
    around = np.concatenate([theta, coefficients]) * np.exp(spread)
    return Draws(law, around[:, : len(theta)], around[:, len(theta) :], NOISE)


def form(
    law: Law, theta: NDArray[np.float64], coefficients: NDArray[np.float64], off: float, largest: float = 0.0123
) -> Form:
    """A law that is off by so much where it was not fitted."""
    fitted = Fit(law, theta, coefficients, objective=1e-4, noise=NOISE, num_starts=64, agreeing=33, descent=0.0)
    return Form(fitted, trained=0.0029, cross_validated=off, standard_error=0.0005, extrapolated=largest)


def profiled(name: str, identified: Identified) -> Profile:
    """A parabola about 2 in logarithms, from 1 to 4; flat to the sides that are not settled."""
    logs = np.linspace(-1, 1, 17)
    flat = {"both sides": logs * 0, "below": logs > 0, "above": logs < 0, "not identified": logs < 2}[identified]
    deviance = CHI2_95 * logs**2 * np.where(flat, 0.1, 1.0)
    return Profile(name, 2.0, 2 * 2**logs, deviance, (1.0, 4.0), identified)


@functools.cache
def advised(names: tuple[str, ...] = NAMES, tokens: tuple[float, ...] = TOKENS) -> AdviceData:
    """What the page is given for pools of one size and these budgets."""
    runs, theta = trained(names), truth(len(names))
    believed = beliefs([drawn(LAW, theta, COEFFICIENTS)], runs)
    pools = tuple(Pool(name, SIZE) for name in names)
    return AdviceData(
        metric="ImageNet error",
        believed=believed,
        pools=pools,
        runs=runs,
        forms=(form(LAW, theta, COEFFICIENTS, off=0.0041),),
        profiles=(profiled(f"utility of {names[0]}", "both sides"), profiled(f"half-life of {names[0]}", "below")),
        advices=tuple(advise(believed, pools, Budget(tokens=one, num_params=1.0)) for one in tokens),
        switches=tuple(switches(believed, pools, np.geomspace(1e7, 5e9, 30).tolist(), 1.0)),
    )
