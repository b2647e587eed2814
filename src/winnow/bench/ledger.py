"""The ledger: one row per training run, with what was trained on what and every number that came out.

It is a Parquet file for machines beside a JSON file for people and ``git diff``; both hold the same. Rows are keyed by
``run``: adding rows to a ledger replaces those of the same run and keeps the others, so ledgers can be put together.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.errors import InputError, did_you_mean
from winnow.core.files import appearing, copy, open_parquet, read_json, write_json
from winnow.core.storage import place

Curve = tuple[tuple[int, float], ...]
"""Points of a learning curve: tokens seen, value."""


class Drawn(NamedTuple):
    """What a run was given of a source."""

    num_tokens: int
    """Drawn, repeated ones each time."""
    size: int
    """Different tokens that there were to draw from."""


PARQUET, JSON = "ledger.parquet", "ledger.json"

SOURCE = pa.struct([pa.field(name, pa.int64()) for name in Drawn._fields])
CURVE = pa.list_(pa.struct([pa.field("tokens", pa.int64()), pa.field("value", pa.float64())]))
SCHEMA = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("candidate", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("track", "scale")),
        pa.field("seed", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("dataset", "recipe")),
        *(pa.field(name, pa.int64()) for name in ("num_params", "num_tokens", "unique_tokens")),
        *(pa.field(name, pa.float64()) for name in ("epochs", "flops")),
        pa.field("sources", pa.map_(pa.string(), SOURCE), nullable=False),
        pa.field("metrics", pa.map_(pa.string(), pa.float64()), nullable=False),
        pa.field("curves", pa.map_(pa.string(), CURVE), nullable=False),
        *(pa.field(name, pa.string()) for name in ("items", "machine")),
        pa.field("seconds", pa.float64()),
        *(pa.field(name, pa.string()) for name in ("commit", "made")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One model that was trained and evaluated; what nobody recorded is None."""

    run: str
    """Digest that tells the run from every other."""
    candidate: str
    """What is compared: a choice of documents, or a mixture."""
    track: str | None = None
    """``filtering``, ``mixing``, or where it was imported from."""
    scale: str | None = None
    seed: int | None = None
    dataset: str | None = None
    """Digest of the tokens that it was trained on."""
    recipe: str | None = None
    """How it was made, as JSON."""
    num_params: int | None = None
    num_tokens: int | None = None
    """Tokens trained on, repeated ones each time."""
    unique_tokens: int | None = None
    epochs: float | None = None
    flops: float | None = None
    sources: Mapping[str, Drawn] = field(default_factory=dict)
    """What was drawn of every source of the mix that gave anything."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """``<task>/<metric>``, ``heldout/<name>/bits_per_byte``, ``core/centered_v2``; a metric that was not measured is
    absent."""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """Learning curves: points (tokens seen, value) by the metric's name, in the order of training."""
    items: str | None = None
    """The run's ``items.parquet``: the score of every item. A relative path begins at the ledger."""
    machine: str | None = None
    seconds: float | None = None
    commit: str | None = None
    made: str | None = None
    """ISO 8601, UTC."""

    def __str__(self) -> str:
        return f"{self.candidate} at {self.scale}, seed {self.seed}"


@dataclass(frozen=True)
class Ledger:
    """Runs, and where their ledger lies."""

    runs: tuple[Run, ...]
    directory: Path | None = None

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def where(self, *, track: str | None = None, scale: str | None = None, candidate: str | None = None) -> Ledger:
        """The runs of a track, a scale, a candidate; None takes all."""
        wanted = {"track": track, "scale": scale, "candidate": candidate}
        named = {name: value for name, value in wanted.items() if value is not None}
        kept = [run for run in self if all(getattr(run, name) == value for name, value in named.items())]
        return replace(self, runs=tuple(kept))

    def names(self, what: str) -> tuple[str, ...]:
        """The tracks, scales or candidates there are: scales from small to large, the others by name."""
        found = {name for run in self if (name := getattr(run, what)) is not None}
        if what != "scale":
            return tuple(sorted(found))
        sizes: dict[str, list[float]] = {}
        for run in self:
            if run.scale is not None:
                sizes.setdefault(run.scale, []).append(run.flops or run.num_params or 0.0)
        return tuple(sorted(found, key=lambda name: (max(sizes[name]), name)))

    def parts(self) -> Iterator[Ledger]:
        """The ledger track by track, and scale by scale from small to large."""
        places = {(run.track, run.scale) for run in self}
        order = {scale: rank for rank, scale in enumerate(self.names("scale"))}
        for track, scale in sorted(places, key=lambda place: (place[0] or "", order.get(place[1] or "", -1))):
            yield replace(self, runs=tuple(run for run in self if (run.track, run.scale) == (track, scale)))

    def metrics(self) -> tuple[str, ...]:
        """Every metric of any run, by name."""
        return tuple(sorted({name for run in self for name in run.metrics}))

    def merged(self, runs: Iterable[Run]) -> Ledger:
        """With more runs; one of the same digest takes the place of what was there."""
        by_digest = {run.run: run for run in (*self.runs, *runs)}
        return replace(self, runs=tuple(by_digest.values()))

    def items_path(self, run: Run) -> Path | None:
        """Where the run's items lie; None where they were not kept."""
        if run.items is None:
            return None
        if self.directory is None or "://" in run.items:
            return place(run.items)
        return self.directory / run.items


def write_ledger(runs: Iterable[Run], directory: str | Path) -> Ledger:
    """Add runs to the ledger in a directory, made where there is none: ``ledger.parquet`` and ``ledger.json``.

    Rows are in order of track, scale, candidate and seed. Raises InputError for a run that no ledger can hold.
    """
    where = place(directory)
    there = _read(where / PARQUET) if (where / PARQUET).is_file() else []
    merged = Ledger(tuple(there), where).merged(runs)
    for run in merged:
        _check(run)
    order = {scale: rank for rank, scale in enumerate(merged.names("scale"))}
    ledger = replace(merged, runs=tuple(sorted(merged, key=lambda run: _place(run, order))))
    with appearing(where / PARQUET) as temporary:
        pq.write_table(to_table(ledger), temporary, compression="zstd")
    write_json(where / JSON, [asdict(run) for run in ledger])
    return ledger


def add_ledger(made: Ledger, directory: str | Path) -> Ledger:
    """Add a ledger's runs, and the items that lie beside them, to the ledger in another directory."""
    where = place(directory)
    for run in made:
        if run.items is not None and (items := made.items_path(run)):
            copy(items, where / run.items)
    return write_ledger(made, where)


def read_ledger(path: str | Path) -> Ledger:
    """The ledger in a directory, a ledger's file, or every ledger of a store; InputError where there is none."""
    where = place(path)
    if where.suffix in (".parquet", ".json"):
        if not where.is_file():
            raise InputError(f"there is no ledger {where}")
        return Ledger(tuple(_read(where)), where.parent)
    for name in (PARQUET, JSON):
        if (where / name).is_file():
            return Ledger(tuple(_read(where / name)), where)
    found = [one for pattern in (f"*/{PARQUET}", f"*/files/{PARQUET}") for one in sorted(where.glob(pattern))]
    if not found:
        raise InputError(
            f"{where} holds no {PARQUET} and no {JSON}: give a ledger, its directory or the store of a bench"
        )
    ledger = Ledger(())
    for one in found:
        inside = Ledger(tuple(_read(one)), one.parent)
        ledger = ledger.merged(replace(run, items=_text(inside.items_path(run))) for run in inside)
    return ledger


def to_table(runs: Iterable[Run]) -> pa.Table:
    """The rows as an Arrow table of ``SCHEMA``."""
    rows = []
    for run in runs:
        row = {one.name: getattr(run, one.name) for one in fields(Run)}
        row["sources"] = [(name, drawn._asdict()) for name, drawn in run.sources.items()]
        row["metrics"] = list(run.metrics.items())
        row["curves"] = [
            (name, [{"tokens": tokens, "value": value} for tokens, value in curve])
            for name, curve in run.curves.items()
        ]
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _read(path: Path) -> list[Run]:
    if path.suffix == ".json":
        try:
            rows = read_json(path)
        except json.JSONDecodeError as error:
            raise InputError(f"{path} is no ledger: {error}") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{path} is no ledger: it must be a list with one object per run")
    else:
        try:
            with open_parquet(path) as opened:
                rows = opened.read().to_pylist()
        except pa.ArrowInvalid as error:
            raise InputError(f"{path} is no ledger: {error}") from error
    return [_run(row, path) for row in rows]


def _run(row: Mapping[str, Any], path: Path) -> Run:
    """A run from a row of a file."""
    known = [one.name for one in fields(Run)]
    if unknown := [name for name in row if name not in known]:
        raise InputError(f"{path} has a column {unknown[0]!r} that no ledger has; {did_you_mean(unknown[0], known)}")
    if missing := [name for name in ("run", "candidate") if not row.get(name)]:
        raise InputError(f"{path} has a row without {missing[0]}: every run needs one")
    curves = {name: tuple(_point(point) for point in points) for name, points in dict(row.get("curves") or {}).items()}
    sources = {name: _drawn(one) for name, one in dict(row.get("sources") or {}).items()}
    run = Run(**{**row, "sources": sources, "metrics": dict(row.get("metrics") or {}), "curves": curves})
    _check(run)
    return run


def _point(point: Any) -> tuple[int, float]:
    return (point["tokens"], point["value"]) if isinstance(point, dict) else (point[0], point[1])


def _drawn(one: Any) -> Drawn:
    return Drawn(**one) if isinstance(one, dict) else Drawn(*one)


def _check(run: Run) -> None:
    """Refuse what no ledger can hold."""
    for name, value in run.metrics.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{name} of {run} is {value!r}: leave a metric out where it was not measured")
    for name, kind in (("candidate", str), ("seed", int), ("num_tokens", int), ("unique_tokens", int)):
        value = getattr(run, name)
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} of run {run.run} is {value!r}, not {kind.__name__}")
    if run.epochs is not None and run.epochs <= 0:
        raise InputError(f"epochs of {run} is {run.epochs}; it must be above 0")


def _place(run: Run, scales: Mapping[str, int]) -> tuple[Any, ...]:
    rank = -1 if run.scale is None else scales[run.scale]
    return run.track or "", rank, run.candidate, -1 if run.seed is None else run.seed, run.run


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


MAX_POINTS = 200
"""Points that a learning curve keeps."""


def read_curves(losses: Path, heldout: Path | None = None) -> dict[str, Curve]:
    """Learning curves of a training run, from its ``losses.parquet`` and ``heldout.parquet``.

    ``train/loss`` in nats per token, thinned to ``MAX_POINTS``, each the mean since the last; and
    ``heldout/<name>/bits_per_byte`` per held-out set, as often as it was measured.
    """
    curves: dict[str, Curve] = {}
    with open_parquet(losses) as opened:
        rows = opened.read(["tokens", "loss"])
    curves["train/loss"] = _thinned(rows["tokens"].to_pylist(), rows["loss"].to_pylist())
    if heldout is not None:
        points: dict[str, list[tuple[int, float]]] = {}
        with open_parquet(heldout) as opened:
            for row in opened.read(["tokens", "name", "bits_per_byte"]).to_pylist():
                points.setdefault(f"heldout/{row['name']}/bits_per_byte", []).append(
                    (row["tokens"], row["bits_per_byte"])
                )
        curves |= {name: tuple(sorted(found)) for name, found in points.items()}
    return curves


def _thinned(tokens: Sequence[int], values: Sequence[float]) -> Curve:
    """At most ``MAX_POINTS`` points: the mean of each stretch, at its end."""
    step = -(-len(tokens) // MAX_POINTS) or 1
    stretches = [slice(start, min(start + step, len(tokens))) for start in range(0, len(tokens), step)]
    return tuple((tokens[one.stop - 1], sum(values[one]) / (one.stop - one.start)) for one in stretches)
