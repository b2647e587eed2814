# mypy: allow-subclassing-any
"""What is trained inside: the losses of examples as a function of parameters.

``Function`` takes any pure function, ``Stateless`` any module of PyTorch, ``InPlace`` a module whose parameters are
spread over processes (FSDP2), which can be differentiated only once and in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from winnow.core.errors import InputError, RecipeError

Tensors = tuple[Tensor, ...]
"""Parameters, or anything of their shapes."""
B = TypeVar("B")
"""What a batch of examples is to a model."""
B_in = TypeVar("B_in", contravariant=True)
R = TypeVar("R")
Losses = Callable[[B], Tensor]
"""The loss of each example of a batch, [B]."""


class Model(Protocol[B_in]):
    """Losses of examples, and the gradient of their weighted sum: all that differences need."""

    def losses(self, params: Tensors, batch: B_in) -> Tensor:
        """The loss of each example, [B], without a gradient."""

    def gradient(self, params: Tensors, batch: B_in, weights: Tensor) -> tuple[Tensors, Tensor]:
        """The gradient of ``sum_i weights[i] * loss_i`` by the parameters, and the losses [B]."""


class Function(Generic[B]):
    """A model that is a pure function of parameters and a batch: it gives the loss of each example, [B]."""

    def __init__(self, losses: Callable[[Tensors, B], Tensor]) -> None:
        self._losses = losses

    def inside(self, params: Tensors, work: Callable[[Losses[B]], R]) -> R:
        """What ``work`` makes of the losses at these parameters, differentiable as often as it likes."""
        return work(lambda batch: self._losses(params, batch))

    def losses(self, params: Tensors, batch: B) -> Tensor:
        """The loss of each example, [B], without a gradient."""
        with torch.no_grad():
            return self.inside(params, lambda losses: losses(batch))

    def gradient(self, params: Tensors, batch: B, weights: Tensor) -> tuple[Tensors, Tensor]:
        """The gradient of the weighted sum by the parameters, and the losses [B]."""
        leaves = as_leaves(params)

        def work(losses: Losses[B]) -> tuple[Tensors, Tensor]:
            found = losses(batch)
            return torch.autograd.grad((weights * found).sum(), leaves, materialize_grads=True), found.detach()

        return self.inside(leaves, work)


class Stateless(Function[B]):
    """A module of PyTorch with its parameters from outside: two flat tensors, of its matrices and of the rest.

    Few long tensors make an optimiser's step, and what differentiates it, a handful of operations. The module keeps its
    parameters while work is done, backward passes included: ``torch.func.functional_call`` takes them back when the
    forward pass ends, and a block under ``torch.utils.checkpoint`` is then recomputed with others, silently wrong.
    """

    def __init__(self, module: nn.Module, losses: Callable[[nn.Module, B], Tensor]) -> None:
        super().__init__(lambda _, batch: losses(module, batch))
        self.module = module
        self._holding = _Holding(module)
        self.decayed = (True, False)
        """Whether weight decay is usual for each of the tensors."""
        named = dict(self.module.named_parameters())
        self._groups = tuple([name for name in named if (named[name].ndim > 1) == decayed] for decayed in self.decayed)

    def params(self) -> Tensors:
        """A copy of the module's own parameters, as this model takes them."""
        return self.flat(dict(self.module.named_parameters()))

    def flat(self, named: Mapping[str, Tensor]) -> Tensors:
        """Parameters by their names in the module as this model takes them."""
        return tuple(
            torch.cat([named[name].detach().reshape(-1) for name in names] or [torch.zeros(0)])
            for names in self._groups
        )

    def named(self, params: Tensors) -> dict[str, Tensor]:
        """Views of the parameters by their names in the module."""
        own = dict(self.module.named_parameters())
        found: dict[str, Tensor] = {}
        for names, flat in zip(self._groups, params, strict=True):
            parts = flat.split([own[name].numel() for name in names]) if names else ()
            found |= {name: part.view_as(own[name]) for name, part in zip(names, parts, strict=True)}
        return found

    def load(self, params: Tensors) -> None:
        """Make these the module's own parameters."""
        with torch.no_grad():
            for name, value in self.named(params).items():
                self.module.get_parameter(name).copy_(value)

    def inside(self, params: Tensors, work: Callable[[Losses[B]], R]) -> R:
        """What ``work`` makes of the losses while the module has these parameters."""
        named = {f"held.{name}": value for name, value in self.named(params).items()}
        found: R = torch.func.functional_call(
            self._holding, named, (lambda: work(lambda batch: self._losses(params, batch)),)
        )
        return found


class InPlace(Generic[B]):
    """A module that is given parameters by writing them into it: for FSDP2, DDP and whatever else keeps its own.

    For ``Differences`` only. ``params()`` are its parameters as they are spread, so an optimiser's step is computed on
    each process for its part. Where examples are split over processes, ``losses`` gives those of all, each process
    computing its own and ``torch.distributed.nn.functional.all_gather`` the rest: its backward pass adds up what
    FSDP2 and DDP then average.
    """

    def __init__(self, module: nn.Module, losses: Callable[[nn.Module, B], Tensor]) -> None:
        self.module = module
        self._losses = losses
        self.decayed = tuple(param.ndim > 1 for param in module.parameters())
        """Whether weight decay is usual for each of the parameters."""

    def params(self) -> Tensors:
        """A copy of the module's parameters."""
        return tuple(param.detach().clone() for param in self._own())

    def losses(self, params: Tensors, batch: B) -> Tensor:
        """The loss of each example, [B], without a gradient."""
        self._write(params)
        with torch.no_grad():
            return self._losses(self.module, batch)

    def gradient(self, params: Tensors, batch: B, weights: Tensor) -> tuple[Tensors, Tensor]:
        """The gradient of the weighted sum by the parameters, and the losses [B]."""
        self._write(params)
        self.module.zero_grad(set_to_none=True)
        found = self._losses(self.module, batch)
        (weights * found).sum().backward()
        gradients = tuple(torch.zeros_like(one) if one.grad is None else one.grad.detach() for one in self._own())
        self.module.zero_grad(set_to_none=True)
        return gradients, found.detach()

    def _write(self, params: Tensors) -> None:
        with torch.no_grad():
            for own, value in zip(self._own(), params, strict=True):
                own.copy_(value)

    def _own(self) -> list[nn.Parameter]:
        """The module's parameters; what FSDP2 had gathered of them must go, or a root computes with that next time."""
        for part in self.module.modules():
            if hasattr(part, "reshard"):
                part.reshard()
        return list(self.module.parameters())


class _Holding(nn.Module):
    """Does work while ``functional_call`` has exchanged the parameters of the module that it holds."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.held = module

    def forward(self, work: Callable[[], R]) -> R:
        return work()


def as_leaves(params: Tensors) -> Tensors:
    """The parameters as tensors that gradients are taken by."""
    return tuple(param.detach().requires_grad_() for param in params)


def check_model(model: Model[B], params: Tensors, batch: B) -> None:
    """Refuse what meta-gradients cannot be taken of.

    RecipeError where losses are not one number an example or differ from call to call (dropout, say); InputError where
    one is not a number.
    """
    first, second = model.losses(params, batch), model.losses(params, batch)
    if first.ndim != 1:
        raise RecipeError(f"the losses have the shape {tuple(first.shape)}; give one number an example, [B]")
    if not first.isfinite().all():
        raise InputError(f"{int((~first.isfinite()).sum())} of {len(first)} losses are not finite before any training")
    if not torch.allclose(first, second, rtol=1e-4, atol=0):
        raise RecipeError(
            f"the same examples have other losses the second time ({float((first - second).abs().max()):.3g} apart): "
            "turn dropout and other chance off, by module.eval() say; differentiating through training needs functions"
        )
