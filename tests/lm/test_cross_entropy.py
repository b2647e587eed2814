from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from winnow.lm import cross_entropy as module  # noqa: E402
from winnow.lm.cross_entropy import cross_entropy, token_nats, weighted_cross_entropy  # noqa: E402


def by_the_book(states: Tensor, head: Tensor, targets: Tensor, z_loss: float) -> Tensor:
    logits = states @ head.T
    plain = torch.nn.functional.cross_entropy(logits, targets)
    return plain + z_loss * torch.logsumexp(logits, -1).square().mean()


@pytest.mark.parametrize("z_loss", [0.0, 1e-4, 0.5])
@pytest.mark.parametrize("num_tokens", [1, 31, 100])
def test_losses_and_gradients_are_those_of_materialised_logits(
    monkeypatch: pytest.MonkeyPatch, num_tokens: int, z_loss: float
) -> None:
    monkeypatch.setitem(module.SLICE_BYTES, "cpu", 32 * 4 * 50)  # slices of 32 rows
    torch.manual_seed(0)
    states = torch.randn(num_tokens, 8, dtype=torch.float64).float().requires_grad_()
    head = torch.randn(50, 8).requires_grad_()
    targets = torch.randint(0, 50, (num_tokens,))
    expected = by_the_book(states, head, targets, z_loss)
    gradients = torch.autograd.grad(3 * expected, (states, head))
    found, plain = cross_entropy(states, head, targets, z_loss)
    ours = torch.autograd.grad(3 * found, (states, head))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(plain, by_the_book(states, head, targets, 0.0))
    for mine, theirs in zip(ours, gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_z_loss_of_equal_logits_is_the_squared_log_of_their_number() -> None:
    states, head, targets = torch.zeros(5, 4), torch.zeros(10, 4), torch.zeros(5, dtype=torch.int64)
    found, plain = cross_entropy(states, head, targets, 0.1)
    assert float(plain) == pytest.approx(math.log(10))
    assert float(found) == pytest.approx(math.log(10) + 0.1 * math.log(10) ** 2)


def test_large_logits_do_not_overflow() -> None:
    head = torch.tensor([[1e4], [-1e4]])
    found, _ = cross_entropy(torch.tensor([[1.0]]), head, torch.tensor([1]))
    assert float(found) == pytest.approx(2e4)


def test_the_nats_of_each_token_have_the_losss_mean() -> None:
    torch.manual_seed(0)
    states, head, targets = torch.randn(70, 8), torch.randn(50, 8), torch.randint(0, 50, (70,))
    nats = token_nats(states, head, targets)
    assert nats.shape == (70,)
    torch.testing.assert_close(nats.mean(), cross_entropy(states, head, targets)[1])


def test_weighted_losses_and_gradients_are_those_of_materialised_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.SLICE_BYTES, "cpu", 32 * 4 * 50)  # slices of 32 rows
    torch.manual_seed(0)
    states, head = torch.randn(70, 8).requires_grad_(), torch.randn(50, 8).requires_grad_()
    targets, weights = (
        torch.randint(0, 50, (70,)),
        torch.rand(70) * (torch.arange(70) % 3 > 0),
    )  # a third counts nothing
    nats = torch.nn.functional.cross_entropy(states @ head.T, targets, reduction="none")
    expected = (weights * nats).sum()
    gradients = torch.autograd.grad(expected, (states, head))
    found, each = weighted_cross_entropy(states, head, targets, weights)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(each, nats)
    for mine, theirs in zip(torch.autograd.grad(found, (states, head)), gradients, strict=True):
        torch.testing.assert_close(mine, theirs)
