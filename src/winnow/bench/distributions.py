"""Student's t and the chi-squared distribution, for intervals from few seeds; SciPy is not needed for two functions.

Both follow the continued fraction and the series of Numerical Recipes (Press et al. 2007, sections 6.2 and 6.4).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

TINY = 1e-300


def t_tail(t: float, degrees: float) -> float:
    """Probability that Student's t lies further from zero than ``t``, in [0, 1]: the two-sided p-value.

    >>> round(t_tail(12.706, 1), 4), round(t_tail(2.776, 4), 4)
    (0.05, 0.05)
    """
    return _beta(degrees / (degrees + t * t), degrees / 2, 0.5)


@functools.lru_cache(maxsize=65536)
def t_quantile(tail: float, degrees: float) -> float:
    """The t that leaves the share ``tail`` of the distribution, in (0, 1), outside of [-t, t].

    >>> round(t_quantile(0.05, 2), 3), round(t_quantile(0.05, 1e6), 3)
    (4.303, 1.96)
    """
    height = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - math.log(degrees * math.pi) / 2
    t = 1.0
    for _ in range(200):  # Newton's steps on the logarithms of both, none of them long
        beyond = max(t_tail(t, degrees), TINY)
        density = math.exp(height - (degrees + 1) / 2 * math.log1p(t * t / degrees))
        step = math.log(beyond / tail) * beyond / (2 * t * density)
        t *= math.exp(min(0.5, max(-0.5, step)))
        if abs(step) < 1e-13:
            break
    return t


def chi_squared_quantile(share: float, degrees: float) -> float:
    """The value below which the share, in (0, 1), lies.

    >>> round(chi_squared_quantile(0.95, 4), 3)
    9.488
    """
    high = degrees + 1.0
    while _gamma(degrees / 2, high / 2) < share:
        high *= 2
    return bisect(lambda x: share - _gamma(degrees / 2, x / 2), 0.0, high, 1e-12 * high)


def bisect(falling: Callable[[float], float], low: float, high: float, width: float) -> float:
    """Where a falling function is zero between two numbers, to within ``width``."""
    while high - low > width:
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function by its continued fraction (Lentz)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    above, below = 1.0, 1 / max(1 - (a + b) * x / (a + 1), TINY)
    product = below
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            below = 1 / (1 + term * below or TINY)
            above = 1 + term / above or TINY
            product *= above * below
        if abs(above * below - 1) < 1e-15:
            break
    return front * product


def _gamma(a: float, x: float) -> float:
    """The regularised lower incomplete gamma function by its series."""
    if x <= 0:
        return 0.0
    term = total = 1 / a
    n = a
    while term > total * 1e-16:
        n += 1
        term *= x / n
        total += term
    return total * math.exp(a * math.log(x) - x - math.lgamma(a))
