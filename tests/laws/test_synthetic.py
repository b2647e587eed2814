"""What is advised where the truth is known: are intervals as wide as they say, and are decisions right?

Small versions of what benchmarks/laws_synthetic.py measures in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from winnow.core.errors import InputError
from winnow.laws.advice import advise, beliefs
from winnow.laws.design import alone, offers, trainings
from winnow.laws.fit import fit
from winnow.laws.goyal import GoyalUtility
from winnow.laws.inputs import noise_of
from winnow.laws.law import Law, Parameter
from winnow.laws.plans import Budget, Pool, setups_of
from winnow.laws.setups import Runs, Setups
from winnow.laws.simulation import simulate
from winnow.laws.uncertainty import bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 1e7
POOLS = (Pool("top", SIZE), Pool("rest", SIZE))
LAW = GoyalUtility(pivot=4e6)
THETA, COEFFICIENTS = np.array([0.16, 0.11, 3.0, 6.0]), np.array([1.0, 0.1])
TRUTH = partial(LAW.predict, THETA, COEFFICIENTS)
NOISE = 0.003
LOG_SPACED = trainings(POOLS, alone(2))
BUDGETS = [Budget(tokens=tokens, num_params=1.0) for tokens in (1.5e7, 3e8)]


@dataclass(frozen=True)
class Mixed(Law):
    """Sees how much is drawn and of what, and not how often: A n^-b + d (1 + the share of the second pool)."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return (Parameter("b", 0.01, 2.0),)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        return ("A", "d")

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        return np.stack([(setups.tokens / SIZE) ** -theta[0], 1 + setups.shares[:, 1]], 1)


def measured(setups: Setups, random: np.random.Generator) -> Runs:
    values = TRUTH(setups) * np.exp(NOISE * random.standard_normal(len(setups)))
    return Runs(setups.pools, setups.unique, setups.seen, setups.num_params, values, np.arange(len(setups)).astype(str))


def test_intervals_cover_new_runs_about_as_often_as_they_say() -> None:
    random, inside = np.random.default_rng(0), []
    once = trainings(POOLS, offers(2))
    twice = once.rows(np.tile(np.arange(len(once)), 2))  # two seeds: their spread is the noise
    for _ in range(12):
        runs = measured(twice, random)
        believed = beliefs([bootstrap(fit(LAW, runs, noise=noise_of(runs), num_starts=2), runs, 20)], runs)
        choices = advise(believed, POOLS, BUDGETS[1]).choices
        new = TRUTH(setups_of(POOLS, [choice.plan for choice in choices]))
        new = new * np.exp(NOISE * random.standard_normal(len(new)))
        for choice, value in zip(choices, new, strict=True):
            inside.append([low <= value <= high for low, high in (choice.interval_80, choice.interval_95)])
    assert np.mean(inside, axis=0) == pytest.approx([0.8, 0.95], abs=0.1)


def test_runs_of_log_spaced_epochs_decide_rightly() -> None:
    found = simulate(TRUTH, LOG_SPACED, POOLS, BUDGETS, [LAW], noise=NOISE, replicates=6, num_draws=6, num_starts=3)
    assert found.best == (0.5, 1.0)  # the best half for the small budget, all for the large one
    assert found.accuracy.tolist() == [1, 1]
    assert found.regret == pytest.approx([0, 0])
    assert found.refused == 0


def test_more_noise_makes_worse_decisions() -> None:
    quiet, loud = (
        simulate(TRUTH, LOG_SPACED, POOLS, BUDGETS, [LAW], noise=noise, replicates=5, num_draws=3, num_starts=3)
        for noise in (0.001, 0.1)
    )
    assert loud.regret.mean() > quiet.regret.mean()
    assert loud.accuracy.mean() < quiet.accuracy.mean()


def test_noise_may_be_of_each_training() -> None:
    silent = np.where(np.arange(len(LOG_SPACED)) % 6 == 0, 0.0, 1e-6)
    found = simulate(TRUTH, LOG_SPACED, POOLS, BUDGETS, [LAW], noise=silent, replicates=1, num_draws=2, num_starts=4)
    assert found.regret == pytest.approx([0, 0])


def test_the_same_seed_simulates_the_same() -> None:
    one, other = (
        simulate(TRUTH, LOG_SPACED, POOLS, BUDGETS, [LAW], noise=0.1, replicates=2, num_draws=2, num_starts=4)
        for _ in range(2)
    )
    assert one.regret.tolist() == other.regret.tolist()


def test_a_plan_that_no_law_can_be_fitted_to_is_refused_with_the_reason() -> None:
    few = LOG_SPACED.rows([0, 1, 2, 3])
    with pytest.raises(InputError, match=r"not one of 2 simulated plans of runs could be fitted: GoyalUtility has 6"):
        simulate(TRUTH, few, POOLS, BUDGETS, [LAW], noise=NOISE, replicates=2)


def test_a_wrong_form_beside_the_right_one_does_less_harm_than_alone() -> None:
    setups = trainings(POOLS, offers(2))
    alone_, both = (
        simulate(TRUTH, setups, POOLS, BUDGETS, some, noise=NOISE, replicates=2, num_draws=5, num_starts=3)
        for some in ([Mixed()], [Mixed(), LAW])
    )
    assert alone_.accuracy.tolist() == [1, 0]
    assert both.accuracy.tolist() == [1, 1]
