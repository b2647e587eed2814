"""Training written out, for the tests of meta-gradients to compare with: PyTorch differentiates all of it at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from winnow.lm.model import Transformer
from winnow.lm.scales import Shape
from winnow.meta.backends import Backend, unfused
from winnow.meta.models import Stateless, Tensors
from winnow.meta.optimizers import AdamW
from winnow.meta.unroll import advance, unroll, weight_gradients

torch.set_num_threads(1)  # the tests share the cores
with warnings.catch_warnings():  # PyTorch's own, when forward mode is first used
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.func.jvp(torch.sin, (torch.zeros(()),), (torch.ones(()),))

SHAPE = Shape(vocab_size=13, context=16, width=8, hidden=8, num_layers=1, num_heads=2)
UPDATE = AdamW(learning_rate=1e-2, weight_decay=0.1, decayed=(True, False), max_norm=0.1, warmup=6)
"""With all that there is; the clipping bites at every step."""
Named = Mapping[str, Tensor]


def nats(module: nn.Module, batch: Tensor) -> Tensor:
    """The mean loss of each sequence, [B]."""
    found = nn.functional.cross_entropy(module(batch[:, :-1]).mT, batch[:, 1:], reduction="none")
    return found.mean(1)


@dataclass(frozen=True)
class Case:
    """A model in the middle of its training, batches for some more steps, and held-out examples."""

    model: Stateless[Tensor]
    update: AdamW
    params: Tensors
    state: Tensors
    batches: Sequence[Tensor]
    weights: Sequence[Tensor]
    heldout: Tensor

    def by_weight(self, backend: Backend) -> list[Tensor]:
        """The meta-gradients by the recursion."""
        window = unroll(self.model, self.update, self.params, self.state, self.batches, self.weights, backend)
        uniform = torch.full((len(self.heldout),), 1 / len(self.heldout), dtype=self.params[0].dtype)
        outer, _ = self.model.gradient(window.params, self.heldout, uniform)
        return weight_gradients(self.model, self.update, window, outer, backend)

    def outer_loss(self, weights: Sequence[Tensor]) -> Tensor:
        """The held-out loss after training with such weights; the graph holds every step."""
        module, number = self.model.module, float(self.state[-1])
        params = {name: value.clone().requires_grad_() for name, value in self.model.named(self.params).items()}
        first, second = self.model.named(self.state[:2]), self.model.named(self.state[2:4])
        with unfused():
            for batch, shares in zip(self.batches, weights, strict=True):
                number += 1
                losses = called(module, params, batch)
                gradients = torch.autograd.grad((shares * losses).sum(), list(params.values()), create_graph=True)
                gradient = clipped(dict(zip(params, gradients, strict=True)), self.update.max_norm)
                params, first, second = adamw(self.update, number, params, first, second, gradient)
            return called(module, params, self.heldout).mean()


def case(
    num_steps: int = 2,
    *,
    size: int = 4,
    tokens: int = 5,
    shape: Shape = SHAPE,
    update: AdamW = UPDATE,
    trained: int = 3,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Case:
    """Some steps of ``size`` sequences on a model that was trained for ``trained`` steps."""
    random = torch.Generator().manual_seed(seed)
    some = [torch.randint(0, shape.vocab_size, (size, tokens), generator=random) for _ in range(trained + num_steps)]
    weights = [torch.randn(size, generator=random, dtype=torch.float64).softmax(0).to(dtype) for _ in some]
    module = Transformer(shape, seed).to(dtype)
    model: Stateless[Tensor] = Stateless(module, nats)
    params = model.params()
    state = update.start(params)
    for batch, shares in zip(some[:trained], weights, strict=False):
        params, state = advance(update, params, state, model.gradient(params, batch, shares)[0])
    heldout = torch.randint(0, shape.vocab_size, (4, tokens), generator=random)
    return Case(model, update, params, state, some[trained:], weights[trained:], heldout)


def oracle(case: Case) -> list[Tensor]:
    """The meta-gradients by differentiating through everything."""
    weights = [shares.clone().requires_grad_() for shares in case.weights]
    return list(torch.autograd.grad(case.outer_loss(weights), weights))


def slope(case: Case, directions: Sequence[Tensor], step: float = 1e-5) -> float:
    """How the outer loss changes along a direction of the weights, by training twice more; no derivative of a step."""
    above, below = (
        case.outer_loss([w + sign * step * d for w, d in zip(case.weights, directions, strict=True)]).item()
        for sign in (1, -1)
    )
    return float((above - below) / (2 * step))


def called(module: nn.Module, params: Named, batch: Tensor) -> Tensor:
    """The losses with these parameters."""
    losses: Tensor = nn.functional.cross_entropy(
        torch.func.functional_call(module, dict(params), (batch[:, :-1],)).mT, batch[:, 1:], reduction="none"
    ).mean(1)
    return losses


def clipped(gradient: Named, max_norm: float | None) -> Named:
    """The gradient with a norm of at most ``max_norm``, as ``clip_grad_norm_`` makes it."""
    if max_norm is None:
        return gradient
    total = torch.cat([g.flatten() for g in gradient.values()]).norm()
    return {name: g * torch.minimum(max_norm / (total + 1e-6), torch.ones_like(total)) for name, g in gradient.items()}


def adamw(
    update: AdamW, number: float, params: Named, first: Named, second: Named, gradient: Named
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """AdamW's ``number``-th step, a parameter at a time; matrices decay."""
    (beta1, beta2), new = update.betas, {}
    rate = update.learning_rate * (min(1.0, number / update.warmup) if update.warmup else 1.0)
    first = {name: beta1 * first[name] + (1 - beta1) * g for name, g in gradient.items()}
    second = {name: beta2 * second[name] + (1 - beta2) * g.square() for name, g in gradient.items()}
    for name, param in params.items():
        kept = 1 - rate * update.weight_decay if param.ndim > 1 else 1.0
        length = torch.sqrt(second[name] / (1 - beta2**number) + update.epsilon_root) + update.epsilon
        new[name] = kept * param - rate * first[name] / (1 - beta1**number) / length
    return new, first, second


def distance(found: Sequence[Tensor], expected: Sequence[Tensor], floor: float = 0.0) -> float:
    """The norm of the difference over that of what is expected, which counts as at least ``floor``."""
    left, right = (torch.cat([one.flatten() for one in some]).double() for some in (found, expected))
    return float((left - right).norm() / right.norm().clamp(min=floor))
