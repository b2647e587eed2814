from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402
from unrolled import SHAPE, Case, case, distance, nats, oracle  # noqa: E402

from winnow.core.errors import InputError, RecipeError  # noqa: E402
from winnow.lm.model import Transformer  # noqa: E402
from winnow.meta.backends import Backend, Differences, Exact  # noqa: E402
from winnow.meta.models import Function, InPlace, Stateless, check_model  # noqa: E402


class Recomputed(nn.Module):  # type: ignore[misc]
    """Computes a block again in the backward pass."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, *given: object) -> object:
        return checkpoint(self.block, *given, use_reentrant=False)


def recomputed(module: Transformer) -> Transformer:
    """The model with every block under checkpoint; its parameters have other names in the same order."""
    module.blocks = nn.ModuleList(Recomputed(block) for block in module.blocks)
    return module


@pytest.mark.parametrize("backend", [Exact(), Differences()])
@pytest.mark.parametrize("num_steps", [1, 3])
def test_blocks_under_checkpoint_are_recomputed_with_the_given_parameters(num_steps: int, backend: Backend) -> None:
    some = case(num_steps)
    expected = oracle(some)
    model: Stateless[Tensor] = Stateless(recomputed(some.model.module), nats)
    with torch.no_grad():
        for own in model.module.parameters():
            own.fill_(float("nan"))  # what would be computed with the module's own would be seen
    found = Case(model, some.update, some.params, some.state, some.batches, some.weights, some.heldout)
    assert distance(found.by_weight(backend), expected) < (1e-10 if isinstance(backend, Exact) else 1e-7)


def test_functional_call_alone_gives_wrong_gradients_of_blocks_under_checkpoint() -> None:
    # why Stateless does all of its work inside the call; where this fails, PyTorch has mended it
    some = case(1)
    batch, weights = some.batches[0], some.weights[0]
    expected, _ = some.model.gradient(some.params, batch, weights)
    model: Stateless[Tensor] = Stateless(recomputed(some.model.module), nats)
    leaves = tuple(param.clone().requires_grad_() for param in some.params)
    logits = torch.func.functional_call(model.module, model.named(leaves), (batch[:, :-1],))
    losses = nn.functional.cross_entropy(logits.mT, batch[:, 1:], reduction="none").mean(1)
    wrong = torch.autograd.grad(weights @ losses, leaves)
    assert distance(wrong, expected) > 0.01
    right, _ = model.gradient(some.params, batch, weights)
    assert distance(right, expected) < 1e-12


def test_parameters_go_flat_and_come_back() -> None:
    module = Transformer(SHAPE)
    model: Stateless[Tensor] = Stateless(module, nats)
    matrices, rest = model.params()
    named = model.named((matrices, rest))
    assert all(torch.equal(named[name], own) for name, own in module.named_parameters())
    assert matrices.numel() == sum(own.numel() for own in module.parameters() if own.ndim > 1)
    assert model.decayed == (True, False)
    assert all(torch.equal(*pair) for pair in zip(model.flat(named), (matrices, rest), strict=True))
    before = module.head.weight.detach().clone()
    model.load((matrices + 1, rest))
    assert torch.equal(module.head.weight, before + 1)
    assert torch.equal(model.params()[0], matrices + 1)


def test_work_leaves_the_modules_own_parameters_alone() -> None:
    some = case(2)
    before = [own.detach().clone() for own in some.model.module.parameters()]
    some.by_weight(Exact())
    assert all(torch.equal(*pair) for pair in zip(before, some.model.module.parameters(), strict=True))
    assert all(own.grad is None for own in some.model.module.parameters())


def test_a_module_without_matrices_or_without_gains_has_an_empty_tensor() -> None:
    model: Stateless[Tensor] = Stateless(nn.Linear(2, 1, bias=False), lambda module, batch: module(batch)[:, 0])
    batch, weights = torch.ones(3, 2), torch.ones(3)
    gradient, losses = model.gradient(model.params(), batch, weights)
    assert [g.tolist() for g in gradient] == [[3, 3], []]
    assert losses.shape == (3,)


class Dropping(nn.Module):  # type: ignore[misc]
    """A linear layer behind dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 1))

    def forward(self, batch: Tensor) -> Tensor:
        found: Tensor = self.layers(batch)[:, 0]
        return found


@pytest.mark.parametrize("kind", [Stateless, InPlace])
def test_dropout_is_refused_until_it_is_off(kind: Callable[..., Stateless[Tensor]]) -> None:
    module = Dropping()
    model = kind(module, lambda module, batch: module(batch))
    with pytest.raises(RecipeError, match=r"other losses the second time.*module.eval\(\)"):
        check_model(model, model.params(), torch.ones(4, 8))
    module.eval()
    check_model(model, model.params(), torch.ones(4, 8))


def test_losses_of_another_shape_are_refused() -> None:
    for shape in ((), (4, 1)):
        model: Function[Tensor] = Function(lambda params, batch, shape=shape: params[0].expand(shape))  # type: ignore[misc]
        with pytest.raises(RecipeError, match="one number an example"):
            check_model(model, (torch.zeros(()),), torch.ones(4))


def test_losses_that_are_not_finite_are_refused() -> None:
    model: Function[Tensor] = Function(lambda params, batch: (params[0] * batch).log())
    with pytest.raises(InputError, match="2 of 3 losses are not finite"):
        check_model(model, (torch.ones(()),), torch.tensor([1.0, 0.0, -1.0]))
    check_model(model, (torch.ones(()),), torch.tensor([1.0, 2.0, 3.0]))
