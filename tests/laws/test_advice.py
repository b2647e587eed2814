from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from winnow.laws.advice import Beliefs, advise, switches, weights
from winnow.laws.law import Law, Parameter
from winnow.laws.plans import Budget, Pool, plans, setups_of
from winnow.laws.uncertainty import Draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Setups

POOLS = (Pool("good", 1e6), Pool("poor", 9e6))
"""A tenth is good."""


@dataclass(frozen=True)
class Worth(Law):
    """1 + (sum of what tokens are worth) ^ -0.5: a token of the poor pool is worth ``quality``, one again half that."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return (Parameter("quality", 1e-3, 1.0),)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        return ("E", "A")

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        worth = np.where(setups.seen > 0, setups.unique, 0) * (1 - 0.5**setups.epochs) / 0.5
        return np.stack([np.ones(len(setups)), (worth @ np.array([1.0, *theta])) ** -0.5], 1)


def believed(qualities: list[float], noise: float = 1e-6) -> Beliefs:
    draws = Draws(Worth(), np.array(qualities)[:, None], np.array([[1.0, 1e3]] * len(qualities)), noise)
    return Beliefs((draws,), noise, most_tokens=1e7, most_epochs=(8.0, 1.0), params=(1.0, 1.0))


def budget(tokens: float) -> Budget:
    return Budget(tokens=tokens, num_params=1.0)


def test_a_small_budget_wants_the_good_and_a_large_one_all() -> None:
    sure = believed([0.3] * 3)
    assert advise(sure, POOLS, budget(2e5)).recommended.plan.kept[1] == 0
    assert advise(sure, POOLS, budget(3e7)).recommended.plan.kept == (1, 1)


def test_where_nothing_is_uncertain_the_best_plan_is_best_and_has_no_regret() -> None:
    advice = advise(believed([0.3] * 3), POOLS, budget(3e6))
    best = advice.recommended
    assert best.p_best == 1
    assert best.expected_regret == best.regret_90 == 0
    assert best.value == pytest.approx(min(one.value for one in advice.choices), rel=1e-4)
    assert advice.runner_up is not None
    assert advice.runner_up.plan.keep_fraction != best.plan.keep_fraction


def test_regret_is_the_mean_over_what_may_be_true() -> None:
    either = believed([0.05] * 3 + [0.9])
    advice = advise(either, POOLS, budget(3e6))
    values = {q: advise(believed([q]), POOLS, budget(3e6)) for q in (0.05, 0.9)}
    chosen = advice.recommended.plan
    expected = 0.0
    for quality, share in ((0.05, 0.75), (0.9, 0.25)):
        same = next(one for one in values[quality].choices if one.plan == chosen)
        expected += share * same.expected_regret
    assert advice.recommended.expected_regret == pytest.approx(expected, rel=1e-6)
    assert sum(one.p_best for one in advice.choices) == pytest.approx(1)


def test_noise_widens_the_band_of_what_is_as_good() -> None:
    sharp, blurred = (advise(believed([0.3] * 3, noise), POOLS, budget(3e6)) for noise in (1e-9, 0.5))
    assert sharp.keep_band[0] == sharp.keep_band[1] == sharp.recommended.plan.keep_fraction
    assert blurred.keep_band == pytest.approx((0.025, 1))


def test_intervals_hold_a_runs_own_noise() -> None:
    choice = advise(believed([0.3] * 2000, noise=0.1), POOLS, budget(3e6)).recommended
    low, high = choice.interval_95
    assert np.log(high / low) == pytest.approx(2 * 1.96 * 0.1, rel=0.1)
    assert low < choice.interval_80[0] < choice.value < choice.interval_80[1] < high


def test_what_no_run_has_seen_is_flagged() -> None:
    sure = believed([0.3] * 3)
    assert advise(sure, POOLS, budget(3e6)).flags == ()
    far = " ".join(advise(sure, POOLS, budget(1e9)).flags)
    assert "1e+09 tokens are 100 times those of any run" in far
    assert "poor would be seen" in far and "no run repeated it" in far
    assert "the most of any run are 8.0" in far
    larger = advise(sure, POOLS, Budget(tokens=3e6, num_params=7e9))
    assert larger.flags == ("no run had a model of 7e+09 parameters; they had 1 to 1",)


def test_a_switch_is_where_both_choices_are_as_good() -> None:
    (found,) = switches(believed([0.3] * 5), POOLS, np.geomspace(1e5, 1e8, 61).tolist(), num_params=1.0)
    e = found.tokens / 1e6
    alone, both = 1 - 0.5**e, (1 + 9 * 0.3) * (1 - 0.5 ** (e / 10))
    assert alone == pytest.approx(both, rel=1e-3)  # budgets lie 12% apart
    assert found.keep_fraction == 1
    assert found.interval == (found.tokens, found.tokens)


def test_a_switch_that_is_never_reached_is_infinitely_far() -> None:
    (found,) = switches(believed([0.3] * 5), POOLS, [1e4, 1e5], num_params=1.0)
    assert found.tokens == np.inf


def test_laws_are_averaged_alike_whatever_their_number_of_draws() -> None:
    one, other = believed([0.05] * 30).draws[0], believed([0.9] * 10).draws[0]
    both = replace(believed([0.5]), draws=(one, other))
    assert len(both.predict(setups_of(POOLS, plans(POOLS, budget(1e6), [])))) == 20


def test_weights_are_what_is_drawn() -> None:
    equal = next(plan for plan in plans(POOLS, budget(3e7), []) if plan.kept == (1, 1) and len({*plan.epochs}) == 1)
    assert weights(POOLS, equal) == pytest.approx({"good": 0.1, "poor": 0.9})
    small = advise(believed([0.3]), POOLS, budget(2e5)).recommended.plan
    assert weights(POOLS, small) == {"good": 1}
