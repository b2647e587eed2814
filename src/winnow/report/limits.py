"""The thresholds inside a rule's SQL: what it compares with which number."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from winnow.report.model import Limit

_COMPARISON = re.compile(
    r"(?!NOT\b)(.*?[^\s<>=!])\s*(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Limits:
    """The comparisons of a condition with a number; what else it says is left out."""

    limits: tuple[Limit, ...]
    together: bool = False
    """All of them must hold for the rule to reject (AND); else any one is enough."""


def limits_of(condition: str) -> Limits:
    """The comparisons in a condition that joins them by AND alone or by OR alone; none where it mixes both.

    >>> [limit.threshold for limit in limits_of("text.num_words < 50 OR text.num_words > 100000").limits]
    [50.0, 100000.0]
    """
    words = {word.upper() for word in re.findall(r"\b(?:and|or)\b", condition, re.IGNORECASE)}
    if len(words) > 1:
        return Limits(())
    parts = re.split(r"\s+(?:and|or)\s+", condition, flags=re.IGNORECASE)
    return Limits(tuple(limit for part in parts if (limit := _limit(part)) is not None), together=words == {"AND"})


def holds(limit: Limit, value: float) -> bool:
    """Whether a value is on the side that the comparison rejects."""
    return _OPERATORS[limit.operator](value, limit.threshold)


_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


def _limit(part: str) -> Limit | None:
    part = part.strip()
    found = _COMPARISON.fullmatch(part)
    if found is None or part.count("(") != part.count(")"):
        return None
    return Limit(expression=found[1], operator=found[2], threshold=float(found[3]))


def gaps(limits: Limits, values: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """How far each document is from being rejected: 0 at the threshold, 1 far away, infinite without a value."""
    each = [_gap(limit, values[limit.expression]) for limit in limits.limits]
    joined: NDArray[np.float64] = (np.maximum if limits.together else np.minimum).reduce(each)
    return joined


def _gap(limit: Limit, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance as a share of the larger of value and threshold, so that both sides of a range count alike."""
    scale = np.maximum(np.abs(values), abs(limit.threshold))
    distance = np.divide(limit.threshold - values, scale, out=np.zeros(len(values)), where=scale > 0)
    gap = {">": distance, ">=": distance, "<": -distance, "<=": -distance, "=": np.abs(distance)}[limit.operator]
    return np.where(np.isnan(values), np.inf, np.maximum(gap, 0))
