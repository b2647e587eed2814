"""What is done with the body of one record: content codings undone, charset found, main text extracted.

All of it works on bytes that anyone on the web may have written, so all of it runs in the sandbox: a compression bomb
ends as one failed record, as does a page on which the extractor hangs.

A body is often not coded as its header says (crawlers undo the coding and keep the header); then it is taken as it is.
A body cut off inside a coding gives the text up to the cut; one that is broken inside is an error.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from pickle import PickleBuffer
from typing import NamedTuple

from winnow.documents.charset import decode
from winnow.extract.extractor import Extractor

MAX_BODY_BYTES = 256 << 20
"""Of a body without its codings."""

HTML_TYPES = ("text/html", "application/xhtml+xml")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_HTML_TAG = re.compile(
    rb"(?>\s|\xef\xbb\xbf|<!--.*?-->|<\?xml[^>]*>)*+"
    rb"<(?:!doctype\s+html|html|head|body|title|meta|link|script|style|table|div|iframe|font|h1|p|a|b|br)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_NO_TEXT = re.compile(rb"\x89PNG|GIF8|\xff\xd8\xff|RIFF|%PDF-|PK\x03\x04|\x1f\x8b|wOF[F2]|OggS|ID3|\x00\x00[\x00\x01]")
"""How images, archives, documents, fonts, sounds and films begin, which are often called text/html."""
_UTF_16 = re.compile(rb"\xff\xfe|\xfe\xff")
_BLANK = re.compile(rb"\s*")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_SNIFFED_BYTES = 1445
"""As much of a body as browsers look at (WHATWG MIME Sniffing, section 5)."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class Payload(NamedTuple):
    """The body of a record and what its headers say of it."""

    body: bytes | memoryview | PickleBuffer
    """A ``PickleBuffer`` reaches the sandbox without being copied, as a view of memory that is shared with it."""
    content_type: str | None
    """``text/html``, ``text/plain`` and the like, in lower case; None where no header says."""
    charset: str | None
    codings: tuple[str, ...] = ()
    """As they were applied, in lower case: ``("gzip", "chunked")``."""


class Text(NamedTuple):
    """The text of a record, in UTF-8, and how it was read (``winnow.documents.charset.Decoded``)."""

    text: bytes
    content_type: str
    charset: str
    charset_source: str
    num_replaced: int


class Skip(NamedTuple):
    """A record that is no document by its nature."""

    reason: str


def load_reader(extractor: Extractor) -> Callable[[Payload], Text | Skip]:
    """The function that the sandbox runs on every record."""
    extract = extractor.load()

    def read(payload: Payload) -> Text | Skip:
        body = memoryview(uncode(bytes(payload.body), payload.codings) if payload.codings else payload.body)
        content_type = payload.content_type or sniff(body)
        if _BLANK.fullmatch(body):
            return Skip("empty body")
        if content_type is None or _NO_TEXT.match(body) or (content_type == "text/plain" and _has_nul(body)):
            return Skip("bytes that are no text")
        is_html = content_type in HTML_TYPES
        decoded = decode(body, payload.charset, is_html=is_html)
        text = extract(decoded.text) if is_html else decoded.text
        return Text(_utf8(text), content_type, decoded.charset, decoded.source, decoded.num_replaced)

    return read


def sniff(body: memoryview) -> str | None:
    """``text/html`` or ``text/plain`` for a body that no header describes; None where it is neither."""
    if _HTML_TAG.match(body, 0, _SNIFFED_BYTES):
        return "text/html"
    return None if _is_binary(body) else "text/plain"


def uncode(body: bytes, codings: tuple[str, ...]) -> bytes:
    """The body without its codings, undone in reverse; ValueError where one is broken inside."""
    for coding in reversed(codings):
        undo = _CODINGS.get(coding)
        if undo is not None and body:
            body = undo(body)
            if len(body) > MAX_BODY_BYTES:
                raise ValueError(f"the body has more than {MAX_BODY_BYTES:,} bytes without its {coding} coding")
    return body


def _unchunk(body: bytes) -> bytes:
    chunks, position = [], 0
    while found := _CHUNK.match(body, position):
        size = int(found[1], 16)
        chunks.append(body[found.end() : found.end() + size])
        position = found.end() + size
        if size == 0 or position >= len(body):
            return b"".join(chunks)
        position += 2 if body.startswith(b"\r\n", position) else 1
    if position == 0:
        return body
    if position < len(body):
        raise ValueError(f"broken chunked coding: no size of a chunk but {body[position : position + 20]!r}")
    return b"".join(chunks)


def _gunzip(body: bytes) -> bytes:
    return _inflate(body, 31) if body.startswith(b"\x1f\x8b") else body


def _undeflate(body: bytes) -> bytes:
    """With zlib's header, as the standard has it, or without, as some servers do."""
    for wbits in (15, -15):
        try:
            return _inflate(body, wbits)
        except ValueError:
            continue
    return body


def _inflate(body: bytes, wbits: int) -> bytes:
    try:
        return zlib.decompressobj(wbits).decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise ValueError(f"broken gzip or deflate coding: {error}") from error


def _unbrotli(body: bytes) -> bytes:
    """Brotli has no mark of its own: what cannot be undone from the beginning was not coded."""
    from fastwarc.stream_io import BrotliReader

    reader, pieces, size = BrotliReader(io.BytesIO(body)), [], 0
    try:
        while size <= MAX_BODY_BYTES and (piece := reader.read(1 << 16)):
            pieces.append(piece)
            size += len(piece)
    except OSError as error:
        if not pieces:
            return body
        raise ValueError(f"broken br coding: {error}") from error
    return b"".join(pieces)


def _unzstd(body: bytes) -> bytes:
    import zstandard

    if not body.startswith(b"\x28\xb5\x2f\xfd"):
        return body
    try:
        return bytes(zstandard.ZstdDecompressor().stream_reader(body).read(MAX_BODY_BYTES + 1))
    except zstandard.ZstdError as error:
        raise ValueError(f"broken zstd coding: {error}") from error


_CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "chunked": _unchunk,
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


def _is_binary(body: memoryview) -> bool:
    """Whether the body holds control characters that no text in a charset of the web holds; UTF-16 has its mark."""
    return _BINARY.search(body, 0, _SNIFFED_BYTES) is not None and not _UTF_16.match(body)


def _has_nul(body: memoryview) -> bool:
    return 0 in body[:_SNIFFED_BYTES] and not _UTF_16.match(body)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()
