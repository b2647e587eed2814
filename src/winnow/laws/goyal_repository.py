"""What the code of Goyal et al. computes (locuslab/scaling_laws_data_filtering), which is not what their paper says.

Both forms have the parameters of ``GoyalUtility``, and are equal to it where nothing is repeated. In the repository A
is one and the pivot is 1e5 / a, because a stands inside the power, (a n / 1e5)^-b; of p pools all half-lives are p
times as long, which is gamma = 1 with a pool's size as the reference. Its pools are of one size in equal shares. Here
sizes and shares are any, in a way that leaves the repository's own numbers what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.laws.goyal import GoyalUtility

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Setups

SAME = 1e-12
"""Of a training; pools whose epochs end so close to each other end them together."""


@dataclass(frozen=True, kw_only=True)
class GoyalEffectiveUtility(GoyalUtility):
    """The repository's ``effective_utility``: repetition lowers d too, so d is no floor.

    Error = (A (n1 / n0)^-b + d) (n2 / n1)^-b2 (n3 / n2)^-b3 ..., where the paper's equation 4 adds d at the end: what
    its equation 2, dy/dn = -b y / n, gives when y includes d. Of several pools, d is multiplied with what each pool's
    own repetitions multiply the rest with.
    """

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, 2] as in ``GoyalUtility``, and the part of it that later epochs make."""
        first, later = self.fallen(self.read(theta, setups), setups)
        return np.exp(-np.stack([first + later, later], 1))


@dataclass(frozen=True, kw_only=True)
class GoyalEffectiveData(GoyalUtility):
    """The repository's ``effective_data``: repeated tokens count for less, and those that count keep their utility.

    A token of pool i counts 2^(-k_i / tau'_i) after k_i epochs, close to Muennighoff et al. 2023. Of the tokens that
    count, m, d ln(y - d) / d ln m = -sum_i w_i b_i 2^(-k_i / tau'_i) / sum_i w_i 2^(-k_i / tau'_i), their mean utility.
    Between ends of epochs this is constant, so it is integrated exactly.
    """

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, 2] (y - d) / A, and one."""
        utility, half_life, group, pivot = self.read(theta, setups)
        ends, behind = stretches(setups.epochs)
        worth = setups.shares[:, None, :] * np.exp2(-behind / half_life[group][:, None, :])
        counting = np.maximum(worth.sum(2), np.finfo(np.float64).tiny)
        tokens = setups.tokens[:, None] * np.cumsum(counting * np.diff(ends, axis=1, prepend=0), axis=1)
        steps = np.diff(np.log(tokens), axis=1, prepend=np.log(pivot))
        fallen = (worth @ utility / counting * steps).sum(1)
        return np.stack([np.exp(-fallen), np.ones(len(setups))], 1)


def stretches(epochs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Trainings cut where a pool ends an epoch: [n, s] ends as shares of the training, [n, s, p] whole epochs behind.

    ``epochs`` is [n, p]. A training with fewer cuts than others has empty stretches at its end.
    """
    numbers = np.arange(1, epochs.max() + 1)[:, None]
    cuts = np.minimum(numbers / np.maximum(epochs, 1)[:, None, :], 1).reshape(len(epochs), -1)
    cuts.sort(axis=1)
    cuts[:, 1:][np.diff(cuts, axis=1) < SAME] = 1
    cuts.sort(axis=1)
    used = int((cuts < 1).sum(1).max(initial=0))
    ends = np.concatenate([cuts[:, :used], np.ones((len(epochs), 1))], axis=1)
    # Counted in the middle of a stretch, so that rounding moves no end of an epoch across.
    middles = ends - np.diff(ends, axis=1, prepend=0) / 2
    return ends, np.floor(middles[:, :, None] * epochs[:, None, :])
