from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import norm

from winnow.core.errors import InputError
from winnow.laws.advice import Beliefs
from winnow.laws.design import alone, next_runs, offers, trainings
from winnow.laws.law import Law, Parameter
from winnow.laws.plans import Budget, Pool
from winnow.laws.setups import Setups
from winnow.laws.uncertainty import Draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOLS = (Pool("top", 100.0), Pool("rest", 300.0))
NOISE = 0.01


@dataclass(frozen=True)
class Worth(Law):
    """1 - the share of the second pool times what it is worth, and every token counts alike."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return (Parameter("worth and one", 0.5, 1.5),)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        return ("one",)

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        found: NDArray[np.float64] = 1 - setups.shares[:, 1:] * (theta[0] - 1)
        return found


def torn(worth: float = 0.2, noise: float = NOISE, draws: int = 400) -> Beliefs:
    """Half of the draws say that the second pool helps, half that it harms."""
    theta = 1 + np.where(np.arange(draws) // 2 % 2, worth, -worth)[:, None]
    return Beliefs((Draws(Worth(), theta, np.ones((draws, 1)), noise),), noise, 50.0, (1.0, 1.0), (1.0, 1.0))


BUDGET = Budget(tokens=400.0, num_params=1.0)


def test_a_run_that_settles_what_is_open_takes_all_regret_off() -> None:
    runs = next_runs(torn(), POOLS, [BUDGET], trainings(POOLS, alone(2), [0.5]))
    assert runs[0].training.seen.tolist() == [[0, 150]]
    assert runs[0].regret_after == pytest.approx(0, abs=1e-3)
    assert runs[1].training.seen.tolist() == [[50, 0]]  # of which all draws expect the same
    assert runs[1].regret_after == pytest.approx(runs[1].regret_now, rel=0.1)


def test_the_regret_of_today_is_that_of_the_better_plan_against_half_of_the_draws() -> None:
    # All of the second pool at equal epochs is three quarters of what is drawn; the first pool alone has none of it.
    found = next_runs(torn(), POOLS, [BUDGET], trainings(POOLS, alone(2), [0.5]))[0].regret_now
    assert found == pytest.approx(0.75 * 0.2 / 2, rel=0.1)


@pytest.mark.parametrize("noise", [0.1, 0.3, 3.0])
def test_noise_leaves_the_regret_of_those_it_leads_astray(noise: float) -> None:
    found = next_runs(torn(noise=noise, draws=400), POOLS, [BUDGET], trainings(POOLS, [(1,)], [0.5]))[0]
    # The second pool alone is 1.2 or 0.8; what lies on the wrong side of the middle, by logarithms, decides wrongly.
    astray = norm.cdf(-np.log(1.2 / 0.8) / 2 / noise)
    assert found.regret_after == pytest.approx(astray * 0.75 * 0.2, abs=0.005)


def test_regret_is_the_mean_over_budgets() -> None:
    candidates, second = trainings(POOLS, [(1,)], [0.5]), Budget(tokens=400.0, num_params=1.0, max_epochs=1.0)
    one, other, both = (
        next_runs(torn(), POOLS, some, candidates)[0].regret_now for some in ([BUDGET], [second], [BUDGET, second])
    )
    assert other != pytest.approx(one)
    assert both == pytest.approx((one + other) / 2)


def test_equally_good_runs_come_the_cheapest_first_with_their_flops() -> None:
    runs = next_runs(torn(), POOLS, [BUDGET], trainings(POOLS, [(1,)], [1.0, 0.5], num_params=[7.0]))
    assert [run.flops for run in runs] == [6 * 7 * 150, 6 * 7 * 300]


def test_by_itself_it_tries_pools_alone_and_together_within_the_tokens_that_runs_had() -> None:
    runs = next_runs(torn(), POOLS, [BUDGET])
    assert len(runs) == 3 * 6
    assert max(run.training.tokens[0] for run in runs) == pytest.approx(50)
    assert {tuple((run.training.seen[0] > 0).tolist()) for run in runs} == {(True, False), (False, True), (True, True)}
    assert {round(run.training.epochs[0].max(), 6) for run in runs} == {0.5, 1, 2, 4, 8, 16}


def test_nothing_helps_where_nothing_is_uncertain() -> None:
    with pytest.raises(InputError, match="there is one draw alone"):
        next_runs(torn(draws=1), POOLS, [BUDGET])


def test_pools_are_shrunk_alike_where_they_would_give_too_many_tokens() -> None:
    found = trainings(POOLS, [(0, 1)], [0.25, 4.0], num_params=[1.0, 2.0], most_tokens=200.0)
    assert found.tokens.tolist() == [100, 100, 200, 200]
    assert found.unique.tolist() == [[100, 300], [100, 300], [12.5, 37.5], [12.5, 37.5]]
    assert found.epochs.tolist() == [[0.25, 0.25], [0.25, 0.25], [4, 4], [4, 4]]
    assert found.num_params.tolist() == [1, 2, 1, 2]


def test_what_is_offered_are_pools_alone_and_the_first_ones_together() -> None:
    assert offers(3) == [(0,), (1,), (2,), (0, 1), (0, 1, 2)]
