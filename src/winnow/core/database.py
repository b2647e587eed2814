"""The one way to open DuckDB: bounded memory, and a division by zero that gives NULL on every version."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "1GB"


def connect(*, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """An in-memory database that spills to a temporary directory beyond 1 GB.

    ``x / 0`` is NULL, so a rule over an empty document does not reject it (DuckDB 2 would give infinity and NaN).
    """
    import duckdb

    connection = duckdb.connect(":memory:", config={"threads": threads, "memory_limit": MEMORY_LIMIT})
    connection.execute(f"SET temp_directory = '{tempfile.gettempdir()}/winnow-duckdb'")
    connection.execute("SET ieee_floating_point_ops = false")
    known = connection.execute("SELECT name FROM duckdb_settings()").fetchall()
    if ("error_on_division_by_zero",) in known:
        connection.execute("SET error_on_division_by_zero = false")
    return connection
