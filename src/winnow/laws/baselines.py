"""What every law has to beat: whatever was best at one scale, and mixing where repetition is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.chinchilla import EXPONENTS
from winnow.laws.law import Law, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Runs, Setups

STEEPEST = 300.0
"""Largest difference of exponents between a pool and the first: a share of a hundredth divides by e three times."""
SAME_SCALE = 1.05
"""Budgets that differ by a smaller factor are one scale: tokens end with a batch, and sizes with a vocabulary."""


@dataclass(frozen=True)
class LogLinearMixing(Law):
    """Loss = c + k exp(sum_i t_i r_i) of the shares r_i of what is drawn (Ye et al. 2024, arXiv 2403.16952, eq. 6).

    How much there is of a pool does not matter: a token again is worth a token more, however often.
    """

    budgets: bool = False
    """Whether runs differ in parameters and tokens: A / N^alpha + B / D^beta then stand beside the mixture's part, as
    in the additive law of Shukor et al. 2025, arXiv 2507.09404."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        """e^t of every pool but the first, whose t is zero (shares sum to one: only differences count); exponents."""
        edge = float(np.exp(STEEPEST))
        weights = [Parameter(f"weight of {pool}", 1 / edge, edge) for pool in setups.pools[1:]]
        return *(EXPONENTS if self.budgets else ()), *weights

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """c and k; A and B."""
        return ("c", "k", "A", "B") if self.budgets else ("c", "k")

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, coefficients] one and the exponential; N^-alpha and D^-beta."""
        weights = theta[len(EXPONENTS) :] if self.budgets else theta
        mixed = np.exp(setups.shares[:, 1:] @ np.log(weights))
        columns = [np.ones_like(mixed), mixed]
        if self.budgets:
            columns += [setups.num_params ** -theta[0], setups.tokens ** -theta[1]]
        return np.stack(columns, 1)


@dataclass(frozen=True)
class SingleScaleRanking:
    """Candidates in the order of their values at the largest scale that all were trained at.

    What is best there is taken to be best everywhere. Of 25 corpora, such a ranking at 150M parameters got four in five
    pairs right at 1B, and no fitted law did better (Magnusson et al. 2025, arXiv 2504.11393).
    """

    candidates: tuple[str, ...]
    """Best first."""
    values: NDArray[np.float64]
    """[candidates] means over the runs of each at that scale."""
    budget: float
    """Geometric mean of parameters times tokens there."""

    @classmethod
    def of(cls, runs: Runs, candidates: Sequence[str] | None = None) -> Self:
        """From runs and the candidate that each is of: unless told, what it drew in which shares.

        InputError where candidates and runs are not of one number, or no scale has runs of all candidates.
        """
        labels = np.asarray(mixtures(runs) if candidates is None else candidates)
        names = sorted({*labels.tolist()})
        if len(labels) != len(runs):
            raise InputError(f"there are {len(runs)} runs and the candidates of {len(labels)}; name one for each run")
        budgets = runs.num_params * runs.tokens
        for rows in reversed(_scales(budgets)):
            if set(labels[rows]) == set(names):
                values = np.array([runs.value[rows][labels[rows] == name].mean() for name in names])
                order = np.argsort(values, kind="stable")
                best_first = tuple(names[place] for place in order)
                return cls(best_first, values[order], float(np.exp(np.log(budgets[rows]).mean())))
        raise InputError(
            f"no scale has runs of all {len(names)} candidates ({', '.join(names)}); train at one those that it lacks"
        )


def mixtures(setups: Setups) -> list[str]:
    """What each training drew, in whole percents of its tokens: ``best 40%, rest 60%``; a pool's name where alone."""
    return [
        ", ".join(
            name if share == 1 else f"{name} {share:.0%}"
            for name, share in zip(setups.pools, row.tolist(), strict=True)
            if share
        )
        for row in setups.shares
    ]


def _scales(budgets: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Rows of like budget, the smallest first."""
    order = np.argsort(budgets, kind="stable")
    edges = np.flatnonzero(np.diff(np.log(budgets[order])) > np.log(SAME_SCALE)) + 1
    found: list[NDArray[np.int64]] = np.split(order, edges)
    return found
