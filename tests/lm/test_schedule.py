from __future__ import annotations

import math
from itertools import pairwise

import pytest

from winnow.lm.schedule import SCHEDULES, Schedule, learning_rate


def rates(schedule: Schedule, num_steps: int = 100, warmup: int = 10) -> list[float]:
    return [learning_rate(schedule, step, num_steps, warmup, 1.0, 0.01) for step in range(num_steps + 1)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warm_up_is_linear_to_the_peak_and_the_end_is_the_end_rate(schedule: Schedule) -> None:
    found = rates(schedule)
    assert found[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(found) == 1.0
    assert found[-1] == pytest.approx(0.01)
    assert all(one >= two for one, two in pairwise(found[10:]))


def test_the_cosine_is_half_way_in_the_middle() -> None:
    found = rates("cosine")
    assert found[55] == pytest.approx(0.505)
    assert found[32] == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi * 22 / 90)) / 2)


def test_wsd_is_stable_until_the_last_fifth_and_then_linear() -> None:
    found = rates("wsd")
    assert found[9:81] == [1.0] * 72
    assert found[90] == pytest.approx(0.505)
    assert found[80] - found[81] == pytest.approx(found[98] - found[99]) == pytest.approx(0.99 / 20)


def test_a_run_of_one_step_has_a_rate() -> None:
    assert [learning_rate(schedule, 0, 1, 1, 1.0, 0.01) for schedule in SCHEDULES] == [1.0, 1.0]
