"""Runs and pools from files, and what is wrong with them: refused where no law fits, flagged where it may mislead.

What no file can tell is whether pools share documents under different names. Epochs are well defined only where they do
not: remove duplicates across pools first, and let a pool be a band of scores, never all above a threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.errors import InputError, did_you_mean
from winnow.core.files import read_json
from winnow.core.storage import place
from winnow.laws.plans import Pool, check_pools
from winnow.laws.setups import Runs

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

DRAWN, UNIQUE = "tokens:", "unique:"
VALUE = "value"
"""What the column of values is called unless told otherwise."""
LEAST_EPOCH_COUNTS = 3
ALIKE = 1.1
"""Epochs that differ by a smaller factor count as one number of epochs; shares and sizes likewise as the same."""
LEAST_REPEATS = 3
"""Runs beyond the first of each setting, below which their spread is too uncertain to be called the noise."""
USUAL_NOISE = 0.01
"""Relative, where no repeated runs tell it."""
CLEAR = 3.0
"""Noise scales."""


def read_pools(path: str | Path) -> tuple[Pool, ...]:
    """Pools from a JSON list, best first: ``[{"name": "top10", "unique_tokens": 1e9, "scoring_flops": 2e8}, ...]``.

    ``scoring_flops`` are for each token, 0 where absent. InputError for anything else, and for a name given twice.
    """
    told = f"{path} must be a list of objects with name and unique_tokens, best pool first"
    try:
        rows = read_json(_there(path))
    except ValueError as error:
        raise InputError(f"{told}; it is no JSON: {error}") from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(told)
    pools = tuple(_pool(row, told) for row in rows)
    check_pools(pools)
    return pools


def read_runs(path: str | Path, pools: Sequence[Pool], metric: str = VALUE) -> Runs:
    """Runs from CSV, JSON lines or Parquet, by the file's ending; a row for each measurement.

    Columns: ``run``, the name of the training; the ``metric``, lower is better; for each pool ``tokens:NAME``, tokens
    drawn from it with repetitions, where an empty cell is none; ``unique:NAME``, how many different tokens of it there
    were to draw from, the whole pool where empty or absent; ``params``, the size of the model, 1 where absent. A pool
    without columns is drawn by no run. Other columns, such as a seed, are not read. InputError for what is no number
    or no pool.
    """
    table = _table(_there(path))
    names = [pool.name for pool in pools]
    for column in table.column_names:
        begins = next((one for one in (DRAWN, UNIQUE) if column.startswith(one)), None)
        if begins and (name := column.removeprefix(begins)) not in names:
            raise InputError(f"{path} has a column {column!r}, and no pool is called so; {did_you_mean(name, names)}")
    for column in ("run", metric):
        if column not in table.column_names:
            raise InputError(f"{path} has no column {column!r}; it has {', '.join(table.column_names)}")
    run = np.array([str(name) for name in table["run"].to_pylist()])
    seen = np.stack([_numbers(table, DRAWN + name, run, 0.0) for name in names], 1)
    unique = np.stack([_numbers(table, UNIQUE + pool.name, run, pool.unique_tokens) for pool in pools], 1)
    params = _numbers(table, "params", run, None if "params" in table.column_names else 1.0)
    if bad := np.flatnonzero(~(seen.sum(1) > 0) | (params <= 0)).tolist():
        raise InputError(f"run {run[bad[0]]} draws nothing from any pool, or has a model of no parameters")
    value = _numbers(table, metric, run, None)
    return Runs(tuple(names), np.where(seen > 0, unique, 0.0), seen, params, value, run)


@dataclass(frozen=True)
class Checked:
    """Runs that laws can be fitted to."""

    runs: Runs
    noise: float | None
    """Of one run, relative, as far as repeated runs tell it: for ``fit``."""
    flags: tuple[str, ...]
    """What may mislead a fit, each with what to do."""


def check_runs(runs: Runs, pools: Sequence[Pool], *, chance: float | None = None) -> Checked:
    """The runs with their noise and flags; InputError where they cannot carry a law, or contradict the pools.

    ``chance`` is the value that guessing reaches, where the value has one.
    """
    check_pools(pools)
    _check_sizes(runs, pools)
    _check_rows(runs)
    _check_epochs(runs)
    noise = noise_of(runs)
    found = [*_checkpoints(runs), *_copies(runs), *_few_repeats(runs, noise), *_worse_with_more(runs, noise)]
    if chance is not None:
        found += _near_chance(runs, chance, noise)
    return Checked(runs, noise, tuple(dict.fromkeys(found)))


def noise_of(runs: Runs) -> float | None:
    """Standard deviation of log values between runs of the same settings, pooled; None where too few repeat.

    Runs that differ in nothing but a seed have the same settings.
    """
    squares, repeats = 0.0, 0
    for rows in _alike(runs):
        values = np.log(runs.value[rows])
        squares, repeats = squares + float(((values - values.mean()) ** 2).sum()), repeats + len(rows) - 1
    return float(np.sqrt(squares / repeats)) if repeats >= LEAST_REPEATS and squares > 0 else None


def _there(path: str | Path) -> Path:
    found = place(path)
    if not found.is_file():
        raise InputError(f"there is no file {path}")
    return found


def _pool(row: dict[str, object], told: str) -> Pool:
    known = ("name", "unique_tokens", "scoring_flops")
    if unknown := [name for name in row if name not in known]:
        raise InputError(f"{told}; a pool has no {unknown[0]!r}: {did_you_mean(unknown[0], known)}")
    name, numbers = row.get("name"), [row.get("unique_tokens"), row.get("scoring_flops", 0.0)]
    if not isinstance(name, str) or not all(isinstance(one, int | float) for one in numbers):
        raise InputError(f"{told}; this is none: {row}")
    unique, scoring = (float(str(one)) for one in numbers)
    if not 0 <= scoring < np.inf:
        raise InputError(f"scoring_flops of the pool {name} is {scoring}; give a number from zero")
    return Pool(name, unique, scoring)


def _table(path: Path) -> pa.Table:
    """Whatever rows the file holds."""
    import pyarrow as pa
    from pyarrow import csv, json, parquet

    content = pa.BufferReader(path.read_bytes())
    try:
        match path.suffix:
            case ".csv":
                return csv.read_csv(content, convert_options=csv.ConvertOptions(column_types={"run": pa.string()}))
            case ".jsonl":
                return json.read_json(content)
            case ".parquet":
                return parquet.read_table(content)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} holds no table of runs: {error}") from error
    raise InputError(f"{path} ends in {path.suffix or 'nothing'}; runs come as .csv, .jsonl or .parquet")


def _numbers(table: pa.Table, column: str, run: NDArray[np.str_], absent: float | None) -> NDArray[np.float64]:
    """A column as numbers from zero; ``absent`` takes the place of what is not there, unless it is None."""
    import pyarrow as pa

    if column not in table.column_names:
        return np.full(len(run), absent, np.float64)
    try:
        cells = table[column].cast(pa.float64()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"the column {column!r} must hold numbers: {error}") from error
    numbers = np.array([absent if cell is None else cell for cell in cells], np.float64)
    if bad := np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0))).tolist():
        cell = "empty" if cells[bad[0]] is None else cells[bad[0]]
        raise InputError(
            f"{column} of run {run[bad[0]]} is {cell}: give a number from zero, or take the run out; one that diverged "
            "or was not measured teaches no law"
        )
    return numbers


def _check_sizes(runs: Runs, pools: Sequence[Pool]) -> None:
    """No run has more of a pool than there is."""
    names = tuple(pool.name for pool in pools)
    if runs.pools != names:
        raise InputError(f"runs are of the pools {', '.join(runs.pools)}, and these are {', '.join(names)}")
    for place_of, pool in enumerate(pools):
        most = int(runs.unique[:, place_of].argmax())
        if (size := runs.unique[most, place_of]) > pool.unique_tokens * (1 + 1e-6):
            raise InputError(
                f"run {runs.run[most]} had {size:.6g} unique tokens of {pool.name}, which has "
                f"{pool.unique_tokens:.6g}: pools overlap, or one of both counts is wrong; pools must share nothing"
            )


def _check_rows(runs: Runs) -> None:
    """Rows of one run are different measurements of one training."""
    for name in np.unique(runs.run):
        rows = runs.rows(runs.run == name)
        offered = np.column_stack([rows.unique, rows.num_params])
        if (offered != offered[0]).any() or np.abs(rows.shares - rows.shares[0]).max() > ALIKE - 1:
            raise InputError(
                f"rows of run {name} have other pools, shares or models: rows of one run are measurements along one "
                "training, so give each training a name of its own"
            )
        if len(np.unique(rows.seen, axis=0)) < len(rows):
            raise InputError(f"run {name} is there twice at {_repeated(rows.tokens):.6g} tokens: take one row out")


def _check_epochs(runs: Runs) -> None:
    """Enough different numbers of epochs, one of them without repetition."""
    counts = _apart(runs.epochs[runs.seen > 0])
    wanted = [] if counts[0] <= 1 else [0.5]
    while len(counts) + len(wanted) < LEAST_EPOCH_COUNTS:
        wanted.append(2 * max(*counts, *wanted, 1.0))
    if wanted:
        raise InputError(
            f"these runs see a pool {_listed(counts)} times. What data is worth and what repeating it costs are told "
            f"apart by {LEAST_EPOCH_COUNTS} numbers of epochs, one of them at most 1: next, train on one of the pools "
            f"for {_listed(wanted)} epochs"
        )


def _checkpoints(runs: Runs) -> Iterator[str]:
    names, number = np.unique(runs.run, return_counts=True)
    if (number > 1).any():
        yield (
            f"{int((number > 1).sum())} runs, {names[number > 1][0]} first, have several rows. Checkpoints under a "
            "learning rate that still falls are worse than trainings that end there: keep the last row of each run "
            "unless the learning rate was annealed before each"
        )


def _copies(runs: Runs) -> Iterator[str]:
    """The same number from two runs of the same settings."""
    for rows in _alike(runs):
        values, number = np.unique(runs.value[rows], return_counts=True)
        for value in values[number > 1]:
            same = runs.run[rows][runs.value[rows] == value]
            yield (
                f"runs {' and '.join(same)} have the same settings and the same value to the last digit, {value:.6g}: "
                "if they are one run under several names, keep one; they make the noise look small"
            )


def _few_repeats(runs: Runs, noise: float | None) -> Iterator[str]:
    if noise is None:
        repeats = sum(len(rows) - 1 for rows in _alike(runs))
        yield (
            f"{repeats} runs repeat the settings of another, and their noise is told from {LEAST_REPEATS} on: it is "
            f"taken from the fit's residuals. {LEAST_REPEATS + 1} seeds of one setting would tell it"
        )


def _worse_with_more(runs: Runs, noise: float | None) -> Iterator[str]:
    """Trainings of the same draws whose data was more varied, and which are clearly worse."""
    limit = CLEAR * np.sqrt(2) * (noise or USUAL_NOISE)
    for rows in _alike(runs, runs.seen, runs.num_params):
        _, size = np.unique(runs.used[rows], return_inverse=True)
        for less, more in pairwise(rows[size == one] for one in range(int(size.max()) + 1)):
            rise = float(np.log(runs.value[more]).mean() - np.log(runs.value[less]).mean())
            if rise > limit:
                yield (
                    f"run {runs.run[more[0]]} is {rise:.1%} worse than {runs.run[less[0]]}, which saw as many tokens "
                    "of the same pools and fewer different ones. No law here can follow that: look at how both were "
                    "sampled and trained"
                )


def _near_chance(runs: Runs, chance: float, noise: float | None) -> Iterator[str]:
    """InputError above chance, a flag just below."""
    if bad := np.flatnonzero(runs.value >= chance).tolist():
        raise InputError(
            f"run {runs.run[bad[0]]} has the value {runs.value[bad[0]]:.6g}, and guessing reaches {chance:.6g}: it "
            "learned nothing that this value shows. Take such runs out, or measure loss or bits per byte, which have "
            "no such edge"
        )
    near = runs.value > chance * (1 - CLEAR * (noise or USUAL_NOISE))
    if near.any():
        yield (
            f"{int(near.sum())} runs, {runs.run[near][0]} first, lie within the noise of chance ({chance:.6g}), where "
            "values fall more slowly than a power law: take them out, or measure loss or bits per byte"
        )


def mismatched(runs: Runs, pools: Sequence[Pool], tokens: float) -> Iterator[str]:
    """Pools that a budget would repeat more often, or less, than any run did."""
    most_epochs = tokens / np.cumsum([pool.unique_tokens for pool in pools])
    least = most_epochs[-1]
    for place_of, pool in enumerate(pools):
        epochs, most = runs.epochs[runs.seen[:, place_of] > 0, place_of], most_epochs[place_of]
        if not len(epochs):
            yield f"no run draws from {pool.name}: nothing is known of it; run it alone for half an epoch and for 4"
        elif epochs.max() * ALIKE < least:
            yield (
                f"{tokens:.3g} tokens repeat {pool.name} {least:.2g} times or more, and no run more than "
                f"{epochs.max():.2g} times: shrink the pools of a small run until it repeats them as often"
            )
        elif epochs.min() > ALIKE * max(most, 1.0):
            yield (
                f"{tokens:.3g} tokens repeat {pool.name} at most {most:.2g} times with the better pools beside it, and "
                f"every run at least {epochs.min():.2g} times: give a small run more of it"
            )


def _alike(runs: Runs, *settings: NDArray[np.float64]) -> Iterator[NDArray[np.intp]]:
    """Rows that have these settings in common, group by group; all settings unless some are given."""
    columns = np.column_stack(settings or (runs.unique, runs.seen, runs.num_params))
    _, group = np.unique(columns, axis=0, return_inverse=True)
    for number in range(int(group.max()) + 1):
        rows = np.flatnonzero(group.ravel() == number)
        if len(rows) > 1:
            yield rows


def _apart(numbers: NDArray[np.float64]) -> list[float]:
    """The numbers that differ by more than ``ALIKE``, from the least on."""
    found: list[float] = []
    for number in np.sort(numbers).tolist():
        if not found or number > ALIKE * found[-1]:
            found.append(number)
    return found


def _repeated(numbers: NDArray[np.float64]) -> float:
    """One that is there twice."""
    values, number = np.unique(numbers, return_counts=True)
    return float(values[number.argmax()])


def _listed(numbers: Sequence[float]) -> str:
    return " and ".join(", ".join(f"{one:.3g}" for one in numbers).rsplit(", ", 1))
