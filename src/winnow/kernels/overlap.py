"""How much two sets of shingles have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.jit import inlined, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOO_FEW = -1


@leaf
def num_common(one: NDArray[np.uint32], other: NDArray[np.uint32], least: int) -> int:
    """How many numbers two sorted arrays without repeats share; TOO_FEW as soon as ``least`` cannot be reached."""
    common = at = there = 0
    while at < one.size and there < other.size:
        if min(one.size - at, other.size - there) + common < least:
            return TOO_FEW
        left, right = one[at], other[there]
        common += left == right
        at += left <= right
        there += right <= left
    return common if common >= least else TOO_FEW


@inlined
def least_common(size: int, other: int, similarity: float, is_containment: bool) -> int:
    """No pair of sets of these sizes with fewer common elements is as similar as that; one more may be needed."""
    if is_containment:
        return np.int64(np.ceil(similarity * size - 1e-6))
    return np.int64(np.ceil(similarity * (size + other) / (1 + similarity) - 1e-6))


@inlined
def similarity_of(size: int, other: int, common: int, is_containment: bool) -> float:
    """Jaccard similarity of sets of these sizes, or the share of the first that stands in the other."""
    return common / size if is_containment else common / (size + other - common)
