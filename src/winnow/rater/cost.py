"""What meta-learning a rater costs, before it begins: FLOPs and memory, in closed form.

In units of a forward pass (a backward pass is two): an inner step 3, the held-out gradient 3, the product with a
Hessian 6 by differences and 7 exactly, the changes of losses 2 (Calian et al. 2025 count none of the last three). FLOPs
of a forward pass are 2 per weight of a matrix and token, and attention over the whole chunk (Chowdhery et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

from winnow.lm.scales import Shape

FLOAT = 4
"""Bytes."""
UTILISATION = 0.3
"""Share of a device's best speed that is assumed; the run itself says what it reaches, and when it ends."""
ACTIVATIONS = 16
"""Numbers of a block's width that a training step holds for each token and layer, and three times the vocabulary."""


@dataclass(frozen=True)
class Cost:
    """Of a whole run."""

    inner_flops: int
    """Plain inner steps and held-out gradients: what the paper counts with the rater's."""
    second_order_flops: int
    """What differentiating through the inner steps adds."""
    rater_flops: int
    twin_flops: int
    """The model of equal weights that the first member is compared with."""
    memory: int
    """Bytes at the most, about."""

    @property
    def flops(self) -> int:
        """All together."""
        return self.inner_flops + self.second_order_flops + self.rater_flops + self.twin_flops

    def hours(self, peak: float) -> float:
        """On a device of so many FLOP/s at best, of which small models use about ``UTILISATION``."""
        return self.flops / (UTILISATION * peak) / 3600

    def told(self, peak: float) -> str:
        """In words."""
        return (
            f"{self.flops:.2g} FLOPs ({self.second_order_flops / self.flops:.0%} of them second order), about "
            f"{self.memory / 2**30:.1f} GiB and {self.hours(peak):.1f} hours at {UTILISATION:.0%} of {peak:.1g} FLOP/s"
        )


def forward_flops(shape: Shape, num_tokens: int) -> int:
    """Of a forward pass over so many tokens."""
    return shape.flops_per_token // 3 * num_tokens


def fitting_cost(
    *,
    inner: Shape,
    rater: Shape,
    steps: int,
    visited: int,
    population: int,
    unroll: int,
    free_steps: int,
    batch_size: int,
    heldout_batch_size: int,
    exact: bool,
) -> Cost:
    """What a fitting costs whose chunks are as long as the inner models' context."""
    visits, trained = steps * visited, unroll + free_steps
    batch, outer = batch_size * inner.context, heldout_batch_size * inner.context
    forward, outer_forward = forward_flops(inner, batch), forward_flops(inner, outer)
    of_rater = forward_flops(rater, batch)
    product = 7 if exact else 6
    return Cost(
        inner_flops=visits * (3 * trained * forward + 3 * outer_forward),
        second_order_flops=visits * (product * (unroll - 1) + 2) * forward,
        rater_flops=visits * (trained + 3 * unroll) * of_rater,
        twin_flops=visits * (3 * trained * forward + outer_forward) // population,
        memory=_memory(inner, rater, population, unroll, max(batch, outer), exact),
    )


def _memory(inner: Shape, rater: Shape, population: int, unroll: int, num_tokens: int, exact: bool) -> int:
    """Parameters and moments of every member and the twin, gradients of a window, activations of one step."""
    members = (population + 1) * 3 * inner.num_params + population * 2 * rater.num_params
    window = (unroll + 6) * inner.num_params
    activations = num_tokens * (ACTIVATIONS * inner.num_layers * inner.width + 3 * inner.vocab_size)
    return FLOAT * (members + window + activations * (3 if exact else 1))
