from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from winnow.loss import token_statistics as module
from winnow.loss import token_statistics_reference as reference
from winnow.loss.token_statistics import TOP, TokenStatistics, token_statistics


def statistics(logits: Any, targets: list[int]) -> TokenStatistics:
    """Of logits that are states already."""
    table = torch.as_tensor(logits, dtype=torch.float32)
    cells = np.arange(len(targets))
    return TokenStatistics(*token_statistics(table, lambda some: some, cells, np.array(targets)))


def one(logits: Any, target: int) -> dict[str, float]:
    found = statistics(np.asarray(logits)[None], [target])
    return {name: float(values[0]) for name, values in found._asdict().items()}


def assert_close(found: TokenStatistics, expected: TokenStatistics, absolute: float = 0) -> None:
    for name in TokenStatistics._fields:
        one, other = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=absolute, err_msg=name)


@settings(max_examples=60)
@given(st.integers(1, 150), st.integers(1, 40), st.floats(0.01, 12), st.integers(0, 10**6))
def test_numbers_are_those_of_the_definitions(size: int, rows: int, spread: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    logits = (spread * draw.standard_normal((rows, size))).astype(np.float32)
    targets = draw.integers(0, size, rows)
    expected = reference.token_statistics(logits.astype(np.float64), targets)
    assert_close(statistics(logits, targets.tolist()), expected, 1e-6)


@pytest.mark.parametrize("size", [4096, 50_257])
def test_a_large_vocabulary_is_read_in_blocks_of_rows(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_ROWS", 8)
    draw = np.random.default_rng(0)
    states, head = draw.standard_normal((30, 16)).astype(np.float32), draw.standard_normal((size, 16)) / 2
    cells, targets = draw.integers(0, 30, 50), draw.integers(0, size, 50)
    weights, asked = torch.tensor(head, dtype=torch.float32), []

    def logits(some: torch.Tensor) -> torch.Tensor:
        asked.append(len(some))
        return some @ weights.T

    found = TokenStatistics(*token_statistics(torch.from_numpy(states), logits, cells, targets))
    exact = states[cells].astype(np.float64) @ weights.numpy().astype(np.float64).T
    assert_close(found, reference.token_statistics(exact, targets), 1e-5)
    assert sum(asked) == 50
    assert max(asked) * size * 4 <= max(2 << 20, 8 * size * 4)


@pytest.mark.parametrize("size", [2, 9, 10, 11, 64, 1000])
def test_of_uniform_logits_everything_is_known(size: int) -> None:
    found = one(np.full(size, 1.5), 1)
    k = min(TOP, size)
    assert found["nats"] == pytest.approx(math.log(size), rel=1e-6)
    assert found["el2n"] == pytest.approx(math.sqrt(1 - 1 / size), rel=1e-6)
    assert found["top_logit"] == pytest.approx(1.5)
    assert found["top_mass"] == pytest.approx(k / size, rel=1e-6)
    assert found["top_hit"] == 1  # no token is more probable


def test_of_equals_the_lowest_id_is_greedy() -> None:
    logits = [0, 3, 3, 1, 3.0]
    assert [one(logits, target)["greedy"] for target in range(5)] == [0, 1, 0, 0, 0]


@given(st.floats(-200, 200))
def test_of_two_tokens_el2n_is_the_missed_probability_times_the_root_of_two(gap: float) -> None:
    found = one([0.0, np.float32(gap)], 0)
    missed = 1 / (1 + math.exp(-np.float32(gap)))
    assert found["el2n"] == pytest.approx(math.sqrt(2) * missed, rel=1e-6)
    assert found["nats"] == pytest.approx(math.log1p(math.exp(np.float32(gap))), rel=1e-6)


@given(st.integers(0, 10**6), st.integers(-50, 50))
def test_a_shift_of_all_logits_changes_nothing_but_them(seed: int, shift: int) -> None:
    logits = np.random.default_rng(seed).integers(-64, 64, 70) / 8  # exact in float32, and so is the sum
    before, after = one(logits, 5), one(logits + shift, 5)
    assert after.pop("top_logit") == pytest.approx(before.pop("top_logit") + shift, abs=1e-5)
    assert after == pytest.approx(before, rel=1e-6)


@given(st.integers(0, 10**6))
def test_the_order_of_the_other_tokens_changes_nothing(seed: int) -> None:
    draw = np.random.default_rng(seed)
    logits = 4 * draw.standard_normal(100)
    others = draw.permutation(np.arange(1, 100))
    assert one(logits[[0, *others]], 0) == pytest.approx(one(logits, 0), rel=1e-6)


@given(st.integers(0, 10**6), st.integers(2, 120), st.floats(0.1, 20))
def test_el2n_lies_between_its_bounds(seed: int, size: int, spread: float) -> None:
    logits = spread * np.random.default_rng(seed).standard_normal(size)
    found = one(logits, 0)
    missed = -math.expm1(-found["nats"])
    assert missed * math.sqrt(size / (size - 1)) * (1 - 1e-5) <= found["el2n"] <= math.sqrt(2) * missed * (1 + 1e-5)


@pytest.mark.parametrize("gap", [0, 1, 5, 10, 20, 40, 80, 300])
@pytest.mark.parametrize("target", [0, 1])
def test_confident_tokens_keep_their_digits(gap: int, target: int) -> None:
    """Against two hundred digits: token 0 leads 499 others by ``gap`` nats."""
    logits = [gap, *([0] * 499)]
    with localcontext() as context:
        context.prec = 200
        powers = [Decimal(logit).exp() for logit in logits]
        whole = sum(powers, Decimal(0))
        others = [power / whole for place, power in enumerate(powers) if place != target]
        el2n = (sum(others, Decimal(0)) ** 2 + sum((other**2 for other in others), Decimal(0))).sqrt()
        nats = -(powers[target] / whole).ln()
    found = one(logits, target)
    assert found["el2n"] == pytest.approx(float(el2n), rel=1e-6, abs=0)
    assert found["nats"] == pytest.approx(float(nats), rel=1e-6, abs=0)


def test_a_token_without_any_probability_has_infinite_loss() -> None:
    assert one([0, -math.inf, 1, 2], 1)["nats"] == math.inf
    assert one([0, -math.inf, 1, 2], 0)["nats"] == pytest.approx(math.log(1 + math.e + math.e**2), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_logit_that_is_no_number_spoils_its_own_row_alone(bad: float) -> None:
    logits = np.zeros((3, 40))
    logits[1, 7] = bad
    found = statistics(logits, [3, 3, 3])
    assert np.isfinite(found.nats).tolist() == [True, False, True]


def test_half_precision_is_summed_in_single() -> None:
    logits = torch.randn(8, 3000, generator=torch.Generator().manual_seed(0)).bfloat16()
    found = token_statistics(logits, lambda some: some, np.arange(8), np.arange(8))
    expected = reference.token_statistics(logits.double().numpy(), np.arange(8))
    assert_close(TokenStatistics(*found), expected)


def test_nothing_asked_is_nothing_found() -> None:
    empty = np.array([], np.int64)
    assert token_statistics(torch.zeros(4, 8), lambda some: some, empty, empty).shape == (6, 0)
