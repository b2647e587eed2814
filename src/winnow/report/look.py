"""What a choice knew about the documents of one shard: its decisions, and the numbers that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from winnow.choose.select import Select
from winnow.core.sql import evaluate, read_columns
from winnow.core.table import Store

MAX_SHARDS = 6
"""Shards that are looked at where not all can be."""


@dataclass(frozen=True)
class Look:
    """The documents of one shard, as a choice saw them."""

    shard: int
    ids: list[str]
    kept: NDArray[np.bool_]
    reasons: pa.Array
    """First reason of each document, null where kept."""
    rejected_by: pa.Array
    """All reasons of each document, as lists."""
    values: pa.Table
    """One column per expression, named by it."""

    def numbers(self, expression: str) -> NDArray[np.float64]:
        """The values of a numeric expression, NaN where missing."""
        return numbers(self.values.column(expression))


def look(select: Select, store: Store, shard: int, expressions: Sequence[str]) -> Look:
    """Read one shard's decisions and evaluate the expressions on its columns."""
    decisions = store.table(select).shard(shard).combine_chunks()
    ids, kept, reasons, rejected_by = (
        _array(decisions.column(name)) for name in ("id", "kept", "reason", "rejected_by")
    )
    values = _values(select, store, shard, expressions) if expressions else pa.table({})
    return Look(shard, ids.to_pylist(), np.asarray(kept, bool), reasons, rejected_by, values)


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A numeric column as floats, NaN where missing."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def spread(num_shards: int) -> list[int]:
    """At most ``MAX_SHARDS`` shards, evenly spread."""
    number = min(num_shards, MAX_SHARDS)
    return [index * num_shards // number for index in range(number)]


def _values(select: Select, store: Store, shard: int, expressions: Sequence[str]) -> pa.Table:
    """Labels in SQL are numbers, as an expression may hold quotation marks."""
    tables = read_columns(select.documents, select.scores(), store, shard, expressions)
    found = evaluate(tables, {str(index): expression for index, expression in enumerate(expressions)})
    return found.rename_columns(list(expressions))


def _array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
