from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from winnow.lm.scales import Shape  # noqa: E402
from winnow.rater.chunks import Chunks  # noqa: E402
from winnow.rater.network import Rater  # noqa: E402

SHAPE = Shape(vocab_size=64, context=12, width=32, hidden=64, num_layers=2, num_heads=2)


def awake(seed: int = 0) -> Rater:
    """A rater whose head is not zero any more."""
    rater = Rater(SHAPE, seed)
    rater.double()
    torch.nn.init.normal_(rater.head.weight, generator=torch.Generator().manual_seed(1))
    rater.requires_grad_(False)
    return rater


def chunks(lengths: list[int], width: int, seed: int = 0, padding: int = 0) -> Chunks:
    random = np.random.default_rng(seed)
    tokens = np.full((len(lengths), width), padding)
    for row, length in enumerate(lengths):
        tokens[row, :length] = random.integers(1, 64, length)
    return Chunks(torch.from_numpy(tokens), torch.zeros(len(lengths), dtype=torch.int64), torch.tensor(lengths))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 9))
def test_a_score_depends_on_no_other_chunk_on_no_order_and_on_no_padding(lengths: list[int], seed: int) -> None:
    rater = awake()
    together = rater(chunks(lengths, 12, seed, padding=7))
    batch = chunks(lengths, 12, seed)
    alone = [
        rater(Chunks(batch.tokens[row : row + 1, :length], batch.before[row : row + 1], batch.lengths[row : row + 1]))
        for row, length in enumerate(lengths)
    ]
    assert torch.allclose(together, torch.cat(alone), rtol=1e-9, atol=1e-12)
    order = torch.arange(len(lengths)).flip(0)
    assert torch.allclose(rater(Chunks(*(part[order] for part in batch))), together[order], rtol=1e-9, atol=1e-12)


def test_scores_begin_at_zero_so_that_all_weigh_alike() -> None:
    assert Rater(SHAPE)(chunks([3, 12], 12)).tolist() == [0.0, 0.0]


def test_the_order_of_tokens_matters_and_later_ones_are_seen_too() -> None:
    rater, batch = awake(), chunks([6], 12)
    turned = batch._replace(tokens=torch.cat([batch.tokens[:, :6].flip(1), batch.tokens[:, 6:]], 1))
    assert abs(float(rater(batch)) - float(rater(turned))) > 1e-6
    changed = batch._replace(tokens=batch.tokens.index_fill(1, torch.tensor([5]), 9))
    assert abs(float(rater(batch)) - float(rater(changed))) > 1e-6


def test_the_seed_settles_the_weights() -> None:
    one, same, other = (Rater(SHAPE, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["embedding.weight"], other["embedding.weight"])
