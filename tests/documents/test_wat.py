from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from test_warc import record

from winnow.core.guard import Guard, Suspects
from winnow.documents.schema import Batch
from winnow.documents.source import Span, kind_of
from winnow.documents.wat import read_wat


def wat(links: object, *, kind: str = "response", status: str = "200", base: str | None = None) -> dict[str, Any]:
    """A record as Common Crawl's WAT files have it."""
    head = {} if base is None else {"Base": base}
    html = {"Head": {"Title": "t", **head}, "Links": links}
    response = {"Response-Message": {"Status": status, "Reason": "OK", "Version": "HTTP/1.1"}, "HTML-Metadata": html}
    return {
        "Container": {"Filename": "CC-MAIN-0.warc.gz", "Compressed": True, "Offset": "7"},
        "Envelope": {
            "Payload-Metadata": {
                "Actual-Content-Type": f"application/http; msgtype={kind}",
                "HTTP-Response-Metadata": response,
            },
            "Format": "WARC/1.0",
            "WARC-Header-Metadata": {"WARC-Type": kind, "WARC-Target-URI": "http://a.org/x"},
        },
    }


def read_pages(path: Path, *records: object, nofollow: bool = False) -> Batch:
    blocks = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    path.write_bytes(b"".join(record(b, kind="metadata", content_type="application/json") for b in blocks))
    span = Span(path=str(path), kind="warc", source="s", size=path.stat().st_size)
    guard = Guard(path.with_name("note"), Suspects())
    (batch,) = read_wat(span, guard, 0, nofollow=nofollow)
    guard.close()
    return batch


def test_a_wat_file_gives_the_links_of_its_pages(tmp_path: Path) -> None:
    links = [
        {"path": "IMG@/src", "url": "i.png"},
        {"path": "A@/href", "url": "/b", "text": "words"},
        {"path": "A@/href", "url": "http://c.org/", "rel": "nofollow"},
        {"path": "A@/href"},
        {"path": "FORM@/action", "url": "/f"},
    ]
    redirect = wat([], status="301")
    request: object = {"Envelope": {"Payload-Metadata": {"HTTP-Request-Metadata": {}}}}
    batch = read_pages(tmp_path / "x.warc.wat", wat(links, base="//d.org/"), redirect, request, b"{", b"[]", b"{}")
    assert batch.documents.to_pylist() == [
        {"url": "http://a.org/x", "text": "//d.org/\n/b", "content_type": "text/html"}
    ]
    assert (batch.num_records, batch.skipped) == (6, {"no HTML page": 2})
    assert [(q.kind, q.error[:10]) for q in batch.quarantined] == [("error", "not read: ")] * 3
    batch = read_pages(tmp_path / "x.warc.wat", wat(links), nofollow=True)
    assert batch.documents["text"].to_pylist() == ["\n/b\nhttp://c.org/"]


def test_a_wat_file_is_known_by_its_name() -> None:
    assert kind_of("s3://crawl/CC-MAIN-0.warc.wat.gz") == "warc"


def test_damage_and_a_record_that_killed_its_worker_cost_themselves_alone(tmp_path: Path) -> None:
    block = json.dumps(wat([{"path": "A@/href", "url": "/b"}])).encode()
    one = record(block, kind="metadata", content_type="application/json")
    path = tmp_path / "x.warc.wat"
    path.write_bytes(one + b"lost bytes\r\n" + one + one)
    guard = Guard(tmp_path / "note", Suspects(deaths=2, poison=frozenset({3})))
    batches = list(read_wat(Span(path=str(path), kind="warc", source="s", size=0), guard, 0, nofollow=False))
    guard.close()
    assert sum(batch.documents.num_rows for batch in batches) == 2
    assert [q.kind for batch in batches for q in batch.quarantined] == ["error", "crash"]


def test_the_real_record_of_a_request_holds_no_links(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "warc" / "whirlwind-python" / "whirlwind.warc.wat.gz"
    guard = Guard(tmp_path / "note", Suspects())
    (batch,) = read_wat(Span(path=str(path), kind="warc", source="s", size=0), guard, 0, nofollow=False)
    guard.close()
    assert (batch.documents.num_rows, batch.skipped, batch.quarantined) == (0, {"no HTML page": 2}, [])
