"""Conditions over the columns of measures: bound and type-checked before any work, evaluated a shard at a time.

The dialect is DuckDB's. Every measure is a table named by its namespace (``text.num_words``); ``documents`` holds the
columns of the documents themselves, all but their text, which no choice reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from winnow.core.database import connect
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.run import check_aligned
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store

if TYPE_CHECKING:
    import duckdb

Namespaces = Mapping[str, pa.Schema]

NUMBERS = tuple("DOUBLE FLOAT BIGINT INTEGER HUGEINT UBIGINT SMALLINT TINYINT DECIMAL UINTEGER".split())
ORDERED = (*NUMBERS, "BOOLEAN")
"""SQL types that order documents; yes or no counts as 1 or 0."""


def namespaces(documents: Rows, scores: Sequence[Aligned]) -> dict[str, pa.Schema]:
    """What conditions may refer to; RecipeError where two measures claim one namespace."""
    known = {"documents": _without_text(documents.schema())}
    for score in scores:
        if score.name in known:
            raise RecipeError(
                f"two measures are called {score.name!r} with different settings: their columns could not be told apart"
            )
        known[score.name] = score.schema()
    return known


def check_expressions(known: Namespaces, expressions: Mapping[str, str], types: Sequence[str]) -> None:
    """Refuse (RecipeError) an expression that does not bind to the columns or whose type is none of ``types``."""
    if not expressions:
        return
    connection = connect()
    for name, schema in known.items():
        connection.register(name, _one_row(schema))
    for label, expression, kind in _typed(connection, known, expressions):
        if not any(kind.startswith(allowed) for allowed in types):
            raise RecipeError(f"{label}: {expression!r} is {kind}, but must be {' or '.join(types)}")


def _typed(
    connection: duckdb.DuckDBPyConnection, known: Namespaces, expressions: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Each label and expression with its SQL type: from one query for all, or from its own where that one fails."""
    import duckdb

    try:
        found = _types(connection, known, expressions.values())
    except duckdb.Error:
        found = []
    if len(found) == len(expressions):
        yield from zip(expressions.keys(), expressions.values(), found, strict=True)
        return
    for label, expression in expressions.items():
        try:
            own = _types(connection, known, [expression])
        except duckdb.Error as error:
            raise RecipeError(_explain(label, expression, str(error), known)) from error
        if len(own) != 1:
            raise RecipeError(f"{label}: {expression!r} is {len(own)} values, but must be one")
        yield label, expression, own[0]


def _types(connection: duckdb.DuckDBPyConnection, known: Namespaces, expressions: Iterable[str]) -> list[str]:
    """The SQL types of expressions, which are evaluated: a literal that does not convert is found only then."""
    values = ", ".join(f"({expression}) AS value{index}" for index, expression in enumerate(expressions))
    query = f"SELECT {values} FROM {_joined(known)}"
    connection.execute(query)
    return [row[1] for row in connection.execute(f"DESCRIBE {query}").fetchall()]


def columns_in(expression: str, known: Namespaces) -> list[str]:
    """The columns that an expression names, as ``namespace.column``, in order."""
    named = re.findall(r"\b([A-Za-z_]\w*)\.([A-Za-z_]\w*)", expression)
    found = [f"{space}.{column}" for space, column in named if space in known and column in known[space].names]
    return list(dict.fromkeys(found))


def read_columns(
    documents: Rows, scores: Sequence[Aligned], store: Store, shard: int, expressions: Iterable[str] | None = None
) -> dict[str, pa.Table]:
    """The columns of one shard by namespace, every table checked to describe the same documents.

    With ``expressions``, only ``id`` and the columns that one of them may mean.
    """
    schema = _named_in(expressions, _without_text(documents.schema()))
    batches = list(documents.open_shard(store, shard, schema.names))
    tables = {"documents": pa.Table.from_batches(batches, None if batches else schema)}
    ids = tables["documents"].column("id").combine_chunks()
    for score in scores:
        tables[score.name] = store.table(score).shard(shard, _named_in(expressions, score.schema()).names)
        check_aligned(documents.label, ids, score.label, tables[score.name].column("id").combine_chunks())
    return tables


def _named_in(expressions: Iterable[str] | None, schema: pa.Schema) -> pa.Schema:
    """``id`` and the columns whose name occurs anywhere in the expressions: never too few, whatever the SQL."""
    if expressions is None:
        return schema
    text = " ".join(expressions).lower()
    return pa.schema([field for field in schema if field.name == "id" or field.name.lower() in text])


def evaluate(tables: Mapping[str, pa.Table], expressions: Mapping[str, str]) -> pa.Table:
    """One column per expression, one row per document, in order."""
    connection = connect()
    for name, table in tables.items():
        connection.register(name, table)
    selected = ", ".join(f'({expression}) AS "{label}"' for label, expression in expressions.items())
    return connection.sql(f"SELECT {selected} FROM {_joined(tables)}").to_arrow_table()


def _one_row(schema: pa.Schema) -> pa.Table:
    nullable = pa.schema([field.with_nullable(True) for field in schema])
    return pa.table([pa.nulls(1, field.type) for field in nullable], schema=nullable)


def _joined(names: Mapping[str, object]) -> str:
    return " POSITIONAL JOIN ".join(names)


def _without_text(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if field.name != "text"])


def _explain(label: str, expression: str, error: str, known: Namespaces) -> str:
    """What is wrong with an expression, with the nearest column names where one is unknown."""
    columns = [f"{space}.{column}" for space, schema in known.items() for column in schema.names]
    named = re.findall(r"\b[A-Za-z_]\w*\.[A-Za-z_]\w*", expression)
    unknown = next((name for name in named if name not in columns), None)
    if unknown is None:
        bare = re.search(r'column "(\w+)" not found', error)
        unknown = bare.group(1) if bare else None
    if unknown is not None:
        return f"{label}: {expression!r} names {unknown!r}, which no measure has; {did_you_mean(unknown, columns)}"
    return f"{label}: {expression!r} is not SQL that DuckDB understands: {error.splitlines()[0]}"
