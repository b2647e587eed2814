from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.kernels.page_rank import count_out, share, sweep
from winnow.kernels.page_rank_reference import page_rank_reference


def compressed(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The links of a dense matrix, sorted by target."""
    targets, sources = np.nonzero(weights.T)
    starts = np.searchsorted(targets, np.arange(len(weights) + 1)).astype(np.int64)
    return starts, sources.astype(np.uint32), weights[sources, targets].astype(np.uint32)


@settings(max_examples=60)
@given(
    st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0.05, 0.95), st.booleans(), st.booleans(), st.booleans()
)
def test_sweeps_are_those_of_the_reference(
    size: int, seed: int, damping: float, weighted: bool, personal: bool, keeps_dangling: bool
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 9, (size, size)) * (rng.random((size, size)) < 0.3)
    starts, sources, counts = compressed(weights)
    if not weighted:
        weights, counts = np.sign(weights), np.zeros(0, np.uint32)
    teleport = rng.random(size) if personal else np.ones(size)
    begin = rng.random(size)
    expected = page_rank_reference(
        weights.astype(float),
        sweeps=3,
        damping=damping,
        begin=begin,
        teleport=teleport,
        keeps_dangling=keeps_dangling,
    )
    ranks, out, shares = begin.copy(), np.zeros(size), np.empty(size)
    count_out(sources, counts, out)
    for _ in range(3):
        before = ranks.copy()
        dangling = share(ranks, out, shares)
        scale = 1 - damping + (damping * dangling / teleport.sum() if keeps_dangling else 0)
        change = sweep(starts, sources, counts, shares, damping, teleport if personal else np.zeros(0), scale, ranks)
        assert change == pytest.approx(np.abs(ranks - before).sum())
    assert ranks == pytest.approx(expected, rel=1e-12)
