"""The readable twin of the sweeps: PageRank on a dense matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def page_rank_reference(
    weights: NDArray[np.float64],
    *,
    sweeps: int,
    damping: float,
    begin: NDArray[np.float64],
    teleport: NDArray[np.float64],
    keeps_dangling: bool,
) -> NDArray[np.float64]:
    """Ranks after so many synchronous sweeps; ``weights[u, v]`` is that of the link from u to v.

    Each node has ``1 - damping`` times its teleport, and ``damping`` times what links bring; where dangling mass is
    kept, it is spread as the teleport is.
    """
    out = weights.sum(axis=1)
    dangling = out == 0
    moves = weights / np.where(dangling, 1, out)[:, None]
    ranks = begin
    for _ in range(sweeps):
        spread = ranks[dangling].sum() * teleport / teleport.sum() if keeps_dangling else 0
        ranks = (1 - damping) * teleport + damping * (ranks @ moves + spread)
    return ranks
