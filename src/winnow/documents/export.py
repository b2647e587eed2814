"""Documents and measures out, in the formats of the field.

``Export`` writes documents as Parquet or ``.jsonl.zst``; in JSON, the fields of ``metadata`` stand beside the others
again, as they came. ``ExportAttributes`` writes a measure the way Dolma's tools read one: ``attributes/<name>/`` with
the same file names, rows and order as the documents, every number a span over the whole document, every passage a span
of its own (allenai/dolma, docs/data-format.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from winnow.core.errors import RecipeError
from winnow.core.guard import Guard
from winnow.core.run import check_aligned, num_shards
from winnow.core.step import Aligned, Part, Reshaping, Rows
from winnow.core.table import OpenShard, ShardWriter, Store

Format = Literal["parquet", "jsonl.zst"]
FORMATS: tuple[Format, ...] = ("parquet", "jsonl.zst")
_ATTRIBUTES = pa.schema([pa.field("id", pa.string()), pa.field("attributes", pa.string())])


@dataclass(frozen=True, kw_only=True)
class Export(Reshaping):
    """Documents as files that other tools read."""

    documents: Rows
    format: Format = "parquet"

    def check(self) -> None:
        """Refuse a format that is not written."""
        if self.format not in FORMATS:
            raise RecipeError(f"the export format {self.format!r} is unknown; known: {', '.join(FORMATS)}")

    def schema(self) -> pa.Schema:
        """That of the documents."""
        return self.documents.schema()

    def split(self, store: Store) -> list[Part]:
        """One file per shard of the documents."""
        return list(range(num_shards(self.documents, store)))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """Parquet or JSON lines."""
        kind = ShardWriter if self.format == "parquet" else JsonlWriter
        return kind(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Write one file."""
        for batch in self.documents.open_shard(store, part):
            out.num_bytes += batch.nbytes
            guard.at(out.num_rows, batch.num_rows, out.num_bytes)
            out.write(batch)


@dataclass(frozen=True, kw_only=True)
class ExportAttributes(Reshaping):
    """One measure's numbers beside exported documents, in Dolma's form."""

    documents: Rows
    """The documents that are exported."""
    score: Aligned
    """What to export; it judges these documents or those they were selected from."""

    def schema(self) -> pa.Schema:
        """``id`` and one JSON object of spans."""
        return _ATTRIBUTES

    def split(self, store: Store) -> list[Part]:
        """One file per shard, named as the documents' files are."""
        return list(range(num_shards(self.documents, store)))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """JSON lines."""
        return JsonlWriter(directory, index, _ATTRIBUTES, shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Write one file: for every exported document the row that judges it."""
        numbers = store.table(self.score).shard(part)
        position = 0
        for batch in self.documents.open_shard(store, part, ["id", "text"]):
            lengths = pc.utf8_length(batch.column("text")).to_pylist()
            ids = batch.column("id")
            rows, position = _rows_of(ids, numbers, position)
            check_aligned(self.documents.label, ids, self.score.label, rows.column("id").combine_chunks())
            out.write(_spans(self.score.name, rows, lengths))


class JsonlWriter(ShardWriter):
    """Writes rows as zstd-compressed JSON lines; a column called ``metadata`` or ``attributes`` holds JSON already."""

    suffix = "jsonl.zst"

    def open_shard(self, path: Path) -> OpenShard:
        """A file of JSON lines."""
        return _JsonlShard(path)


class _JsonlShard(OpenShard):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._raw = self.temporary.open("wb")
        self._compressed: Any = zstandard.ZstdCompressor(level=3).stream_writer(self._raw, closefd=False)

    def write_rows(self, rows: pa.Table) -> None:
        for row in rows.to_pylist():
            self._compressed.write(orjson.dumps(_unfolded(row), default=str, option=orjson.OPT_APPEND_NEWLINE))

    def finish(self) -> None:
        self._compressed.close()
        self._raw.close()


def _unfolded(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what it does not have, the fields of ``metadata`` beside the others."""
    metadata = row.pop("metadata", None)
    present = {name: value for name, value in row.items() if value is not None}
    if "attributes" in present:
        present["attributes"] = orjson.Fragment(present["attributes"])
    if isinstance(metadata, str):
        return {**orjson.loads(metadata), **present}
    return present if metadata is None else {**present, "metadata": metadata}


def _rows_of(ids: pa.Array, numbers: pa.Table, start: int) -> tuple[pa.Table, int]:
    """The rows of a measure's shard that carry these ids, which stand there in the same order."""
    known = numbers.column("id").to_pylist()
    found = []
    for wanted in ids.to_pylist():
        while start < len(known) and known[start] != wanted:
            start += 1
        if start < len(known):
            found.append(start)
        start += 1
    return numbers.take(found), start


def _spans(name: str, rows: pa.Table, lengths: list[int]) -> pa.RecordBatch:
    lines = []
    marks = {field.name for field in rows.schema if pa.types.is_list(field.type) and _is_passage(field.type.value_type)}
    for row, length in zip(rows.drop_columns(["id"]).to_pylist(), lengths, strict=True):
        spans = {
            f"{name}__{column}": [[one["start"], one["end"], 1] for one in value or ()]
            if column in marks
            else [[0, length, value]]
            for column, value in row.items()
        }
        lines.append(orjson.dumps(spans, default=str).decode())
    ids = rows.column("id").combine_chunks()
    return pa.RecordBatch.from_arrays([ids, pa.array(lines, pa.string())], schema=_ATTRIBUTES)


def _is_passage(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and [field.name for field in kind] == ["start", "end"]
