"""Inner models at staggered ages: what a rater's choices are tried on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from winnow.lm.model import Transformer
from winnow.lm.scales import Shape
from winnow.meta.models import Tensors
from winnow.meta.optimizers import AdamW
from winnow.rater.inner import Inner


@dataclass
class Member:
    """One inner model at its age, with the moments of its own meta-gradients."""

    number: int
    params: Tensors
    state: Tensors
    moments: Tensors
    """Of the rater's optimiser: members of different age have meta-gradients of different size (section 1.2)."""
    left: int
    """Steps until it begins anew."""
    lives: int = 0
    """How often it has begun anew."""

    @property
    def age(self) -> int:
        """Steps since it began."""
        return int(self.state[-1])


@dataclass(frozen=True)
class Nursery:
    """Where members begin."""

    inner: Inner
    shape: Shape
    update: AdamW
    seed: int
    lifetime: int
    """Steps of a life; first lives are shorter, so that ages lie apart."""
    population: int
    device: torch.device

    def member(self, number: int, moments: Tensors) -> Member:
        """A member at its first beginning: member i of N lives (i + 1) / N of a life."""
        left = max(1, self.lifetime * (number + 1) // self.population)
        params, state = self.beginning(number, 0)
        return Member(number, params, state, moments, left)

    def restart(self, member: Member) -> None:
        """Begin anew with other weights; the moments of meta-gradients stay."""
        member.lives += 1
        member.params, member.state = self.beginning(member.number, member.lives)
        member.left = self.lifetime

    def beginning(self, number: int, lives: int) -> tuple[Tensors, Tensors]:
        """Parameters and state at the beginning of a life."""
        seed = self.seed * 1_000_003 + number * 10_007 + lives
        fresh = Transformer(self.shape, seed)
        named = dict(fresh.named_parameters())
        params = tuple(flat.to(self.device) for flat in self.inner.flat(named))
        return params, self.update.start(params)
