from __future__ import annotations

import numpy as np
import pytest

from winnow.choose.presets import RULE_SETS
from winnow.report.limits import Limits, gaps, limits_of
from winnow.report.model import Limit


def limit(expression: str, operator: str, threshold: float) -> Limit:
    return Limit(expression=expression, operator=operator, threshold=threshold)


@pytest.mark.parametrize(
    ("condition", "expected", "together"),
    [
        ("text.num_words < 50", [limit("text.num_words", "<", 50)], False),
        ("a.b / (a.c + 1)>=.5", [], False),
        ("a.b / (a.c + 1)>=0.5", [limit("a.b / (a.c + 1)", ">=", 0.5)], False),
        ("a.b < -1e-3 or a.c > 2", [limit("a.b", "<", -0.001), limit("a.c", ">", 2)], False),
        ("a.b > 1 AND a.c > 2", [limit("a.b", ">", 1), limit("a.c", ">", 2)], True),
        ("a.lang <> 'en' OR a.p < 0.65", [limit("a.p", "<", 0.65)], False),
        ("a.b != 3", [], False),
        ("a.b <> 3", [], False),
        ("NOT a.b > 3", [], False),
        ("a.b > 1 AND (a.c > 2 OR a.d > 3)", [], False),
        ("abs(a.b - 2 > 1) AND a.c < a.d", [], True),
        ("a.quarantined", [], False),
    ],
)
def test_thresholds_are_found(condition: str, expected: list[Limit], together: bool) -> None:
    assert limits_of(condition) == Limits(tuple(expected), together)


def test_most_shipped_rules_have_a_threshold_to_draw() -> None:
    conditions = [condition for one in RULE_SETS.values() for _, condition in one.rules]
    assert sum(bool(limits_of(condition).limits) for condition in conditions) > 0.9 * len(conditions)


def test_the_gap_is_zero_at_the_threshold_and_grows_with_the_distance() -> None:
    limits = limits_of("a < 50")
    assert gaps(limits, {"a": np.array([50.0, 100.0, 200.0])}).tolist() == [0, 0.5, 0.75]


def test_both_sides_of_a_range_count_alike() -> None:
    found = gaps(limits_of("a < 50 OR a > 1000"), {"a": np.array([100.0, 500.0, 60.0])})
    assert found[0] == found[1] > found[2]


def test_a_rule_that_needs_both_is_as_far_as_the_farther() -> None:
    values = {"a": np.array([10.0, 10.0]), "b": np.array([1.0, 1.9])}
    found = gaps(limits_of("a > 10 AND b > 2"), values)
    assert found.tolist() == pytest.approx([0.5, 0.05])


def test_a_missing_value_is_infinitely_far() -> None:
    assert gaps(limits_of("a > 1"), {"a": np.array([np.nan])}).tolist() == [np.inf]
