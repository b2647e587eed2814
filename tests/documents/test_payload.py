from __future__ import annotations

import gzip
import time
import zlib
from pickle import PickleBuffer

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.documents import payload
from winnow.documents.payload import Payload, Skip, Text, load_reader, sniff, uncode
from winnow.extract.resiliparse import Resiliparse

PAGE = b"<html><body><p>" + b"The quick brown fox jumps over the lazy dog. " * 50 + b"</p></body></html>"
READ = load_reader(Resiliparse())


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(body) + compressor.flush()


def chunked(body: bytes, size: int = 100, *, extension: bytes = b"", end: bytes = b"\r\n") -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x%s%s%s%s" % (len(chunk), extension, end, chunk, end) for chunk in chunks) + b"0" + end + end


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "chunked": chunked,
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_coding_is_undone(coding: str) -> None:
    assert uncode(CODINGS[coding](PAGE), (coding,)) == PAGE


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_is_not_coded_as_its_header_says_is_taken_as_it_is(coding: str) -> None:
    assert uncode(PAGE, (coding,)) == PAGE


def test_codings_are_undone_in_reverse_and_unknown_ones_passed_over() -> None:
    assert uncode(chunked(gzip.compress(PAGE)), ("identity", "gzip", "chunked")) == PAGE


def test_deflate_without_its_header_is_understood() -> None:
    assert uncode(raw_deflate(PAGE), ("deflate",)) == PAGE


@pytest.mark.parametrize(
    "body",
    [
        chunked(PAGE, extension=b";name=value"),
        chunked(PAGE, extension=b"  "),
        chunked(PAGE, end=b"\n"),
        chunked(PAGE)[:-5],
        chunked(PAGE).replace(b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n"),
    ],
)
def test_sloppy_chunks_are_understood(body: bytes) -> None:
    assert uncode(body, ("chunked",)) == PAGE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "chunked"])
def test_a_body_cut_off_inside_its_coding_gives_what_is_there(coding: str) -> None:
    coded = CODINGS[coding](PAGE)
    part = uncode(coded[: len(coded) * 3 // 4], (coding,))
    assert len(part) > 20
    assert PAGE.startswith(part)


def test_what_follows_a_gzip_member_is_passed_over() -> None:
    assert uncode(gzip.compress(PAGE) + b"junk", ("gzip",)) == PAGE


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(PAGE)[:60] + b"\xff" * 60),
        ("zstd", zstandard.compress(PAGE)[:7] + b"\xff" * 60),
        ("chunked", chunked(PAGE)[:105] + b"no size\r\n" + PAGE),
    ],
    ids=["gzip", "zstd", "chunked"],
)
def test_a_body_broken_inside_its_coding_is_an_error(coding: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="broken"):
        uncode(body, (coding,))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_an_error(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MAX_BODY_BYTES", 1 << 20)
    with pytest.raises(ValueError, match="more than 1,048,576 bytes"):
        uncode(CODINGS[coding](bytes(50 << 20)), (coding,))


@given(st.binary(max_size=200), st.lists(st.sampled_from([*CODINGS, "identity"]), max_size=3))
def test_any_body_with_any_codings_is_undone_or_an_error(body: bytes, codings: list[str]) -> None:
    try:
        uncode(body, tuple(codings))
    except ValueError as error:
        assert "broken" in str(error)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!DOCTYPE html><p>x", "text/html"),
        (b"\xef\xbb\xbf \n<!-- a --><!-- b -->\n<HTML lang=en>", "text/html"),
        (b"<?xml version='1.0'?>\n<html xmlns=x>", "text/html"),
        (b"<p>x", "text/html"),
        (b"<pre>x", "text/plain"),
        (b"Disallow: /", "text/plain"),
        ("Grüße".encode("latin-1"), "text/plain"),
        (b"\xff\xfeh\0i\0", "text/plain"),
        (b"\x7fELF\x02\x01\x01\0", None),
    ],
)
def test_what_no_header_describes_is_told_from_its_bytes(body: bytes, expected: str | None) -> None:
    assert sniff(memoryview(body)) == expected


def test_sniffing_takes_no_time_on_a_page_made_to_take_it() -> None:
    start = time.process_time()
    assert sniff(memoryview(b"<!---->" * 500 + b"x")) == "text/plain"
    assert time.process_time() - start < 5  # exponential without possessive repetition


def test_html_is_extracted() -> None:
    body = b"<html><body><nav><a href=/>Home</a></nav><p>Gr\xfc\xdfe an alle.</p></body></html>"
    assert READ(Payload(body, "text/html", "latin1")) == Text(
        "Grüße an alle.".encode(), "text/html", "cp1252", "header", 0
    )


def test_plain_text_is_taken_as_it_is() -> None:
    assert READ(Payload(b"<p>1 < 2", "text/plain", None)) == Text(b"<p>1 < 2", "text/plain", "cp1252", "detected", 0)


def test_a_page_without_main_text_is_a_document_with_an_empty_text() -> None:
    assert READ(Payload(b"<html><body><nav>Home</nav>", "text/html", "utf-8")) == Text(
        b"", "text/html", "utf-8", "header", 0
    )


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", "text/html", "empty body"),
        (b" \r\n\t", "text/plain", "empty body"),
        (b"\x89PNG\r\n\x1a\n", "text/html", "bytes that are no text"),
        (b"%PDF-1.4", None, "bytes that are no text"),
        (b"\x01\x02\x03", None, "bytes that are no text"),
        (b"a\0b", "text/plain", "bytes that are no text"),
    ],
)
def test_what_is_no_text_is_skipped_under_its_reason(body: bytes, content_type: str | None, reason: str) -> None:
    assert READ(Payload(body, content_type, None)) == Skip(reason)


def test_a_view_is_read_like_the_bytes_it_shows() -> None:
    expected = READ(Payload(PAGE, "text/html", None))
    assert READ(Payload(memoryview(PAGE), "text/html", None)) == expected
    assert READ(Payload(PickleBuffer(gzip.compress(PAGE)), "text/html", None, ("gzip",))) == expected


def test_half_characters_that_an_extractor_gives_become_replacement_characters() -> None:
    class Half:
        def check(self) -> None: ...

        def load(self):  # type: ignore[no-untyped-def]
            return lambda html: "a\ud800b"

    assert load_reader(Half())(Payload(b"<p>", "text/html", None)).text == "a\ufffdb".encode()  # type: ignore[union-attr]
