from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_warc import record, response
from test_wat import wat

from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents import links as module
from winnow.documents.links import Links


def crawl(path: Path, pages: dict[str, str]) -> str:
    """A WARC file of pages by URL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(record(response(html.encode()), url=url) for url, html in pages.items()))
    return str(path)


def rows(step: Links, store: Path) -> list[tuple[str, str, int]]:
    materialize(step, store, failure_budget=1.0)
    table = Store(store).table(step)
    return [
        tuple(row.values()) for shard in range(len(table.manifest.shards)) for row in table.shard(shard).to_pylist()
    ]


PAGES = {
    "http://www.a.org/": "<a href=http://b.a.org/x><a href=http://c.com/><a href=http://c.com/1><a href=/self>",
    "http://b.a.org/x": "<a href=http://a.org/><a rel=nofollow href=http://d.net/>",
}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("host", [("a.org", "a.org", 1), ("a.org", "b.a.org", 1), ("a.org", "c.com", 2), ("b.a.org", "a.org", 1)]),
        ("domain", [("a.org", "a.org", 3), ("a.org", "c.com", 2)]),
        (
            "page",
            [
                ("http://b.a.org/x", "http://a.org/", 1),
                ("http://www.a.org/", "http://b.a.org/x", 1),
                ("http://www.a.org/", "http://c.com/", 1),
                ("http://www.a.org/", "http://c.com/1", 1),
                ("http://www.a.org/", "http://www.a.org/self", 1),
            ],
        ),
    ],
)
def test_links_are_counted_between_hosts_domains_or_pages(tmp_path: Path, level: Any, expected: object) -> None:
    source = crawl(tmp_path / "1.warc", PAGES)
    assert rows(Links(source=source, level=level), tmp_path / "store") == expected


def test_links_not_to_be_followed_count_where_asked_for(tmp_path: Path) -> None:
    found = rows(Links(source=crawl(tmp_path / "1.warc", PAGES), nofollow=True), tmp_path / "store")
    assert ("b.a.org", "d.net", 1) in found


def test_wat_and_warc_of_a_crawl_give_the_same_links(tmp_path: Path) -> None:
    html = "<a href=/b>b</a><a href=http://c.org/>c</a>"
    warc = crawl(tmp_path / "1.warc", {"http://a.org/x": html})
    links = [{"path": "A@/href", "url": "/b"}, {"path": "A@/href", "url": "http://c.org/"}]
    block = json.dumps(wat(links)).encode()
    path = tmp_path / "1.warc.wat.gz"
    path.write_bytes(gzip.compress(record(block, kind="metadata", content_type="application/json")))
    found = rows(Links(source=warc, level="page"), tmp_path / "store")
    assert found == rows(Links(source=str(path), level="page"), tmp_path / "store")
    assert found == [("http://a.org/x", "http://a.org/b", 1), ("http://a.org/x", "http://c.org/", 1)]


HOSTS = st.sampled_from([f"h{number}.org" for number in range(6)])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(HOSTS, HOSTS), max_size=8), min_size=1, max_size=4))
def test_counts_are_right_however_the_crawl_is_cut(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[str, str]]]
) -> None:
    root = tmp_path_factory.mktemp("cut")
    expected: dict[tuple[str, str], int] = {}
    for number, pairs in enumerate(files):
        crawl(root / "crawl" / f"{number}.warc", {})
        data = [record(response(f"<a href=http://{t}/>".encode()), url=f"http://{s}/") for s, t in pairs]
        (root / "crawl" / f"{number}.warc").write_bytes(b"".join(data) or record(b"", kind="warcinfo"))
        for pair in pairs:
            expected[pair] = expected.get(pair, 0) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TASK_BYTES", 1)
        patch.setattr(module, "HELD_BYTES", 1)
        patch.setattr(module, "num_partitions", lambda num_bytes: 4)
        patch.setattr(module, "page_sandbox", Direct)
        found = rows(Links(source=str(root / "crawl")), root / "store")
    assert {(source, target): count for source, target, count in found} == expected
    assert len(found) == len(expected)


class Direct:
    """A sandbox without a process."""

    def __init__(self, extractor: Any) -> None:
        from winnow.documents.payload import load_reader

        self.read = load_reader(extractor)

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, payloads: list[Any]) -> list[Any]:
        return [self.read(payload) for payload in payloads]


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TASK_BYTES", 1)
    for number in range(3):
        crawl(tmp_path / "crawl" / f"{number}.warc", PAGES)
    step = Links(source=str(tmp_path / "crawl"))
    materialize(step, tmp_path / "one")
    materialize(step, tmp_path / "two", Processes(workers=2))
    one, two = (Store(tmp_path / name).table(step).manifest.digest for name in ("one", "two"))
    assert one == two


def test_a_file_that_cannot_be_read_is_quarantined_and_others_are_read(tmp_path: Path) -> None:
    crawl(tmp_path / "crawl" / "1.warc", PAGES)
    (tmp_path / "crawl" / "2.arc.gz").write_bytes(b"filedesc")
    (tmp_path / "crawl" / "3.jsonl").write_text('{"text": "no links here"}\n')
    step = Links(source=str(tmp_path / "crawl"))
    assert len(rows(step, tmp_path / "store")) == 4
    (found,) = Store(tmp_path / "store").table(step.inputs()[0]).quarantine()
    assert "recompress" in found["error"]


def test_a_source_without_links_and_an_unknown_level_are_refused(tmp_path: Path) -> None:
    (tmp_path / "3.jsonl").write_text('{"text": "no links here"}\n')
    with pytest.raises(InputError, match=r"names no WARC or WAT file"):
        materialize(Links(source=str(tmp_path / "3.jsonl")), tmp_path / "store")
    with pytest.raises(RecipeError, match=r"hots.*host"):
        materialize(Links(source=crawl(tmp_path / "1.warc", {}), level="hots"), tmp_path / "store")  # type: ignore[arg-type]
