"""Rows of finished tables by the value of a column: reads that column first, and only row groups that match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.select import Select
from winnow.core.files import open_parquet
from winnow.core.step import Rows
from winnow.core.table import Store, Table


def rows_with(
    table: Table, column: str, values: Iterable[str], columns: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    """The rows of a table whose column holds one of the values."""
    for shard in range(len(table.manifest.shards)):
        yield from rows_of_shard(table, shard, column, values, columns)


def rows_of_shard(
    table: Table, shard: int, column: str, values: Iterable[str], columns: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
    """The rows of one shard whose column holds one of the values."""
    wanted = pa.array(sorted(values), pa.string())
    with open_parquet(table.path(shard)) as opened:
        if column not in opened.schema_arrow.names:
            return
        for group in range(opened.num_row_groups):
            found = pc.is_in(opened.read_row_group(group, [column]).column(0), wanted)
            if pc.any(found).as_py():
                yield from opened.read_row_group(group, columns).filter(found).to_pylist()


def written(documents: Rows) -> Rows:
    """The step whose table holds the text of the documents; a selection only lists which of them it keeps."""
    return written(documents.documents) if isinstance(documents, Select) else documents


def read_documents(documents: Rows, store: Store, wanted: Mapping[int, Iterable[str]]) -> dict[str, dict[str, Any]]:
    """Id, text, url and source of documents, by id; ``wanted`` holds the ids by shard."""
    table = store.table(written(documents))
    columns = [name for name in ("id", "text", "url", "source") if name in documents.schema().names]
    rows = (row for shard, ids in sorted(wanted.items()) for row in rows_of_shard(table, shard, "id", ids, columns))
    return {row["id"]: row for row in rows}
