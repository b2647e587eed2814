"""What a WARC file is made of (ISO 28500), and how to tell one from other files of an archive."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, BinaryIO, NamedTuple

MAX_RECORD_BYTES = 64 << 20
"""A record of a page that is larger is refused, not held; crawlers cut pages at 1 to 5 MB."""
PEEKED_BYTES = 64 << 10
"""As much of a record that is too large is kept, to see what it is."""

_BEARERS = {"response", "resource", "conversion"}
_ARC_RECORD = re.compile(rb"\S{1,2000} \d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3} \d{14} \S+ \d+\n")


class Record(NamedTuple):
    """One record."""

    offset: int
    """Where it begins in the file; in a compressed file, where the gzip member or frame begins that it begins in."""
    type: str
    """``WARC-Type`` in lower case; ``unknown`` where it is missing."""
    id: str | None
    url: str | None
    date: str | None
    content_type: str | None
    payload_type: str | None
    """``WARC-Identified-Payload-Type``: what the crawler took the body for."""
    block: bytes
    """Everything behind the header; empty for what bears no document, its beginning if it is too large."""
    num_bytes: int
    """Size of the whole block."""


class Damage(NamedTuple):
    """A stretch of the file that could not be read as a record."""

    offset: int
    error: str
    id: str | None = None
    url: str | None = None


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


class Compression(Enum):
    """How a file is compressed, record by record if it is a good one; the value is what every member begins with."""

    NONE = b"WARC/"
    GZIP = b"\x1f\x8b"
    ZSTD = b"\x28\xb5\x2f\xfd"
    LZ4 = b"\x04\x22\x4d\x18"
    DICTIONARY = b"\x5d\x2a\x4d\x18"
    """zstd with a dictionary in its first frame (IIPC, Zstandard compression of WARC, 1.0)."""

    @classmethod
    def of(cls, head: bytes) -> Compression | None:
        """How the file is compressed that begins so; None where it does not say."""
        return next((kind for kind in cls if head.startswith(kind.value)), None)

    @property
    def needs_fastwarc(self) -> bool:
        """Whether FastWARC alone can read it, so that nothing behind the first damage is found."""
        return self in (Compression.LZ4, Compression.DICTIONARY)

    def opens_record(self, data: bytes) -> bool:
        """Whether these bytes, a few hundred of the file, begin a record and its gzip member or frame."""
        if self.needs_fastwarc:
            return data.startswith((Compression.LZ4.value, Compression.ZSTD.value))
        return decompressed_start(data, self).lstrip(b"\r\n").startswith(b"WARC/")

    def decompressor(self) -> Any:
        """A new one for one member (gzip) or frame (zstd), with ``decompress``, ``eof`` and ``unused_data``."""
        return zlib.decompressobj(31) if self is Compression.GZIP else _zstd()


def make_record(offset: int, fields: Mapping[str, str], block: bytes, num_bytes: int) -> Record:
    """The record with these header fields, by name in lower case."""
    url = fields.get("warc-target-uri")
    return Record(
        offset,
        record_type(fields),
        fields.get("warc-record-id"),
        url.strip("<> ") if url else None,  # wget 1.14 puts it in angle brackets
        fields.get("warc-date"),
        fields.get("content-type"),
        fields.get("warc-identified-payload-type"),
        block,
        num_bytes,
    )


def record_type(fields: Mapping[str, str]) -> str:
    """``WARC-Type`` in lower case."""
    return fields.get("warc-type", "unknown").lower()


def bears_document(fields: Mapping[str, str]) -> bool:
    """Whether the block of the record may hold a document, or what a WAT file says of one."""
    kind = record_type(fields)
    return kind in _BEARERS or (kind == "metadata" and fields.get("content-type") == "application/json")


def to_length(value: str | None) -> int | None:
    """A Content-Length as a number; None for anything but digits."""
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 20 else None


def is_standard(header: bytes) -> bool:
    """Whether the lines of a record's header end as they should, to judge by the first."""
    end = header.find(b"\n")
    return header[end - 1 : end] == b"\r" and header[end - 2 : end - 1] != b"\r"


def parse_header(header: bytes) -> Mapping[str, str]:
    """The fields of a record's header, as FastWARC reads them."""
    unfolded = re.sub(rb"\r*\n[ \t]+", b" ", header)
    lines = unfolded.split(b"\r\n" if is_standard(header) else b"\n")[1:]
    parts = (line.decode("utf-8", "replace").partition(":") for line in lines)
    return to_fields((name.strip(), value.strip()) for name, _, value in parts)


def to_fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Header fields by name in lower case, the first of each name."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name.lower(), value)
    return fields


def foreign(stream: BinaryIO) -> str | None:
    """What to do with a file that is no WARC file; None for one that is, or may be a damaged one."""
    stream.seek(0)
    head = stream.read(4096)
    stream.seek(0)
    if not head:
        return "the file is empty"
    text = decompressed_start(head, Compression.of(head)).lstrip()
    if text.startswith(b"PK\x03\x04"):
        return "this is a zip archive, perhaps WACZ: unpack it and read the WARC files in its archive/ folder"
    if text.startswith(b"filedesc:") or _ARC_RECORD.match(text):
        return "this is ARC, the format before WARC: convert it with `warcio recompress IN.arc.gz OUT.warc.gz`"
    if text.startswith(b"CDX "):
        return "this is an index of captures (CDX): read the WARC files that it points to"
    return None


def decompressed_start(data: bytes, compression: Compression | None) -> bytes:
    """What a plain file or a member begins with, to judge by its first bytes; nothing where they are broken."""
    if compression not in (Compression.GZIP, Compression.ZSTD):
        return data
    try:
        decompressed: bytes = compression.decompressor().decompress(data)
    except Exception:  # noqa: BLE001 - each library has its own
        return b""
    return decompressed
