"""Links of pages: the ``<a href>`` of their HTML, and which hosts, domains or pages they join.

HTML is scanned, not parsed: comments, scripts, styles and text areas are passed over, and start tags are read as
browsers read them: 80 MB of HTML a second, six tenths of the time that resiliparse takes for the main text. Real pages
have the links that resiliparse's tree has, less those that it doubles where tags are not nested. Rejected: that tree
itself (its lists take time quadratic in their length, a traversal a call of Python for every node).

Whatever the source, the links of a page are one text: its base (the ``<base href>``, or nothing) on the first line,
then a link a line. That is what a reader of pages takes for their text, so damage, codings, charsets and pages that
hang are handled where they are for documents.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urljoin

import pyarrow as pa

from winnow.documents.addresses import Level, nodes_of
from winnow.documents.payload import HTML_TYPES

# A comment; the start tag of an anchor or a base; an element whose content is no HTML. Nothing is read twice.
_TAG = re.compile(
    r"<(?:!--.*?(?:-->|\Z)"
    r"|(?P<name>[aA]|(?i:base))(?=[\s/])(?P<attributes>(?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+)(?:>|\Z)"
    r"|(?P<raw>(?i:script|style|textarea|title|xmp|iframe|noembed|noframes))(?=[\s/>])[^>]*+(?:>|\Z)"
    r"[^<]*+(?:<(?!/(?i:(?P=raw))[\s/>])[^<]*+)*+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]*+)))?")
_LINE_BREAKS = re.compile(r"[\t\n\r]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_NOT_FOLLOWED = {"nofollow", "ugc", "sponsored"}

PAGES = pa.schema([pa.field("url", pa.string()), pa.field("text", pa.string()), pa.field("content_type", pa.string())])
"""What ``link_pairs`` reads of pages, whose ``text`` is the lines of their links."""


class Anchor(NamedTuple):
    """One ``<a>`` as it stands in a page."""

    href: str
    rel: str


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """Finds the links of a page; stands where a reader of pages has its extractor of text."""

    nofollow: bool
    """Whether links marked ``rel=nofollow``, ``ugc`` or ``sponsored`` count."""

    def check(self) -> None:
        """Nothing to refuse."""

    def load(self) -> Callable[[str], str]:
        """The function from HTML to the lines of its links."""
        return lambda page: as_lines(*find_anchors(page), nofollow=self.nofollow)


def find_anchors(page: str) -> tuple[str, list[Anchor]]:
    """The base of an HTML page, empty where it names none, and its anchors with a target, in order."""
    base, anchors = "", []
    for tag in _TAG.finditer(page):
        if tag["name"] is None:
            continue
        attributes: dict[str, str] = {}
        for name, *values in _ATTRIBUTE.findall(tag["attributes"]):
            attributes.setdefault(name.lower(), html.unescape(values[0] or values[1] or values[2]))
        href = attributes.get("href")
        if href is None:
            continue
        if tag["name"].lower() == "a":
            anchors.append(Anchor(href, attributes.get("rel", "")))
        elif not base:
            base = href
    return base, anchors


def as_lines(base: str, anchors: Iterable[Anchor], *, nofollow: bool) -> str:
    """A page's base and links, one a line; without links within the page, and those that lead out of the web."""
    lines = [_line(base)]
    for href, rel in anchors:
        link = _line(href)
        if not link or link.startswith("#") or (_SCHEME.match(link) and not _HTTP.match(link)):
            continue
        if nofollow or not _NOT_FOLLOWED.intersection(rel.lower().split()):
            lines.append(link)
    return "\n".join(lines)


def _line(url: str) -> str:
    return _LINE_BREAKS.sub("", url.strip())


def link_pairs(pages: pa.RecordBatch, level: Level) -> pa.Table:
    """The links of pages (``PAGES``) as nodes of a level: ``source``, ``target``, and how many there are of each."""
    sources: list[str] = []
    targets: list[str] = []
    columns = (pages.column(name).to_pylist() for name in ("url", "text", "content_type"))
    for url, text, content_type in zip(*columns, strict=True):
        if url is None or not _HTTP.match(url) or content_type not in HTML_TYPES:
            continue
        base, *links = text.split("\n")
        base = _join(url, base, "page")
        base = base if _HTTP.match(base) else url
        targets += [_join(base, link, level) for link in links]
        sources += [url] * len(links)
    nodes = [_nodes(urls, level) for urls in (sources, targets)]
    counts = pa.repeat(pa.scalar(1, pa.int64()), len(sources))
    return sum_counts(pa.Table.from_arrays([*nodes, counts], names=["source", "target", "count"]).drop_null())


def sum_counts(links: pa.Table) -> pa.Table:
    """Links with one row for each pair of nodes."""
    grouped = links.group_by(["source", "target"], use_threads=False).aggregate([("count", "sum")])
    return grouped.rename_columns({"count_sum": "count"}).select(links.column_names)


def _nodes(urls: list[str], level: Level) -> pa.Array:
    encoded = pa.array(urls, pa.string()).dictionary_encode()
    return nodes_of(encoded.dictionary, level).take(encoded.indices)


def _join(base: str, link: str, level: Level) -> str:
    """The URL that a link means; where only its host is asked for, any URL there."""
    if _HTTP.match(link):
        return link
    if level != "page":
        return f"http:{link}" if link.startswith("//") else base
    try:
        return urljoin(base, link)
    except ValueError:  # no host that can be read, such as http://[x]/
        return ""
