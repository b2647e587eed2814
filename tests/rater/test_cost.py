from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from winnow.lm.scales import Shape
from winnow.rater.cost import Cost, fitting_cost, forward_flops

INNER = Shape(vocab_size=320, context=16, width=32, hidden=64, num_layers=2, num_heads=2)
RATER = Shape(vocab_size=320, context=16, width=16, hidden=64, num_layers=1, num_heads=1)
BATCH = 8 * 16


def cost(**changed: Any) -> Cost:
    plan = {"steps": 1, "visited": 1, "population": 4, "unroll": 2, "free_steps": 2, "batch_size": 8}
    return fitting_cost(inner=INNER, rater=RATER, **{**plan, "heldout_batch_size": 16, "exact": False, **changed})


def test_a_forward_pass_is_two_flops_a_weight_and_attention() -> None:
    weights = INNER.num_params_no_embedding
    assert forward_flops(INNER, 10) == 10 * (2 * weights + 4 * INNER.num_layers * INNER.width * INNER.context)


def test_the_parts_are_those_of_the_closed_form() -> None:
    found, forward, rater = cost(), forward_flops(INNER, BATCH), forward_flops(RATER, BATCH)
    assert found.inner_flops == (3 * 4 + 3 * 2) * forward  # four steps, and a held-out batch twice as large
    assert found.second_order_flops == (6 + 2) * forward  # one product, one pass for the changes
    assert found.rater_flops == (4 + 3 * 2) * rater
    assert found.twin_flops == (3 * 4 + 2) * forward // 4
    assert found.flops == sum(getattr(found, one.name) for one in fields(Cost) if one.name.endswith("flops"))


def test_one_step_needs_no_product_and_every_further_one_needs_one() -> None:
    forward = forward_flops(INNER, BATCH)
    by_unroll = [cost(unroll=number).second_order_flops // forward for number in (1, 2, 3, 4)]
    assert by_unroll == [2, 8, 14, 20]
    assert cost(exact=True).second_order_flops == (7 + 2) * forward


def test_costs_grow_with_steps_and_with_the_members_that_are_visited() -> None:
    assert cost(steps=10).flops == pytest.approx(10 * cost().flops, rel=1e-6)
    assert cost(visited=4).flops == pytest.approx(4 * cost().flops, rel=1e-6)
    assert cost(steps=10).memory == cost().memory


def test_memory_grows_by_a_member_and_by_a_gradient() -> None:
    member = 4 * (3 * INNER.num_params + 2 * RATER.num_params)
    assert cost(population=5).memory - cost().memory == member
    assert cost(unroll=3).memory - cost().memory == 4 * INNER.num_params


def test_it_is_told_in_words() -> None:
    told = cost(steps=1000).told(1e9)
    assert "FLOPs" in told and "second order" in told and "GiB" in told
    assert cost(steps=1000).hours(1e9) == pytest.approx(cost(steps=1000).flops / 0.3e9 / 3600)
