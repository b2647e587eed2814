"""How scores order documents, compared: ranks, their correlation, what explains them, which documents they share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def mid_ranks(values: Values) -> Values:
    """The share of values below each, half of the equal ones counted; NaN where the value is."""
    valid = ~np.isnan(values)
    ordered = np.sort(values[valid])
    places = np.full(len(values), np.nan)
    sides = [np.searchsorted(ordered, values[valid], side) for side in ("left", "right")]
    places[valid] = (sides[0] + sides[1]) / (2 * max(1, len(ordered)))
    return places


def spearman(left: Values, right: Values) -> float | None:
    """Rank correlation over the documents that have both; None where it is not defined."""
    both = ~np.isnan(left) & ~np.isnan(right)
    first, second = (mid_ranks(values[both]) for values in (left, right))
    spread = first.std() * second.std() if both.sum() > 1 else 0.0
    if spread == 0:
        return None
    return float(((first - first.mean()) * (second - second.mean())).mean() / spread)


def explained(values: Values, groups: NDArray[np.intp]) -> float | None:
    """Share of the variance of ranks that lies between groups (eta squared), in [0, 1]; None without variance."""
    valid = ~np.isnan(values)
    ranks, inside = mid_ranks(values[valid]), groups[valid]
    if len(ranks) < 2 or ranks.std() == 0:
        return None
    sizes = np.bincount(inside)
    means = np.bincount(inside, ranks) / np.maximum(sizes, 1)
    return float((sizes * (means - ranks.mean()) ** 2).sum() / (len(ranks) * ranks.var()))


def shared(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    """Documents that both keep as a share of those that either keeps; 1 where neither keeps any."""
    either = int((left | right).sum())
    return float((left & right).sum() / either) if either else 1.0
