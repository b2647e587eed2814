"""The one way to open DuckDB: bounded memory, and a division by zero that gives NULL on every version."""

from __future__ import annotations

import functools
import os
import tempfile
from typing import TYPE_CHECKING

from winnow.core.storage import RemotePath, filesystem_of

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

MEMORY_LIMIT = "1GB"


def connect() -> duckdb.DuckDBPyConnection:
    """A connection whose registered tables and temporary tables are its own; work beyond 1 GB spills to a directory.

    ``x / 0`` is NULL, so a rule over an empty document does not reject it (DuckDB 2 would give infinity and NaN).
    Opening a database takes 20 ms and a connection to it 0.2 ms, so a process opens one.
    """
    database, settings = _database(os.getpid())
    connection = database.cursor()
    connection.execute(settings)
    return connection


def let_read(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let SQL name files of the store that a path lies in, wherever that is."""
    if not isinstance(path, RemotePath):
        return
    filesystem, _ = filesystem_of(str(path))
    protocol = str(path).split("://")[0]
    if connection.filesystem_is_registered(protocol):
        connection.unregister_filesystem(protocol)
    connection.register_filesystem(filesystem)


@functools.cache
def _database(process: int) -> tuple[duckdb.DuckDBPyConnection, str]:
    """The database of a process, which does not survive a fork, and the settings that each connection needs anew."""
    import duckdb

    database = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": MEMORY_LIMIT})
    database.execute(f"SET temp_directory = '{tempfile.gettempdir()}/winnow-duckdb'")
    known = {name for (name,) in database.execute("SELECT name FROM duckdb_settings()").fetchall()}
    wanted = {"ieee_floating_point_ops", "error_on_division_by_zero"} & known
    return database, "; ".join(f"SET {name} = false" for name in sorted(wanted))
