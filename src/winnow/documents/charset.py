"""Bytes to text: which charset, how it was found, how much of the page it could not read.

Four sources are asked in turn: a byte order mark, the HTTP header, the page's own declaration, detection. Many pages
declare a charset that they are not in, so a claim must fit the bytes: at most one character in twenty, of those beyond
ASCII, may be unreadable (a page cut off inside a character still fits, a Latin-1 page that claims UTF-8 does not). A
charset of single bytes fits any bytes, so it is disbelieved where the bytes are valid UTF-8 beyond ASCII; UTF-16 fits
nearly any, so it is disbelieved where no byte is zero. A byte order mark is always believed.
Nothing is dropped: what cannot be read becomes U+FFFD and is counted.

Cost: one strict decoding (3.8 GB/s) where the first claim is right; detection (2 GB/s, first 128 KB) is asked last.

Rejected: UTF-8 or nothing (DCLM's extraction, which silently drops every page in another charset); the claim without
the test (the rule of browsers, whose users can choose another charset by hand).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Bytes = bytes | memoryview
Source = Literal["bom", "header", "meta", "detected", "default"]

MAX_UNREADABLE_FRACTION = 0.05
"""Of the characters beyond ASCII, for a charset to be believed."""
_META_BYTES = 4096
"""How far into a page its own declaration is sought; browsers look at 1,024 bytes, pages do not always keep to it."""

_DETECTED_BYTES = 128 << 10

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta\s[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:+-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']\s*([\w.:+-]{1,40})", re.IGNORECASE)
_WIDER = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-11": "cp874",
}
"""Supersets that pages mean when they name the charset on the left (WHATWG Encoding, section 4.2)."""
_UTF_16 = ("utf-16-le", "utf-16-be")
_MULTI_BYTE = {"utf-8", "gb18030", "big5hkscs", "cp932", "cp949", "euc_jp", "iso2022_jp"}


class Decoded(NamedTuple):
    """Text, and how it was read."""

    text: str
    charset: str
    """Name of the Python codec."""
    source: Source
    num_replaced: int
    """Times that U+FFFD stands for bytes that could not be read."""


def decode(data: Bytes, declared: str | None = None, *, is_html: bool = True) -> Decoded:
    """The text of a page; ``declared`` is the charset that its HTTP header names, if any.

    Every sequence of bytes gives a text. A byte order mark is left out of it.
    """
    for codec, source in _claims(data, declared, is_html):
        text, num_replaced = _read(data, codec)
        if source == "bom" or num_replaced <= MAX_UNREADABLE_FRACTION * _num_beyond_ascii(text, num_replaced):
            return Decoded(text.removeprefix("\ufeff"), codec, source, num_replaced)
    text, num_replaced = _read(data, "cp1252")
    return Decoded(text, "cp1252", "default", num_replaced)


def codec_for(label: str) -> str | None:
    """The Python codec for a charset's name as the web uses it (WHATWG Encoding); None for names that mean nothing."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label, fallback_utf8=False)
    return None if name is None else _WIDER.get(name, name)


def _claims(data: Bytes, declared: str | None, is_html: bool) -> Iterator[tuple[str, Source]]:
    """Codecs to try, likeliest first, less those that read any bytes without complaint and cannot be meant here."""
    for codec, source in _named(data, declared, is_html):
        if source == "bom" or not _is_refuted(data, codec):
            yield codec, source
    yield from ((codec, "detected") for codec in _detected(data))


def _is_refuted(data: Bytes, codec: str) -> bool:
    if codec in _UTF_16:
        return b"\0" not in bytes(data[:_META_BYTES])
    return codec not in _MULTI_BYTE and _is_utf8_beyond_ascii(data)


def _named(data: Bytes, declared: str | None, is_html: bool) -> Iterator[tuple[str, Source]]:
    for bom, codec in _BOMS:
        if data[: len(bom)] == bom:
            yield codec, "bom"
    if declared and (header := codec_for(declared)):
        yield header, "header"
    if is_html and (meta := _declaration(data)):
        yield meta, "meta"


def _declaration(data: Bytes) -> str | None:
    """What the page says of itself; one whose ASCII can be read is not in UTF-16, whatever it says."""
    found = _XML.match(data) or _META.search(data, 0, _META_BYTES)
    codec = codec_for(found[1].decode("ascii", "replace")) if found else None
    return "utf-8" if codec in _UTF_16 else codec


def _detected(data: Bytes) -> Iterator[str]:
    """resiliparse 2.0.1 knows every charset of the web but EUC-KR, which it calls UTF-8."""
    from resiliparse.parse.encoding import detect_encoding

    found = detect_encoding(bytes(data[:_DETECTED_BYTES]))
    if found:
        yield _WIDER.get(found, found)
    if found == "utf-8":
        yield "cp949"


def _read(data: Bytes, codec: str) -> tuple[str, int]:
    try:
        return str(data, codec), 0
    except UnicodeDecodeError:
        text = str(data, codec, "replace")
    genuine = bytes(data).count("\ufffd".encode()) if codec == "utf-8" else 0
    return text, text.count("\ufffd") - genuine


def _num_beyond_ascii(text: str, num_replaced: int) -> int:
    return len(text) - len(text.encode("ascii", "ignore")) if num_replaced else 0


def _is_utf8_beyond_ascii(data: Bytes) -> bool:
    try:
        return not str(data, "utf-8").isascii()
    except UnicodeDecodeError:
        return False
