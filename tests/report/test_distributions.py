from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from winnow.report.distributions import Distribution, edges_for
from winnow.report.model import NUM_BINS, Mark


def mark(threshold: float) -> Mark:
    return Mark(rule="r", operator=">", threshold=threshold)


FLOATS = st.floats(-1e12, 1e12) | st.just(float("nan"))


@given(st.lists(FLOATS, max_size=40), st.lists(st.floats(-1e9, 1e9).map(mark), max_size=3))
@example([5e-324], [mark(0.0)])
@example([1.0, 1.0 + 2**-52], [])
@example([1e17], [])
def test_edges_rise_and_hold_every_threshold(values: list[float], marks: list[Mark]) -> None:
    edges, _ = edges_for(np.array(values, float), marks)
    assert len(edges) <= NUM_BINS + 1 and np.all(np.diff(edges) > 0)
    for one in marks:
        assert edges[0] <= one.threshold + 1e-6 * abs(one.threshold)
        assert one.threshold <= edges[-1] + 1e-6 * abs(one.threshold)


@given(st.lists(FLOATS, max_size=40), st.lists(FLOATS, max_size=40))
def test_every_document_is_counted_once(sample: list[float], values: list[float]) -> None:
    one = Distribution("x", np.array(sample, float))
    kept = np.arange(len(values)) % 2 == 0
    one.add(np.array(values, float), kept)
    found = one.histogram("choice")
    known = ~np.isnan(np.array(values, float))
    assert (sum(found.kept), sum(found.dropped)) == ((known & kept).sum(), (known & ~kept).sum())
    assert found.missing == len(values) - known.sum()


def test_few_whole_numbers_get_a_bin_each() -> None:
    one = Distribution("x", np.array([0.0, 3.0]), [mark(2)])
    one.add(np.array([0.0, 1.0, 3.0, 3.0]), np.array([True, True, False, True]))
    found = one.histogram("choice")
    assert (found.edges, found.kept, found.dropped) == ((0, 1, 2, 3, 4), (1, 1, 0, 1), (0, 0, 0, 1))


def test_a_far_threshold_makes_the_scale_logarithmic() -> None:
    edges, scale = edges_for(np.array([200.0, 400.0, 900.0]), [mark(50), mark(100_000)])
    assert scale == "logarithmic" and 25 < edges[0] < 50 and 100_000 < edges[-1] < 200_000


@pytest.mark.parametrize("values", [[0.1, 0.2, 0.9], [1.0, 2.0, 5.0], [10.0, 20.0, 90_000.0]])
def test_values_beyond_a_threshold_are_drawn_beyond_it(values: list[float]) -> None:
    low, _, high = values
    edges, _ = edges_for(np.array(values), [mark(low), mark(high)])
    assert edges[0] < low and edges[-1] > high


def test_a_scale_of_shares_does_not_begin_below_zero() -> None:
    assert edges_for(np.array([0.0, 0.5, 0.9]), [mark(0)])[0][0] == 0
