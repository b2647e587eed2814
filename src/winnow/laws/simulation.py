"""What a plan of runs would decide: noisy values of a known truth, fitted and decided on as real ones are, often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.advice import Beliefs, beliefs
from winnow.laws.fit import fit
from winnow.laws.inputs import noise_of
from winnow.laws.law import Law
from winnow.laws.plans import Budget, Plan, Pool, models_between, plans, setups_of
from winnow.laws.setups import Runs, Setups
from winnow.laws.uncertainty import bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

Truth = Callable[[Setups], "NDArray[np.float64]"]
"""Values of trainings without noise: ``Fit.predict``, or ``partial(law.predict, theta, coefficients)``."""


@dataclass(frozen=True)
class Simulated:
    """How well a plan of runs decides how many whole pools to take, all at equal epochs; a number for each budget."""

    accuracy: NDArray[np.float64]
    """[budgets] share of replicates whose decision is the truly best."""
    regret: NDArray[np.float64]
    """[budgets] how much worse the decision is than the best, on the mean, in the value's own unit."""
    best: tuple[float, ...]
    """[budgets] the truly best keep-fraction."""
    refused: int
    """Replicates that no law could be fitted to; they count in nothing else."""


def simulate(
    truth: Truth,
    trainings: Setups,
    pools: Sequence[Pool],
    budgets: Sequence[Budget],
    forms: Sequence[Law],
    *,
    noise: float | NDArray[np.float64],
    replicates: int = 80,
    num_draws: int = 20,
    num_starts: int = 8,
    seed: int = 0,
) -> Simulated:
    """Draw noisy values, fit, resample, decide, and compare with the truth, as often as there are replicates.

    ``noise`` is relative, one number or one for each training. Of several forms those count, and alike, whose residuals
    spread as little as the best one's, within a standard error; real advice holds runs out instead, which takes many
    times as long. Trainings that are there several times tell the noise, as seeds do. InputError where no replicate can
    be fitted.
    """
    models = models_between(float(trainings.num_params.min()), float(trainings.num_params.max()))
    choices = [[plan for plan in plans(pools, budget, models) if _is_whole(plan)] for budget in budgets]
    kept = [np.array([plan.keep_fraction for plan in some]) for some in choices]
    setups = [setups_of(pools, some) for some in choices]
    values, expected = [truth(one) for one in setups], truth(trainings)
    random, chosen, refused = np.random.default_rng(seed), [], []
    for _ in range(replicates):
        shown = expected * np.exp(noise * random.standard_normal(len(trainings)))
        try:
            believed = _believed(forms, _measured(trainings, shown), num_draws, num_starts)
        except InputError as error:
            refused.append(error)
        else:
            chosen.append([int(believed.predict(one).mean(0).argmin()) for one in setups])
    if not chosen:
        raise InputError(f"not one of {replicates} simulated plans of runs could be fitted: {refused[0]}")
    decided = list(zip(np.transpose(chosen), values, kept, strict=True))
    return Simulated(
        accuracy=np.array([(keep[places] == keep[true.argmin()]).mean() for places, true, keep in decided]),
        regret=np.array([true[places].mean() - true.min() for places, true, _ in decided]),
        best=tuple(float(keep[true.argmin()]) for _, true, keep in decided),
        refused=len(refused),
    )


def _believed(forms: Sequence[Law], runs: Runs, num_draws: int, num_starts: int) -> Beliefs:
    """What the runs teach by the forms that suit them."""
    noise = noise_of(runs)
    fits = [fit(form, runs, noise=noise, num_starts=num_starts) for form in forms]
    left = np.array([len(runs) - len(one.theta) - len(one.coefficients) for one in fits])
    squares = [(one.residuals(runs) ** 2).sum() for one in fits]
    spread = np.sqrt(squares / left)
    suits = spread <= spread.min() * (1 + 1 / np.sqrt(2 * left))
    return beliefs([bootstrap(one, runs, num_draws) for one, good in zip(fits, suits, strict=True) if good], runs)


def _measured(setups: Setups, values: NDArray[np.float64]) -> Runs:
    """Every training with its value, a run each."""
    names = np.arange(len(setups)).astype(str)
    return Runs(setups.pools, setups.unique, setups.seen, setups.num_params, values, names)


def _is_whole(plan: Plan) -> bool:
    """Whether it takes whole pools, all equally often."""
    epochs = [times for times in plan.epochs if times]
    return set(plan.kept) <= {0.0, 1.0} and max(epochs) == min(epochs)
