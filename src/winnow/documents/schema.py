"""What a document is: a row with an id, a text, where it came from, and whatever else came with it.

``id``, ``text``, ``url`` and ``source`` are there for every document. What else a reader finds passes through: typed
columns from Parquet, one JSON object per row (``metadata``) from JSON lines, the capture's particulars from WARC.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pyarrow as pa

from winnow.core.step import Rows
from winnow.core.table import Store

CORE = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("text", pa.string()),
    pa.field("url", pa.string()),
    pa.field("source", pa.string()),
)


@dataclass
class Batch:
    """What a reader yields: documents, and an account of every record that did not become one."""

    documents: pa.RecordBatch
    """Columns of ``CORE`` less ``source``, and any others; ``id`` may be null, then it is computed."""
    quarantined: list[Quarantined] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    """Records that are no documents by their nature (requests, images, redirects), by reason."""
    num_records: int = 0
    """Records consumed, documents or not: the position within the file moves on by this."""
    num_bytes: int = 0
    """Bytes of the file consumed so far."""


@dataclass(frozen=True)
class Quarantined:
    """A record that broke its reader."""

    where: str
    kind: str
    error: str
    id: str | None = None
    url: str | None = None


def text_bytes(documents: Rows, store: Store) -> int:
    """Bytes of the text that the documents have or, where they are a selection, were chosen from."""
    table = store.table(documents)
    if "text" not in table.schema().names:
        return text_bytes(next(step for step in documents.inputs() if isinstance(step, Rows)), store)
    return sum(table.column_bytes(shard, "text") for shard in range(len(table.manifest.shards)))


def document_id(url: str | None, text: str) -> str:
    """The id of a document that came without one: 128-bit BLAKE2b of url and text, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update((url or "").encode("utf-8", "surrogatepass"))
    digest.update(b"\0")
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
