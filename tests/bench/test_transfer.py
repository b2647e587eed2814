from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import ACCURACY, BITS, make_ledger

from winnow.bench.ledger import Ledger, Run
from winnow.bench.transfer import kendall, pearson, spearman, transfer
from winnow.core.errors import InputError
from winnow.measure import ranks

MERITS = {"a": 0.0, "b": 0.03, "c": 0.06, "d": 0.09, "e": 0.12, "f": 0.15}
SCORE = "score"

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=8)


def ledger_of(small: dict[str, list[float]], large: dict[str, list[float]]) -> Ledger:
    """Runs of two scales with nothing but one score."""
    return Ledger(
        tuple(
            Run(run=f"{name}{scale}{seed}", candidate=name, scale=scale, seed=seed, metrics={SCORE: value})
            for scale, scores in (("small", small), ("large", large))
            for name, values in scores.items()
            for seed, value in enumerate(values)
        )
    )


def once(number: int) -> np.ndarray:
    """One sample that holds every point once."""
    return np.ones((1, number))


def test_correlations_of_a_worked_example() -> None:
    """Kendall's own: ten boys ranked in mathematics and music (Rank Correlation Methods, 1948, chapter 1)."""
    mathematics = np.array([7, 4, 3, 10, 6, 2, 9, 8, 1, 5.0])
    music = np.array([5, 7, 3, 10, 1, 9, 6, 2, 8, 4.0])
    assert kendall(mathematics, music, once(10)) == pytest.approx(-3 / 45)
    assert spearman(mathematics, music, once(10)) == pytest.approx(-17 / 165)


def test_without_variation_there_is_no_correlation() -> None:
    ones, rising = np.ones(3), np.arange(3.0)
    for correlation in (pearson, spearman, kendall):
        assert np.isnan(correlation(ones, rising, once(3))) and np.isnan(correlation(rising, ones, once(3)))


@given(points, st.data())
def test_a_sample_counts_as_its_points_written_out(some: list[tuple[int, int]], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.integers(0, 3), min_size=len(some), max_size=len(some)).filter(any))
    x, y = (np.array(one, float) for one in zip(*some, strict=True))
    for correlation in (pearson, spearman, kendall):
        written = correlation(np.repeat(x, drawn), np.repeat(y, drawn), once(sum(drawn)))
        assert correlation(x, y, np.array([drawn], float)) == pytest.approx(written, nan_ok=True)


@given(points)
def test_correlations_are_those_of_ranks_and_pairs(some: list[tuple[int, int]]) -> None:
    x, y = (np.array(one, float) for one in zip(*some, strict=True))
    expected = ranks.spearman(x, y)
    assert spearman(x, y, once(len(x))) == pytest.approx(np.nan if expected is None else expected, nan_ok=True)
    pairs = [(p, q) for k, p in enumerate(some) for q in some[:k]]
    agreeing = sum(np.sign(p[0] - q[0]) * np.sign(p[1] - q[1]) for p, q in pairs)
    untied = [sum(p[side] != q[side] for p, q in pairs) for side in (0, 1)]
    tau = agreeing / np.sqrt(untied[0] * untied[1]) if untied[0] * untied[1] else np.nan
    assert kendall(x, y, once(len(x))) == pytest.approx(tau, nan_ok=True)


def test_scales_that_agree_agree_wholly(tmp_path: Path) -> None:
    found = transfer(make_ledger(tmp_path, MERITS, scales=["1M", "3M"]), "1M", "3M", BITS)
    assert found.candidates == tuple("abcdef") and found.num_pairs == found.num_decided == 15
    for one in (found.spearman, found.kendall, found.accuracy, found.accuracy_of_all):
        assert one is not None and one.value == pytest.approx(1.0) and one.interval == pytest.approx((1.0, 1.0))


def test_a_small_scale_that_prefers_the_worse_is_always_wrong(tmp_path: Path) -> None:
    upright = make_ledger(tmp_path / "small", MERITS, scales=["1M"])
    turned = make_ledger(tmp_path / "large", {name: -merit for name, merit in MERITS.items()}, scales=["3M"])
    found = transfer(Ledger((*upright, *turned)), "1M", "3M", BITS)
    assert found.accuracy is not None and found.accuracy.value == 0.0
    assert found.spearman is not None and found.spearman.value == pytest.approx(-1.0)


def test_directions_count_where_the_metrics_differ(tmp_path: Path) -> None:
    """Fewer bits per byte at the small scale go with more right answers at the large one."""
    merits = {name: 3 * merit for name, merit in MERITS.items()}
    found = transfer(make_ledger(tmp_path, merits, scales=["1M", "3M"]), "1M", "3M", BITS, ACCURACY)
    assert found.spearman is not None and found.spearman.value > 0.9


def test_every_run_of_the_small_scale_decides_by_itself() -> None:
    small = {"a": [1.0, 3.0], "b": [2.0, 2.0]}
    found = transfer(ledger_of(small, {"a": [10.0, 10.1], "b": [0.0, 0.1]}), "small", "large", SCORE)
    assert found.accuracy is not None and found.accuracy.value == 0.5
    assert found.accuracy.interval is None  # two candidates give none


def test_pairs_that_the_large_scale_does_not_decide_are_counted_apart() -> None:
    small = {"a": [1.0], "b": [2.0], "c": [9.0]}
    large = {"a": [1.2, 1.3], "b": [1.1, 1.2], "c": [9.0, 9.2]}
    found = transfer(ledger_of(small, large), "small", "large", SCORE)
    assert (found.num_decided, found.num_pairs) == (2, 3)
    assert found.accuracy is not None and found.accuracy.value == 1.0
    assert found.accuracy_of_all is not None and found.accuracy_of_all.value == pytest.approx(2 / 3)


def test_without_repeats_at_the_large_scale_nothing_is_decided() -> None:
    found = transfer(ledger_of({"a": [1.0], "b": [2.0]}, {"a": [1.0], "b": [2.0]}), "small", "large", SCORE)
    assert found.accuracy is None and found.num_decided is None
    assert found.accuracy_of_all is not None and found.accuracy_of_all.value == 1.0


def test_intervals_over_candidates_hold_the_truth() -> None:
    """Pearson's somewhat less often than it says, as the documentation says too."""
    rng = np.random.default_rng(0)
    hits = {"pearson": 0, "spearman": 0}
    for _ in range(60):
        large = rng.normal(size=12)
        small = 0.8 * large + 0.6 * rng.normal(size=12)
        scores = [
            {name: [float(one)] for name, one in zip("abcdefghijkl", side, strict=True)} for side in (small, large)
        ]
        found = transfer(ledger_of(*scores), "small", "large", SCORE)
        for name, truth in (("pearson", 0.8), ("spearman", 6 / np.pi * np.arcsin(0.4))):
            low, high = getattr(found, name).interval
            hits[name] += low < truth < high
    assert 49 <= hits["pearson"] < 60 and hits["spearman"] >= 53


def test_several_tracks_are_refused(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"a": 0.0, "b": 0.1}, scales=["1M", "3M"], items=5)
    mixing = [dataclasses.replace(run, run=run.run + "m", track="mixing") for run in ledger]
    with pytest.raises(InputError, match="filtering, mixing"):
        transfer(ledger.merged(mixing), "1M", "3M", BITS)
    with pytest.raises(InputError, match="0 candidates have core at 1M"):
        transfer(ledger, "1M", "3M", "core")
