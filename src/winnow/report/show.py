"""A look at a table: what it is, its columns with their histograms, its first rows; or at all tables of a store."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError
from winnow.core.files import read_json
from winnow.core.table import Table

REPORT = Path("files/report.json")
"""Where a step that fits a model says how well it was learnt (``measure.examples``)."""
NUM_BINS = 20
MAX_VALUES = 2_000_000
"""Values that a histogram is drawn from; a larger table is looked at in evenly spaced shards."""


@dataclass(frozen=True)
class Column:
    """One column: its meaning, and how its values are spread."""

    name: str
    type: str
    description: str
    nulls: int
    low: float | None = None
    median: float | None = None
    high: float | None = None
    histogram: tuple[int, ...] = ()
    """Counts in equal bins from ``low`` to the 99th percentile, the rest in the last."""


@dataclass(frozen=True)
class Shown:
    """One table."""

    path: str
    step: str
    rows: int
    shards: int
    bytes: int
    quarantined: int
    seconds: float
    made: str
    counts: dict[str, int]
    columns: tuple[Column, ...]
    first_rows: tuple[dict[str, Any], ...]
    report: dict[str, Any]
    """What a step that fits a model says of it; empty for others."""

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def print(self) -> None:
        """For people."""
        from winnow.report.terminal import print_table

        print_table(self)


@dataclass(frozen=True)
class ShownStore:
    """The tables of a store."""

    path: str
    tables: tuple[dict[str, Any], ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def print(self) -> None:
        """For people."""
        from winnow.report.terminal import print_store

        print_store(self)


def show(path: Path, num_rows: int) -> Shown | ShownStore:
    """Look at a table's directory or a store; InputError where the path is neither."""
    if (path / "manifest.json").is_file():
        return _show_table(path, num_rows)
    manifests = sorted(path.glob("*/manifest.json"))
    if not manifests:
        raise InputError(f"{path} is neither a finished table nor a store: it holds no manifest.json")
    wanted = ("step", "rows", "quarantined", "seconds", "made")
    tables = [{"table": m.parent.name, **{key: read_json(m)[key] for key in wanted}} for m in manifests]
    return ShownStore(str(path), tuple(sorted(tables, key=lambda table: table["made"])))


def _show_table(path: Path, num_rows: int) -> Shown:
    table = Table(path)
    about = table.manifest
    parquet = [i for i, shard in enumerate(about.shards) if shard.name.endswith(".parquet")]
    first: list[dict[str, Any]] = []
    columns: tuple[Column, ...] = ()
    if parquet and table.path(parquet[0]).is_file():  # Parquet files of a whole step are not rows of a table
        batches = table.batches(parquet[0])
        batch = next(batches, None)
        first = [] if batch is None else [_short(row) for row in batch.slice(0, num_rows).to_pylist()]
        columns = tuple(_column(table, _spread(table, parquet), field) for field in table.schema())
    return Shown(
        path=str(path),
        step=about.step,
        rows=about.rows,
        shards=len(about.shards),
        bytes=sum(shard.bytes for shard in about.shards),
        quarantined=about.quarantined,
        seconds=about.seconds,
        made=about.made,
        counts=about.counts,
        columns=columns,
        first_rows=tuple(first),
        report=read_json(path / REPORT) if (path / REPORT).is_file() else {},
    )


def _spread(table: Table, shards: list[int]) -> list[int]:
    """Evenly spaced shards that hold about ``MAX_VALUES`` rows, so that memory is bounded; all of a small table's."""
    rows = sum(table.manifest.shards[shard].rows for shard in shards)
    step = max(1, -(-rows // MAX_VALUES))
    return shards[::step]


def _column(table: Table, shards: list[int], field: pa.Field) -> Column:
    metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    about = Column(field.name, str(field.type), metadata.get("description", ""), 0)
    if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_boolean(field.type)):
        return about
    values = pa.concat_arrays([chunk for shard in shards for chunk in table.shard(shard, [field.name])[0].chunks])
    numbers = pc.cast(values.drop_null(), pa.float64()).to_numpy(zero_copy_only=False)
    if not len(numbers):
        return Column(field.name, str(field.type), about.description, len(values))
    low, median, top, high = (float(q) for q in np.quantile(numbers, [0, 0.5, 0.99, 1]))
    edges = np.linspace(low, max(top, low + 1e-9), NUM_BINS + 1)
    counts, _ = np.histogram(np.minimum(numbers, edges[-1]), edges)
    return Column(
        field.name, str(field.type), about.description, values.null_count, low, median, high, tuple(counts.tolist())
    )


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {k: f"{v[:77]}..." if isinstance(v, str) and len(v) > 80 else v for k, v in row.items()}
