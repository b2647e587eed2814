"""Histograms of what a choice looked at: edges from a sample, counts from every document.

Costs two reads of the measures' columns, a shard at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.core.table import Store
from winnow.report.look import look, numbers, spread
from winnow.report.model import NUM_BINS, Histogram, Mark, Scale

Values = NDArray[np.float64]
LOGARITHMIC_FROM = 100
"""A scale is logarithmic where its end is so many times the median."""
MARGIN = 0.06
"""Room beyond a threshold at the end of a scale, as a fraction of it."""
SAMPLE_ROWS = 4000
"""Documents per shard that decide where a histogram begins and ends."""


def distributions(
    select: Select, store: Store, marks: Mapping[str, Sequence[Mark]], max_histograms: int
) -> list[Histogram]:
    """A histogram of every expression that a rule compares, then of the measures' other columns."""
    columns = _columns(select)
    expressions = list(dict.fromkeys([*marks, *columns]))[:max_histograms]
    shards = num_shards(select.documents, store)
    heads = [look(select, store, shard, expressions).values.slice(0, SAMPLE_ROWS) for shard in spread(shards)]
    sample = pa.concat_tables(heads).combine_chunks()
    counted = [
        Distribution(expression, numbers(sample.column(expression)), marks.get(expression, ()), columns.get(expression))
        for expression in expressions
    ]
    for shard in range(shards):
        seen = look(select, store, shard, expressions)
        for one in counted:
            one.add(seen.numbers(one.expression), seen.kept)
    return [one.histogram(select.label) for one in counted]


def _columns(select: Select) -> dict[str, pa.Field]:
    """The numeric columns of all measures."""
    named = {f"{score.name}.{field.name}": field for score in select.scores() for field in score.columns()}
    return {name: f for name, f in named.items() if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)}


def edges_for(values: Values, marks: Iterable[Mark]) -> tuple[Values, Scale]:
    """Edges from the 1st to the 99th percentile, with room beyond every threshold, and their scale."""
    found = values[np.isfinite(values)]
    thresholds = [mark.threshold for mark in marks]
    low, high = _ends(found, thresholds)
    least = float(found.min(initial=low))
    below, above = low in thresholds and (low > 0 or least < low), high in thresholds
    if high - low < NUM_BINS - 2 and np.array_equal(found, np.rint(found)) and all(t == int(t) for t in thresholds):
        return np.arange(np.floor(low) - below, np.floor(high) + 2 + above), "whole"
    median = float(np.median(found)) if len(found) else 0.0
    if least >= 0 and high > LOGARITHMIC_FROM * max(median, 1):
        return np.expm1(_spaced(np.log1p(low), np.log1p(high), below, above)), "logarithmic"
    edges = _spaced(low, high, below, above)
    return np.maximum(edges, 0) if least >= 0 and edges[1] > 0 else edges, "linear"


def _ends(found: Values, thresholds: list[float]) -> tuple[float, float]:
    """The 1st and 99th percentile, or the thresholds that lie beyond them."""
    percentiles = np.quantile(found, [0.01, 0.99], method="nearest").tolist() if len(found) else []
    ends = [*percentiles, *thresholds] or [0.0]
    return min(ends), max(ends)


def _spaced(low: float, high: float, below: bool, above: bool) -> Values:
    margin = MARGIN * (high - low)
    edges = np.linspace(low - margin * below, high + margin * above, NUM_BINS + 1)
    if np.all(np.diff(edges) > 0):
        return edges
    return np.linspace(low, low + max(1.0, 1e-9 * abs(low)), NUM_BINS + 1)  # too close for numbers between them


class Distribution:
    """Counts the values of one expression, shard by shard."""

    def __init__(
        self, expression: str, sample: Values, marks: Sequence[Mark] = (), column: pa.Field | None = None
    ) -> None:
        about = {} if column is None else column.metadata or {}
        self.expression = expression
        self.marks = tuple(marks)
        self.description = about.get(b"description", b"").decode()
        self.unit = about.get(b"unit", b"").decode()
        self.edges, self.scale = edges_for(sample, marks)
        self.counts = np.zeros((2, len(self.edges) - 1), np.int64)
        self.missing = 0

    def add(self, values: Values, kept: NDArray[np.bool_]) -> None:
        """Count the documents of one shard."""
        there = ~np.isnan(values)
        inside = np.clip(values, self.edges[0], self.edges[-1])
        for row, chosen in enumerate((there & kept, there & ~kept)):
            self.counts[row] += np.histogram(inside[chosen], self.edges)[0]
        self.missing += int((~there).sum())

    def histogram(self, choice: str) -> Histogram:
        """What was counted."""
        kept, dropped = (tuple(map(int, row)) for row in self.counts)
        return Histogram(
            expression=self.expression,
            choice=choice,
            description=self.description,
            unit=self.unit,
            edges=tuple(float(f"{edge:.6g}") for edge in self.edges),
            kept=kept,
            dropped=dropped,
            scale=self.scale,
            missing=self.missing,
            marks=self.marks,
        )
