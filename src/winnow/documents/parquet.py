"""Parquet in: whole files or row groups, columns found by name or dotted path, every other column passed through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.core.errors import InputError
from winnow.core.guard import Guard
from winnow.documents.schema import Batch, Quarantined
from winnow.documents.source import Span, open_binary

BATCH_ROWS = 1024
_OWN = ("id", "text", "url", "source")


def passing_columns(path: str, keys: Sequence[str]) -> pa.Schema:
    """The columns of a file that pass through as they are: all but those that make the document's own.

    Gives no columns for a file that is no Parquet; reading it will say so.
    """
    try:
        with open_binary(path) as opened:
            schema = pq.read_schema(opened)
    except pa.ArrowException:
        return pa.schema([])
    return pa.schema([field for field in schema if field.name not in (*_OWN, *keys)])


def unify(schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """One schema for the passing columns of all files; InputError names two files that cannot be joined."""
    fields: dict[str, tuple[str, pa.Field]] = {}
    for path, schema in schemas:
        for field in schema:
            first_path, first = fields.setdefault(field.name, (path, field))
            try:
                merged = pa.unify_schemas([pa.schema([first]), pa.schema([field])], promote_options="permissive")
            except pa.ArrowException as error:
                raise InputError(
                    f"the column {field.name!r} is {first.type} in {first_path} but {field.type} in {path}: "
                    "read them as two sources, or cast one"
                ) from error
            fields[field.name] = (first_path, merged.field(0))
    return pa.schema([field for _, field in fields.values()])


def read_parquet(span: Span, keys: Sequence[str], guard: Guard, position: int) -> Iterator[Batch]:
    """The documents of some row groups; ``keys`` name the columns of text, id and url."""
    with open_binary(span.path) as raw:
        try:
            opened = pq.ParquetFile(raw)
            groups = range(span.start, opened.num_row_groups if span.end < 0 else span.end)
            rows = opened.iter_batches(BATCH_ROWS, row_groups=list(groups), use_threads=False)
            total = sum(opened.metadata.row_group(group).num_rows for group in groups)
            done = 0
            for batch in rows:
                read = _documents(batch, keys, f"{span.path}:{span.start}", guard, position + done)
                done += batch.num_rows
                yield replace(read, num_bytes=span.size * done // total)
        except (pa.ArrowException, OSError) as error:
            empty = pa.RecordBatch.from_pylist([], schema=pa.schema([(name, pa.string()) for name in _OWN]))
            yield Batch(empty, [Quarantined(span.path, "error", f"cannot be read as Parquet: {error}")], {}, 1, 0)


def _documents(batch: pa.RecordBatch, keys: Sequence[str], where: str, guard: Guard, position: int) -> Batch:
    text_key, id_key, url_key = keys
    text = _column(batch, text_key)
    if text is None:
        raise InputError(f"{where} has no column {text_key!r}; it has {batch.schema.names}: name it with text_key")
    guard.at(position, batch.num_rows)
    identifier, url, source = (_column(batch, key) for key in (id_key, url_key, "source"))
    wrong = _wrong_rows(text, where, position, guard)
    passing = [name for name in batch.schema.names if name not in (*_OWN, *keys)]
    own = [_strings(column, batch.num_rows, wrong) for column in (identifier, text, url, source)]
    documents = pa.RecordBatch.from_arrays([*own, *(batch.column(name) for name in passing)], names=[*_OWN, *passing])
    if wrong:
        documents = documents.filter(pa.array([row not in wrong for row in range(batch.num_rows)]))
    return Batch(documents, list(wrong.values()), {}, batch.num_rows)


def _column(batch: pa.RecordBatch, key: str) -> pa.Array | None:
    """A column by its name or, inside structs, by its dotted path."""
    if key in batch.schema.names:
        return batch.column(key)
    name, *path = key.split(".")
    if name not in batch.schema.names or not path or not pa.types.is_struct(batch.schema.field(name).type):
        return None
    try:
        return pc.struct_field(batch.column(name), path)
    except pa.ArrowException:
        return None


def _wrong_rows(text: pa.Array, where: str, position: int, guard: Guard) -> dict[int, Quarantined]:
    """Rows whose text is null, no text or no UTF-8 (Parquet does not check), or that killed a worker."""
    wrong = {
        row: Quarantined(f"{where}:{position + row}", "crash", "it killed its worker twice")
        for row in range(len(text))
        if guard.is_poison(position + row)
    }
    suspects = range(len(text)) if text.null_count or not _is_valid(text) else ()
    for row in suspects:
        problem = "its text is null" if not text[row].is_valid else _utf8_problem(text, row)
        if problem:
            wrong[row] = Quarantined(f"{where}:{position + row}", "error", problem)
    return wrong


def _is_valid(text: pa.Array) -> bool:
    try:
        text.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowException:
        return False
    return True


def _utf8_problem(text: pa.Array, row: int) -> str | None:
    value = text.slice(row, 1).cast(pa.large_binary())[0].as_py()
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"its text is not UTF-8: {error.reason} at byte {error.start}"
    return None


def _strings(column: pa.Array | None, rows: int, wrong: dict[int, Quarantined]) -> pa.Array:
    if column is None:
        return pa.nulls(rows, pa.string())
    if wrong:
        bad = pa.array([row in wrong for row in range(rows)])
        column = pc.if_else(bad, pa.scalar(None, column.type), column)
    return column.cast(pa.string())
