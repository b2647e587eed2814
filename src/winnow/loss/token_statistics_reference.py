"""``token_statistics`` as its definitions read: all logits in float64, the whole probability matrix, a full sort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.loss.token_statistics import TOP, TokenStatistics

if TYPE_CHECKING:
    from numpy.typing import NDArray


def token_statistics(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> TokenStatistics:
    """The numbers of targets [N] by logits [N, V]."""
    rows = np.arange(len(targets))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    one_hot = np.zeros_like(logits)
    one_hot[rows, targets] = 1
    top = np.argsort(-logits, axis=1, kind="stable")[:, :TOP]
    more_probable = (logits > logits[rows, targets][:, None]).sum(axis=1)
    return TokenStatistics(
        nats=-np.log(probabilities[rows, targets]),
        el2n=np.linalg.norm(probabilities - one_hot, axis=1),
        top_logit=np.take_along_axis(logits, top, axis=1).mean(axis=1),
        top_mass=np.take_along_axis(probabilities, top, axis=1).sum(axis=1),
        top_hit=(more_probable < TOP).astype(np.float64),
        greedy=(logits.argmax(axis=1) == targets).astype(np.float64),
    )
