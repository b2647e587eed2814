from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from unrolled import Case, case, oracle  # noqa: E402

from winnow.meta.backends import Backend, Differences, Exact  # noqa: E402
from winnow.meta.unroll import Window, advance, unroll  # noqa: E402


class Peak(TorchDispatchMode):  # type: ignore[misc]
    """Bytes of the tensors that are alive at once, at most, of those made while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.highest = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                self._count(one.untyped_storage())
        return made

    def _count(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def gone(_: object) -> None:
            del self._known[key]
            self.live -= size

        self._known[key] = weakref.ref(storage, gone)
        self.live += size
        self.highest = max(self.highest, self.live)


def peak(num_steps: int, work: Callable[[Case], object]) -> int:
    some = case(num_steps, size=16, tokens=16)
    with Peak() as measured:
        work(some)
    return int(measured.highest)


def window_of(some: Case, backend: Backend) -> Window:
    return unroll(some.model, some.update, some.params, some.state, some.batches, some.weights, backend)


def own_bytes(*tensors: Tensor) -> int:
    return sum(one.numel() * one.element_size() for one in tensors)


@pytest.mark.parametrize("backend", [Exact(), Differences()])
def test_a_further_step_costs_the_memory_of_one_gradient(backend: Backend) -> None:
    few, many = (peak(number, lambda some: some.by_weight(backend)) for number in (4, 8))
    some = case(1, size=16, tokens=16)
    gradient = own_bytes(*some.params)
    numbers = own_bytes(some.batches[0]) + 3 * own_bytes(some.weights[0])  # and losses, and gradients by weights
    assert gradient <= (many - few) / 4 <= gradient + numbers


def test_a_further_step_of_the_unrolled_training_costs_the_memory_of_its_activations() -> None:
    few, many = (peak(number, oracle) for number in (4, 8))
    assert (many - few) / 4 > 50 * own_bytes(*case(1).params)


def test_steps_are_those_of_training() -> None:
    some = case(4)
    window = window_of(some, Exact())
    params, state = some.params, some.state
    for step, batch, weights in zip(window.steps, some.batches, some.weights, strict=True):
        gradient, losses = some.model.gradient(params, batch, weights)
        assert torch.allclose(step.losses, losses)
        params, state = advance(some.update, params, state, gradient)
    assert all(torch.allclose(*pair) for pair in zip(window.params, params, strict=True))
    assert all(torch.allclose(*pair) for pair in zip(window.state, state, strict=True))


def test_the_first_step_alone_needs_no_hessian() -> None:
    assert window_of(case(1), Exact()).product is None
    assert window_of(case(2), Exact()).product is not None
