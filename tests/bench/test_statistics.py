from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from winnow.bench.distributions import t_quantile
from winnow.bench.statistics import Difference, Noise, Scores, Values, difference, holm, noise_floor, ratio
from winnow.core.errors import AlignmentError

NOISE = Noise(variance=4.0, residual=0.0, degrees=4)


def scores(items: Values) -> Scores:
    """Of a table of seeds by items, every item with the denominator 1."""
    each = [ratio(row, np.ones(len(row)), np.zeros(len(row), np.intp)) for row in items]
    return Scores(values=np.array([value for value, _ in each]), influences=np.stack([row for _, row in each]))


def test_a_score_is_a_ratio_of_sums_and_influences_add_up_to_nothing() -> None:
    value, influences = ratio(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 4.0]), np.zeros(3, np.intp))
    assert value == 1.0
    assert influences == pytest.approx([0.0, -2 / 9, 2 / 9])


def test_a_macro_average_weighs_categories_alike() -> None:
    numerators, ones = np.array([1.0, 1.0, 1.0, 0.0]), np.ones(4)
    value, influences = ratio(numerators, ones, np.array([0, 0, 0, 1]))
    assert value == 0.5
    assert influences == pytest.approx(np.zeros(4))  # within each category all items are alike


def test_influences_tell_what_leaving_an_item_out_would_do() -> None:
    rng = np.random.default_rng(1)
    numerators, denominators = rng.random(2000), rng.random(2000) + 0.5
    categories = rng.integers(0, 3, 2000)
    value, influences = ratio(numerators, denominators, categories)
    for item in range(5):
        rest = np.arange(2000) != item
        without, _ = ratio(numerators[rest], denominators[rest], categories[rest])
        assert value - without == pytest.approx(influences[item], rel=0.01)


def test_the_noise_is_pooled_over_candidates_that_were_repeated() -> None:
    found = noise_floor([Scores(values=np.array(one)) for one in ([1.0, 3.0], [10.0, 11.0, 12.0], [99.0])])
    assert found is not None
    assert found.variance == pytest.approx(4 / 3) and found.degrees == 3


def test_without_repeats_the_noise_is_unknown() -> None:
    assert noise_floor([Scores(values=np.array([1.0])), Scores(values=np.array([2.0]))]) is None
    assert noise_floor([Scores(values=np.array([1.0, 1.0]))]) is None


def test_the_interval_of_the_noise_holds_the_truth() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        found = noise_floor([Scores(values=rng.normal(0, 2, 3)) for _ in range(4)])
        assert found is not None
        hits += found.interval[0] < 2 < found.interval[1]
    assert 935 <= hits <= 965


def test_what_can_be_detected_is_found_in_four_of_five_cases() -> None:
    """With the noise well known, so that the quantiles are those of the normal distribution."""
    rng = np.random.default_rng(3)
    noise = Noise(variance=4.0, residual=0.0, degrees=10_000)
    apart = rng.normal(noise.detectable(3), 2 * math.sqrt(2 / 3), 4000)
    assert np.mean(apart > t_quantile(0.05, 10_000) * 2 * math.sqrt(2 / 3)) == pytest.approx(0.8, abs=0.02)


def test_one_run_each_is_judged_by_the_noise_of_others_alone() -> None:
    found = difference(Scores(values=np.array([5.0])), Scores(values=np.array([2.0])), NOISE)
    assert found.interval == pytest.approx((3 - 2.776445 * math.sqrt(8), 3 + 2.776445 * math.sqrt(8)), rel=1e-6)


def test_without_noise_there_is_no_p_value() -> None:
    found = difference(Scores(values=np.array([5.0])), Scores(values=np.array([2.0])), None)
    assert found.p is None and found.interval is None


def test_without_noise_the_interval_tells_of_items() -> None:
    one, other = scores(np.array([[1.0, 0.0, 1.0, 1.0]])), scores(np.array([[0.0, 0.0, 1.0, 0.0]]))
    found = difference(one, other, None)
    assert found.p is None and found.interval is not None
    assert found.half() == pytest.approx(3.182446 * math.sqrt(np.var([1, 0, 0, 1], ddof=1) / 4), rel=1e-6)


def test_what_all_items_share_does_not_widen_the_interval() -> None:
    """Hard items are hard for both: only how the candidates differ on an item counts."""
    rng = np.random.default_rng(4)
    hardness = rng.normal(0, 100, 50)
    plain = rng.normal(0, 1, (2, 3, 50))
    easy, hard = (difference(scores(t[0]), scores(t[1]), NOISE) for t in (plain, plain + hardness))
    assert hard.item_variance == pytest.approx(easy.item_variance)


def test_different_items_are_refused() -> None:
    with pytest.raises(AlignmentError, match="same items"):
        difference(scores(np.eye(3)[:1]), scores(np.eye(4)[:1]), NOISE)
    one = Scores(values=np.zeros(1), influences=np.zeros((1, 3)), items="a")
    with pytest.raises(AlignmentError, match="same task files"):
        difference(one, Scores(values=np.zeros(1), influences=np.zeros((1, 3)), items="b"), NOISE)


def test_the_p_value_is_where_the_interval_begins_to_exclude_zero() -> None:
    one = Difference(
        value=0.8, seeds=(2, 3), items=40, item_variance=0.03, noise=Noise(variance=0.1, residual=0, degrees=3)
    )
    assert one.p is not None
    assert one.half(one.p) == pytest.approx(0.8, rel=1e-3)


def test_a_difference_of_nothing_has_the_p_value_one() -> None:
    assert Difference(value=0.0, seeds=(2, 2), items=None, item_variance=None, noise=NOISE).p == 1.0


def test_holm_adjusts_step_by_step() -> None:
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
    assert holm([None, 0.02, None]) == [None, 0.02, None]


def covered(
    seeds: tuple[int, int], shares: tuple[float, float, float], others: int, rng: np.random.Generator, cases: int = 400
) -> float:
    """How often the interval holds the truth, which is zero.

    ``shares`` are the variances that seeds, candidates' taste in items, and the two together make in one run's score;
    ``others`` candidates with 3 seeds join in the noise floor.
    """
    number = 60
    deviations = [math.sqrt(one) for one in shares]
    hits = 0
    for _ in range(cases):
        made = []
        for repeats in (*seeds, *[3] * others):
            runs = rng.normal(0, deviations[0], (repeats, 1)) + math.sqrt(number) * (
                rng.normal(0, deviations[1], (1, number)) + rng.normal(0, deviations[2], (repeats, number))
            )
            made.append(scores(runs + np.arange(number)))
        interval = difference(made[0], made[1], noise_floor(made)).interval
        assert interval is not None
        hits += interval[0] < 0 < interval[1]
    return hits / cases


DOMINANT = {"seeds": (1, 0.02, 0.02), "items": (0.02, 1, 0.02), "both": (0.02, 0.02, 1), "all": (1, 1, 1)}


@pytest.mark.parametrize(("dominant", "seeds"), list(itertools.product(DOMINANT, [(2, 2), (3, 3), (2, 5)])))
def test_intervals_hold_the_truth_as_often_as_they_say(dominant: str, seeds: tuple[int, int]) -> None:
    rng = np.random.default_rng([len(dominant), *seeds])
    assert 0.92 <= covered(seeds, DOMINANT[dominant], 0, rng) <= 0.995


@pytest.mark.parametrize("dominant", DOMINANT)
def test_one_seed_with_the_noise_of_others_holds_it_too(dominant: str) -> None:
    rng = np.random.default_rng(len(dominant))
    assert 0.92 <= covered((1, 1), DOMINANT[dominant], 4, rng) <= 0.995
