"""Laws of loss: against the papers' equations written out, in their limits, and under changes that mean nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from winnow.laws.chinchilla import PIVOT, Chinchilla, PenalisedChinchilla, RepeatedChinchilla, qualities, worth
from winnow.laws.chinchilla_golden import MUENNIGHOFF, repeated
from winnow.laws.fit import fit
from winnow.laws.law import Law
from winnow.laws.setups import Runs, Setups, one_pool

Point = tuple[Law, list[float], list[float]]
POINTS: list[Point] = [
    (Chinchilla(), [0.35, 0.37], [1.8, 480.0, 2100.0]),
    (RepeatedChinchilla(), [0.35, 0.4, 12.0, 5.0, 4e7], [1.8, 2100.0]),
    (RepeatedChinchilla(excess=False), [0.35, 0.4, 12.0], [1.8, 480.0, 2100.0]),
    (PenalisedChinchilla(), [0.35, 0.4, 0.4, 0.8], [1.8, 480.0, 2100.0, 0.06]),
]
"""Laws with parameters for one pool; ratios of qualities come behind."""
each_law = pytest.mark.parametrize("point", POINTS, ids=lambda point: repr(point[0]))


def trainings(seed: int = 0, number: int = 40) -> Setups:
    """Of two pools, from a tenth of an epoch to a hundred, some of them on one pool alone."""
    random = np.random.default_rng(seed)
    unique = np.exp(random.uniform(np.log(1e7), np.log(1e10), (number, 2)))
    seen = unique * np.exp(random.uniform(np.log(0.1), np.log(100), (number, 2)))
    seen[: number // 4, 1] = 0
    return Setups(("good", "fair"), unique, seen, np.exp(random.uniform(np.log(1e7), np.log(1e10), number)))


def predicted(point: Point, setups: Setups, *ratios: float) -> NDArray[np.float64]:
    law, theta, coefficients = point
    return law.predict(np.array([*theta, *ratios]), np.array(coefficients), setups)


def as_printed(
    setups: Setups, e: float, a: float, b: float, alpha: float, beta: float, tokens: float, params: float
) -> NDArray[np.float64]:
    """Muennighoff et al.'s law of one pool from their equations, for at least one epoch."""
    unique, drawn = setups.unique[:, 0], setups.seen[:, 0]
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    usable = np.minimum(setups.num_params, g * (unique * g) ** (beta / alpha))
    r_d, r_n = drawn / unique - 1, setups.num_params / usable - 1
    data = unique + unique * tokens * (1 - np.exp(-r_d / tokens))
    size = usable + usable * params * (1 - np.exp(-r_n / params))
    losses: NDArray[np.float64] = e + a / size**alpha + b / data**beta
    return losses


@given(
    constants=st.tuples(
        st.floats(0.5, 3), *[st.floats(10, 5000)] * 2, *[st.floats(0.1, 0.9)] * 2, *[st.floats(0.5, 100)] * 2
    ),
    seed=st.integers(0, 99),
)
def test_the_full_law_with_a_searched_optimal_size_is_the_papers(constants: tuple[float, ...], seed: int) -> None:
    setups = trainings(seed)
    alone = one_pool(setups.unique[:, 0], setups.unique[:, 0] + setups.seen[:, 0], setups.num_params)
    np.testing.assert_allclose(repeated(*constants).predict(alone), as_printed(alone, *constants), rtol=1e-11)


def test_the_optimal_size_is_the_one_of_least_loss_for_its_compute() -> None:
    theta, (e, b) = MUENNIGHOFF.theta, MUENNIGHOFF.coefficients
    alpha, beta, optimal = theta[0], theta[1], theta[4]
    a = b * beta / alpha * optimal**alpha / PIVOT**beta
    sizes = optimal * np.linspace(0.9, 1.1, 2001)
    tokens = optimal * PIVOT / sizes
    losses = Chinchilla().predict(theta[:2], np.array([e, a, b]), one_pool(tokens, tokens, sizes))
    assert sizes[losses.argmin()] == pytest.approx(optimal, rel=2e-4)


def test_up_to_one_epoch_all_laws_are_chinchillas() -> None:
    setups = trainings()
    once = replace(setups, seen=np.minimum(setups.seen, setups.unique))
    simple = predicted(POINTS[0], once, 0.5)
    for law, extra in ((RepeatedChinchilla(excess=False), [7.0]), (PenalisedChinchilla(), [0.4, 0.8])):
        theta, coefficients = [*POINTS[0][1], *extra], POINTS[0][2]
        more = [9.9] if isinstance(law, PenalisedChinchilla) else []
        np.testing.assert_allclose(predicted((law, theta, [*coefficients, *more]), once, 0.5), simple, rtol=1e-12)


def test_tokens_that_keep_their_value_are_chinchillas_tokens() -> None:
    setups = trainings()
    lasting = (RepeatedChinchilla(excess=False), [0.35, 0.37, 1e9], POINTS[0][2])
    np.testing.assert_allclose(predicted(lasting, setups, 0.5), predicted(POINTS[0], setups, 0.5), rtol=1e-6)


def test_repetitions_add_less_and_less_and_at_most_their_constant() -> None:
    epochs = np.linspace(1, 500, 1000)
    gains = np.diff(worth(epochs, 15.0))
    assert (np.diff(gains) <= 1e-12).all()
    assert (gains >= 0).all()
    assert worth(np.array([0.25, 1.0, 1e6]), 15.0).tolist() == [0.25, 1.0, 16.0]
    assert worth(np.array([16.0]), 15.0)[0] == pytest.approx(1 + 15 * (1 - np.exp(-1)))


def test_under_a_penalty_more_epochs_help_first_and_harm_then_the_sooner_the_larger_the_model() -> None:
    epochs = np.geomspace(1, 1e5, 400)
    best = []
    for size in (1e6, 1e7, 1e8):
        losses = predicted(POINTS[3], one_pool(np.full(400, 1e9), 1e9 * epochs, np.full(400, size)))
        best.append(epochs[losses.argmin()])
        assert losses[0] > losses.min() < losses[-1]
    assert best == sorted(best, reverse=True)
    assert best[0] > 2 * best[-1]


@each_law
def test_a_pool_in_two_halves_predicts_what_it_predicted_whole(point: Point) -> None:
    setups = trainings()

    def halves(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([tokens[:, 0] / 2, tokens[:, 0] / 2, tokens[:, 1]], 1)

    split = Setups(("good a", "good b", "fair"), halves(setups.unique), halves(setups.seen), setups.num_params)
    np.testing.assert_allclose(predicted(point, split, 1.0, 0.6), predicted(point, setups, 0.6), rtol=1e-12)


@each_law
def test_the_order_of_equally_good_pools_is_immaterial(point: Point) -> None:
    setups = trainings()
    turned = Setups(setups.pools[::-1], setups.unique[:, ::-1], setups.seen[:, ::-1], setups.num_params)
    np.testing.assert_allclose(predicted(point, turned, 1.0), predicted(point, setups, 1.0), rtol=1e-12)


@each_law
def test_a_pool_that_is_not_drawn_from_changes_nothing(point: Point) -> None:
    setups = trainings().rows(slice(0, 10))
    alone = one_pool(setups.unique[:, 0], setups.seen[:, 0], setups.num_params)
    np.testing.assert_allclose(predicted(point, setups, 0.6), predicted(point, alone), rtol=1e-12)


@each_law
def test_tokens_of_a_better_pool_leave_less_loss(point: Point) -> None:
    setups = trainings()
    both = setups.seen[:, 1] > 0
    assert (predicted(point, setups, 0.9)[both] < predicted(point, setups, 0.3)[both]).all()


def measured(point: Point, *ratios: float, noise: float = 0.0) -> Runs:
    setups = trainings(3, 60)
    values = predicted(point, setups, *ratios) * np.exp(noise * np.random.default_rng(1).standard_normal(len(setups)))
    return Runs(setups.pools, setups.unique, setups.seen, setups.num_params, values, np.arange(60).astype(str))


@each_law
def test_a_fit_predicts_the_same_in_any_unit_of_tokens(point: Point) -> None:
    runs = measured(point, 0.5, noise=0.003)
    in_millions = replace(runs, unique=runs.unique / 1e6, seen=runs.seen / 1e6)
    one, other = (fit(point[0], some, noise=0.003, num_starts=8) for some in (runs, in_millions))
    np.testing.assert_allclose(one.predict(runs), other.predict(in_millions), rtol=1e-5)


@each_law
def test_a_fit_finds_the_parameters_that_made_the_runs(point: Point) -> None:
    runs = measured(point, 0.5)
    found = fit(point[0], runs, num_starts=16)
    np.testing.assert_allclose(found.theta, [*point[1], 0.5], rtol=1e-3)
    np.testing.assert_allclose(found.coefficients, point[2], rtol=1e-2)


@each_law
def test_parameters_are_named_as_many_as_the_law_takes(point: Point) -> None:
    setups = trainings()
    names = [one.name for one in point[0].parameters(setups)]
    assert len(set(names)) == len(names) == len(point[1]) + 1
    assert names[-1] == "quality of fair / good"
    terms = point[0].terms(np.array([*point[1], 0.5]), setups)
    assert terms.shape == (len(setups), len(point[0].coefficients(setups))) == (40, len(point[2]))


def test_qualities_fall_from_pool_to_pool() -> None:
    assert qualities([0.5, 1.0, 0.1]).tolist() == [1.0, 0.5, 0.5, 0.05]
