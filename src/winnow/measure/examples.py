"""What a classifier learns from, and how well it learnt: two sets of documents, some of them held out.

Which documents are drawn, and which are held out, depends on their ids and the seed alone. The area under the ROC curve
carries an interval (DeLong, DeLong & Clarke-Pearson 1988), since a classifier is fitted on little and trusted on much.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import num_shards
from winnow.core.step import Rows, Whole
from winnow.core.table import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_EXAMPLES = 10
"""A set smaller than this teaches nothing, and says nothing about what was learnt."""
NORMAL_95 = 1.959963984540054
"""Standard deviations on each side that hold 95% of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class FitOnTwoSets(Whole):
    """What every classifier shares that is fitted on wanted and unwanted documents."""

    positives: Rows
    """Documents like those that are wanted; they score high."""
    negatives: Rows
    """Documents like those that are not: a sample of the pool, read as the pool is, or else the way of reading is
    learnt."""
    max_examples: int = 200_000
    """How many documents of each set are drawn at most (DCLM: 200,000)."""
    heldout_fraction: float = 0.1
    """Share of them that is not learnt from but judged by, in (0, 1)."""
    seed: int = 0

    def check(self) -> None:
        """Refuse shares and sizes from which nothing can be learnt."""
        if not 0 < self.heldout_fraction < 1:
            raise RecipeError(f"heldout_fraction is {self.heldout_fraction}; it must lie in (0, 1)")
        if self.max_examples < MIN_EXAMPLES:
            raise RecipeError(f"max_examples is {self.max_examples}; it must be at least {MIN_EXAMPLES}")
        if self.positives.key == self.negatives.key:
            raise RecipeError(f"positives and negatives are both {self.positives.label}: give two different sets")

    def examples(self, store: Store, column: str) -> pa.Table:
        """The drawn documents of both sets in random order: ``id``, the column, ``positive`` and ``heldout``.

        Held out is ``heldout_fraction`` of each set, at least one document, and the same ones for the same seed; rows
        whose column is null are passed over. InputError where a set holds too little.
        """
        sets = []
        for rows, positive in ((self.positives, True), (self.negatives, False)):
            drawn = _drawn(rows, store, column, self.max_examples, self.seed)
            if drawn.num_rows < MIN_EXAMPLES:
                few = f"{rows.label} has {drawn.num_rows} documents to learn from"
                raise InputError(f"{few}: give at least {MIN_EXAMPLES}")
            drawn = drawn.append_column("positive", pa.repeat(positive, drawn.num_rows))
            sets.append(drawn.append_column("heldout", pa.array(_held_out(drawn, self.heldout_fraction, self.seed))))
        both = pa.concat_tables(sets)
        order = np.lexsort([both.column("positive").to_numpy(), draws_of(both, self.seed + 2)])
        return both.take(pa.array(order))


def draw(id: str, seed: int) -> float:
    """A number in [0, 1) that depends on the id and the seed alone."""
    digest = hashlib.blake2b(
        id.encode("utf-8", "surrogatepass"), digest_size=8, salt=seed.to_bytes(16, "little", signed=True)
    )
    return int.from_bytes(digest.digest(), "little") / 2**64


def draws_of(rows: pa.Table, seed: int) -> NDArray[np.float64]:
    """The draw of every row, by its ``id``."""
    return np.array([draw(id, seed) for id in rows.column("id").to_pylist()], np.float64)


def _held_out(drawn: pa.Table, fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which documents of a set are held out: those with the lowest draws."""
    draws = draws_of(drawn, seed + 1)
    held = np.zeros(len(draws), bool)
    held[np.argsort(draws, kind="stable")[: max(1, round(fraction * len(draws)))]] = True
    return held


def _drawn(rows: Rows, store: Store, column: str, max_examples: int, seed: int) -> pa.Table:
    """The documents with the lowest draws, at most ``max_examples``, in the order of the table."""
    limit = lowest_limit((draw(id, seed) for id in _ids(rows, store)), max_examples)
    batches = []
    for shard in range(num_shards(rows, store)):
        for batch in rows.open_shard(store, shard, ["id", column]):
            chosen = [draw(id, seed) <= limit for id in batch.column("id").to_pylist()]
            batches.append(batch.filter(pc.and_(pa.array(chosen, pa.bool_()), batch.column(column).is_valid())))
    schema = pa.schema([rows.schema().field("id"), rows.schema().field(column)]).remove_metadata()
    return pa.Table.from_batches(batches) if batches else schema.empty_table()


def _ids(rows: Rows, store: Store) -> Iterable[str]:
    for shard in range(num_shards(rows, store)):
        for batch in rows.open_shard(store, shard, ["id"]):
            yield from batch.column("id").to_pylist()


def lowest_limit(draws: Iterable[float], count: int) -> float:
    """The ``count``-th lowest of the draws, or 1 where there are fewer."""
    lowest = heapq.nsmallest(count, draws)
    return lowest[-1] if len(lowest) == count else 1.0


def texts_of(examples: pa.Table) -> pa.Array:
    """The texts of some examples, in one array."""
    return pc.cast(examples.column("text"), pa.large_string()).combine_chunks()


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve: how often a positive scores above a negative (a tie counts half), with its interval."""

    value: float
    low: float
    high: float
    """The 95% interval lies in [low, high]."""


def auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> Auc:
    """The area under the ROC curve and DeLong's 95% interval; InputError where either set is empty."""
    high, low = np.asarray(scores[positive], np.float64), np.asarray(scores[~positive], np.float64)
    if not len(high) or not len(low):
        raise InputError(f"{len(high)} positives and {len(low)} negatives were held out: give more examples")
    of_high = _share_below(high, low)
    of_low = 1 - _share_below(low, high)
    value = float(of_high.mean())
    variance = _variance_of_mean(of_high) + _variance_of_mean(of_low)
    reach = NORMAL_95 * float(np.sqrt(variance))
    return Auc(value, max(0.0, value - reach), min(1.0, value + reach))


def _share_below(scores: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each score the share of the others below it; one that is equal counts half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    share: NDArray[np.float64] = below / (2 * len(others))
    return share


def _variance_of_mean(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def calibration(
    probabilities: NDArray[np.floating], positive: NDArray[np.bool_], num_bins: int = 10
) -> list[dict[str, float]]:
    """For bins of equal width, those that are not empty: their number, mean probability and share of positives."""
    bins = np.minimum((np.asarray(probabilities) * num_bins).astype(int), num_bins - 1)
    return [
        {
            "num": int((inside := bins == number).sum()),
            "mean_probability": float(np.mean(probabilities[inside])),
            "positive_fraction": float(np.mean(positive[inside])),
        }
        for number in sorted(set(bins.tolist()))
    ]


def heldout_report(
    scores: NDArray[np.floating],
    probabilities: NDArray[np.floating],
    examples: pa.Table,
    telling: Sequence[object] = (),
) -> dict[str, object]:
    """What a fitted classifier's ``report.json`` holds: sizes, AUC with interval, calibration, what tells most.

    ``scores`` and ``probabilities`` are those of the examples held out, in their order.
    """
    heldout = examples.column("heldout").to_numpy()
    positive = examples.column("positive").to_numpy()
    area = auc(scores, positive[heldout])
    return {
        "num_positives": int((positive & ~heldout).sum()),
        "num_negatives": int((~positive & ~heldout).sum()),
        "num_heldout": int(heldout.sum()),
        "auc": area.value,
        "auc_interval": [area.low, area.high],
        "calibration": calibration(probabilities, positive[heldout]),
        "telling": list(telling),
    }
