from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402

from winnow.lm.scales import Shape  # noqa: E402
from winnow.meta.backends import Differences, Exact, Step  # noqa: E402
from winnow.meta.models import Stateless  # noqa: E402
from winnow.rater.chunks import Chunks  # noqa: E402
from winnow.rater.inner import Inner, chunk_losses  # noqa: E402

SHAPE = Shape(vocab_size=64, context=12, width=32, hidden=64, num_layers=2, num_heads=2)


def chunks() -> Chunks:
    lengths = [12, 1, 7, 5]
    tokens = np.random.default_rng(0).integers(0, 64, (4, 12)) * (np.arange(12) < np.array(lengths)[:, None])
    return Chunks(torch.from_numpy(tokens), torch.tensor([63, 1, 2, 3]), torch.tensor(lengths))


def test_losses_are_means_over_each_chunks_own_tokens() -> None:
    inner, batch = Inner(SHAPE, torch.device("cpu")), chunks()
    logits = inner.network(batch.read).log_softmax(-1).detach()
    for row, length in enumerate(batch.lengths.tolist()):
        nats = [-float(logits[row, place, batch.tokens[row, place]]) for place in range(length)]
        assert float(inner.losses(inner.params(), batch)[row]) == pytest.approx(np.mean(nats), rel=1e-5)


def test_a_longer_padding_changes_nothing() -> None:
    inner, batch = Inner(SHAPE, torch.device("cpu")), chunks()
    short = Chunks(batch.tokens[1:, :7], batch.before[1:], batch.lengths[1:])
    torch.testing.assert_close(inner.losses(inner.params(), batch)[1:], inner.losses(inner.params(), short))


def test_the_gradient_is_that_of_the_losses_written_out() -> None:
    inner, batch = Inner(SHAPE, torch.device("cpu")), chunks()
    weights = torch.tensor([0.5, 0.0, 0.3, 0.2])
    plain = Stateless[Chunks](inner.network, chunk_losses)
    (expected, told), (found, same) = (one.gradient(one.params(), batch, weights) for one in (plain, inner))
    torch.testing.assert_close(same, told)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_products_by_differences_are_the_exact_ones() -> None:
    inner, batch, weights = Inner(SHAPE, torch.device("cpu")), chunks(), torch.tensor([0.5, 0.1, 0.3, 0.1])
    params = inner.params()
    step = Step(batch, weights, *inner.gradient(params, batch, weights))
    exact, near = (one.product(inner, params, step, step.gradient) for one in (Exact(), Differences()))
    torch.testing.assert_close(near.changes, exact.changes, rtol=5e-3, atol=1e-4)
    left, right = torch.cat(near.hessian), torch.cat(exact.hessian)
    assert float(torch.nn.functional.cosine_similarity(left, right, dim=0)) > 0.9999
