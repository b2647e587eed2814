"""Files in, documents out: the step at the bottom of every recipe."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from winnow.core.guard import Guard
from winnow.core.sandbox import Sandbox
from winnow.core.step import Part, Reshaping
from winnow.core.table import ShardWriter, Store
from winnow.documents.ids import settle_ids
from winnow.documents.jsonl import SCHEMA as JSONL_SCHEMA
from winnow.documents.jsonl import Keys, read_jsonl
from winnow.documents.parquet import passing_columns, read_parquet, unify
from winnow.documents.schema import CORE, Batch, Quarantined, document_id
from winnow.documents.source import File, Span, list_files, remedy, spans
from winnow.documents.warc import SCHEMA as WARC_SCHEMA
from winnow.documents.warc import page_sandbox, read_warc
from winnow.extract.extractor import Extractor
from winnow.extract.resiliparse import Resiliparse

TASK_BYTES = 64 << 20
"""Bytes of input per task, before decompression."""
SHARD_BYTES = 128 << 20
"""Bytes of documents per shard."""


@dataclass(frozen=True, kw_only=True)
class Read(Reshaping):
    """Documents from WARC, WET, JSONL and Parquet files."""

    source: str | tuple[str, ...]
    """Files, directories, globs or fsspec URLs (``s3://``, ``gs://``, ``hf://``, ``https://``)."""
    name: str | None = None
    """What ``source`` says of documents that do not say it themselves; default: the folder or file they came from."""
    extract: Extractor = field(default_factory=Resiliparse)
    """How the main text is found in HTML; for WARC alone."""
    text_key: str = "text"
    id_key: str = "id"
    url_key: str = "url"
    """Fields of JSONL and columns of Parquet; nested ones as dotted paths (``metadata.url``)."""
    limit: int | None = None
    """Read only about so many documents, from the first files: for dry runs."""

    def check(self) -> None:
        """Refuse a source that names no file, and an extractor whose library is missing."""
        self._files()
        self.extract.check()

    def outside(self) -> dict[str, str]:
        """Size and time of change of every file of the source; reading them all for a digest would cost a run."""
        return {file.path: file.stamp for file in self._files()}

    def schema(self) -> pa.Schema:
        """The document's own columns, then what the kinds of file among the source bring along."""
        return self._schema_of(self._files())

    def split(self, store: Store) -> list[Part]:
        """About 64 MiB of input a task; with ``limit`` everything is one task, so that the limit is the run's."""
        files = self._files()
        schema = base64.b64encode(self._schema_of(files).serialize().to_pybytes()).decode()
        cut = spans(files, TASK_BYTES)
        if self.limit is not None:
            cut = [[span for task in cut for span in task]]
        return [{"spans": [asdict(span) for span in task], "schema": schema} for task in cut]

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """Shards of about 128 MiB of documents."""
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(part["schema"])))
        return ShardWriter(directory, index, schema, shard_bytes=SHARD_BYTES)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Read the task's spans one after the other."""
        position = 0
        with page_sandbox(self.extract) as sandbox:
            for span in (Span(**plain) for plain in part["spans"]):
                done = 0
                for batch in self._read(span, sandbox, guard, position):
                    position += batch.num_records
                    there = out.num_rows
                    self._write(batch, span, out)
                    if self.limit is not None and out.num_rows >= self.limit:
                        share = (out.num_rows - there) / max(1, batch.documents.num_rows)
                        out.num_bytes += min(done + int(share * (batch.num_bytes - done)), span.size)
                        return
                    done = batch.num_bytes
                out.num_bytes += span.size

    def finish(self, store: Store) -> None:
        """Number the repeats of documents that came without an id; refuse given ids that are not unique."""
        settle_ids(store.directory(self) / "tasks", store.directory(self) / "shards")

    def _files(self) -> list[File]:
        sources = (self.source,) if isinstance(self.source, str) else self.source
        return list_files(sources, self.name)

    def _schema_of(self, files: list[File]) -> pa.Schema:
        kinds = {file.kind for file in files}
        extras = [("JSONL", JSONL_SCHEMA)] if "jsonl" in kinds else []
        extras += [("WARC", WARC_SCHEMA)] if "warc" in kinds else []
        keys = (self.text_key, self.id_key, self.url_key)
        extras += [(file.path, passing_columns(file.path, keys)) for file in files if file.kind == "parquet"]
        own = {field.name for field in CORE}
        return pa.schema([*CORE, *(field for field in unify(extras) if field.name not in own)])

    def _read(self, span: Span, sandbox: Sandbox[Any, Any], guard: Guard, position: int) -> Iterator[Batch]:
        if span.kind == "jsonl":
            return read_jsonl(span, Keys(self.text_key, self.id_key, self.url_key), guard, position)
        if span.kind == "parquet":
            return read_parquet(span, (self.text_key, self.id_key, self.url_key), guard, position)
        if span.kind == "warc":
            return read_warc(span, sandbox, guard, position)
        return iter([unreadable(span)])

    def _write(self, batch: Batch, span: Span, out: ShardWriter) -> None:
        rows = batch.documents
        if self.limit is not None:
            rows = rows.slice(0, self.limit - out.num_rows)
        out.num_records += batch.num_records
        for reason, number in batch.skipped.items():
            out.count(f"skipped: {reason}", number)
        for record in batch.quarantined:
            out.quarantine(**asdict(record))
        if rows.num_rows:
            out.write(_complete(rows, span.source, out.schema))


def _complete(rows: pa.RecordBatch, source: str, schema: pa.Schema) -> pa.RecordBatch:
    """The rows with every column of the schema: ids computed, the source filled in, the rest null."""
    columns = []
    for field_ in schema:
        found = rows.column(field_.name) if field_.name in rows.schema.names else pa.nulls(rows.num_rows, field_.type)
        columns.append(found.cast(field_.type))
    names = schema.names
    columns[names.index("id")] = _ids(columns[names.index("id")], rows)
    columns[names.index("source")] = columns[names.index("source")].fill_null(source)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _ids(given: pa.Array, rows: pa.RecordBatch) -> pa.Array:
    if not given.null_count:
        return given
    urls = rows.column("url").to_pylist()
    pairs = zip(given.to_pylist(), urls, rows.column("text").to_pylist(), strict=True)
    return pa.array([document_id(url, text) if id is None else id for id, url, text in pairs], pa.string())


def unreadable(span: Span) -> Batch:
    """What a file of a kind that is known and not read gives: one quarantined record that says what to do."""
    empty = pa.RecordBatch.from_pylist([], schema=pa.schema([f.with_nullable(True) for f in CORE]))
    return Batch(empty, [Quarantined(span.path, "error", f"not read: {remedy(span.path)}")], {}, 1, span.size)
