"""Laws of loss against model size and tokens: one to which repetition is free, and two of those to which it is not.

N is the number of parameters. Of pool i, U_i are its unique tokens, D_i those drawn from it, e_i = D_i / U_i its
epochs, R_i = max(e_i - 1, 0) its repetitions, and q_i its quality: what a token of it is worth in tokens of the best
pool. Qualities do not rise from pool to pool: each is the one before times a ratio between zero and one, and fits
search the ratios. Tokens of a pool that is not drawn in full all differ: min(U_i, D_i) of them are distinct.

What is summed over pools is proportional to tokens where epochs and quality are alike, so a pool in two halves predicts
what it predicted whole. Another unit of tokens changes B, P and ``optimal params``, and no prediction of a fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from winnow.laws.law import Law, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Setups

PIVOT = 1e9
"""Unique tokens that ``optimal params`` are for."""
EXPONENTS = Parameter("alpha", 0.02, 2.0), Parameter("beta", 0.02, 2.0)
LEAST_RATIO = 1e-3
"""Of the qualities of neighbours; below it a pool's tokens are worth nothing."""
FAR = 1e3
"""Times more or fewer parameters for a token than the runs have, on their mean: how far ``optimal params`` may lie."""


@dataclass(frozen=True)
class Chinchilla(Law):
    """Loss = E + A / N^alpha + B / D^beta (Hoffmann et al. 2022, arXiv 2203.15556, eq. 2), with D = sum_i q_i D_i.

    E is in the unit of the loss. A and B are in it too: what one parameter, and one token, would leave.
    """

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        """The two exponents, and a ratio of qualities for each pool but the best."""
        return *EXPONENTS, *_ratios(setups)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """E, A and B."""
        return "E", "A", "B"

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, 3] one, N^-alpha and D^-beta."""
        alpha, beta = theta[:2]
        return _columns(setups.num_params**-alpha, (setups.seen @ qualities(theta[2:])) ** -beta)


@dataclass(frozen=True)
class RepeatedChinchilla(Law):
    """Loss = E + A / N'^alpha + B / D'^beta: what is repeated loses value (Muennighoff et al. 2023, arXiv 2305.16264).

    D' = sum_i q_i U_i g(e_i, r), where g(e, r) is e up to one epoch and 1 + r (1 - exp((1 - e) / r)) beyond: r, the
    ``repetitions of tokens`` (R_D* in the paper), is how many take 63% of a token's value, and is all they can add.

    Parameters beyond what the distinct tokens can use lose theirs likewise: N' = M g(N / M, ``repetitions of params``),
    the paper's R_N*, with M = min(N, N_opt). N_opt is the compute-optimal size for U = sum_i q_i min(U_i, D_i) tokens
    (Hoffmann et al. 2022, eq. 4), so A and B would stand inside of N' and outside. Here it is read the other way: of
    N_opt = n (U / 1e9)^(beta / alpha), n is searched, the ``optimal params`` for 1e9 tokens; then A is
    B (beta / alpha) n^alpha / 1e9^beta, and the law is linear in E and B. It is the same law, with as many parameters.
    """

    excess: bool = True
    """Whether parameters lose value too; without that N' = N, and A is a coefficient of its own."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        """Exponents, the two constants of decay, the optimal size for 1e9 tokens, ratios of qualities."""
        tokens = Parameter("repetitions of tokens", 0.1, 1e4)
        if not self.excess:
            return *EXPONENTS, tokens, *_ratios(setups)
        usual = PIVOT * float(np.exp(np.mean(np.log(setups.num_params / setups.used))))
        params = Parameter("repetitions of params", 0.1, 1e4), Parameter("optimal params", usual / FAR, usual * FAR)
        return *EXPONENTS, tokens, *params, *_ratios(setups)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """E and B; A where it does not follow."""
        return ("E", "B") if self.excess else ("E", "A", "B")

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, coefficients] one and what E, A and B are multiplied with; where A follows from B, both parts in one."""
        alpha, beta, repetitions = theta[:3]
        quality = qualities(theta[5 if self.excess else 3 :])
        tokens = (setups.unique * worth(setups.epochs, repetitions)) @ quality
        if not self.excess:
            return _columns(setups.num_params**-alpha, tokens**-beta)
        distinct = setups.distinct @ quality
        usable = np.minimum(setups.num_params, theta[4] * (distinct / PIVOT) ** (beta / alpha))
        params = usable * worth(setups.num_params / usable, theta[3])
        return _columns(tokens**-beta + beta / alpha * PIVOT**-beta * (params / theta[4]) ** -alpha)


@dataclass(frozen=True)
class PenalisedChinchilla(Law):
    """Loss = E + A / N^alpha + B / D^beta + P R^delta (N / U)^kappa: repetition costs, and costs large models more.

    Lovelace et al. 2026, arXiv 2605.01640, and the law to begin with for language models: of these it comes nearest to
    runs of many epochs. A token again counts in D as a new one does; the last term, overfitting, has no bound. Where
    delta is below one the first repetitions cost most, so loss may have two least values, one of them at one epoch. Of
    several pools D = sum_i q_i D_i, R^delta is the mean of R_i^delta over the tokens drawn, U = sum_i min(U_i, D_i).
    """

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        """Four exponents, and a ratio of qualities for each pool but the best."""
        return *EXPONENTS, Parameter("delta", 0.02, 4.0), Parameter("kappa", 0.02, 4.0), *_ratios(setups)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """E, A, B and P."""
        return "E", "A", "B", "P"

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, 4] one, N^-alpha, D^-beta and the penalty's part behind P, zero where nothing is repeated."""
        alpha, beta, delta, kappa = theta[:4]
        repeated = (setups.shares * np.maximum(setups.epochs - 1, 0) ** delta).sum(1)
        distinct = setups.distinct.sum(1)
        return _columns(
            setups.num_params**-alpha,
            (setups.seen @ qualities(theta[4:])) ** -beta,
            repeated * (setups.num_params / distinct) ** kappa,
        )


def qualities(ratios: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """[p] of the pools, from the p - 1 ratios of neighbours: one, and on from there."""
    return np.cumprod(np.concatenate([[1.0], ratios]))


def worth(epochs: NDArray[np.float64], repetitions: float) -> NDArray[np.float64]:
    """What so many epochs are worth in first epochs: 1 + r (1 - exp(-R / r)) of R repetitions (Muennighoff, eq. 5)."""
    repeated = np.maximum(epochs - 1, 0)
    return np.minimum(epochs, 1) - repetitions * np.expm1(-repeated / repetitions)


def _ratios(setups: Setups) -> tuple[Parameter, ...]:
    neighbours = pairwise(setups.pools)
    return tuple(Parameter(f"quality of {pool} / {better}", LEAST_RATIO, 1.0) for better, pool in neighbours)


def _columns(*columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ones, and these."""
    return np.stack([np.ones_like(columns[0]), *columns], 1)
