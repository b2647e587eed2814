"""What a budget could be spent on: how much of the pools to keep, best first, and how often to repeat what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.setups import Setups

FLOPS_PER_TOKEN = 6
"""Of training, for every parameter (Kaplan et al. 2020)."""
PARTS_OF_A_POOL = 4
"""Shares of the last pool that are tried: quarters."""
TILTS = (1.0, 1.5, 2.0, 3.0)
"""How many times as often a pool is repeated as the next."""
MODELS_OF_A_DECADE = 8
"""Sizes of models that are tried where the budget leaves them open."""


@dataclass(frozen=True)
class Pool:
    """Data of one quality."""

    name: str
    unique_tokens: float
    scoring_flops: float = 0.0
    """For each of its tokens, to know that they belong to it."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What may be spent: tokens on a model of a size, or FLOPs on one of any size."""

    tokens: float | None = None
    flops: float | None = None
    num_params: float | None = None
    """None with FLOPs alone: the size is a part of the advice."""
    max_epochs: float = np.inf
    """Times that a token may be seen at most."""

    def __post_init__(self) -> None:
        if (self.tokens is None) == (self.flops is None):
            raise InputError("a budget is of tokens or of FLOPs: give one of both")
        for name in ("tokens", "flops", "num_params"):
            if (value := getattr(self, name)) is not None and not 0 < value < np.inf:
                raise InputError(f"a budget's {name} is {value}; it must be a number above zero")


@dataclass(frozen=True)
class Plan:
    """One way to spend a budget."""

    kept: tuple[float, ...]
    """The share of each pool that is drawn from."""
    epochs: tuple[float, ...]
    """How often each of the tokens kept is seen; 0 where none is."""
    keep_fraction: float
    """Of the tokens of all pools, in (0, 1]."""
    tokens: float
    num_params: float
    scoring_flops: float

    @property
    def flops(self) -> float:
        """Training and scoring."""
        return FLOPS_PER_TOKEN * self.num_params * self.tokens + self.scoring_flops


def plans(pools: Sequence[Pool], budget: Budget, models: Sequence[float]) -> list[Plan]:
    """Every share of the pools, best first, at equal epochs and with better pools repeated more often.

    ``models`` are the sizes that are tried where the budget names none. InputError where nothing fits: the epochs
    allowed are too few for the pools, or scoring alone costs more than there is.
    """
    sizes = models if budget.num_params is None else [budget.num_params]
    found = [
        plan
        for num_params in sizes
        for kept in shares(len(pools))
        for tilt in (TILTS if sum(share > 0 for share in kept) > 1 else TILTS[:1])
        if (plan := plan_for(pools, budget, kept, tilt, num_params)) is not None
    ]
    if not found:
        raise InputError(
            f"no choice of {', '.join(pool.name for pool in pools)} spends the budget within {budget.max_epochs:g} "
            "epochs and pays for scoring: allow more epochs, or a smaller budget"
        )
    return found


def shares(num_pools: int) -> Iterator[tuple[float, ...]]:
    """What is kept of each pool: all of the first ones, and some of the last."""
    for last in range(num_pools):
        for part in range(1, PARTS_OF_A_POOL + 1):
            yield (*[1.0] * last, part / PARTS_OF_A_POOL, *[0.0] * (num_pools - last - 1))


def models_between(low: float, high: float) -> list[float]:
    """Sizes of models, evenly spaced in their logarithms."""
    number = round(MODELS_OF_A_DECADE * np.log10(high / low)) + 1
    return [float(size) for size in np.geomspace(low, high, number)]


def setups_of(pools: Sequence[Pool], some: Sequence[Plan]) -> Setups:
    """The plans as what a law predicts."""
    kept, epochs = (np.array([getattr(plan, name) for plan in some]) for name in ("kept", "epochs"))
    unique = kept * np.array([pool.unique_tokens for pool in pools])
    return Setups(
        tuple(pool.name for pool in pools), unique, unique * epochs, np.array([plan.num_params for plan in some])
    )


def plan_for(
    pools: Sequence[Pool], budget: Budget, kept: tuple[float, ...], tilt: float, num_params: float
) -> Plan | None:
    """The plan that keeps so much of each pool; None where the budget does not stretch to it."""
    sizes = np.array([pool.unique_tokens for pool in pools])
    all_kept = min(kept) == 1.0
    scoring = 0.0 if all_kept and tilt == 1.0 else float(sum(pool.unique_tokens * pool.scoring_flops for pool in pools))
    tokens = budget.tokens
    if budget.flops is not None:
        tokens = (budget.flops - scoring) / (FLOPS_PER_TOKEN * num_params)
    assert tokens is not None
    unique = sizes * kept
    weights = np.where(unique > 0, tilt ** -np.arange(len(pools), dtype=float), 0.0)
    epochs = weights * tokens / (weights @ unique)
    if tokens <= 0 or epochs.max() > budget.max_epochs:
        return None
    return Plan(kept, tuple(epochs.tolist()), float(unique.sum() / sizes.sum()), tokens, num_params, scoring)


def check_pools(pools: Sequence[Pool]) -> None:
    """InputError where pools are not apart or have nothing."""
    for one, other in pairwise(sorted(pool.name for pool in pools)):
        if one == other:
            raise InputError(f"two pools are called {one}: pools are parts that share nothing, each with its own name")
    for pool in pools:
        if not 0 < pool.unique_tokens < np.inf:
            raise InputError(f"the pool {pool.name} has {pool.unique_tokens} unique tokens; give a number above zero")
