from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from powers import COEFFICIENTS, THETA, Power, measured, trainings

from winnow.core.errors import InputError
from winnow.laws.descent import huber, jacobian
from winnow.laws.fit import fit, solved
from winnow.laws.law import Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Setups


def test_what_has_no_noise_is_found_exactly() -> None:
    found = fit(Power(), measured(trainings(), noise=0.0))
    assert found.theta == pytest.approx(THETA, rel=1e-6)
    assert found.coefficients == pytest.approx(COEFFICIENTS, rel=1e-6)
    assert found.agreeing == found.num_starts


def test_the_noise_is_told_and_a_fit_has_converged() -> None:
    found = fit(Power(), measured(trainings(200), noise=0.02))
    assert found.noise == pytest.approx(0.02, rel=0.2)
    assert found.descent < 1e-8
    assert found.theta[0] == pytest.approx(0.4, abs=0.05)


def test_a_run_that_went_wrong_moves_a_fit_little() -> None:
    runs = measured(trainings(60), noise=0.001)
    spoiled = runs.value.copy()
    spoiled[30] *= 3
    wrong = type(runs)(runs.pools, runs.unique, runs.seen, runs.num_params, spoiled, runs.run)
    assert fit(Power(), wrong).theta[0] == pytest.approx(fit(Power(), runs).theta[0], rel=0.01)


def test_a_term_that_runs_speak_against_has_no_share() -> None:
    setups = trainings()
    runs = measured(setups, noise=0.0)
    rising = type(runs)(setups.pools, setups.unique, setups.seen, setups.num_params, setups.tokens**0.1, runs.run)
    found = fit(Power(), rising)
    assert found.coefficients[1] * found.law.terms(found.theta, rising)[:, 1].max() < 1e-3


def test_as_few_runs_as_parameters_are_refused() -> None:
    with pytest.raises(InputError, match=r"Power has 3 parameters \(beta, E, B\) and there are 3 runs"):
        fit(Power(), measured(trainings(3), noise=0.0))


@dataclass(frozen=True)
class Needle(Power):
    """Power, but for one narrow range of beta that alone explains the runs."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return (Parameter("beta", 1e-4, 1e4),)

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        near = np.exp(-((20 * np.log(theta[0] / 0.4)) ** 2))
        wave = np.cos(np.arange(len(setups)) * (1 + theta[0]))
        power = super().terms(np.array([0.4]), setups)
        found: NDArray[np.float64] = near * power + (1 - near) * np.stack([2 + wave, 2 - wave], 1)
        return found


def test_a_fit_that_one_start_alone_reached_is_refused() -> None:
    with pytest.raises(InputError, match="of 8 starts one alone reached the best fit"):
        fit(Needle(), measured(trainings(), noise=0.001), num_starts=8)


def test_huber_is_a_square_and_then_a_line() -> None:
    assert huber(np.array([0.5, -2.0]), delta=1.0) == pytest.approx(0.125 + 1.5)
    assert huber(np.array([1.0, 1 + 1e-9]), delta=1.0) == pytest.approx(1.0)


def test_slopes_are_those_of_the_function() -> None:
    def of(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([x[0] ** 2 * x[1], np.exp(x[1])])

    slopes = jacobian(of, np.array([3.0, 0.5]), of(np.array([3.0, 0.5])))
    assert slopes == pytest.approx(np.array([[3.0, 9.0], [0.0, np.exp(0.5)]]), rel=1e-6)


def test_coefficients_are_never_negative_whatever_the_size_of_their_terms() -> None:
    terms = np.stack([np.full(5, 1e-12), np.full(5, 1e9) * np.arange(5)], 1)
    assert solved(terms, np.ones(5)) == pytest.approx([1e12, 0], rel=1e-9)
