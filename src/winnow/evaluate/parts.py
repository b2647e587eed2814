"""The parts of an evaluation, each kept when it is done, so that one that is interrupted goes on behind them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.files import appearing
from winnow.lm.pace import LOG_SECONDS


def done_parts(label: str, makers: Mapping[str, Callable[[], pa.Table]], work: Path) -> Iterator[pa.Table]:
    """The rows of each part, made where ``work`` does not hold them; says every minute how far it is."""
    told = time.monotonic()
    for number, (name, make) in enumerate(makers.items(), 1):
        yield _kept(work / f"{name}.parquet", make)
        if time.monotonic() - told > LOG_SECONDS:
            told = time.monotonic()
            sys.stderr.write(f"{label}: {name} is done, {number} of {len(makers)}\n")


def _kept(path: Path, make: Callable[[], pa.Table]) -> pa.Table:
    """The rows that a file holds, made and written where it does not stand."""
    if not path.exists():
        with appearing(path) as temporary:
            pq.write_table(make(), temporary)
    with path.open("rb") as opened:
        return pq.read_table(opened)
