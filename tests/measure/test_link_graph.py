from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import Letters

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure import given_tables, link_graph
from winnow.measure.link_graph import Adjacency, EdgeList, Graph, LinkGraph, WebGraph, names_of

Edges = list[tuple[str, str, int]]


def edges_of(graph: Graph, store: Path) -> dict[tuple[str, str], int]:
    """The links of a graph by the names of their nodes, read back from its files."""
    materialize(graph, store)
    files = Store(store).table(graph).files()
    names = [name for batch in names_of(files) for name in batch.to_pylist()]
    links = Adjacency.open(files)
    counts = links.counts if len(links.counts) else np.ones(len(links.sources), int)
    targets = np.repeat(np.arange(len(names)), np.diff(links.starts))
    assert links.starts[-1] == len(links.sources)
    order = np.lexsort((links.sources, targets))
    assert (order == np.arange(len(order))).all()
    pairs = zip(links.sources.tolist(), targets.tolist(), counts.tolist(), strict=True)
    return {(names[source], names[target]): count for source, target, count in pairs}


def csv(path: Path, edges: Edges) -> None:
    path.write_text("count,target,source\n" + "".join(f'{n},"{t}",{s}\n' for s, t, n in edges))


def tsv(path: Path, edges: Edges) -> None:
    path.write_bytes(
        gzip.compress(("source\ttarget\tcount\n" + "".join(f"{s}\t{t}\t{n}\n" for s, t, n in edges)).encode())
    )


def parquet(path: Path, edges: Edges) -> None:
    columns = zip(*edges, strict=True)
    pq.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], names=["source", "target", "count"]), path)


EDGES: Edges = [("b", "a", 2), ("a", "c", 1), ("b", "a", 3), ("c", "c", 7), ("été", "a", 1)]


@pytest.mark.parametrize(("ending", "write"), [("csv", csv), ("tsv.gz", tsv), ("parquet", parquet)])
def test_a_list_of_links_is_a_graph(tmp_path: Path, ending: str, write: Callable[[Path, Edges], None]) -> None:
    (tmp_path / "links").mkdir()
    write(tmp_path / "links" / f"1.{ending}", EDGES[:2])
    write(tmp_path / "links" / f"2.{ending}", EDGES[2:])
    summed = {("b", "a"): 5, ("a", "c"): 1, ("c", "c"): 7, ("été", "a"): 1}
    assert edges_of(EdgeList(source=str(tmp_path / "links")), tmp_path / "store") == summed
    del summed["c", "c"]
    assert edges_of(EdgeList(source=str(tmp_path / "links" / "*"), self_links=False), tmp_path / "store") == summed


def test_files_may_lie_elsewhere(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/links/1.csv", b"source,target\na,b\n")
    memory.pipe("/links/2.csv", b"source,target\na,b\nb,a\n")
    assert edges_of(EdgeList(source="memory://links/*.csv"), tmp_path / "store") == {("a", "b"): 2, ("b", "a"): 1}


def test_links_without_counts_count_once(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text('source\ttarget\na"\tb\n#c\tb\n')
    graph = EdgeList(source=str(tmp_path / "x.tsv"))
    assert edges_of(graph, tmp_path / "store") == {('a"', "b"): 1, ("#c", "b"): 1}
    assert not (Store(tmp_path / "store").table(graph).files() / "counts.bin").exists()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.integers(1, 9)), min_size=1))
def test_files_are_the_same_whatever_the_order_of_links(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[str, str, int]]
) -> None:
    root = tmp_path_factory.mktemp("order")
    expected: dict[tuple[str, str], int] = {}
    for source, target, count in edges:
        expected[source, target] = expected.get((source, target), 0) + count
    csv(root / "1.csv", edges)
    csv(root / "2.csv", edges[::-1])
    one, two = (EdgeList(source=str(root / name)) for name in ("1.csv", "2.csv"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(given_tables, "BATCH_ROWS", 2)
        patch.setattr(link_graph, "BATCH_ROWS", 2)
        assert edges_of(one, root / "store") == edges_of(two, root / "store") == expected
    tables = [Store(root / "store").table(graph).manifest for graph in (one, two)]
    assert tables[0].digest == tables[1].digest


def test_a_web_graph_is_read_in_the_format_of_common_crawl(tmp_path: Path) -> None:
    (tmp_path / "vertices").mkdir()
    (tmp_path / "vertices" / "1.txt.gz").write_bytes(gzip.compress(b"2\torg.a.b\n3\torg.c\n"))
    (tmp_path / "vertices" / "0.txt.gz").write_bytes(gzip.compress(b"0\tcom.example\n1\torg.a\n"))
    (tmp_path / "edges.txt").write_text("0\t3\n1\t2\n1\t3\n2\t0\n")
    graph = WebGraph(vertices=str(tmp_path / "vertices"), edges=str(tmp_path / "edges.txt"))
    names = ["example.com", "a.org", "b.a.org", "c.org"]
    expected = {(names[source], names[target]): 1 for source, target in ((0, 3), (1, 2), (1, 3), (2, 0))}
    assert edges_of(graph, tmp_path / "store") == expected


def test_domains_of_common_crawl_have_a_third_column(tmp_path: Path) -> None:
    (tmp_path / "vertices.txt").write_text("0\tcom.example\t12\n1\torg.a\t1\n")
    (tmp_path / "edges.txt").write_text("0\t1\n")
    graph = WebGraph(vertices=str(tmp_path / "vertices.txt"), edges=str(tmp_path / "edges.txt"))
    assert edges_of(graph, tmp_path / "store") == {("example.com", "a.org"): 1}


@pytest.mark.parametrize(
    ("vertices", "edges", "complaint"),
    [
        ("0\tcom.a\n2\tcom.b\n", "0\t0\n", "node 1 is missing or there twice"),
        ("0\tcom.a\n0\tcom.b\n", "0\t0\n", "node 1 is missing or there twice"),
        ("0\tcom.a\n1\tcom.b\n", "0\t2\n", "names node 2, and there are 2"),
        ("0\tcom.a\n1\tcom.b\n", "0\tx\n", "cannot be made of its files"),
    ],
)
def test_a_broken_web_graph_is_refused(tmp_path: Path, vertices: str, edges: str, complaint: str) -> None:
    (tmp_path / "vertices.txt").write_text(vertices)
    (tmp_path / "edges.txt").write_text(edges)
    graph = WebGraph(vertices=str(tmp_path / "vertices.txt"), edges=str(tmp_path / "edges.txt"))
    with pytest.raises(InputError, match=complaint):
        materialize(graph, tmp_path / "store")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("source,count\na,1\n", "no column 'target'; it has source, count"),
        ("source,target,count\na,b,0\n", "counts lie in"),
        ("source,target,count\na,b,4294967296\n", "counts lie in"),
        ("source,target,count\na,b,x\n", "cannot be made of its files"),
        ("source,target\n", "0 nodes"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=complaint):
        materialize(EdgeList(source=str(tmp_path / "x.csv")), tmp_path / "store")


def test_a_graph_of_self_links_alone_is_refused_without_them(tmp_path: Path) -> None:
    csv(tmp_path / "x.csv", [("a", "a", 1)])
    with pytest.raises(InputError, match="no links"):
        materialize(EdgeList(source=str(tmp_path / "x.csv"), self_links=False), tmp_path / "store")
    with pytest.raises(InputError, match="names no file"):
        materialize(EdgeList(source=str(tmp_path / "*.tsv")), tmp_path / "store")


def test_a_table_without_links_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no column 'count'; it has id, text"):
        materialize(LinkGraph(links=Letters()), tmp_path / "store")


def test_a_changed_file_makes_another_graph(tmp_path: Path) -> None:
    csv(tmp_path / "x.csv", EDGES)
    graph = EdgeList(source=str(tmp_path / "x.csv"))
    assert len(edges_of(graph, tmp_path / "store")) == 4
    csv(tmp_path / "x.csv", EDGES[:1])
    assert len(edges_of(graph, tmp_path / "store")) == 1
