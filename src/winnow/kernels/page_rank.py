"""One sweep of PageRank over the links of a graph, sorted by target.

Links are read in order, once a sweep, from files that are mapped into memory; what nodes give is read at random, from
one vector. So a sweep costs what the memory costs: 4 bytes a link (8 with counts) and a look-up. The sum of a node runs
over its links in the order of their sources, so ranks are the same to the last bit wherever they are computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.jit import leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray


@leaf
def count_out(sources: NDArray[np.uint32], counts: NDArray[np.uint32], weights: NDArray[np.float64]) -> None:
    """Add each link to the weight of its source: its count, or 1 where ``counts`` is empty."""
    is_counted = counts.size > 0
    for link in range(sources.size):
        weights[sources[link]] += counts[link] if is_counted else 1.0


@leaf
def share(ranks: NDArray[np.float64], weights: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Write what each node gives along a link of weight 1; gives the sum of the ranks of nodes without links."""
    dangling = 0.0
    for node in range(ranks.size):
        if weights[node] > 0:
            shares[node] = ranks[node] / weights[node]
        else:
            shares[node] = 0.0
            dangling += ranks[node]
    return dangling


@leaf
def sweep(
    starts: NDArray[np.int64],
    sources: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    shares: NDArray[np.float64],
    damping: float,
    teleport: NDArray[np.float64],
    scale: float,
    ranks: NDArray[np.float64],
) -> float:
    """Write the next rank of each node: ``damping`` times what its links bring, and ``scale`` times its teleport.

    The links to node i are ``starts[i]`` to ``starts[i + 1]``. An empty ``counts`` is 1 for every link, and so is a
    ``teleport`` for every node. Gives the sum of the ranks' changes, without their signs.
    """
    is_counted, is_personal = counts.size > 0, teleport.size > 0
    change = 0.0
    for node in range(ranks.size):
        brought = 0.0
        if is_counted:
            for link in range(starts[node], starts[node + 1]):
                brought += shares[sources[link]] * counts[link]
        else:
            for link in range(starts[node], starts[node + 1]):
                brought += shares[sources[link]]
        rank = damping * brought + scale * (teleport[node] if is_personal else 1.0)
        change += abs(rank - ranks[node])
        ranks[node] = rank
    return change
