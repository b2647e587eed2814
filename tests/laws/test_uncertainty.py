from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from powers import COEFFICIENTS, THETA, Power, measured, trainings
from scipy.optimize import minimize

from winnow.laws.descent import huber
from winnow.laws.fit import Fit, fit
from winnow.laws.setups import Runs
from winnow.laws.uncertainty import CHI2_95, bootstrap, profile

NOISE = 0.01


def fitted(runs: Runs) -> Fit:
    return fit(Power(), runs, noise=NOISE, num_starts=4)


def test_resampled_fits_spread_as_fits_of_other_runs_do() -> None:
    setups = trainings(60)
    elsewhere = np.array([fitted(measured(setups, NOISE, seed)).theta[0] for seed in range(1, 41)])
    runs = measured(setups, NOISE)
    drawn = bootstrap(fitted(runs), runs, num_draws=100)
    assert drawn.theta[:, 0].std() == pytest.approx(elsewhere.std(), rel=0.35)
    assert len(drawn) == 100


def test_measurements_of_one_run_are_drawn_together() -> None:
    once = measured(trainings(30), NOISE)
    copies = once.rows(np.repeat(np.arange(30), 8))  # the same number eight times tells nothing new
    apart = type(copies)(
        copies.pools, copies.unique, copies.seen, copies.num_params, copies.value, np.arange(240).astype(str)
    )
    together, alone = (bootstrap(fitted(runs), runs, 150).theta[:, 0].std() for runs in (copies, apart))
    assert together == pytest.approx(bootstrap(fitted(once), once, 150).theta[:, 0].std(), rel=0.3)
    assert alone < 0.6 * together


def test_draws_predict_what_their_laws_do() -> None:
    runs = measured(trainings(20), NOISE)
    drawn = bootstrap(fitted(runs), runs, num_draws=3)
    expected = Power().predict(drawn.theta[1], drawn.coefficients[1], runs)
    assert drawn.predict(runs)[1] == pytest.approx(expected)
    assert drawn.predict(runs).shape == (3, 20)


def test_the_same_seed_draws_the_same() -> None:
    runs = measured(trainings(20), NOISE)
    one, other, third = (bootstrap(fitted(runs), runs, 3, seed) for seed in (0, 0, 1))
    assert (one.theta == other.theta).all()
    assert (one.theta != third.theta).any()


def test_an_interval_ends_where_the_likelihood_has_fallen_by_its_95_percent_point() -> None:
    runs = measured(trainings(40), NOISE)
    best = fitted(runs)
    found = profile(best, runs, 0)
    assert found.identified == "both sides"
    assert found.interval[0] < THETA[0] < found.interval[1]
    for edge in found.interval:
        least = minimize(objective, np.log(COEFFICIENTS), args=(edge, runs), method="Nelder-Mead", tol=1e-12)
        assert 2 * (least.fun - best.objective) / NOISE**2 == pytest.approx(CHI2_95, abs=0.01)
    assert found.deviance.min() == pytest.approx(0, abs=1e-6)


def objective(logs: Any, beta: float, runs: Runs) -> float:
    """The law's, with E and B by their logarithms."""
    return huber(Power().residuals(np.array([beta]), np.exp(logs), runs), 1.5 * NOISE)


def test_runs_of_one_size_identify_no_exponent() -> None:
    runs = measured(trainings(12, low=1e5, high=1.0001e5), NOISE)
    least = objective(np.log(COEFFICIENTS), THETA[0], runs)
    best = Fit(Power(), THETA, COEFFICIENTS, least, NOISE, num_starts=16, agreeing=16, descent=0.0)
    found = profile(best, runs, 0)
    assert found.identified == "not identified"
    assert found.interval == pytest.approx((0.05, 2.0))
