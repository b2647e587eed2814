"""What benchmarks of meta-gradients train, and how they time it; needs PyTorch and what winnow's sources import."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from winnow.lm.model import Transformer
from winnow.lm.scales import Shape, find_scale
from winnow.meta.backends import Backend, unfused
from winnow.meta.models import Tensors
from winnow.meta.optimizers import AdamW
from winnow.meta.unroll import advance, unroll, weight_gradients
from winnow.rater.chunks import Chunks
from winnow.rater.inner import Inner, chunk_losses

NUM_SEQUENCES, NUM_TOKENS = 8, 128
MOST_STEPS = 8
WARM = 3
"""Steps before anything is measured, so that Adam has moments."""
RATE, DECAY, MAX_NORM = 1e-3, 0.1, 1.0


def shape_of(vocabulary: int) -> Shape:
    return find_scale("1M").with_vocabulary(vocabulary).shape


class Plain:
    """Training as ever: fused AdamW and clipping; the loss with all logits, or the model's own without them."""

    def __init__(self, vocabulary: int, *, own_loss: bool) -> None:
        self.model, self.own_loss = Transformer(shape_of(vocabulary)), own_loss
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)

    def step(self, batch: Chunks) -> None:
        """One step on a batch."""
        if self.own_loss:
            loss, _ = self.model.loss(batch.read, batch.tokens)
        else:
            loss = chunk_losses(self.model, batch).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def steps(self, given: Setting, num_steps: int) -> None:
        """A step on each of the first batches."""
        for batch in given.batches[:num_steps]:
            self.step(batch)


@dataclass(frozen=True)
class Setting:
    """A model in the middle of its training, and what it is trained on and judged by."""

    model: Inner
    update: AdamW
    params: Tensors
    state: Tensors
    batches: list[Chunks]
    weights: list[Tensor]
    heldout: Chunks

    @property
    def uniform(self) -> Tensor:
        """The weights of held-out examples."""
        return torch.full((NUM_SEQUENCES,), 1 / NUM_SEQUENCES)

    def meta_step(self, num_steps: int, backend: Backend) -> list[Tensor]:
        """Some steps, the loss of where they lead, and its gradient by every weight."""
        some = self.batches[:num_steps], self.weights[:num_steps]
        window = unroll(self.model, self.update, self.params, self.state, *some, backend)
        outer, _ = self.model.gradient(window.params, self.heldout, self.uniform)
        return weight_gradients(self.model, self.update, window, outer, backend)

    def naive(self, num_steps: int) -> list[Tensor]:
        """The same by differentiating through everything at once, reverse over reverse."""
        weights = [one.clone().requires_grad_() for one in self.weights[:num_steps]]
        params: Tensors = tuple(one.clone().requires_grad_() for one in self.params)
        state = self.state
        with unfused():
            for batch, shares in zip(self.batches, weights, strict=False):
                total = (shares * self.losses(params, batch)).sum()
                params, state = self.update(params, state, torch.autograd.grad(total, params, create_graph=True))
            return list(torch.autograd.grad(self.losses(params, self.heldout).mean(), weights))

    def losses(self, params: Tensors, batch: Chunks) -> Tensor:
        """The losses at these parameters, with their graph."""
        return self.model.inside(params, lambda losses: losses(batch))


def setting(vocabulary: int) -> Setting:
    random = torch.Generator().manual_seed(0)
    shape = (WARM + MOST_STEPS + 1, NUM_SEQUENCES, NUM_TOKENS + 1)
    tokens = (vocabulary * torch.rand(shape, generator=random) ** 4).long()  # a few are frequent
    lengths = torch.full((NUM_SEQUENCES,), NUM_TOKENS)
    drawn = [Chunks(one[:, 1:], one[:, 0], lengths) for one in tokens]
    weights = [torch.randn(NUM_SEQUENCES, generator=random).softmax(0) for _ in drawn]
    model = Inner(shape_of(vocabulary), torch.device("cpu"))
    update = AdamW(learning_rate=RATE, weight_decay=DECAY, decayed=model.decayed, max_norm=MAX_NORM)
    params = model.params()
    state = update.start(params)
    for batch, shares in zip(drawn[:WARM], weights, strict=False):
        params, state = advance(update, params, state, model.gradient(params, batch, shares)[0])
    return Setting(model, update, params, state, drawn[WARM:-1], weights[WARM:-1], drawn[-1])


def best_seconds(works: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """The least processor time of each, all taking turns after a turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repetitions + 1):
        for name, work in works.items():
            began = time.process_time()
            work()
            seconds[name].append(time.process_time() - began)
    return {name: min(taken[1:]) for name, taken in seconds.items()}
