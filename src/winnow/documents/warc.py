"""WARC and WET in: which records are documents, and their main text.

Documents are HTTP responses (status 2xx) and resources that are HTML, by their header or by their bytes where no header
says; responses in plain text, as they are; and the conversions of WET files. A page without main text is a document
with an empty text. Every other record is counted under its reason, and one that breaks (a damaged file, a coding, a
page on which the extractor hangs) is quarantined with its offset, id and URL.

The worker reads records and headers; bodies go to the sandbox, about ``_BLOCK_BYTES`` at a time, and come back as
text.

Cost: within a tenth of a bare loop of FastWARC and the extractor (benchmarks/extraction.py). Memory: a few records in
the worker, one block in the sandbox, a batch of text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, cast

import pyarrow as pa

from winnow.core.guard import Guard
from winnow.core.sandbox import Failure, Sandbox
from winnow.documents.payload import Payload, Skip, Text, load_reader
from winnow.documents.schema import Batch, Quarantined
from winnow.documents.source import Span, open_binary
from winnow.documents.warc_format import MAX_RECORD_BYTES, Damage, Record
from winnow.documents.warc_pages import Page, to_page
from winnow.documents.warc_records import read_records
from winnow.extract.extractor import Extractor


def _field(name: str, type: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, type, metadata={"description": description})


SCHEMA = pa.schema(
    [
        _field("id", pa.string(), "null: computed from url and text"),
        _field("text", pa.string(), "the main text"),
        _field("url", pa.string(), "WARC-Target-URI"),
        _field("date", pa.string(), "WARC-Date, when the page was captured, as the record has it"),
        _field("warc_file", pa.string(), "the file that holds the record"),
        _field("warc_offset", pa.int64(), "where its record, or the gzip member that holds it, begins in the file"),
        _field("warc_record_id", pa.string(), "WARC-Record-ID"),
        _field("http_status", pa.int16(), "null for records that are no HTTP responses"),
        _field("content_type", pa.string(), "of the page as it was read: text/html, application/xhtml+xml, text/plain"),
        _field("charset", pa.string(), "the Python codec that the page was read with"),
        _field("charset_source", pa.string(), "how it was found: bom, header, meta, detected, default"),
        _field("num_replaced", pa.int32(), "times that U+FFFD stands for bytes that the charset cannot read"),
    ]
)

_BLOCK_BYTES = 2 << 20
_BLOCK_RECORDS = 256
_BATCH_BYTES = 16 << 20
_BATCH_ROWS = 1024


def page_sandbox(extractor: Extractor) -> Sandbox[Payload, Text | Skip]:
    """Where the bodies of records are read; serves any number of files, and starts in about 0.1 s at the first."""
    return Sandbox(partial(load_reader, extractor))


def read_warc(span: Span, sandbox: Sandbox[Payload, Text | Skip], guard: Guard, position: int) -> Iterator[Batch]:
    """The documents of one file; ``position`` is the number of records that the task has read before.

    Batches hold at most about 16 MB of text or 1,024 documents. A file that is no WARC file is one quarantined record
    that says what to do with it.
    """
    with open_binary(span.path) as raw:
        stream = cast(BinaryIO, raw)
        rows = _Rows(span.path)
        records = read_records(stream, max_bytes=MAX_RECORD_BYTES, damaged=guard.suspects.deaths > 0)
        for block in blocks(records):
            num_bytes = stream.tell()
            for record, is_poison in guard.each(position, block, num_bytes):
                rows.add(record, is_poison)
            rows.read_bodies(sandbox)
            position += len(block)
            if rows.is_full:
                yield rows.take(num_bytes)
        yield rows.take(span.size)


def blocks(records: Iterator[Record | Damage]) -> Iterator[list[Record | Damage]]:
    """Gather records into blocks of about ``_BLOCK_BYTES``: one call of the sandbox."""
    block: list[Record | Damage] = []
    held = 0
    for record in records:
        block.append(record)
        held += len(record.block) if isinstance(record, Record) else 0
        if held >= _BLOCK_BYTES or len(block) >= _BLOCK_RECORDS:
            yield block
            block, held = [], 0
    if block:
        yield block


class _Rows:
    """Gathers the documents of one batch, and the account of the records that are none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._waiting: list[tuple[Record, Page]] = []
        self._clear()

    @property
    def is_full(self) -> bool:
        return self._num_bytes >= _BATCH_BYTES or len(self._rows) >= _BATCH_ROWS

    def add(self, record: Record | Damage, is_poison: bool) -> None:
        """Take the next record of the file; its body waits for ``read_bodies``."""
        self._num_records += 1
        if isinstance(record, Damage):
            self._quarantine(record, "error", f"not read: {record.error}")
        elif is_poison:
            self._quarantine(record, "crash", "it killed its worker twice")
        else:
            self._sort(record)

    def read_bodies(self, sandbox: Sandbox[Payload, Text | Skip]) -> None:
        """Make documents of the pages that wait."""
        results = sandbox.map([page.payload for _, page in self._waiting])
        for (record, page), result in zip(self._waiting, results, strict=True):
            if isinstance(result, Failure):
                self._quarantine(record, result.kind, f"no text: {result.message}")
            elif isinstance(result, Skip):
                self._skipped[result.reason] += 1
            else:
                self._append(record, page, result)
        self._waiting = []

    def take(self, num_bytes: int) -> Batch:
        """The batch so far; ``num_bytes`` of the file have been read."""
        columns = zip(*self._rows, strict=True) if self._rows else ((),) * len(SCHEMA)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        documents = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
        batch = Batch(documents, self._quarantined, dict(self._skipped), self._num_records, num_bytes)
        self._clear()
        return batch

    def _clear(self) -> None:
        self._rows: list[tuple[object, ...]] = []
        self._quarantined: list[Quarantined] = []
        self._skipped: Counter[str] = Counter()
        self._num_records = 0
        self._num_bytes = 0

    def _sort(self, record: Record) -> None:
        try:
            page = to_page(record)
        except ValueError as error:
            self._quarantine(record, "error", f"not read: {error}")
            return
        if isinstance(page, Skip):
            self._skipped[page.reason] += 1
        else:
            self._waiting.append((record, page))

    def _append(self, record: Record, page: Page, read: Text) -> None:
        capture = (record.url, record.date, self._path, record.offset, record.id, page.http_status)
        self._rows.append((None, read.text, *capture, *read[1:]))
        self._num_bytes += len(read.text)

    def _quarantine(self, record: Record | Damage, kind: str, error: str) -> None:
        self._quarantined.append(Quarantined(f"{self._path}:{record.offset}", kind, error, record.id, record.url))
