"""WAT in: what Common Crawl says of the links of its pages, a record of JSON for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import orjson
import pyarrow as pa

from winnow.core.guard import Guard
from winnow.documents.anchors import PAGES, Anchor, as_lines
from winnow.documents.payload import HTML_TYPES
from winnow.documents.schema import Batch, Quarantined
from winnow.documents.source import Span, open_binary
from winnow.documents.warc import blocks
from winnow.documents.warc_format import MAX_RECORD_BYTES, Damage, Record
from winnow.documents.warc_records import read_records

_NO_PAGE = "no HTML page"


def read_wat(span: Span, guard: Guard, position: int, *, nofollow: bool) -> Iterator[Batch]:
    """The pages (``PAGES``) of one file; ``position`` is the number of records that the task has read before.

    Pages are the HTML responses with status 2xx, as where WARC files are read; every other record is counted.
    """
    with open_binary(span.path) as raw:
        stream = cast(BinaryIO, raw)
        records = read_records(stream, max_bytes=MAX_RECORD_BYTES, damaged=guard.suspects.deaths > 0)
        for block in blocks(records):
            num_bytes = stream.tell()
            yield _read_block(span.path, guard.each(position, block, num_bytes), num_bytes, nofollow)
            position += len(block)


def _read_block(path: str, records: Iterable[tuple[Record | Damage, bool]], num_bytes: int, nofollow: bool) -> Batch:
    pages: list[dict[str, str]] = []
    quarantined: list[Quarantined] = []
    skipped: Counter[str] = Counter()
    num_records = 0
    for record, is_poison in records:
        num_records += 1
        kind, error = "crash", "it killed its worker twice"
        if not is_poison:
            kind = "error"
            try:
                page = _read_page(record, nofollow)
            except (ValueError, KeyError, TypeError, AttributeError) as broken:
                error = f"not read: {broken!r}"
            else:
                skipped[_NO_PAGE] += page is None
                pages += [] if page is None else [page]
                continue
        quarantined.append(Quarantined(f"{path}:{record.offset}", kind, error, record.id, record.url))
    documents = pa.RecordBatch.from_pylist(pages, PAGES)
    return Batch(documents, quarantined, dict(+skipped), num_records, num_bytes)


def _read_page(record: Record | Damage, nofollow: bool) -> dict[str, str] | None:
    """A row of ``PAGES``; None for a record about anything else, ValueError and the like for a broken one."""
    if isinstance(record, Damage):
        raise ValueError(record.error)
    if record.type != "metadata" or not record.block:
        return None
    envelope: dict[str, Any] = orjson.loads(record.block)["Envelope"]
    response = envelope["Payload-Metadata"].get("HTTP-Response-Metadata", {})
    if "HTML-Metadata" not in response or not str(response["Response-Message"]["Status"]).startswith("2"):
        return None
    page = response["HTML-Metadata"]
    links = [link for link in page.get("Links", ()) if link.get("path") == "A@/href" and "url" in link]
    anchors = [Anchor(link["url"], link.get("rel", "")) for link in links]
    lines = as_lines(page.get("Head", {}).get("Base", ""), anchors, nofollow=nofollow)
    return {"url": envelope["WARC-Header-Metadata"]["WARC-Target-URI"], "text": lines, "content_type": HTML_TYPES[0]}
