from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import minimize

from winnow.laws.descent import descend, huber

if TYPE_CHECKING:
    from numpy.typing import NDArray

FREE = np.full(2, -np.inf), np.full(2, np.inf)


def valley(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rosenbrock's, whose way to (1, 1) is narrow and bent."""
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def test_a_narrow_valley_is_walked_to_its_end() -> None:
    assert descend(valley, np.array([-1.2, 1.0]), *FREE, 1e6, 1e-12) == pytest.approx([1, 1], abs=1e-6)


def test_residuals_that_stick_out_pull_by_their_size_alone() -> None:
    random = np.random.default_rng(0)
    places, shown = random.standard_normal((40, 2)), random.standard_normal(40)
    shown[:8] += 30

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(places @ x - shown)

    found = descend(residuals, np.zeros(2), *FREE, 1.0, 1e-12)
    least = minimize(lambda x: huber(residuals(x), 1.0), np.zeros(2), method="Nelder-Mead", tol=1e-10)
    assert found == pytest.approx(least.x, abs=1e-5)


@pytest.mark.parametrize("start", [[0.0, 0.0], [0.5, 0.3], [-1.0, -1.0]])
def test_a_bound_in_the_way_is_where_it_ends(start: list[float]) -> None:
    found = descend(valley, np.array(start), np.full(2, -1.0), np.array([0.5, 0.3]), 1e6, 1e-12)
    inside = minimize(lambda x: huber(valley(x), 1e6), [0.2, 0.2], bounds=[(-1, 0.5), (-1, 0.3)], tol=1e-14)
    assert found == pytest.approx(inside.x, abs=1e-5)


def test_a_parameter_that_nothing_depends_on_stays() -> None:
    found = descend(lambda x: x[:1] - 3, np.array([0.0, 7.0]), *FREE, 1e6, 1e-12)
    assert found == pytest.approx([3, 7])


def test_a_step_to_where_there_is_no_value_is_taken_back() -> None:
    found = descend(lambda x: np.array([np.log(x[0]), 0.1 * x[1]]), np.array([50.0, 1.0]), *FREE, 1e6, 1e-12)
    assert found == pytest.approx([1, 0], abs=1e-5)
