from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

import torch.distributed as dist  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.distributed.device_mesh import init_device_mesh  # noqa: E402
from torch.distributed.fsdp import fully_shard  # noqa: E402
from torch.distributed.nn.functional import all_gather  # noqa: E402
from unrolled import SHAPE, UPDATE, case, distance, nats  # noqa: E402

from winnow.lm.distributed import Group, run_on  # noqa: E402
from winnow.lm.model import Transformer  # noqa: E402
from winnow.meta.backends import Differences, Exact  # noqa: E402
from winnow.meta.models import InPlace, Tensors, check_model  # noqa: E402
from winnow.meta.unroll import unroll, weight_gradients  # noqa: E402

CPU = torch.device("cpu")


class Stale(InPlace[Tensor]):
    """Writes into the shards, and leaves what FSDP2 has gathered of them as it is."""

    def __init__(self, module: nn.Module, losses: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__(module, losses)
        self._shards = list(module.parameters())

    def params(self) -> Tensors:
        return tuple(param.detach().clone() for param in self._shards)

    def _write(self, params: Tensors) -> None:
        with torch.no_grad():
            for own, value in zip(self._shards, params, strict=True):
                own.copy_(value)


def gathered_nats(module: nn.Module, batch: Tensor) -> Tensor:
    """The losses of all examples, of which each process computes its part."""
    part = batch.chunk(dist.get_world_size())[dist.get_rank()]
    return torch.cat(all_gather(nats(module, part)))


def spread(seed: int) -> nn.Module:
    """The model in shards, its blocks and its root."""
    module = Transformer(SHAPE, seed).double()
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for block in module.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


def by_weight_in_shards(kind: type[InPlace[Tensor]]) -> list[Tensor]:
    """The meta-gradients of three steps."""
    some, model = case(3, trained=0), kind(spread(0), gathered_nats)
    check_model(model, model.params(), some.heldout)  # leaves the root gathered
    params, update = model.params(), replace(UPDATE, decayed=model.decayed)
    window = unroll(model, update, params, update.start(params), some.batches, some.weights, Differences())
    uniform = torch.full((len(some.heldout),), 1 / len(some.heldout), dtype=torch.float64)
    outer, _ = model.gradient(window.params, some.heldout, uniform)
    return weight_gradients(model, update, window, outer, Differences())


def compare(_: Group) -> None:
    """In every process; without what InPlace does before it writes, they are silently wrong."""
    expected = case(3, trained=0).by_weight(Exact())
    assert distance(by_weight_in_shards(InPlace), expected) < 1e-7
    assert distance(by_weight_in_shards(Stale), expected) > 0.01


def test_a_model_in_shards_has_the_meta_gradients_of_one_process() -> None:
    run_on([CPU, CPU], compare, ())
