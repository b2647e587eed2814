from __future__ import annotations

import ctypes
import gzip
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from winnow.core.guard import Guard, Suspects
from winnow.core.sandbox import Sandbox
from winnow.documents import warc
from winnow.documents.payload import load_reader
from winnow.documents.schema import Batch
from winnow.documents.source import Span
from winnow.documents.warc import SCHEMA, page_sandbox, read_warc
from winnow.extract.extractor import Extractor
from winnow.extract.resiliparse import Resiliparse

HTTP = "application/http; msgtype=response"


def record(
    block: bytes,
    *,
    kind: str = "response",
    content_type: str = HTTP,
    url: str = "http://a/",
    length: int | None = None,
    more: str = "",
) -> bytes:
    header = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:{url}>\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: 2024-05-18T01:02:03Z\r\nContent-Type: {content_type}\r\n{more}"
        f"Content-Length: {len(block) if length is None else length}\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


def response(body: bytes, header: str = "Content-Type: text/html", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{header}\r\n\r\n".encode() + body


def page(text: str, url: str = "http://a/") -> bytes:
    return record(
        response(f"<html><body><p>{text}</p></body></html>".encode(), "Content-Type: text/html; charset=utf-8"), url=url
    )


@dataclass(frozen=True, kw_only=True)
class Echo:
    """Gives the HTML back, unless it asks for trouble."""

    def check(self) -> None: ...

    def load(self) -> Callable[[str], str]:
        return misbehave


def misbehave(html: str) -> str:
    if "hang" in html:
        re.match(r"(a+)+$", "a" * 64 + "b")
    if "allocate" in html:
        bytearray(1 << 42)
    if "segfault" in html:
        ctypes.string_at(0)
    if "raise" in html:
        raise RuntimeError("no such page")
    return html


def span(path: Path) -> Span:
    return Span(path=str(path), kind="warc", source="s", size=path.stat().st_size)


def read(
    path: Path, data: bytes | None = None, *, extractor: Extractor | None = None, suspects: Suspects | None = None
) -> list[Batch]:
    if data is not None:
        path.write_bytes(data)
    guard = Guard(path.parent / "note", suspects or Suspects())
    with page_sandbox(extractor or Resiliparse()) as sandbox:
        batches = list(read_warc(span(path), sandbox, guard, 0))
    guard.close()
    return batches


def rows(batches: list[Batch]) -> list[dict[str, object]]:
    return [row for batch in batches for row in batch.documents.to_pylist()]


def skipped(batches: list[Batch]) -> dict[str, int]:
    return dict(sum((Counter(batch.skipped) for batch in batches), Counter()))


def test_a_page_becomes_a_document_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    data = record(b"GET / HTTP/1.1\r\n\r\n", kind="request") + page("Grüße an alle.")
    (batch,) = read(tmp_path / "a.warc", data)
    assert batch.documents.schema == SCHEMA
    assert batch.documents.to_pylist() == [
        {
            "id": None,
            "text": "Grüße an alle.",
            "url": "http://a/",
            "date": "2024-05-18T01:02:03Z",
            "warc_file": str(tmp_path / "a.warc"),
            "warc_offset": data.index(b"WARC/1.0", 10),
            "warc_record_id": "<urn:http://a/>",
            "http_status": 200,
            "content_type": "text/html",
            "charset": "utf-8",
            "charset_source": "header",
            "num_replaced": 0,
        }
    ]
    assert (batch.skipped, batch.num_records, batch.num_bytes) == ({"request": 1}, 2, len(data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (record(response(b"<p>x", "Content-Type: TEXT/HTML;charset=utf-8")), "x"),
        (record(response(b"<p>x", "content-type:application/xhtml+xml")), "x"),
        (record(response(b"<!DOCTYPE html><p>x", "Server: y")), "x"),
        (record(response(b"<p>x", "Content-Type: nonsense")), "x"),
        (record(response(b"<p>x", "Server: y"), more="WARC-Identified-Payload-Type: text/plain\r\n"), "<p>x"),
        (record(response(b"<p>x", "Content-Type: text/plain")), "<p>x"),
        (record(response(b"just words", "Server: y")), "just words"),
        (record(response(gzip.compress(b"<p>x", mtime=0), "Content-Type: text/html\r\nContent-Encoding: gzip")), "x"),
        (record(response(b"4\r\n<p>x\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\nContent-Type: text/html")), "x"),
        (record(response(b"<p>x").replace(b"\r\n", b"\n")), "x"),
        (record(response(b"<p>x", status="206")), "x"),
        (record(response(b"<p>x"), url="<http://a/>"), "x"),
        (record(response(b"<p>x"), content_type="application/http"), "x"),
        (record(response(b"<p>x"), content_type=""), "x"),
        (record(b"<p>x", kind="resource", content_type="text/html; charset=utf-8"), "x"),
        (record("Grüße".encode(), kind="conversion", content_type="text/plain"), "Grüße"),
    ],
)
def test_what_is_a_document(tmp_path: Path, data: bytes, text: str) -> None:
    batches = read(tmp_path / "a.warc", data)
    assert [(row["url"], row["text"]) for row in rows(batches)] == [("http://a/", text)]
    assert (skipped(batches), batches[0].quarantined) == ({}, [])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (record(b"", kind="warcinfo"), "warcinfo"),
        (record(b"x", kind="request"), "request"),
        (record(b"x", kind="metadata"), "metadata"),
        (record(response(b""), kind="revisit"), "revisit"),
        (record(b"x", kind="continuation"), "continuation"),
        (record(b"x", kind="novelty"), "other record type"),
        (record(response(b"<p>x", status="404 Not Found")), "http status 404"),
        (record(response(b"<p>x", status="301")), "http status 301"),
        (record(response(b"PNG", "Content-Type: image/png")), "content type image/png"),
        (record(response(b"")), "empty body"),
        (record(response(b" \n ")), "empty body"),
        (
            record(response(gzip.compress(b"", mtime=0), "Content-Type: text/html\r\nContent-Encoding: gzip")),
            "empty body",
        ),
        (record(b"HTTP/1.1 200 OK\r\nContent-Type: text/html"), "empty body"),
        (record(response(b"\x89PNG\r\n\x1a\n")), "bytes that are no text"),
        (record(b"20080430 1.2.3.4", content_type="text/dns", url="dns:a"), "response that is not HTTP"),
        (record(b"log", kind="resource", content_type="text/plain"), "resource text/plain"),
        (record(b"log", kind="resource", content_type=""), "resource without a type"),
        (record(b"{}", kind="conversion", content_type="application/json"), "conversion application/json"),
    ],
)
def test_what_is_no_document_is_counted_under_its_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    batches = read(tmp_path / "a.warc", data)
    assert (rows(batches), skipped(batches), batches[0].quarantined) == ([], {reason: 1}, [])


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (record(b"HTTPX/1.1 200 OK\r\n\r\n<p>x", url="http://b/"), "no HTTP status line"),
        (record(response(b"x"), url="http://b/", length=7), "does not lead to the next record"),
        (
            record(
                response(b"4\r\n<p>x\r\nno size", "Content-Type: text/html\r\nTransfer-Encoding: chunked"),
                url="http://b/",
            ),
            "broken chunked coding",
        ),
        (record(response(b"<p>x" + bytes(3 << 20)), url="http://b/"), "more than is held"),
    ],
)
def test_a_broken_record_is_quarantined_and_its_neighbours_kept(
    tmp_path: Path, broken: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warc, "MAX_RECORD_BYTES", 1 << 20)
    batches = read(tmp_path / "a.warc", page("one") + broken + page("two"))
    assert [row["text"] for row in rows(batches)] == ["one", "two"]
    (quarantined,) = batches[0].quarantined
    assert words in quarantined.error
    assert quarantined.where == f"{tmp_path / 'a.warc'}:{len(page('one'))}"
    assert (quarantined.kind, quarantined.id, quarantined.url) == ("error", "<urn:http://b/>", "http://b/")
    assert batches[0].num_records == 3


def test_a_large_record_that_is_no_page_is_counted_not_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warc, "MAX_RECORD_BYTES", 1 << 20)
    film = record(response(bytes(3 << 20), "Content-Type: video/mp4"))
    assert skipped(read(tmp_path / "a.warc", film + page("x"))) == {"content type video/mp4": 1}


def test_a_page_that_hangs_or_explodes_or_crashes_is_quarantined_alone(tmp_path: Path) -> None:
    trouble = {"hang": "time", "allocate": "memory", "segfault": "crash", "raise": "error"}
    pages = [page(text, f"http://{text}/") for name in trouble for text in (f"fine{name[0]}", name)]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(pages))
    guard = Guard(tmp_path / "note", Suspects())
    with Sandbox(_load_echo, time_limit=0.3, memory_limit=256 << 20) as sandbox:
        (batch,) = read_warc(span(path), sandbox, guard, 0)
    guard.close()
    assert [row["url"] for row in batch.documents.to_pylist()] == [
        "http://fineh/",
        "http://finea/",
        "http://fines/",
        "http://finer/",
    ]
    assert {quarantined.url: quarantined.kind for quarantined in batch.quarantined} == {
        f"http://{name}/": kind for name, kind in trouble.items()
    }
    assert all(quarantined.error.startswith("no text: ") for quarantined in batch.quarantined)


def _load_echo():  # type: ignore[no-untyped-def]
    return load_reader(Echo())


def test_a_bomb_is_quarantined(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(300 << 20), 9)
    data = record(response(bomb, "Content-Type: text/html\r\nContent-Encoding: gzip")) + page("fine")
    (batch,) = read(tmp_path / "a.warc", data)
    assert [row["text"] for row in batch.documents.to_pylist()] == ["fine"]
    assert "more than 268,435,456 bytes" in batch.quarantined[0].error


def test_a_file_that_is_no_warc_file_is_one_quarantined_record(tmp_path: Path) -> None:
    (batch,) = read(tmp_path / "a.warc", b"PK\x03\x04")
    assert (batch.documents.num_rows, batch.num_records, len(batch.quarantined)) == (0, 1, 1)
    assert "zip archive" in batch.quarantined[0].error


def test_batches_are_bounded_and_say_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "_BLOCK_BYTES", 1000)
    monkeypatch.setattr(warc, "_BATCH_ROWS", 50)
    batches = read(tmp_path / "a.warc.gz", b"".join(gzip.compress(page(f"page {number}")) for number in range(500)))
    assert [row["text"] for row in rows(batches)] == [f"page {number}" for number in range(500)]
    assert max(batch.documents.num_rows for batch in batches) < 60
    assert sum(batch.num_records for batch in batches) == 500
    progress = [batch.num_bytes for batch in batches]
    assert progress == sorted(progress)
    assert progress[-1] == (tmp_path / "a.warc.gz").stat().st_size


def test_a_record_that_killed_its_worker_twice_is_quarantined(tmp_path: Path) -> None:
    data = b"".join(page(name, f"http://{name}/") for name in "abc")
    (batch,) = read(tmp_path / "a.warc", data, suspects=Suspects(deaths=2, poison=frozenset({1})))
    assert [row["url"] for row in batch.documents.to_pylist()] == ["http://a/", "http://c/"]
    assert (batch.quarantined[0].kind, batch.quarantined[0].url) == ("crash", "http://b/")


def test_after_a_death_the_same_comes_out_without_fastwarc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.warc.gz"
    expected = rows(read(path, b"".join(gzip.compress(page(f"page {number}")) for number in range(20))))
    monkeypatch.setattr("fastwarc.ArchiveIterator", None)
    assert rows(read(path, suspects=Suspects(deaths=1))) == expected


def test_a_sandbox_may_serve_many_files(tmp_path: Path) -> None:
    with page_sandbox(Resiliparse()) as sandbox:
        for number in range(3):
            path = tmp_path / f"{number}.warc"
            path.write_bytes(page(f"page {number}"))
            guard = Guard(tmp_path / "note", Suspects())
            assert rows(list(read_warc(span(path), sandbox, guard, 0)))[0]["text"] == f"page {number}"
            guard.close()


# What lies in real files, where warcio, which the table in the data's README comes from, and this reader differ.
REFUSED = {  # as no WARC: ARC (which warcio reads), WACZ, CDX
    "aut/badexample.arc.gz",
    "aut/example.arc.gz",
    "pywb/bad.arc",
    "pywb/example.arc",
    "pywb/example.arc.gz",
    "WarcDB/scoop.wacz",
    "solrwayback/IAH-20080430204825-00000-blackbook.warc.gz.cdx",
    "warcio/example-space-in-url.arc",
    "webarchive-discovery/IAH-20080430204825-00000-blackbook-truncated.arc",
}
DAMAGED = {  # records whose Content-Length does not hold, which warcio gives out all the same
    "pywb/example.warc": "request",
    "chatnoir-resiliparse/clipped.warc.gz": "response",
    "solrwayback/transfer_compression_none_truncated.warc.gz": "response",
    "solrwayback/Evil-Warc-Headers.warc": "response",
    "warcio/example-trunc.warc": "response",
}
READ_HERE_ALONE = {  # lz4, a file in one gzip stream, an odd name, a record whose gzip members are cut oddly
    "chatnoir-resiliparse/block-sized-records.warc.lz4": {"unknown": 3},
    "chatnoir-resiliparse/warcfile.warc.lz4": {"warcinfo": 1, "request": 17, "response": 16, "metadata": 16},
    "warcio/example-bad-non-chunked.warc.gz": {"warcinfo": 2, "response": 1, "request": 2, "revisit": 1},
    "warcio/example-bad.warc.gz.bad": {"warcinfo": 1, "response": 2, "request": 2, "revisit": 1},
    "warcio/example-wrong-chunks.warc.gz": {"response": 1, "request": 1},
}


def published_counts(shared_data: Path) -> dict[str, Counter[str]]:
    lines = (shared_data / "warc" / "README.md").read_text().splitlines()
    found = (re.match(r"\| (\S+/\S+) \|.*\| \d+ \| (.*?)(?: —.*)? \|$", line) for line in lines)
    return {row[1]: Counter({name: int(n) for name, n in re.findall(r"(\w+) (\d+)", row[2])}) for row in found if row}


def test_all_real_files_go_through_and_every_record_is_accounted_for(shared_data: Path, tmp_path: Path) -> None:
    published = published_counts(shared_data)
    assert len(published) > 75
    num_documents = 0
    with page_sandbox(Resiliparse()) as sandbox:
        for name, expected in published.items():
            guard = Guard(tmp_path / "note", Suspects())
            batches = list(read_warc(span(shared_data / "warc" / name), sandbox, guard, 0))
            guard.close()
            num_records = sum(batch.num_records for batch in batches)
            num_quarantined = sum(len(batch.quarantined) for batch in batches)
            assert len(rows(batches)) + num_quarantined + sum(skipped(batches).values()) == num_records
            num_documents += len(rows(batches))
            if name in REFUSED:
                assert (num_records, num_quarantined) == (1, 1), name
            else:
                assert num_records == Counter(READ_HERE_ALONE.get(name, expected)).total(), name
                assert (num_quarantined > 0) >= (name in DAMAGED), name
    assert num_documents > 360


def test_pages_are_a_part_of_the_text_that_common_crawl_made_of_them(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "warc" / "whirlwind-python"
    (ours,) = rows(read_copy(folder / "whirlwind.warc.gz", tmp_path))
    (theirs,) = rows(read_copy(folder / "whirlwind.warc.wet.gz", tmp_path))
    assert (ours["url"], ours["date"]) == (theirs["url"], theirs["date"])
    ours_words, theirs_words = (Counter(re.findall(r"\w+", str(row["text"]))) for row in (ours, theirs))
    assert ours_words.total() > 200
    assert (ours_words & theirs_words).total() > 0.95 * ours_words.total()  # the rest describes images; WET has no such
    assert theirs_words.total() > ours_words.total()


def read_copy(path: Path, tmp_path: Path) -> list[Batch]:
    return read(tmp_path / path.name, path.read_bytes())


def test_a_page_of_another_charset_is_not_lost(shared_data: Path, tmp_path: Path) -> None:
    found = rows(read_copy(shared_data / "warc" / "chatnoir-resiliparse" / "clueweb-quirk.warc.gz", tmp_path))
    assert len(found) == 29
    assert {(row["charset"], row["charset_source"], row["num_replaced"]) for row in found} == {("euc_jp", "header", 0)}
    assert all("吉田カバン" in str(row["text"]) for row in found)
