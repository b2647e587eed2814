from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from unrolled import SHAPE, Case, case, distance, nats  # noqa: E402

from winnow.core.errors import RecipeError  # noqa: E402
from winnow.lm.model import Transformer  # noqa: E402
from winnow.meta import backends  # noqa: E402
from winnow.meta.backends import Backend, Compiled, Differences, Exact, Step, agreement, auto  # noqa: E402
from winnow.meta.models import InPlace, Stateless  # noqa: E402
from winnow.meta.optimizers import AdamW  # noqa: E402
from winnow.meta.unroll import unroll, weight_gradients  # noqa: E402


def wide(dtype: Any) -> Case:
    """A case with examples of some length, whose rounding errors cancel in part."""
    shape = replace(SHAPE, vocab_size=64, context=64, width=64, hidden=64, num_layers=2)
    update = AdamW(learning_rate=8e-3, weight_decay=0.1, decayed=(True, False))
    return case(2, size=8, tokens=64, shape=shape, update=update, dtype=dtype)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 4])
def test_differences_err_by_1e_7_in_float64(num_steps: int) -> None:
    some = case(num_steps)
    assert distance(some.by_weight(Differences()), some.by_weight(Exact())) < 1e-7


def test_differences_err_by_1e_3_in_float32_and_exact_ones_by_1e_5() -> None:
    expected = case(3).by_weight(Exact())
    some = case(3, dtype=torch.float32)
    assert distance(some.by_weight(Differences()), expected) < 1e-3
    assert distance(some.by_weight(Exact()), expected) < 1e-5


def test_the_error_of_differences_falls_with_the_square_of_the_step() -> None:
    some = case(2)
    expected = some.by_weight(Exact())
    large, small = (distance(some.by_weight(Differences(step)), expected) for step in (1e-3, 1e-4))
    assert 50 < large / small < 200


def test_in_bfloat16_both_are_roughly_right() -> None:
    expected, some = wide(torch.float64).by_weight(Exact()), wide(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert 1e-4 < distance(some.by_weight(Exact()), expected) < 0.05
        assert 1e-4 < distance(some.by_weight(Differences()), expected) < 0.2


@pytest.mark.parametrize("backend", [Exact(), Differences()])
def test_a_product_is_the_hessians_and_the_changes_are_each_examples(backend: Backend) -> None:
    some = case(1, size=3)
    model, batch, weights = some.model, some.batches[0], some.weights[0]
    step = Step(batch, weights, *model.gradient(some.params, batch, weights))
    random = torch.Generator().manual_seed(0)
    direction = tuple(torch.randn(p.shape, generator=random, dtype=p.dtype) for p in some.params)
    # no examples have these rows of the embedding: the Hessian is zero there, and differences leave them out
    direction = tuple(d * (g != 0) for d, g in zip(direction, step.gradient, strict=True))

    def total(*params: Tensor) -> Tensor:
        return model.inside(params, lambda losses: weights @ losses(batch))

    with backends.unfused():
        _, expected = torch.autograd.functional.hvp(total, some.params, direction)
    product = backend.product(model, some.params, step, direction)
    assert distance(product.hessian, expected) < 1e-7
    one_by_one = [model.gradient(some.params, batch, torch.eye(3, dtype=weights.dtype)[i])[0] for i in range(3)]
    changes = [sum((g * d).sum() for g, d in zip(each, direction, strict=True)) for each in one_by_one]
    assert distance([product.changes], [torch.stack(changes)]) < 1e-7
    assert distance([backend.changes(model, some.params, step, direction)], [product.changes]) < 1e-7
    linearized = backend.linearize(model, some.params, batch, weights)
    assert distance(linearized.step.gradient, step.gradient) < 1e-12
    assert distance([linearized.step.losses], [step.losses]) < 1e-12
    again = linearized.product(direction)
    assert distance([again.changes, *again.hessian], [product.changes, *product.hessian]) < 1e-7


@pytest.mark.skipif(not shutil.which("g++"), reason="compiling needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, of its compiler
def test_compiled_ones_are_the_exact_ones_for_each_model() -> None:
    torch.manual_seed(0)
    compiled, update = Compiled(), AdamW(learning_rate=1e-2)
    for width in (4, 5):  # two models: one's compiled product must not serve the other
        module = nn.Sequential(nn.Linear(3, width, bias=False), nn.Tanh(), nn.Linear(width, 1)).double()
        model: Stateless[Tensor] = Stateless(module, lambda module, batch: module(batch).square().mean(1))
        batches = [torch.randn(6, 3, dtype=torch.float64) for _ in range(3)]
        weights = [torch.randn(6, dtype=torch.float64).softmax(0) for _ in batches]
        params, found = model.params(), []
        for backend in (compiled, Exact()):
            window = unroll(model, update, params, update.start(params), batches, weights, backend)
            found.append(weight_gradients(model, update, window, window.params, backend))
        assert distance(found[0], found[1]) < 1e-12


def test_a_model_that_keeps_its_parameters_is_refused_by_exact_backends() -> None:
    some = case(2)
    model: InPlace[Tensor] = InPlace(Transformer(SHAPE).double(), nats)
    params, update = model.params(), replace(some.update, decayed=model.decayed)
    for backend in (Exact(), Compiled()):
        with pytest.raises(RecipeError, match=r"InPlace keeps its parameters itself.*Differences\(\)"):
            unroll(model, update, params, update.start(params), some.batches, some.weights, backend)


def test_a_model_that_keeps_its_parameters_has_the_same_meta_gradients_by_differences() -> None:
    some = case(3)
    model: InPlace[Tensor] = InPlace(Transformer(SHAPE).double(), nats)
    names = [name for name, _ in model.module.named_parameters()]
    params, first, second = (
        tuple(some.model.named(flat)[name] for name in names) for flat in (some.params, some.state[:2], some.state[2:4])
    )
    update = replace(some.update, decayed=model.decayed)
    state = (*first, *second, some.state[-1])
    window = unroll(model, update, params, state, some.batches, some.weights, Differences())
    uniform = torch.full((len(some.heldout),), 1 / len(some.heldout), dtype=torch.float64)
    outer, _ = model.gradient(window.params, some.heldout, uniform)
    found = weight_gradients(model, update, window, outer, Differences())
    assert distance(found, some.by_weight(Exact())) < 1e-7


def test_agreement_is_one_where_differences_are_right_and_less_where_they_step_too_far() -> None:
    some = case(1)
    given = some.model, some.params, some.batches[0], some.weights[0]
    assert agreement(*given) == pytest.approx(1, abs=1e-9)
    assert agreement(*given, Differences(relative_step=1.0)) < backends.LEAST_COSINE


def test_auto_is_exact_for_small_models_and_differences_for_others_where_they_agree(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    some = case(1)
    given = some.model, some.params, some.batches[0], some.weights[0]
    assert isinstance(auto(*given), Exact)
    monkeypatch.setattr(backends, "EXACT_PARAMS", 10)
    assert isinstance(auto(*given), Differences)
    assert not capsys.readouterr().err
    monkeypatch.setattr(backends, "RELATIVE_STEPS", {torch.float64: 1.0})
    assert isinstance(auto(*given), Exact)
    assert "exact ones are taken" in capsys.readouterr().err


def test_auto_takes_differences_where_memory_ends_at_an_exact_product(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ends(*_: object) -> None:
        raise torch.OutOfMemoryError

    some = case(1)
    monkeypatch.setattr(backends, "EXACT_PARAMS", 10)
    monkeypatch.setattr(Exact, "product", ends)
    assert isinstance(auto(some.model, some.params, some.batches[0], some.weights[0]), Differences)
    assert "not compared with exact ones, which do not fit into memory" in capsys.readouterr().err


def test_how_far_differences_step_does_not_depend_on_how_long_the_direction_is() -> None:
    some = case(1)
    model, batch, weights = some.model, some.batches[0], some.weights[0]
    step = Step(batch, weights, *model.gradient(some.params, batch, weights))
    one, long = (
        Differences().product(model, some.params, step, tuple(scale * g for g in step.gradient)).hessian
        for scale in (1.0, 1e6)
    )
    assert distance([1e6 * h for h in one], long) < 1e-7
