"""The documents of two runs side by side: what both kept, what only one kept, and where it came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winnow.core.database import connect, let_read
from winnow.core.errors import InputError

if TYPE_CHECKING:
    import duckdb

MAX_EXAMPLES = 5
MAX_SOURCES = 20


@dataclass(frozen=True)
class Amount:
    """So many documents and their characters."""

    documents: int
    chars: int


@dataclass(frozen=True)
class OfSource:
    """The documents of one source in either run."""

    source: str
    a: int
    b: int
    both: int


@dataclass(frozen=True)
class TwoRuns:
    """What differs between the documents of two runs; a document is known by its id."""

    a: str
    b: str
    in_a: Amount
    in_b: Amount
    both: Amount
    only_a: Amount
    only_b: Amount
    changed: int
    """Documents in both whose texts differ."""
    sources: tuple[OfSource, ...]
    """The largest ones; none where the documents name no source."""
    examples_a: tuple[str, ...]
    """Ids of documents that only the one run kept."""
    examples_b: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def print(self) -> None:
        """For people."""
        from winnow.report.terminal import print_two_runs

        print_two_runs(self)


def compare_documents(a: Path, b: Path) -> TwoRuns:
    """Compare what two runs left in ``documents``; out of core. InputError where there are no documents."""
    connection = connect()
    for name, out in (("a", a), ("b", b)):
        _open(connection, name, out / "documents")
    both = "FROM a JOIN b USING (id)"
    return TwoRuns(
        a=str(a),
        b=str(b),
        in_a=_amount(connection, "a", "FROM a"),
        in_b=_amount(connection, "b", "FROM b"),
        both=_amount(connection, "a", both),
        only_a=_amount(connection, "a", "FROM a ANTI JOIN b USING (id)"),
        only_b=_amount(connection, "b", "FROM b ANTI JOIN a USING (id)"),
        changed=_number(connection, f"SELECT count(*) {both} WHERE a.text IS DISTINCT FROM b.text"),
        sources=_sources(connection),
        examples_a=_ids(connection, "FROM a ANTI JOIN b USING (id)"),
        examples_b=_ids(connection, "FROM b ANTI JOIN a USING (id)"),
    )


def _open(connection: duckdb.DuckDBPyConnection, name: str, documents: Path) -> None:
    """Let SQL know the documents of a run by a name."""
    readers = {"*.parquet": "read_parquet", "*.jsonl.zst": "read_ndjson_auto"}
    found = next(((reader, glob) for glob, reader in readers.items() if any(documents.glob(glob))), None)
    if found is None:
        raise InputError(f"{documents} holds neither Parquet nor JSONL.zst: give the output directory of winnow run")
    let_read(connection, documents)
    files = f"{found[0]}('{str(documents / found[1]).replace(chr(39), chr(39) * 2)}', union_by_name = true)"
    columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()}
    source = "source" if "source" in columns else "NULL"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT id, text, {source} AS source FROM {files}")


def _amount(connection: duckdb.DuckDBPyConnection, side: str, rows: str) -> Amount:
    documents, chars = _row(connection, f"SELECT count(*), coalesce(sum(length({side}.text)), 0) {rows}")
    return Amount(int(documents), int(chars))


def _sources(connection: duckdb.DuckDBPyConnection) -> tuple[OfSource, ...]:
    found = connection.execute(
        f"""
        WITH together AS (
            SELECT coalesce(a.source, b.source) AS source, a.id IS NOT NULL AS in_a, b.id IS NOT NULL AS in_b
            FROM a FULL JOIN b USING (id)
        )
        SELECT source, count(*) FILTER (in_a), count(*) FILTER (in_b), count(*) FILTER (in_a AND in_b)
        FROM together WHERE source IS NOT NULL GROUP BY source ORDER BY count(*) DESC, source LIMIT {MAX_SOURCES}
        """
    ).fetchall()
    return tuple(OfSource(*row) for row in found)


def _ids(connection: duckdb.DuckDBPyConnection, rows: str) -> tuple[str, ...]:
    return tuple(id for (id,) in connection.execute(f"SELECT id {rows} ORDER BY id LIMIT {MAX_EXAMPLES}").fetchall())


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(_row(connection, sql)[0])


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    found = connection.execute(sql).fetchone()
    assert found is not None
    return found
