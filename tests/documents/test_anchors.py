from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.documents.addresses import Level
from winnow.documents.anchors import PAGES, Anchors, find_anchors, link_pairs
from winnow.documents.payload import Text, load_reader
from winnow.documents.warc_format import MAX_RECORD_BYTES, Record
from winnow.documents.warc_pages import Page, to_page
from winnow.documents.warc_records import read_records


def hrefs(html: str) -> list[str]:
    return [anchor.href for anchor in find_anchors(html)[1]]


def pairs(
    html: str, *, url: str = "http://a.org/x/y?z", level: Level = "page", nofollow: bool = False
) -> dict[str, int]:
    """The targets of a page's links with their counts."""
    text = Anchors(nofollow=nofollow).load()(html)
    rows = link_pairs(
        pa.RecordBatch.from_pylist([{"url": url, "text": text, "content_type": "text/html"}], PAGES), level
    )
    return dict(zip(rows["target"].to_pylist(), rows["count"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=b>", ["b"]),
        ('<A class="x" HREF = "b c" id=d>', ["b c"]),
        ("<a\nhref='b>c'>", ["b>c"]),
        ("<a href=b href=c>", ["b"]),
        ('<a title="href=no" data-href=no href="/yes">', ["/yes"]),
        ("<a href='?a=1&amp;b=2&copy=3'>", ["?a=1&b=2©=3"]),
        ('<a href="b"title="c">', ["b"]),
        ("<a href=b/>", ["b/"]),
        ("<a/href=b>", ["b"]),
        ("<a href>", [""]),
        ("<a name=top><b href=no><abbr href=no><area href=no>", []),
        ("<!-- <a href=no> --><a href=b><!--><a href=no>", ["b"]),
        ("<script>'<a href=no>'</script ><a href=b><style><a href=no>", ["b"]),
        ("<textarea><a href=no></textarea><title><a href=no></title><a href=b>", ["b"]),
        ("<scripture><a href=b>", ["b"]),
        ("a < b <a href=c", ["c"]),
    ],
)
def test_anchors_are_found_as_browsers_find_them(html: str, expected: list[str]) -> None:
    assert hrefs(html) == expected


def test_links_are_resolved_against_their_page() -> None:
    html = (
        "<a href=http://B.org><a href=//c.org/#x><a href=/d><a href=e><a href=../f><a href='?g'>"
        "<a href='#here'><a href=''><a href=mailto:x><a href=javascript:y><a href='http://[z/'><a href=' h\n\ti '>"
    )
    expected = ["http://b.org/", "http://c.org/", "http://a.org/d", "http://a.org/x/e", "http://a.org/f"]
    assert list(pairs(html)) == [*expected, "http://a.org/x/y?g", "http://a.org/x/hi"]
    assert pairs(html, level="host") == {"b.org": 1, "c.org": 1, "a.org": 5}


def test_a_base_is_what_links_are_resolved_against() -> None:
    html = "<base href=//www.b.org/c/><base href=/no/><a href=d><a href=//e.org>"
    assert pairs(html) == {"http://www.b.org/c/d": 1, "http://e.org/": 1}
    assert pairs(html, level="host") == {"b.org": 1, "e.org": 1}
    assert pairs("<base href=javascript:x><a href=d>") == {"http://a.org/x/d": 1}


def test_links_that_are_not_to_be_followed_count_where_asked_for() -> None:
    html = "<a rel='Noopener NoFollow' href=//b.org><a rel=noopener href=//c.org><a rel=ugc href=//d.org>"
    assert list(pairs(html, level="host")) == ["c.org"]
    assert list(pairs(html, level="host", nofollow=True)) == ["b.org", "c.org", "d.org"]


def test_the_same_link_twice_counts_twice() -> None:
    assert pairs("<a href=b><a href=/x/b#c><a href=d>") == {"http://a.org/x/b": 2, "http://a.org/x/d": 1}


@given(st.text(alphabet="<>/ahrefbs='\"!- \n", max_size=200))
def test_no_html_is_an_error(html: str) -> None:
    find_anchors(html)


@pytest.mark.parametrize(
    "piece", ["<a ", "<a href='", '<a ="', "<!--", "<script ", "<script>", "<a href=x title='>", "= "]
)
def test_time_grows_with_the_page_and_no_faster(piece: str) -> None:
    assert isinstance(find_anchors("<a " + piece * 200_000), tuple)


def real_pages(shared_data: Path) -> list[str]:
    def same(html: str) -> str:
        return html

    class Same:
        def check(self) -> None: ...

        def load(self) -> Any:
            return same

    read = load_reader(Same())
    pages = []
    for path in ("dolma/sample-0000", "dolma/sample-0001", "chatnoir-resiliparse/warcfile", "warc2zim/solidaritenum"):
        with (shared_data / "warc" / f"{path}.warc.gz").open("rb") as stream:
            found = [to_page(r) for r in read_records(stream, max_bytes=MAX_RECORD_BYTES) if isinstance(r, Record)]
        texts = [read(page.payload) for page in found if isinstance(page, Page)]
        pages += [text.text.decode() for text in texts if isinstance(text, Text) and text.content_type == "text/html"]
    return pages


def test_real_pages_have_the_links_that_a_parser_finds(shared_data: Path) -> None:
    from resiliparse.parse.html import HTMLTree, traverse_dom

    num_links = 0
    for page in real_pages(shared_data):
        found: list[str] = []

        def visit(context: Any, found: list[str] = found) -> None:
            if context.node.tag == "a" and context.node.hasattr("href"):
                found.append(context.node.getattr("href"))

        root: Any = HTMLTree.parse(page).document
        traverse_dom(root, visit)
        ours, theirs = Counter(hrefs(page)), Counter(found)
        assert set(ours) == set(theirs)
        assert ours <= theirs  # a tree has an anchor twice where tags are not nested
        num_links += ours.total()
    assert num_links > 3000
