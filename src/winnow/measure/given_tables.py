"""Tables that the user has as files, read by DuckDB: CSV, TSV and Parquet, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from winnow.core.database import let_read
from winnow.core.errors import InputError
from winnow.core.files import fingerprint, stamp
from winnow.core.storage import filesystem_of, place

if TYPE_CHECKING:
    import duckdb

Paths = str | tuple[str, ...]
"""Files, directories, globs or fsspec URLs."""

BATCH_ROWS = 1 << 20


def paths_of(source: Paths) -> list[str]:
    """The files that are meant, sorted; InputError where one names nothing."""
    found: list[str] = []
    for one in (source,) if isinstance(source, str) else source:
        filesystem, inner = filesystem_of(one)
        names = filesystem.find(inner) if filesystem.isdir(inner) else filesystem.glob(inner)
        if not names:
            raise InputError(f"{one!r} names no file: give files, a directory, a glob or an fsspec URL")
        found += [filesystem.unstrip_protocol(name) if "://" in one else name for name in sorted(names)]
    return found


def stamps_of(source: Paths) -> dict[str, str]:
    """What changes when a file does, of every file."""
    return {path: fingerprint(path) if "://" in path else str(stamp(Path(path))) for path in paths_of(source)}


def sql_of(connection: duckdb.DuckDBPyConnection, source: Paths, *, has_header: bool) -> str:
    """SQL of the table that files hold; columns of CSV and TSV are text."""
    paths = paths_of(source)
    let_read(connection, place(paths[0]))
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    plain = paths[0].removesuffix(".gz").removesuffix(".zst")
    if plain.endswith(".parquet"):
        return f"read_parquet([{listed}])"
    delimiter, quote = (",", '"') if plain.endswith(".csv") else ("\t", "")
    form = f"delim = '{delimiter}', quote = '{quote}', escape = '{quote}', comment = ''"
    return f"read_csv([{listed}], {form}, header = {has_header}, all_varchar = true)"


def read_batches(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    """The rows of a query, some at a time."""
    for batch in pa.RecordBatchReader.from_stream(connection.sql(sql)):
        yield from (batch.slice(start, BATCH_ROWS) for start in range(0, batch.num_rows, BATCH_ROWS))


def turned(column: str) -> str:
    """SQL of a host whose labels stand from the top-level domain on: ``org.example`` becomes ``example.org``."""
    return f"array_to_string(list_reverse(string_split({column}, '.')), '.')"
