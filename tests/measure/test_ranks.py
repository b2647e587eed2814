"""Ranks of scores, compared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.measure.ranks import explained, mid_ranks, shared, spearman

NUMBERS = st.lists(st.sampled_from([math.nan, -1.0, 0.0, 0.5, 2.0, 9.0]), max_size=30)


@given(NUMBERS)
def test_a_mid_rank_is_the_share_below_and_half_of_the_equal(values: list[float]) -> None:
    valid = [value for value in values if not math.isnan(value)]
    for value, rank in zip(values, mid_ranks(np.array(values, float)), strict=True):
        if math.isnan(value):
            assert math.isnan(rank)
        else:
            assert rank == pytest.approx(
                (sum(v < value for v in valid) + sum(v == value for v in valid) / 2) / len(valid)
            )


def test_rank_correlation_follows_the_order_and_nothing_else() -> None:
    values = np.array([3.0, 1.0, 2.0, 10.0])
    assert spearman(values, np.exp(values)) == pytest.approx(1)
    assert spearman(values, -values) == pytest.approx(-1)


def test_rank_correlation_of_the_textbook() -> None:
    """Without ties it is 1 - 6 sum d^2 / (n (n^2 - 1)): ranks 1 2 3 4 5 against 2 1 4 3 5 differ by 1 1 1 1 0."""
    assert spearman(np.arange(5.0), np.array([2.0, 1, 4, 3, 5])) == pytest.approx(1 - 6 * 4 / (5 * 24))


def test_documents_without_one_of_the_scores_do_not_count() -> None:
    left, right = np.array([1.0, 2, 3, math.nan]), np.array([1.0, 2, 3, -9])
    assert spearman(left, right) == pytest.approx(1)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0], [math.nan, math.nan]])
def test_without_an_order_there_is_no_correlation(values: list[float]) -> None:
    assert spearman(np.array(values), np.arange(float(len(values)))) is None
    assert explained(np.array(values), np.zeros(len(values), np.intp)) is None


def test_sources_explain_all_none_or_part_of_an_order() -> None:
    groups = np.array([0, 0, 1, 1])
    assert explained(np.array([1.0, 1, 5, 5]), groups) == pytest.approx(1)
    assert explained(np.array([1.0, 2, 1, 2]), groups) == pytest.approx(0)
    assert explained(np.array([1.0, 2, 3, 4]), groups) == pytest.approx(0.8)  # means ±1 of ranks ±1.5, ±0.5


def test_agreement_is_the_share_of_either_that_both_keep() -> None:
    left, right = np.array([True, True, False, False]), np.array([False, True, True, False])
    assert shared(left, right) == pytest.approx(1 / 3)
    assert shared(left, left) == 1
    assert shared(left & right, right & ~right) == 0
    assert shared(np.zeros(3, bool), np.zeros(3, bool)) == 1
