from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.bench.distributions import bisect, chi_squared_quantile, t_quantile, t_tail

T_TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 8: 2.306, 12: 2.179, 30: 2.042, 120: 1.980}
"""Two-sided 5% points as any textbook prints them."""
CHI_SQUARED_TABLE = {(0.95, 1): 3.841, (0.95, 2): 5.991, (0.975, 4): 11.143, (0.025, 4): 0.484, (0.025, 12): 4.404}


@pytest.mark.parametrize("degrees", T_TABLE)
def test_t_quantiles_are_those_of_the_tables(degrees: int) -> None:
    assert t_quantile(0.05, degrees) == pytest.approx(T_TABLE[degrees], abs=5e-4)


@pytest.mark.parametrize("place", CHI_SQUARED_TABLE)
def test_chi_squared_quantiles_are_those_of_the_tables(place: tuple[float, int]) -> None:
    assert chi_squared_quantile(*place) == pytest.approx(CHI_SQUARED_TABLE[place], abs=5e-4)


@given(t=st.floats(0.001, 1000))
def test_one_and_two_degrees_have_closed_forms(t: float) -> None:
    assert t_tail(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), rel=1e-6)
    assert t_tail(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-6)


@given(tail=st.floats(1e-30, 0.999), degrees=st.integers(1, 5000))
def test_the_quantile_undoes_the_tail(tail: float, degrees: int) -> None:
    assert t_tail(t_quantile(tail, degrees), degrees) == pytest.approx(tail, rel=1e-6)


def test_many_degrees_are_the_normal_distribution() -> None:
    assert t_quantile(0.05, 1e7) == pytest.approx(1.959964, abs=1e-5)


def test_bisection_finds_where_a_falling_function_is_zero() -> None:
    assert bisect(lambda x: 2 - x * x, 0, 2, 1e-12) == pytest.approx(math.sqrt(2))
