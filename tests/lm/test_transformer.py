from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from tiny import SHAPE, TINY  # noqa: E402
from torch import Tensor  # noqa: E402

from winnow.core.errors import InputError  # noqa: E402
from winnow.lm.loop import adamw  # noqa: E402
from winnow.lm.model import Cache, Transformer, rotations  # noqa: E402
from winnow.lm.scales import SCALES, find_scale  # noqa: E402


@pytest.fixture
def model() -> Transformer:
    found: Transformer = Transformer(SHAPE).eval()
    return found


def tokens(batch: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(0, SHAPE.vocab_size, (batch, length), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SCALES)
def test_it_has_as_many_parameters_as_the_table_says(name: str) -> None:
    with torch.device("meta"):
        found = Transformer(SCALES[name].shape)
    assert sum(weight.numel() for weight in found.parameters()) == SCALES[name].num_params


@pytest.mark.parametrize("name", ["0.3M", "1M", "10M"])
def test_the_loss_begins_at_the_log_of_the_vocabulary(name: str) -> None:
    shape = find_scale(name).shape
    some = torch.randint(0, shape.vocab_size, (2, 65))
    _, loss = Transformer(shape).loss(some[:, :-1], some[:, 1:])
    assert float(loss) == pytest.approx(math.log(shape.vocab_size), rel=0.02)


def test_the_seed_settles_the_weights() -> None:
    one, same, other = (Transformer(SHAPE, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["embedding.weight"], other["embedding.weight"])


def test_weights_begin_at_one_over_the_root_of_their_inputs_cut_at_three_deviations() -> None:
    shape = find_scale("1M").shape
    found = Transformer(shape)
    out = found.blocks[3].attention.out.weight
    assert float(found.blocks[3].attention.qkv.weight.detach().std()) == pytest.approx(shape.width**-0.5, rel=0.03)
    assert float(out.detach().std()) == pytest.approx((8 * shape.width) ** -0.5, rel=0.03)  # 1 / sqrt(2 (3 + 1))
    assert float(found.blocks[0].mlp.down.weight.detach().std()) == pytest.approx((2 * shape.hidden) ** -0.5, rel=0.03)
    assert float(out.detach().abs().max()) <= 3 * (8 * shape.width) ** -0.5


def test_later_tokens_change_nothing_before_them(model: Transformer) -> None:
    some = tokens(2, 16)
    changed = some.clone()
    changed[:, 9:] = (changed[:, 9:] + 1) % SHAPE.vocab_size
    before, after = model(some), model(changed)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.allclose(before[:, 9], after[:, 9])


def test_every_earlier_token_counts(model: Transformer) -> None:
    some = tokens(1, 16)
    last = model(some)[0, -1]
    for place in range(16):
        changed = some.clone()
        changed[0, place] = (changed[0, place] + 1) % SHAPE.vocab_size
        assert not torch.equal(model(changed)[0, -1], last)


def test_only_the_distance_of_two_tokens_counts_in_their_attention() -> None:
    cos, sin = rotations(SHAPE)
    q, k = torch.randn(8), torch.randn(8)

    def score(at: int, other: int) -> float:
        turned = torch.complex(q, torch.ones(8)) * torch.complex(cos[at], sin[at])
        against = torch.complex(k, torch.ones(8)) * torch.complex(cos[other], sin[other])
        return float((turned * against.conj()).real.sum())

    assert score(9, 4) == pytest.approx(score(14, 9), rel=1e-4)


def test_queries_and_keys_of_any_size_attend_alike(model: Transformer) -> None:
    """What a norm per head without a gain means: scaling the projections to queries and keys changes nothing."""
    some = tokens(2, 16)
    before = model(some)
    with torch.no_grad():
        for block in model.blocks:
            block.attention.qkv.weight[: 2 * SHAPE.width] *= 7
    torch.testing.assert_close(model(some), before, atol=1e-4, rtol=1e-3)


def test_a_cache_changes_nothing_however_the_tokens_are_cut(model: Transformer) -> None:
    some = tokens(3, 16)
    whole = model(some)
    cache = Cache(SHAPE, batch=3, capacity=16)
    found = [model(part, cache) for part in some.split([5, 1, 1, 9], dim=1)]
    torch.testing.assert_close(torch.cat(found, 1), whole, atol=1e-5, rtol=1e-4)
    assert cache.lengths.tolist() == [16, 16, 16]


def test_a_prefix_is_run_once_for_all_that_share_it(model: Transformer) -> None:
    prefix, ends = tokens(1, 7), tokens(4, 9, seed=1)
    whole = model(torch.cat([prefix.expand(4, 7), ends], 1))[:, 7:]
    cache = Cache(SHAPE, batch=1, capacity=7)
    model(prefix, cache)
    for size in (4, 2):  # the prefix can be used again
        found = model(ends[:size], cache.selected(torch.zeros(size, dtype=torch.int64), capacity=16))
        torch.testing.assert_close(found, whole[:size], atol=1e-5, rtol=1e-4)


def test_sequences_of_unequal_length_go_on_after_their_own_ends(model: Transformer) -> None:
    lengths, some = [4, 9, 6], tokens(3, 16)
    padded = some[:, :9].clone()
    for row, length in enumerate(lengths):
        padded[row, length:] = 0
    cache = Cache(SHAPE, batch=3, capacity=16)
    first = model(padded, cache)
    cache.lengths -= torch.tensor([9 - length for length in lengths])
    nexts = torch.stack([some[row, length : length + 3] for row, length in enumerate(lengths)])
    found = model(nexts, cache)
    for row, length in enumerate(lengths):
        whole = model(some[row : row + 1, : length + 3])[0]
        torch.testing.assert_close(first[row, :length], whole[:length], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found[row], whole[length:], atol=1e-5, rtol=1e-4)


def test_a_sequence_longer_than_the_context_is_refused(model: Transformer) -> None:
    with pytest.raises(InputError, match="17 tokens is longer than the model's context of 16"):
        model(tokens(1, 17))
    cache = Cache(SHAPE, batch=1, capacity=20)
    model(tokens(1, 16), cache)
    with pytest.raises(InputError, match="17 tokens"):
        model(tokens(1, 1), cache)


def test_the_nats_are_those_of_the_logits(model: Transformer) -> None:
    some = tokens(2, 17)
    expected = torch.nn.functional.cross_entropy(model(some[:, :-1]).transpose(1, 2), some[:, 1:], reduction="none")
    torch.testing.assert_close(model.nats(some[:, :-1], some[:, 1:]), expected)


def test_it_learns_one_batch_by_heart() -> None:
    model, some = Transformer(SHAPE), tokens(4, 17)
    optimizer = adamw(model, 0.0)
    for group in optimizer.param_groups:
        group["lr"] = TINY.learning_rate
    for _ in range(150):
        loss, plain = model.loss(some[:, :-1], some[:, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(plain) < 0.05


def test_weight_decay_is_for_matrices_alone() -> None:
    decayed, free = adamw(Transformer(SHAPE), 0.033).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.033, 0.0)
    assert {weight.ndim for weight in decayed["params"]} == {2}
    assert len(free["params"]) == 2 * SHAPE.num_layers + 1
