"""Ids that are unique: repeats of computed ids are numbered, repeats of given ids are refused.

Two captures of one page with one text would get one computed id. They stay two documents (dropping one is a choice, not
a reader's business), so the second is numbered ``<digest>-2`` in the order of the shards. Finding them needs a look at
all ids; DuckDB does it out of core. Only shards that hold a repeat are written again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.core.database import connect, let_read
from winnow.core.errors import DuplicateIdError
from winnow.core.files import open_parquet
from winnow.core.table import ParquetShard, Shard, TaskRecord
from winnow.documents.schema import document_id

_COMPUTED = "^[0-9a-f]{32}(-[0-9]+)?$"
_REPEATS = f"""
    WITH ids AS (
        SELECT *, regexp_matches(id, '{_COMPUTED}') AS computed,
               CASE WHEN computed THEN left(id, 32) ELSE id END AS base,
               CASE WHEN computed THEN '' ELSE source END AS scope
        FROM (SELECT id, source, parse_filename(filename) AS shard, file_row_number AS row
              FROM read_parquet(?, filename = true, file_row_number = true))
    ),
    repeated AS (SELECT base, scope FROM ids GROUP BY base, scope HAVING count(*) > 1)
    SELECT base, scope, computed, shard, row FROM ids JOIN repeated USING (base, scope) ORDER BY base, scope, shard, row
"""


def settle_ids(records: Path, shards: Path) -> None:
    """Make the ids of all shards unique; DuplicateIdError shows both documents where given ids repeat.

    May be killed and repeated: numbering starts from the ids without their numbers.
    """
    names = [shard.name for record in TaskRecord.read_all(sorted(records.glob("*.json"))) for shard in record.shards]
    numbers: dict[str, dict[int, str]] = {}
    for group in _repeats([shards / name for name in names]):
        if not all(repeat["computed"] and _is_ours(shards, repeat) for repeat in group):
            raise DuplicateIdError(_complaint(shards, group))
        for number, repeat in enumerate(group[1:], start=2):
            numbers.setdefault(repeat["shard"], {})[repeat["row"]] = f"{repeat['base']}-{number}"
    for path in sorted(records.glob("*.json")) if numbers else ():
        record = TaskRecord.read(path)
        if any(shard.name in numbers for shard in record.shards):
            settled = tuple(_renumber(shards, shard, numbers.get(shard.name)) for shard in record.shards)
            replace(record, shards=settled).write(path)


def _repeats(paths: list[Path]) -> list[list[dict[str, Any]]]:
    """Rows that share an id, grouped; each group in the order of the shards."""
    if not paths:
        return []
    database = connect()
    let_read(database, paths[0])
    rows = database.sql(_REPEATS, params=[[str(path) for path in paths]]).to_arrow_table().to_pylist()
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["base"], row["scope"]), []).append(row)
    return list(groups.values())


def _row(shards: Path, repeat: dict[str, Any]) -> dict[str, Any]:
    """One row out of a shard, reading its row group alone."""
    with open_parquet(shards / repeat["shard"]) as opened:
        skipped = 0
        for group in range(opened.num_row_groups):
            size = opened.metadata.row_group(group).num_rows
            if repeat["row"] < skipped + size:
                found: dict[str, Any] = opened.read_row_group(group).slice(repeat["row"] - skipped, 1).to_pylist()[0]
                return found
            skipped += size
    raise IndexError(f"{repeat['shard']} has no row {repeat['row']}")


def _is_ours(shards: Path, repeat: dict[str, Any]) -> bool:
    row = _row(shards, repeat)
    return bool(document_id(row["url"], row["text"]) == repeat["base"])


def _complaint(shards: Path, group: list[dict[str, Any]]) -> str:
    first, second = (_row(shards, repeat) for repeat in group[:2])
    return (
        f"the id {first['id']!r} is carried by {len(group)} documents of source {first['source']!r}: "
        f"one from {first['url'] or 'no url'} that begins {first['text'][:60]!r}, "
        f"another from {second['url'] or 'no url'} that begins {second['text'][:60]!r}. "
        "Name another id field (id_key), or one that is not there, and ids are computed from url and text"
    )


def _renumber(shards: Path, shard: Shard, ids: dict[int, str] | None) -> Shard:
    """Write a shard again with some ids replaced; the same row groups, so the bytes depend on the rows alone."""
    if ids is None:
        return shard
    path = shards / shard.name
    with open_parquet(path) as opened:
        writer = ParquetShard(path, opened.schema_arrow)
        start = 0
        for group in range(opened.num_row_groups):
            rows = opened.read_row_group(group)
            column = rows.column("id").to_pylist()
            column = [ids.get(start + row, known) for row, known in enumerate(column)]
            start += rows.num_rows
            writer.write(rows.set_column(0, rows.schema.field("id"), pa.array(column, pa.string())))
    return writer.close()
