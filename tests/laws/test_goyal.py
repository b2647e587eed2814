from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import exp, floor, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from winnow.core.errors import InputError
from winnow.laws.goyal import GoyalUtility
from winnow.laws.goyal_repository import GoyalEffectiveData, GoyalEffectiveUtility
from winnow.laws.setups import Setups, one_pool

Numbers = NDArray[np.float64]

SIZE = 1e6
FORMS = GoyalUtility, GoyalEffectiveUtility, GoyalEffectiveData
COEFFICIENTS = np.array([1.3, 0.2])


def trainings(unique: Numbers, epochs: Numbers) -> Setups:
    """Of [n, p] sizes and epochs."""
    return Setups(
        tuple(f"pool {number}" for number in range(unique.shape[1])), unique, unique * epochs, np.ones(len(unique))
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[GoyalUtility, Numbers, Setups]:
    """A law of any form, its parameters, and trainings on up to four pools of different sizes."""
    pools, rows = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    form, gamma = draw(st.sampled_from(FORMS)), draw(st.sampled_from((0.0, 0.6, 1.0)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unique = SIZE * 10 ** random.uniform(-2, 2, (rows, pools))
    epochs = 10 ** random.uniform(-2, 1.5, (rows, pools)) * (random.random((rows, pools)) < 0.7)
    epochs[:, 0] += 0.01
    theta = np.concatenate([random.uniform(0.01, 0.5, pools), 10 ** random.uniform(-0.5, 2, pools)])
    return form(gamma=gamma, reference=SIZE, pivot=1e3), theta, trainings(unique, epochs)


def reference_terms(law: GoyalUtility, theta: Numbers, unique: Numbers, seen: Numbers) -> list[float]:
    """What ``terms`` gives of one training, stretch by stretch between ends of epochs."""
    assert law.pivot is not None and law.reference is not None and law.gamma != "free"
    pools = [pool for pool in range(len(unique)) if seen[pool] > 0]
    share = {pool: seen[pool] / sum(seen) for pool in pools}
    distinct = sum(min(unique[pool], seen[pool]) for pool in pools)
    half_life = {pool: theta[len(unique) + pool] * (distinct / law.reference) ** law.gamma for pool in pools}
    ends = {k * unique[pool] / share[pool] for pool in pools for k in range(1, floor(seen[pool] / unique[pool]) + 1)}
    start, before, counted, fallen, later = 0.0, law.pivot, 0.0, 0.0, 0.0
    for end in [*sorted(end for end in ends if end < sum(seen)), sum(seen)]:
        behind = {pool: floor(start * share[pool] / unique[pool] + 1e-9) for pool in pools}
        worth = {pool: share[pool] * 0.5 ** (behind[pool] / half_life[pool]) for pool in pools}
        utility = sum(theta[pool] * worth[pool] for pool in pools)
        if isinstance(law, GoyalEffectiveData):
            counted += (end - start) * sum(worth.values())
            fallen += utility / sum(worth.values()) * log(counted / before)
            before = counted
        else:
            fallen += utility * log(end / before)
            later += sum(theta[pool] * worth[pool] for pool in pools if behind[pool]) * log(end / before)
            before = end
        start = end
    return [exp(-fallen), exp(-later) if isinstance(law, GoyalEffectiveUtility) else 1.0]


@given(cases())
def test_terms_are_those_of_a_sum_over_stretches(case: tuple[GoyalUtility, Numbers, Setups]) -> None:
    law, theta, setups = case
    rows = zip(setups.unique, setups.seen, strict=True)
    expected = np.array([reference_terms(law, theta, unique, seen) for unique, seen in rows])
    assert law.terms(theta, setups) == pytest.approx(expected, rel=1e-9)


@given(cases(), st.floats(0.001, 0.999))
def test_between_ends_of_epochs_the_slope_is_the_utility_that_is_left(
    case: tuple[GoyalUtility, Numbers, Setups], within: float
) -> None:
    _, theta, setups = case
    law, step, pools = GoyalUtility(pivot=1e3), 1e-6, len(setups.pools)
    behind = np.floor(setups.epochs)
    unique = np.where(setups.seen > 0, setups.seen / (behind + 0.01 + 0.98 * within), SIZE)
    less, more = (replace(setups, unique=unique, seen=setups.seen * exp(by)) for by in (-step, step))
    slope = np.log(law.terms(theta, less)[:, 0] / law.terms(theta, more)[:, 0]) / (2 * step)
    utility = (setups.shares * 0.5 ** (behind / theta[pools:]) * theta[:pools]).sum(1)
    assert slope == pytest.approx(utility, rel=1e-6, abs=1e-9)


@given(cases(), st.integers(0, 3))
def test_a_pool_in_two_halves_predicts_what_it_predicted_whole(
    case: tuple[GoyalUtility, Numbers, Setups], chosen: int
) -> None:
    law, theta, setups = case
    pools = len(setups.pools)
    chosen %= pools
    order = [*range(pools), chosen]
    halves = np.where(np.isin(order, [chosen]), 0.5, 1.0)
    names = (*setups.pools, "other half")
    split = Setups(names, setups.unique[:, order] * halves, setups.seen[:, order] * halves, setups.num_params)
    doubled = np.concatenate([theta[:pools][order], theta[pools:][order]])
    assert law.terms(doubled, split) == pytest.approx(law.terms(theta, setups), rel=1e-10)


@given(cases())
def test_the_order_of_pools_is_immaterial(case: tuple[GoyalUtility, Numbers, Setups]) -> None:
    law, theta, setups = case
    pools = len(setups.pools)
    turned = Setups(setups.pools[::-1], setups.unique[:, ::-1], setups.seen[:, ::-1], setups.num_params)
    theta_turned = np.concatenate([theta[:pools][::-1], theta[pools:][::-1]])
    assert law.terms(theta_turned, turned) == pytest.approx(law.terms(theta, setups), rel=1e-10)


@given(cases(), st.floats(1e-6, 1e6))
def test_another_unit_of_tokens_changes_nothing_but_pivot_and_reference(
    case: tuple[GoyalUtility, Numbers, Setups], unit: float
) -> None:
    law, theta, setups = case
    assert law.pivot is not None and law.reference is not None
    other = replace(setups, unique=setups.unique * unit, seen=setups.seen * unit)
    changed = replace(law, pivot=law.pivot * unit, reference=law.reference * unit)
    assert changed.terms(theta, other) == pytest.approx(law.terms(theta, setups), rel=1e-9)
    free, as_free = (replace(law, pivot=None).parameters(one)[-1] for one in (setups, other))
    assert (as_free.low, as_free.high) == pytest.approx((free.low * unit, free.high * unit))


@given(cases(), st.floats(1.0001, 3))
def test_the_error_falls_with_every_token(case: tuple[GoyalUtility, Numbers, Setups], factor: float) -> None:
    law, theta, setups = case
    more = replace(setups, seen=setups.seen * factor)
    before, after = (law.predict(theta, COEFFICIENTS, one) for one in (setups, more))
    assert (after < before * (1 + 1e-12)).all()
    first = (more.epochs <= 1).all(1)
    assert (after[first] < before[first]).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_errors_are_continuous_where_epochs_end(form: type[GoyalUtility], gamma: float) -> None:
    law = form(gamma=gamma, reference=SIZE, pivot=1e3)
    ends = np.repeat(np.arange(1.0, 13), 2)[:, None] * (1 + 1e-9 * np.tile([-1, 1], 12))[:, None]
    setups = trainings(np.full((24, 2), SIZE) * [1, 3], ends * [1, 0.5])
    found = law.predict(np.array([0.2, 0.1, 3.0, 5.0]), COEFFICIENTS, setups)
    assert found[::2] == pytest.approx(found[1::2], rel=1e-8)
    assert len(set(np.round(found, 6))) == 12


@pytest.mark.parametrize("form", FORMS)
def test_without_repetition_a_pool_follows_a_power_law(form: type[GoyalUtility]) -> None:
    tokens = np.geomspace(1e4, SIZE, 7)
    found = form(pivot=1e3).predict(np.array([0.3, 2.0]), COEFFICIENTS, one_pool([SIZE] * 7, tokens.tolist(), [1] * 7))
    assert found == pytest.approx(1.3 * (tokens / 1e3) ** -0.3 + 0.2, rel=1e-12)


@pytest.mark.parametrize("form", [GoyalUtility, GoyalEffectiveData])
def test_with_an_endless_half_life_repetition_costs_nothing(form: type[GoyalUtility]) -> None:
    setups = trainings(np.full((3, 2), SIZE), np.array([[0.5, 0.5], [4.0, 4.0], [20.0, 20.0]]))
    found = form(pivot=1e3).predict(np.array([0.3, 0.1, 1e15, 1e15]), COEFFICIENTS, setups)
    assert found == pytest.approx(1.3 * (setups.tokens / 1e3) ** -0.2 + 0.2, rel=1e-10)


@pytest.mark.parametrize("form", [GoyalUtility, GoyalEffectiveData])
def test_with_a_vanishing_half_life_only_the_first_epoch_teaches(form: type[GoyalUtility]) -> None:
    found = form(pivot=1e3).predict(
        np.array([0.3, 1e-3]), COEFFICIENTS, one_pool([SIZE] * 2, [SIZE, 40 * SIZE], [1, 1])
    )
    assert found[1] == pytest.approx(found[0], rel=1e-12)


def test_equal_pools_follow_theorem_1() -> None:
    utility, half_life, budget = np.array([0.2, 0.15, 0.1]), np.array([3.0, 6.0, 2.0]), 17.3 * SIZE
    law = GoyalUtility(gamma=1.0, reference=SIZE, pivot=1.0)
    found = law.predict(
        np.concatenate([utility, half_life]), COEFFICIENTS, trainings(np.full((1, 3), SIZE), np.full((1, 3), 17.3 / 3))
    )
    error, epochs = 1.3, np.append(np.arange(0, budget, 3 * SIZE), budget)
    epochs[0] = 1.0
    for k, (start, end) in enumerate(pairwise(epochs)):
        error *= (end / start) ** -np.mean(utility * 0.5 ** (k / (3 * half_life)))
    assert found[0] == pytest.approx(error + 0.2, rel=1e-12)


def test_a_pool_that_is_hardly_touched_lengthens_no_half_life() -> None:
    law, theta = GoyalUtility(gamma=1.0, reference=SIZE, pivot=1e3), np.array([0.2, 0.2, 3.0, 3.0])
    alone, touched = law.predict(
        theta, COEFFICIENTS, trainings(np.full((2, 2), SIZE) * [1, 100], np.array([[8, 0], [8, 1e-9]]))
    )
    assert touched == pytest.approx(alone, rel=1e-6)


def test_repetition_lowers_the_irreducible_error_in_the_form_that_multiplies_it() -> None:
    setups, theta = one_pool([SIZE] * 2, [SIZE, 8 * SIZE], [1, 1]), np.array([0.2, 3.0])
    law = GoyalEffectiveUtility(pivot=1e3)
    paper = GoyalUtility(pivot=1e3).terms(theta, setups)
    assert law.terms(theta, setups)[:, 0] == pytest.approx(paper[:, 0])
    assert law.terms(theta, setups)[:, 1] == pytest.approx(paper[:, 0] / paper[0, 0])


def test_what_is_free_is_a_parameter() -> None:
    setups = trainings(np.full((1, 2), SIZE), np.array([[2.0, 3.0]]))
    law = GoyalUtility(gamma="free", reference=SIZE)
    names = [one.name for one in law.parameters(setups)]
    assert names == [
        *("utility of pool 0", "utility of pool 1", "half-life of pool 0", "half-life of pool 1"),
        *("gamma", "pivot"),
    ]
    theta = np.array([0.2, 0.1, 3.0, 5.0, 0.7, 1e3])
    assert (
        law.terms(theta, setups) == GoyalUtility(gamma=0.7, reference=SIZE, pivot=1e3).terms(theta[:4], setups)
    ).all()
    assert law.coefficients(setups) == ("A", "d")


@pytest.mark.parametrize("gamma", [1.0, "free"])
def test_a_half_life_that_grows_needs_a_reference(gamma: float) -> None:
    with pytest.raises(InputError, match="set reference"):
        GoyalUtility(gamma=gamma)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pivot", 0.0), ("pivot", float("nan")), ("reference", -1.0), ("gamma", -0.5), ("gamma", "one")],
)
def test_a_field_that_is_no_positive_number_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        replace(GoyalUtility(reference=SIZE), **{name: value})
