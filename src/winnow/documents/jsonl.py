"""JSON lines in: one object a line, plain, ``.gz`` or ``.zst``, whole or a byte range.

A line that cannot be read is quarantined with its offset; its neighbours are kept. A line longer than
``MAX_LINE_BYTES`` is skipped without being held, so memory is bounded whatever the file.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import zstandard

from winnow.core.guard import Guard
from winnow.documents.schema import Batch, Quarantined
from winnow.documents.source import Span, open_binary

MAX_LINE_BYTES = 64 << 20
TOO_LONG = f"the line is longer than {MAX_LINE_BYTES:,} bytes"
CHUNK_BYTES = 4 << 20
BLOCK_BYTES = 1 << 20
BATCH_BYTES = 8 << 20

_OTHER_URL_KEYS = ("url", "WARC-Target-URI", "warc_url")
"""Where other tools keep the url: in the object ``metadata``, where it stays."""
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("text", pa.string()),
        pa.field("url", pa.string()),
        pa.field("source", pa.string()),
        pa.field("metadata", pa.string(), metadata={"description": "the record's other fields, a JSON object"}),
    ]
)


class Keys:
    """Where a record keeps its text, id and url; nested keys are dotted paths."""

    def __init__(self, text: str, id: str, url: str) -> None:
        self.text = text
        self.take_text = _taker(text)
        self.take_id = _taker(id)
        self.take_url = _taker(url)
        self.other_urls = _OTHER_URL_KEYS if url == "url" else ()


def read_jsonl(span: Span, keys: Keys, guard: Guard, position: int) -> Iterator[Batch]:
    """The documents of a stretch of a JSONL file; ``position`` is the number of records the task has read before."""
    rows = _Rows(span.path, keys)
    with open_binary(span.path) as raw:
        try:
            for block in _blocks(_lines(raw, span)):
                offset = block[-1][0]
                for (start, line), poison in guard.each(position, block, offset - span.start):
                    rows.add(start, line, poison)
                position += len(block)
                if rows.num_bytes >= BATCH_BYTES:
                    yield rows.take(offset - span.start)
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            rows.refuse(-1, "error", f"cannot be decompressed to its end, what was read before is kept: {error}")
    yield rows.take(span.size)


def _blocks(lines: Iterator[tuple[int, bytes | None]]) -> Iterator[list[tuple[int, bytes | None]]]:
    """Gather lines into blocks of about ``BLOCK_BYTES``: the grain at which a worker notes where it is.

    Lines read before the stream breaks are given out before its error is raised.
    """
    block: list[tuple[int, bytes | None]] = []
    held = 0
    try:
        for offset, line in lines:
            block.append((offset, line))
            held += len(line or b"")
            if held >= BLOCK_BYTES:
                yield block
                block, held = [], 0
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError):
        if block:
            yield block
        raise
    if block:
        yield block


def _lines(raw: IO[bytes], span: Span) -> Iterator[tuple[int, bytes | None]]:
    """``(offset, line)`` of the lines that begin within the span; None for a line that is too long to hold."""
    stream = decompressed(raw, span.path)
    offset = span.start
    if span.start:
        raw.seek(span.start - 1)
        offset += _skip_line(raw) - 1  # a line that began before the span belongs to the span before
    while span.end < 0 or offset < span.end:
        line = stream.readline(MAX_LINE_BYTES)
        if not line:
            return
        length = len(line)
        if length == MAX_LINE_BYTES and not line.endswith(b"\n"):
            length += _skip_line(stream)
            yield offset, None
        elif not line.isspace():
            yield offset, line
        offset += length


def _skip_line(stream: IO[bytes]) -> int:
    """Read to the end of the line; gives the bytes read."""
    length = 0
    while piece := stream.readline(CHUNK_BYTES):
        length += len(piece)
        if piece.endswith(b"\n"):
            break
    return length


def decompressed(raw: IO[bytes], path: str) -> IO[bytes]:
    """What an open file holds, by the ending of its name: ``.gz``, ``.zst`` or plain."""
    if path.endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if path.endswith(".zst"):
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return io.BufferedReader(cast(io.RawIOBase, reader), CHUNK_BYTES)
    return raw


class _Rows:
    """Gathers the rows of one batch."""

    def __init__(self, path: str, keys: Keys) -> None:
        self.path = path
        self.keys = keys
        self._clear()

    def add(self, offset: int, line: bytes | None, poison: bool) -> None:
        if poison or line is None:
            kind, error = ("crash", "it killed its worker twice") if poison else ("memory", TOO_LONG)
            self.refuse(offset, kind, error)
            return
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            self.refuse(offset, "error", f"not a JSON line: {error}")
            return
        problem = self._append(record)
        if problem is not None:
            self.refuse(offset, "error", problem)
            return
        self.num_bytes += len(line)

    def refuse(self, offset: int, kind: str, error: str) -> None:
        where = self.path if offset < 0 else f"{self.path}:{offset}"
        self._quarantined.append(Quarantined(where, kind, error))
        self._num_refused += 1

    def take(self, offset: int) -> Batch:
        arrays = [pa.array(column, pa.string()) for column in self._columns.values()]
        documents = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
        batch = Batch(documents, self._quarantined, {}, len(documents) + self._num_refused, num_bytes=max(offset, 0))
        self._clear()
        return batch

    def _clear(self) -> None:
        self._columns: dict[str, list[str | None]] = {name: [] for name in SCHEMA.names}
        self._quarantined: list[Quarantined] = []
        self._num_refused = 0
        self.num_bytes = 0

    def _append(self, record: Any) -> str | None:
        """Add one record; gives what is wrong with it, if anything, and adds nothing then."""
        if not isinstance(record, dict):
            return f"the line holds a {type(record).__name__}, not an object"
        text = self.keys.take_text(record)
        if not isinstance(text, str):
            found = "is missing" if text is None else f"is a {type(text).__name__}"
            fields = sorted(record)
            return f"the text field {self.keys.text!r} {found}; the record has {fields}: name the field with text_key"
        identifier = self.keys.take_id(record)
        url = self.keys.take_url(record)
        if url is None:
            url = self._other_url(record)
        source = record.pop("source", None)
        columns = self._columns
        columns["id"].append(None if identifier is None else str(identifier))
        columns["text"].append(text)
        columns["url"].append(None if url is None else str(url))
        columns["source"].append(None if source is None else str(source))
        columns["metadata"].append(orjson.dumps(record).decode() if record else None)
        return None

    def _other_url(self, record: dict[str, Any]) -> str | None:
        metadata = record.get("metadata")
        if not isinstance(metadata, dict):
            return None
        found = (metadata.get(key) for key in self.keys.other_urls)
        return next((url for url in found if isinstance(url, str)), None)


def _taker(key: str) -> Callable[[dict[str, Any]], Any]:
    """What takes a value out of a record, so that what stays is what the document's columns do not hold."""
    *path, last = key.split(".")

    def take(record: Any) -> Any:
        for part in path:
            record = record.get(part)
            if not isinstance(record, dict):
                return None
        return record.pop(last, None)

    return take
