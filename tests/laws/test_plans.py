from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.core.errors import InputError
from winnow.laws.plans import Budget, Pool, check_pools, models_between, plans, setups_of, shares

POOLS = (Pool("best", 1e6), Pool("middle", 3e6), Pool("rest", 4e6))


def test_pools_are_kept_whole_and_best_first_but_for_the_last() -> None:
    assert list(shares(2)) == [(0.25, 0), (0.5, 0), (0.75, 0), (1, 0), (1, 0.25), (1, 0.5), (1, 0.75), (1, 1)]


@given(st.floats(1e3, 1e10))
def test_every_plan_spends_all_tokens(tokens: float) -> None:
    found = plans(POOLS, Budget(tokens=tokens, num_params=1e6), [])
    assert setups_of(POOLS, found).tokens == pytest.approx([tokens] * len(found))


def test_keep_fractions_are_of_all_tokens() -> None:
    found = {plan.kept: plan.keep_fraction for plan in plans(POOLS, Budget(tokens=1e6, num_params=1.0), [])}
    assert found[0.25, 0, 0] == pytest.approx(0.25 / 8)
    assert found[1, 1, 0] == pytest.approx(0.5)
    assert found[1, 1, 1] == 1


def test_better_pools_are_repeated_as_often_or_more() -> None:
    for plan in plans(POOLS, Budget(tokens=1e8, num_params=1.0), []):
        used = [epochs for epochs in plan.epochs if epochs]
        assert used == sorted(used, reverse=True)


def test_no_plan_repeats_more_than_is_allowed() -> None:
    found = plans(POOLS, Budget(tokens=8e6, num_params=1.0, max_epochs=2), [])
    assert max(max(plan.epochs) for plan in found) <= 2
    assert (1, 1, 1) in {plan.kept for plan in found}
    assert (1, 0, 0) not in {plan.kept for plan in found}


def test_a_budget_that_no_plan_fits_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="no choice of best, middle, rest spends the budget within 2 epochs"):
        plans(POOLS, Budget(tokens=1e9, num_params=1.0, max_epochs=2), [])


def test_scoring_is_paid_for_where_something_is_left_out_or_repeated_unequally() -> None:
    costly = tuple(Pool(pool.name, pool.unique_tokens, scoring_flops=100.0) for pool in POOLS)
    budget = Budget(flops=6e12, num_params=1e5)
    found = plans(costly, budget, [])
    free = [plan for plan in found if plan.scoring_flops == 0]
    assert [(plan.kept, len({*plan.epochs})) for plan in free] == [((1, 1, 1), 1)]
    assert free[0].tokens == pytest.approx(1e7)
    assert {plan.scoring_flops for plan in found} == {0, 8e8}
    assert all(plan.flops == pytest.approx(6e12) for plan in found)


def test_models_are_tried_where_flops_alone_are_given() -> None:
    found = plans(POOLS, Budget(flops=1e15), models_between(1e6, 1e7))
    assert sorted({plan.num_params for plan in found}) == pytest.approx(models_between(1e6, 1e7))
    assert models_between(1e6, 1e7)[0] == pytest.approx(1e6)
    assert models_between(1e6, 1e7)[-1] == pytest.approx(1e7)


@pytest.mark.parametrize("fields", [{}, {"tokens": 1.0, "flops": 1.0}, {"tokens": -1.0}, {"flops": float("nan")}])
def test_a_budget_is_of_one_thing_and_above_zero(fields: dict[str, float]) -> None:
    with pytest.raises(InputError, match="budget"):
        Budget(**fields)


def test_pools_that_are_no_parts_are_refused() -> None:
    with pytest.raises(InputError, match="two pools are called best"):
        check_pools([POOLS[0], POOLS[1], POOLS[0]])
    with pytest.raises(InputError, match="the pool none has 0 unique tokens"):
        check_pools([Pool("none", 0)])
