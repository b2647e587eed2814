from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from unrolled import SHAPE, UPDATE, Case, case, distance, oracle, slope  # noqa: E402

from winnow.meta.backends import Backend, Differences, Exact  # noqa: E402
from winnow.meta.optimizers import AdamW, norm  # noqa: E402
from winnow.meta.unroll import score_gradients  # noqa: E402

OPTIMIZERS = {
    "clipped": UPDATE,
    "not clipped": replace(UPDATE, max_norm=None),
    "plain": AdamW(learning_rate=1e-2, max_norm=None),
}
all_optimizers = pytest.mark.parametrize("update", OPTIMIZERS.values(), ids=OPTIMIZERS)
steps = pytest.mark.parametrize("num_steps", [1, 2, 3, 4])


def along(seed: int, like: Sequence[Tensor]) -> list[Tensor]:
    """A random direction of length one."""
    random = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(one.shape, generator=random, dtype=one.dtype) for one in like]
    return [one / norm(tuple(drawn)) for one in drawn]


@all_optimizers
@steps
def test_they_are_those_of_the_unrolled_training(num_steps: int, update: AdamW) -> None:
    some = case(num_steps, update=update)
    assert distance(some.by_weight(Exact()), oracle(some)) < 1e-10


@all_optimizers
@steps
def test_they_are_the_slopes_of_the_outer_loss(num_steps: int, update: AdamW) -> None:
    some = case(num_steps, update=update)
    found = some.by_weight(Exact())
    for seed in range(3):
        direction = along(seed, found)
        expected = sum(float(g @ d) for g, d in zip(found, direction, strict=True))
        assert slope(some, direction) == pytest.approx(expected, rel=1e-6, abs=1e-6 * float(norm(tuple(found))))


def test_every_one_is_the_slope_by_its_weight() -> None:
    some = case(2, size=3)
    for step, gradients in enumerate(some.by_weight(Exact())):
        for place, found in enumerate(gradients):
            alone = [torch.zeros_like(weights) for weights in some.weights]
            alone[step][place] = 1
            assert slope(some, alone) == pytest.approx(float(found), rel=1e-6)


@settings(max_examples=20)
@given(
    num_steps=st.integers(1, 4),
    size=st.integers(1, 5),
    tokens=st.integers(2, 9),
    heads=st.integers(1, 2),
    layers=st.integers(1, 2),
    trained=st.integers(0, 3),
    update=st.sampled_from(list(OPTIMIZERS.values())),
)
def test_they_hold_for_all_shapes(
    num_steps: int, size: int, tokens: int, heads: int, layers: int, trained: int, update: AdamW
) -> None:
    shape = replace(SHAPE, width=4 * heads, num_heads=heads, num_layers=layers)
    some = case(num_steps, size=size, tokens=tokens, shape=shape, trained=trained, update=update)
    # one example that is clipped moves the model as far with any weight: a gradient of rounding errors
    assert distance(some.by_weight(Exact()), oracle(some), floor=1e-3) < 1e-10


def test_the_clipping_of_these_tests_bites() -> None:
    some = case(1)
    gradient, _ = some.model.gradient(some.params, some.batches[0], some.weights[0])
    assert UPDATE.max_norm is not None
    assert norm(gradient) > 2 * UPDATE.max_norm


class Rater(nn.Module):  # type: ignore[misc]
    """A score of each sequence by its tokens, in float64."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Embedding(SHAPE.vocab_size, 4), nn.Tanh(), nn.Linear(4, 1)).double()

    def forward(self, batch: Tensor) -> Tensor:
        found: Tensor = self.layers(batch).mean((1, 2))
        return found


def by_rater(rater: Rater, some: Case, backend: Backend) -> Sequence[Tensor]:
    """The gradient by a rater's parameters: one ordinary backward pass behind the meta-gradients."""
    scores = [rater(batch) for batch in some.batches]
    weights = [one.detach().softmax(0) for one in scores]
    by_weight = replace(some, weights=weights).by_weight(backend)
    cotangents = [score_gradients(w, g) for w, g in zip(weights, by_weight, strict=True)]
    found: Sequence[Tensor] = torch.autograd.grad(scores, list(rater.parameters()), cotangents)
    return found


def loss_of(rater: Rater, some: Case) -> Tensor:
    return some.outer_loss([rater(batch).softmax(0) for batch in some.batches])


@pytest.mark.parametrize(("backend", "error"), [(Exact(), 1e-10), (Differences(), 1e-6)])
@steps
def test_a_raters_gradient_is_that_of_the_unrolled_training(num_steps: int, backend: Backend, error: float) -> None:
    rater, some = Rater(), case(num_steps)
    expected = torch.autograd.grad(loss_of(rater, some), list(rater.parameters()))
    assert distance(by_rater(rater, some, backend), expected) < error


@steps
def test_a_raters_gradient_is_the_slope_of_the_outer_loss(num_steps: int) -> None:
    rater, some = Rater(), case(num_steps)
    own, found, step, ends = list(rater.parameters()), by_rater(rater, some, Exact()), 1e-4, []
    direction = along(num_steps, own)
    for shift in (step, -2 * step):  # to one side, and from there to the other
        with torch.no_grad():
            for param, way in zip(own, direction, strict=True):
                param += shift * way
        ends.append(loss_of(rater, some).item())
    expected = sum(float((g * d).sum()) for g, d in zip(found, direction, strict=True))
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=1e-6, abs=1e-6 * float(norm(tuple(found))))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9), st.floats(-9, 9), st.integers(0, 99))
def test_scores_gradients_sum_to_zero_and_a_constant_added_to_all_scores_changes_nothing(
    scores: list[float], constant: float, seed: int
) -> None:
    given_scores = torch.tensor(scores, dtype=torch.float64)
    by_weight = torch.randn(len(scores), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = score_gradients(given_scores.softmax(0), by_weight)
    assert float(found.sum()) == pytest.approx(0, abs=1e-14)
    assert torch.allclose(score_gradients((given_scores + constant).softmax(0), by_weight), found, rtol=0, atol=1e-13)
    leaf = given_scores.clone().requires_grad_()
    (expected,) = torch.autograd.grad(leaf.softmax(0) @ by_weight, leaf)
    assert torch.allclose(found, expected, rtol=0, atol=1e-14)


def test_parameters_without_a_gradient_leave_them_finite_and_right() -> None:
    few = replace(SHAPE, vocab_size=64)  # more than half of the embedding's rows are of no example, their moments zero
    some = case(3, shape=few, trained=0)
    assert distance(some.by_weight(Exact()), oracle(some)) < 1e-10
    assert distance(some.by_weight(Differences()), oracle(some)) < 1e-5
    without = replace(some, update=replace(UPDATE, epsilon_root=0.0))
    assert any(bool(one.isnan().any()) for one in without.by_weight(Exact()))  # what the root's epsilon is for


def test_a_weight_of_zero_has_a_gradient_all_the_same() -> None:
    some = case(2)
    some = replace(some, weights=[torch.tensor([0.0, 0.2, 0.3, 0.5], dtype=torch.float64) for _ in some.weights])
    found = some.by_weight(Exact())
    assert distance(found, oracle(some)) < 1e-10
    assert abs(float(found[0][0])) > 1e-6
