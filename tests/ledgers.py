"""Ledgers of made-up runs whose truth is known: how good each candidate is, how noisy training and items are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.bench.ledger import Ledger, Run, write_ledger

BITS = "heldout/wiki/bits_per_byte"
ACCURACY = "quiz/accuracy"
SIZES = {"1M": 1_000_000, "3M": 3_000_000, "10M": 10_000_000}


def make_ledger(
    directory: Path,
    merits: Mapping[str, float],
    *,
    scales: Sequence[str] = ("1M",),
    seeds: int = 3,
    noise: float = 0.004,
    items: int = 300,
    seed: int = 0,
) -> Ledger:
    """A ledger with items: a candidate's merit comes off its bits per byte (about 1.4) and helps its accuracy."""
    rng = np.random.default_rng(seed)
    hardness, size = rng.normal(0, 0.25, items), rng.integers(200, 4000, items)
    runs = []
    for scale in scales:
        for candidate, merit in merits.items():
            taste = rng.normal(0, 0.02, items)
            for number in range(seeds):
                luck = rng.normal(0, noise)
                bits = 1.4 + hardness - merit + taste + luck + rng.normal(0, 0.02, items)
                right = rng.random(items) < 0.5 + merit - luck - 0.2 * hardness
                name = f"{candidate}-{scale}-{number}"
                write_items(directory / f"{name}.parquet", bits, size, right)
                runs.append(run_of(candidate, scale, number, bits, size, right, f"{name}.parquet"))
    return write_ledger(runs, directory)


def run_of(
    candidate: str, scale: str, seed: int, bits: np.ndarray, size: np.ndarray, right: np.ndarray, items: str
) -> Run:
    """A run whose metrics are what its items give."""
    params = SIZES[scale]
    tokens = 20 * params
    value = float((bits * size).sum() / size.sum())
    curve = tuple((tokens * step // 10, value + 2.0 * 0.6**step) for step in range(1, 11))
    return Run(
        run=f"{candidate}-{scale}-{seed}",
        candidate=candidate,
        track="filtering",
        scale=scale,
        seed=seed,
        dataset=f"tokens-{candidate}",
        num_params=params,
        num_tokens=tokens,
        unique_tokens=tokens // 2,
        epochs=2.0,
        flops=6.0 * params * tokens,
        metrics={BITS: value, ACCURACY: float(right.mean())},
        curves={BITS: curve, "train/loss": tuple((at, 2 * height) for at, height in curve)},
        items=items,
        machine="toy",
        seconds=12.5,
        made="2026-01-01T00:00:00+00:00",
    )


def write_items(path: Path, bits: np.ndarray, size: np.ndarray, right: np.ndarray) -> None:
    """An ``items.parquet`` of one held-out set and one task, in no order."""
    names = [f"item{number}" for number in range(len(bits))]
    held = pa.table(
        {
            "task": ["heldout/wiki"] * len(bits),
            "metric": ["bits_per_byte"] * len(bits),
            "item": names,
            "category": pa.nulls(len(bits), pa.string()),
            "numerator": bits * size,
            "denominator": size.astype(float),
        }
    )
    quiz = pa.table(
        {
            "task": ["quiz"] * len(bits),
            "metric": ["accuracy"] * len(bits),
            "item": names,
            "category": pa.nulls(len(bits), pa.string()),
            "numerator": right.astype(float),
            "denominator": np.ones(len(bits)),
        }
    )
    rows = pa.concat_tables([held, quiz])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows.take(np.random.default_rng(0).permutation(rows.num_rows)), path)
