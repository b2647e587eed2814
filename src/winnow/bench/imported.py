"""Results that others published as a table, as rows of a ledger, and a ledger as such a table."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from winnow.bench.ledger import Ledger, Run, write_ledger
from winnow.core.errors import InputError, did_you_mean
from winnow.core.files import fingerprint
from winnow.core.plain import digest
from winnow.core.step import Whole
from winnow.core.storage import place
from winnow.core.table import Store
from winnow.lm.scales import SCALES

FIELDS = tuple(one.name for one in fields(Run) if one.name not in ("metrics", "curves", "sources", "items"))
WHOLE = ("seed", "num_params", "num_tokens", "unique_tokens")
FRACTIONAL = ("epochs", "flops", "seconds")

GUESSES: dict[str, tuple[str, ...]] = {
    "candidate": ("dataset", "data", "mixture", "model name", "name"),
    "dataset": ("dataset_uuid", "dataset_id"),
    "scale": ("model_size",),
    "num_params": ("params", "parameters"),
    "num_tokens": ("tokens", "train_tokens"),
    "made": ("creation_date", "date", "timestamp"),
}
"""Columns that are taken for a field which no column is named after, the likeliest first; case does not count."""

MISSING = ("", "nan", "none", "null", "n/a", "na", "-")


@dataclass(frozen=True, kw_only=True)
class ImportedRuns(Whole):
    """The ledger of what a CSV file of results lists: ``import_results`` as a step."""

    results: str
    columns: tuple[tuple[str, str], ...] = ()
    """Column and field."""
    track: str = "imported"

    def outside(self) -> dict[str, str]:
        """Digest of the file."""
        return {self.results: fingerprint(self.results)}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write a row for every run of the file."""
        return {"runs": len(write_ledger(import_results(self.results, dict(self.columns), self.track), directory))}


def import_results(
    path: str | Path, columns: Mapping[str, str | None] | None = None, track: str = "imported"
) -> tuple[Run, ...]:
    """The runs that a CSV file lists, one per row, ready for ``write_ledger``.

    ``columns`` says which column is which field of ``Run``, None that a column is left out. For the other fields a
    column of their name or a near one is taken (``GUESSES``). Every other column of numbers is a metric under the
    column's name, and every other text goes into ``recipe``. Empty cells stay missing. Where no column names the scale,
    it follows from parameters and tokens: ``1B-1x`` where the parameters are those of a known scale, else ``1.3B-1x``.

    Raises InputError for a file without rows or candidates, for a column that is not there, and for what is no number.
    """
    header, rows = _cells(place(path))
    named = _named(header, dict(columns or {}), path)
    others = [name for name in header if name not in named]
    numeric = [name for name in others if _is_numeric(row[name] for row in rows)]
    texts = [name for name in others if name not in numeric]
    runs = []
    for line, row in enumerate(rows, start=2):
        told = {
            field: _value(field, row[name], f"{path}, line {line}, {name}") for name, field in named.items() if field
        }
        told = {field: value for field, value in told.items() if value is not None}
        if "candidate" not in told:
            raise InputError(f"{path}, line {line} names no candidate: every run needs one")
        rest = {name: row[name] for name in texts if not _is_missing(row[name])}
        filled: dict[str, Any] = {"track": track, "run": digest(row), "scale": _scale(told)}
        if rest:
            filled["recipe"] = json.dumps(rest, ensure_ascii=False)
        metrics = {name: float(row[name]) for name in numeric if not _is_missing(row[name])}
        runs.append(Run(**filled | told, metrics=metrics))
    return _distinct(runs, path)


def export_results(ledger: Ledger, path: str | Path) -> None:
    """Write the runs as CSV: a column per field, then one per metric; missing values are empty.

    Curves and items are left out.
    """
    written = io.StringIO()
    metrics = ledger.metrics()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow([*FIELDS, *metrics])
    for run in ledger:
        cells = [*(getattr(run, name) for name in FIELDS), *(run.metrics.get(name) for name in metrics)]
        rows.writerow(["" if cell is None else cell for cell in cells])
    place(path).write_text(written.getvalue(), encoding="utf-8")


def _cells(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), restval="")
    header = list(reader.fieldnames or [])
    if twice := [name for name in header if header.count(name) > 1]:
        raise InputError(f"{path} has two columns {twice[0]!r}: name each once")
    rows = []
    for row in reader:
        if None in row:
            raise InputError(f"{path}, line {reader.line_num} has more cells than the header has names")
        rows.append(row)
    if not rows:
        raise InputError(f"{path} holds no results: it needs a header and a row per run")
    return header, rows


def _named(header: Sequence[str], columns: dict[str, str | None], path: str | Path) -> dict[str, str | None]:
    """The field of every column that is one, and None for those left out."""
    for name, field in columns.items():
        if name not in header:
            raise InputError(f"{path} has no column {name!r}; {did_you_mean(name, header)}")
        if field is not None and field not in FIELDS:
            raise InputError(f"a run has no field {field!r}; {did_you_mean(field, FIELDS)}")
    named = dict(columns)
    for field in ("candidate", *FIELDS):  # which may take the column called dataset
        free = {name.lower(): name for name in reversed(header) if name not in named}
        found = next((free[likely] for likely in (field, *GUESSES.get(field, ())) if likely in free), None)
        if found is not None and field not in named.values():
            named[found] = field
    if "candidate" not in named.values():
        raise InputError(f"no column of {path} says what is compared; name it: columns={{{header[0]!r}: 'candidate'}}")
    return named


def _value(field: str, cell: str, where: str) -> str | int | float | None:
    if _is_missing(cell):
        return None
    if field not in (*WHOLE, *FRACTIONAL):
        return cell
    try:
        number = float(cell)
    except ValueError:
        raise InputError(f"{where}: {field} is {cell!r}, which is no number") from None
    if field in FRACTIONAL:
        return number
    if number != int(number):
        raise InputError(f"{where}: {field} is {cell!r}, which is no whole number")
    return int(number)


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _is_numeric(cells: Any) -> bool:
    """Whether all cells that hold something hold finite numbers, and one does."""
    there = [cell for cell in cells if not _is_missing(cell)]
    try:
        return bool(there) and all(math.isfinite(float(cell)) for cell in there)
    except ValueError:
        return False


def _scale(told: Mapping[str, Any]) -> str | None:
    """The scale that parameters and tokens make: DCLM's where the parameters are one's, and 20 tokens each are 1x."""
    if not told.get("num_params") or "num_tokens" not in told:
        return None
    params = told["num_params"]
    named = [name.removesuffix("-1x") for name in SCALES if name.endswith("-1x") and SCALES[name].num_params == params]
    size = f"{params / 1e9:.3g}B" if params >= 1e9 else f"{params / 1e6:.3g}M"
    return f"{(*named, size)[0]}-{told['num_tokens'] / (20 * params):.2g}x"


def _distinct(runs: Sequence[Run], path: str | Path) -> tuple[Run, ...]:
    """Equal rows once; InputError for different ones that call themselves the same run."""
    by_digest: dict[str, Run] = {}
    for run in runs:
        if by_digest.setdefault(run.run, run) != run:
            raise InputError(f"{path} has two different rows of the run {run.run!r}: leave that column out, or name it")
    return tuple(by_digest.values())
