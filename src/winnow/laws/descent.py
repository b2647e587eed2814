"""The way down: Levenberg and Marquardt's steps on Huber's loss, within bounds.

Parameters of these laws lie in long narrow valleys, where trust regions with bounds and a reshaped loss (scipy's
``least_squares`` with ``loss="huber"``) creep until they are stopped. Damping relative to each parameter's own
curvature walks along them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Residuals = Callable[[NDArray[np.float64]], NDArray[np.float64]]

MOST_STEPS = 200
PATIENCE = 2
"""Steps one after the other that gain too little, before a search ends."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e8
"""Of the curvature along each parameter."""
EASED, TIGHTENED = 0.2, 4.0
"""Times the damping after a step that helped, and after one that did not."""
STEP = 1e-7
"""Of a parameter, in differences."""


def descend(
    of: Residuals,
    start: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    delta: float,
    tolerance: float,
) -> NDArray[np.float64]:
    """Where the sum of Huber's loss of residuals is least, near a start.

    Residuals beyond ``delta`` weigh less the larger they are: a step solves weighted squares (Holland & Welsch 1977). A
    parameter that its slope pushes against a bound stays there. It ends where ``PATIENCE`` steps one after the other
    take off less than ``tolerance`` of the sum, or where no step helps.
    """
    x, at, damping, idle = start, of(start), FIRST_DAMPING, 0
    loss = huber(at, delta)
    slopes = jacobian(of, x, at)
    for _ in range(MOST_STEPS):
        new = np.clip(x + _step(slopes, at, delta, damping, x <= low, x >= high), low, high)
        with np.errstate(all="ignore"):
            there = of(new)
        gain = loss - huber(there, delta)
        if not gain > 0:
            damping *= TIGHTENED
            if damping > MOST_DAMPING:
                break
            continue
        idle = idle + 1 if gain <= tolerance * loss else 0
        x, at, loss, damping = new, there, loss - gain, max(damping * EASED, LEAST_DAMPING)
        if idle == PATIENCE:
            break
        slopes = jacobian(of, x, at)
    return x


def _step(
    slopes: NDArray[np.float64],
    at: NDArray[np.float64],
    delta: float,
    damping: float,
    lowest: NDArray[np.bool_],
    highest: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """To the least of the weighted squares, shortened by the damping."""
    weighted = slopes * trust(at, delta)[:, None]
    pull, curve = weighted.T @ at, weighted.T @ slopes
    free = ~((lowest & (pull > 0)) | (highest & (pull < 0))) & (np.diag(curve) > 0)
    step = np.zeros(len(pull))
    units = np.sqrt(np.diag(curve)[free])
    scaled = curve[np.ix_(free, free)] / units / units[:, None]
    step[free] = -np.linalg.solve(scaled + damping * np.eye(len(units)), pull[free] / units) / units
    return step


def huber(residuals: NDArray[np.float64], delta: float) -> float:
    """Sum of Huber's loss: half the square up to delta, a straight line beyond (Huber 1964)."""
    size = np.abs(residuals)
    return float(np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)).sum())


def trust(residuals: NDArray[np.float64], delta: float) -> NDArray[np.float64]:
    """[n] what squares are weighted with, to fall as Huber's loss does."""
    return delta / np.maximum(delta, np.abs(residuals))


def jacobian(of: Residuals, x: NDArray[np.float64], here: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, len(x)] by differences from ``here``, the residuals at x."""
    return np.stack([(of(x + step) - here) / STEP for step in STEP * np.eye(len(x))], 1)
