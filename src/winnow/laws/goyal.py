"""The law of utility that halves: what a pool teaches per sample, and how repetition wears that off.

Goyal et al. 2024, "Scaling Laws for Data Filtering: Data Curation cannot be Compute Agnostic" (arXiv 2404.07177). Of
pool i, N_i are its unique tokens, D_i those drawn from it, w_i is its share of what is drawn, b_i its utility (the
paper's exponent without its sign) and tau_i its half-life in epochs. The paper has pools of one size in equal shares;
here sizes and shares are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.law import Law, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Setups

UTILITY = 1e-3, 2.0
"""The paper searches 0.005 to 0.5, with errors between 0 and 1."""
HALF_LIFE = 0.05, 1e3
"""The paper searches 1 to 10. Runs of a few epochs cannot tell a half-life of very many from one without end."""
GAMMA = 0.01, 3.0
LEAST_PIVOT = 1e-12
"""Of the tokens of the shortest training."""


class Theta(NamedTuple):
    """What the law is not linear in, by name."""

    utility: NDArray[np.float64]
    """[p]"""
    half_life: NDArray[np.float64]
    """[g, p] where g groups of trainings have the same each."""
    group: NDArray[np.intp]
    """[n] of each training."""
    pivot: float


@dataclass(frozen=True, kw_only=True)
class GoyalUtility(Law):
    """Error = A (n / n0)^-B + d while nothing is repeated; every epoch over a pool takes off some of its utility.

    After n tokens, d ln(y - d) / d ln n = -sum_i w_i b_i 2^(-k_i / tau'_i), where k_i = floor(n w_i / N_i) are the
    epochs that pool i has behind it. Between ends of epochs this is constant, so it is integrated exactly. Of one pool
    it is the paper's equation 4; of pools that are not repeated, B = sum_i w_i b_i.

    The half-life in a training is tau'_i = tau_i (N / ``reference``)^gamma, where N are its distinct tokens from all
    pools, sum_i min(N_i, D_i). Of p pools of ``reference`` tokens each, gamma = 1 gives p tau_i: the paper's theorem 1.
    ``reference`` is one number for all pools, not each pool's own size: tau_i then belongs to the kind of data, and
    each half of a pool inherits it, as it inherits b_i.
    """

    gamma: float | Literal["free"] = 0.0
    """How half-lives grow with the distinct tokens. 1 for contrastive training, where a sample is compared with the
    others of its pool; that argument does not hold of language models, hence 0. ``"free"`` makes it a parameter."""
    reference: float | None = None
    """Distinct tokens at which half-lives are what the parameters say: any usual number. Needed unless gamma is 0."""
    pivot: float | None = None
    """n0, the tokens at which all pools leave the same error. A parameter where it is not given; in the paper 1."""

    def __post_init__(self) -> None:
        given = {"gamma": 1.0 if self.gamma in (0, "free") else self.gamma, "reference": self.reference}
        for name, value in {**given, "pivot": self.pivot}.items():
            if value is not None and not (isinstance(value, int | float) and 0 < value < np.inf):
                raise InputError(f"{name} is {value!r}; it must be a positive number")
        if self.gamma != 0 and self.reference is None:
            raise InputError(
                f"gamma is {self.gamma}, so half-lives depend on how many distinct tokens there are: set reference to "
                "a number of them at which half-lives are stated, for example the size of the usual pool"
            )

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        """Utility of each pool, half-life of each pool, then gamma and the pivot where they are free."""
        found = [Parameter(f"utility of {pool}", *UTILITY) for pool in setups.pools]
        found += [Parameter(f"half-life of {pool}", *HALF_LIFE) for pool in setups.pools]
        if self.gamma == "free":
            found.append(Parameter("gamma", *GAMMA))
        if self.pivot is None:
            # Were it above the shortest training, there a pool of more utility would be the worse one.
            shortest = float(setups.tokens.min())
            found.append(Parameter("pivot", LEAST_PIVOT * shortest, shortest))
        return tuple(found)

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """A, the error above d at the pivot; d, the error that no amount of data takes away."""
        return "A", "d"

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, 2] (y - d) / A, and one."""
        first, later = self.fallen(self.read(theta, setups), setups)
        return np.stack([np.exp(-first - later), np.ones(len(setups))], 1)

    def fallen(self, theta: Theta, setups: Setups) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[n] by how much ln(y - d) falls from the pivot on: in first epochs, and in later ones."""
        epochs, shares = setups.epochs, setups.shares
        first = np.log(setups.tokens / theta.pivot)[:, None] - np.log(np.maximum(epochs, 1))
        later = repeated(epochs, theta.half_life, theta.group)
        return (shares * first) @ theta.utility, (shares * later) @ theta.utility

    def read(self, theta: NDArray[np.float64], setups: Setups) -> Theta:
        """The parameters by name, half-lives as they are in these trainings."""
        pools = len(setups.pools)
        utility, half_life = theta[:pools], theta[None, pools : 2 * pools]
        gamma = float(theta[2 * pools]) if self.gamma == "free" else self.gamma
        group = np.zeros(len(setups), np.intp)
        if gamma != 0:
            distinct, group = np.unique(setups.distinct.sum(1), return_inverse=True)
            half_life = half_life * (distinct / self.reference)[:, None] ** gamma
        return Theta(utility, half_life, group, float(theta[-1]) if self.pivot is None else self.pivot)


def repeated(
    epochs: NDArray[np.float64], half_life: NDArray[np.float64], group: NDArray[np.intp]
) -> NDArray[np.float64]:
    """[n, p] what epochs but the first are worth: 2^(-k / tau) integrated over the logarithm of epochs, from one on.

    k are the whole epochs behind. ``epochs`` is [n, p], and ``half_life`` [g, p] for the ``group`` [n] of each row.
    """
    epochs = np.maximum(epochs, 1)
    whole = epochs.astype(np.intp)
    behind = np.arange(1, whole.max() + 1)[:, None, None]
    decay = np.exp2(-behind / half_life)
    full = np.cumsum(decay * np.log1p(1 / behind), axis=0)
    place = whole - 1, group[:, None], np.arange(epochs.shape[1])
    # All epochs up to the one that is going on, as if that were complete, less what it lacks.
    found: NDArray[np.float64] = full[place] + decay[place] * np.log(epochs / (whole + 1))
    return found
