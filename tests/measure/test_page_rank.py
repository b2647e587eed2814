from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import Given, rows_of

from winnow.choose.rank import Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.addresses import Level
from winnow.documents.links import Links
from winnow.documents.read import Read
from winnow.measure.fit_page_rank import FitPageRank
from winnow.measure.link_graph import EdgeList, LinkGraph
from winnow.measure.page_rank import PageRank
from winnow.measure.score import Score


def fit(tmp_path: Path, *edges: tuple[str, str]) -> FitPageRank:
    (tmp_path / "x.tsv").write_text("source\ttarget\n" + "".join(f"{s}\t{t}\n" for s, t in edges))
    return FitPageRank(graph=EdgeList(source=str(tmp_path / "x.tsv")))


def capture(url: str, html: str) -> bytes:
    """A WARC record of a page."""
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{html}".encode()
    header = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nContent-Type: application/http\r\n"
    return f"{header}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("level", "node", "url"),
    [
        ("host", "b.a.co.uk", "HTTPS://www.b.a.co.uk:8080/x?y#z"),
        ("domain", "a.co.uk", "https://b.a.co.uk/"),
        ("page", "https://b.a.co.uk/x?y", "https://B.A.co.uk:443/x?y#z"),
    ],
)
def test_documents_have_the_rank_of_their_node(tmp_path: Path, level: Level, node: str, url: str) -> None:
    model = fit(tmp_path, ("http://c.org/", node), ("d.org", node), (node, "d.org"))
    rows = (
        ("1", "t", url, None),
        ("2", "t", "http://elsewhere.org/", None),
        ("3", "t", "nothing", None),
        ("4", "", None),
    )
    scores = Score(documents=Given(shards=(rows,)), measure=PageRank(model=model, level=level))
    materialize(scores, tmp_path / "store")
    files = Store(tmp_path / "store").table(model).files()
    table = {row["node"]: row for row in pq.read_table(files / "ranks.parquet").to_pylist()}
    found, *others = rows_of(scores, tmp_path / "store")
    assert (found["rank"], found["percentile"]) == (table[node]["rank"], table[node]["percentile"])
    assert found["percentile"] == max(row["percentile"] for row in table.values())
    assert [(row["rank"], row["percentile"]) for row in others] == [(None, None)] * 3


def test_every_node_is_found_and_no_other(tmp_path: Path) -> None:
    model = fit(tmp_path, *((f"h{n}.org", f"h{n * n % 1000}.org") for n in range(1000)))
    materialize(model, tmp_path / "store")
    files = Store(tmp_path / "store").table(model).files()
    ranks = {row["node"]: row["rank"] for row in pq.read_table(files / "ranks.parquet").to_pylist()}
    urls = [f"http://h{n}.org/" for n in range(1100)]
    judged = PageRank(model=str(files / "lookup.npy")).load()(pa.RecordBatch.from_pydict({"url": urls}))
    assert judged["rank"].to_pylist() == [ranks.get(f"h{n}.org") for n in range(1100)]


def test_a_file_of_ranks_is_a_model_too(tmp_path: Path) -> None:
    model = fit(tmp_path, ("a.org", "b.org"))
    materialize(model, tmp_path / "store")
    path = str(Store(tmp_path / "store").table(model).files() / "lookup.npy")
    assert PageRank(model=path).files() == (path,)
    assert PageRank(model=model).files() == ()


def test_a_crawl_is_ranked_and_chosen_from_by_its_own_links(tmp_path: Path) -> None:
    html = {
        "http://hub.org/": "<p>The page that everyone links to.</p><a href=http://one.org/>one</a>",
        "http://one.org/": "<p>A page that links to the hub.</p><a href=http://hub.org/>hub</a><a href=/x>x</a>",
        "http://two.org/": "<p>Another page that links to it.</p><a href=http://www.hub.org/>hub</a>",
    }
    (tmp_path / "1.warc").write_bytes(b"".join(capture(*page) for page in html.items()))
    pages, links = Read(source=str(tmp_path / "1.warc")), Links(source=str(tmp_path / "1.warc"))
    scores = Score(
        documents=pages,
        measure=PageRank(model=FitPageRank(graph=LinkGraph(links=links, self_links=False))),
    )
    top = Select(documents=pages, measures=(scores,), keep=Top("page_rank.rank", 0.3))
    low = RuleSet(name="low", source="none", measures=(), rules=(("low", "page_rank.percentile < 0.4"),))
    ruled = Select(documents=pages, measures=(scores,), reject=low)
    materialize(top, tmp_path / "store")
    materialize(ruled, tmp_path / "store")
    order = [row["url"] for row in rows_of(pages, tmp_path / "store")]

    def kept(select: Select) -> list[str]:
        rows = zip(order, rows_of(select, tmp_path / "store"), strict=True)
        return [url for url, row in rows if row["kept"]]

    assert kept(top) == ["http://hub.org/"]
    assert kept(ruled) == ["http://hub.org/", "http://one.org/"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"hots.*host"):
        PageRank(model="x", level="hots")  # type: ignore[arg-type]
