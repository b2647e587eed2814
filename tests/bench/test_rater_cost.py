from __future__ import annotations

import doctest
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raters import ARMS, BITS, PRICES, SIZES, WHOLE, ledger, result

from winnow.bench import rater_cost
from winnow.bench.ledger import write_ledger
from winnow.bench.rater import RaterArm, read_result, write_result
from winnow.bench.rater_cost import Prices, amortised, gains, reached
from winnow.core.errors import InputError
from winnow.lm.scales import find_scale

HALF = RaterArm(kind="rater", discard=0.5)


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(rater_cost).failed == 0


@given(st.floats(0.01, 0.99), st.integers(2, 30))
def test_a_straight_curve_reaches_a_level_where_the_line_does(share: float, points: int) -> None:
    curve = tuple((1000 * at, 3 - at / points) for at in range(1, points + 1))
    level = 3 - share
    there = reached(curve, level)
    assert there == pytest.approx(max(1000.0, 1000 * points * share))


def test_a_curve_that_rises_again_has_reached_the_level_the_first_time() -> None:
    assert reached(((10, 3.0), (20, 1.0), (30, 2.5), (40, 0.5)), 2.0) == 15


def test_a_level_that_is_never_reached_and_a_curve_of_no_points_give_none() -> None:
    assert reached(((10, 3.0), (20, 1.0)), 0.99) is None
    assert reached((), 1.0) is None


def test_costs_add_up() -> None:
    prices = Prices(meta={"a": 3, "b": 4}, rating=5, scored=10, training={"x": 100.0, "y": 200.0})
    assert (prices.meta_learning, prices.scoring, prices.total) == (7, 50, 357)


def test_scoring_is_charged_for_all_that_is_drawn() -> None:
    params = 1000
    assert PRICES.oversampling(0.0, params) == PRICES.rating / 6000
    assert PRICES.oversampling(0.75, params) == 4 * PRICES.oversampling(0.0, params)
    # the paper's sizes: a rater of 50M before a model of 1B and of 50M, of four documents one kept
    rater = replace(PRICES, rating=2 * 50_000_000)
    assert rater.oversampling(0.75, 10**9) == pytest.approx(0.067, abs=0.001)
    assert rater.oversampling(0.75, 50_000_000) == pytest.approx(1.33, abs=0.01)


def test_the_compute_to_reach_the_whole_pools_end_in_closed_form() -> None:
    ends = {WHOLE.name: 2.0, "random 50%": 2.5, HALF.name: 1.0}  # half as steep again: 3 to 1 instead of 3 to 2
    found = {one.arm: one for one in gains(ledger(ends, noise=0.0), BITS, {HALF.name: 0.5}, WHOLE.name, PRICES)}
    params, tokens = SIZES["0.3M"]
    gain = found[HALF.name]
    assert gain.shares == (0.5, 0.5, 0.5) and gain.share == 0.5
    spent = 0.5 * 6 * params * tokens + PRICES.rating * 0.5 * tokens / 0.5
    assert gain.with_scoring == pytest.approx(spent / (6 * params * tokens))
    assert gain.with_everything == pytest.approx((spent + PRICES.meta_learning) / (6 * params * tokens))


def test_what_needs_no_rater_pays_none() -> None:
    ends = {WHOLE.name: 2.0, "random 50%": 1.5}
    (gain,) = gains(ledger(ends, noise=0.0), BITS, {"random 50%": None}, WHOLE.name, PRICES)
    assert gain.share == gain.with_scoring == gain.with_everything == pytest.approx(2 / 3)


def test_an_arm_that_one_seed_never_brings_there_has_no_gain() -> None:
    made = ledger({WHOLE.name: 2.0, HALF.name: 1.0}, noise=0.0)
    slow = tuple((tokens, 2.9) for tokens, _ in made.runs[-1].curves[BITS])
    made = replace(made, runs=(*made.runs[:-1], replace(made.runs[-1], curves={BITS: slow})))
    (gain,) = gains(made, BITS, {HALF.name: 0.5}, WHOLE.name, PRICES)
    assert gain.shares == (0.5, 0.5, None)
    assert gain.share is gain.with_scoring is gain.with_everything is gain.half is None


def test_the_interval_is_of_the_seeds_and_wider_with_scoring() -> None:
    made = ledger({WHOLE.name: 2.0, HALF.name: 1.0, ARMS[2].name: 1.5}, noise=0.05)
    found = gains(made, BITS, {HALF.name: 0.5, ARMS[2].name: 0.25}, WHOLE.name, PRICES)
    assert all(one.half is not None and one.half > 0.005 for one in found)
    assert found[0].half == found[1].half  # pooled
    assert found[0].half_with_scoring == pytest.approx((found[0].half or 0) * (1 + found[0].scoring))
    (lone,) = gains(ledger({WHOLE.name: 2.0, HALF.name: 1.0}, seeds=1), BITS, {HALF.name: 0.5}, WHOLE.name, PRICES)
    assert lone.half is None and lone.share is not None


def test_a_rater_pays_for_itself_at_a_size_whose_savings_exceed_it() -> None:
    small, large = find_scale("0.3M"), find_scale("1B-1x")
    found = amortised(0.5, 0.5, PRICES, [small, large])
    scored = PRICES.rating * 2 * 0.5 * large.num_tokens
    assert found[1].saved == pytest.approx(0.5 * large.flops - scored)
    assert found[1].meta == pytest.approx(PRICES.meta_learning / found[1].saved)
    assert found[1].paid
    dear = replace(PRICES, meta={"all": int(2 * found[1].saved)})
    assert amortised(0.5, 0.5, dear, [large])[0].meta == pytest.approx(2)
    assert not amortised(0.5, 0.5, dear, [large])[0].paid


def test_a_rater_whose_scoring_costs_more_than_it_saves_never_pays() -> None:
    (found,) = amortised(0.9, 0.9, replace(PRICES, rating=10**8), [find_scale("1M")])
    assert found.saved < 0 and found.meta is None and not found.paid


def test_a_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    made = result({arm.name: 2.0 - arm.discard for arm in ARMS})
    write_ledger(made.ledger, tmp_path)
    write_result(made, tmp_path)
    again = read_result(tmp_path)
    assert again.to_plain() == made.to_plain()
    assert replace(again, ledger=made.ledger) == made


def test_a_directory_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no rater_study\.json"):
        read_result(tmp_path)
