from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure import fit_page_rank
from winnow.measure.fit_page_rank import FitPageRank, percentiles_of
from winnow.measure.link_graph import EdgeList

GRAPHS = [
    "ALBERTA_alberta_education_curriculum",
    "ALBERTA_alberta_oil_sands",
    "ALBERTA_canadian_business_grey_literature",
    "ALBERTA_edmonton_public_library",
    "ALBERTA_energy_environment",
    "ALBERTA_hcf_alberta_online_encyclopedia",
    "ALBERTA_heritage_community_foundation",
    "ALBERTA_ottawa_shooting_october_2014",
    "ALBERTA_western_canadian_film",
    "SFU_bc_local_government",
    "SFU_sfu_affiliated",
    "TORONTO_snowden_archive",
]


def write(path: Path, edges: str) -> EdgeList:
    """The graph of links such as ``"ab bc3"``: from, to, count."""
    lines = [f"{e[0]},{e[1]},{e[2:] or 1}\n" for e in edges.split()]
    path.write_text("source,target,count\n" + "".join(lines))
    return EdgeList(source=str(path))


def fitted(tmp_path: Path, graph: EdgeList, **options: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The rows of the ranks by node, and the report."""
    step = FitPageRank(graph=graph, **options)
    materialize(step, tmp_path / "store")
    files = Store(tmp_path / "store").table(step).files()
    rows = {row["node"]: row for row in pq.read_table(files / "ranks.parquet").to_pylist()}
    return rows, json.loads((files / "report.json").read_text())


def ranks(tmp_path: Path, edges: str, **options: Any) -> dict[str, float]:
    rows, _ = fitted(tmp_path, write(tmp_path / "x.csv", edges), **{"tolerance": 1e-14, "max_sweeps": 500, **options})
    return {node: row["rank"] for node, row in rows.items()}


@pytest.mark.parametrize("name", GRAPHS)
def test_published_ranks_of_real_graphs_are_reproduced(shared_data: Path, tmp_path: Path, name: str) -> None:
    packed = (shared_data / "link_graphs" / f"{name}-graph.json.zst").read_bytes()
    published = json.loads(zstandard.ZstdDecompressor().stream_reader(packed).read())
    links = {key: [link[key] for link in published["links"]] for key in ("src", "dst", "count")}
    table = pa.table({"source": links["src"], "target": links["dst"], "count": links["count"]})
    pq.write_table(table, tmp_path / "x.parquet")
    graph = EdgeList(source=str(tmp_path / "x.parquet"))
    rows, report = fitted(tmp_path, graph, start=0.15, max_sweeps=15, tolerance=0.0, dangling="drop")
    assert report["nodes"] == len(rows) == len(published["nodes"])
    for node in published["nodes"]:
        row = rows[node["domain"]]
        assert row["rank"] == pytest.approx(node["pageRank"], rel=1e-9)
        assert (row["in_degree"], row["out_degree"]) == (node["inDegree"], node["outDegree"])


def test_a_ring_is_even(tmp_path: Path) -> None:
    assert ranks(tmp_path, "ab bc ca") == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})


def test_a_chain_of_three(tmp_path: Path) -> None:
    d = 0.85
    a = 1 / (3 + 2 * d + d * d)  # c is dangling and goes anywhere
    assert ranks(tmp_path, "ab bc") == pytest.approx({"a": a, "b": a * (1 + d), "c": a * (1 + d + d * d)})


def test_what_dangling_nodes_have_may_be_dropped(tmp_path: Path) -> None:
    d = 0.85
    base = (1 - d) / 3
    expected = {"a": base, "b": base * (1 + d), "c": base * (1 + d + d * d)}
    assert ranks(tmp_path, "ab bc", dangling="drop") == pytest.approx(expected)
    unnormalised = ranks(tmp_path, "ab bc", dangling="drop", start=1.0)
    assert unnormalised == pytest.approx({node: 3 * rank for node, rank in expected.items()})


def test_a_star(tmp_path: Path) -> None:
    d = 0.85
    leaf = 1 / (4 + 3 * d)
    assert ranks(tmp_path, "ah bh ch") == pytest.approx({**dict.fromkeys("abc", leaf), "h": leaf * (1 + 3 * d)})


def test_links_count_as_often_as_they_were_found_unless_told_otherwise(tmp_path: Path) -> None:
    d, graph = 0.85, "ab3 ac ba ca"
    a = ((1 - d) / 3 + d) / (1 + d)  # b and c give a all that they have
    weighted = ranks(tmp_path, graph)
    assert weighted["a"] == pytest.approx(a)
    assert weighted["b"] - weighted["c"] == pytest.approx(d * a / 2)
    even = ranks(tmp_path, graph, weighted=False)
    assert even == pytest.approx({"a": a, "b": (1 - a) / 2, "c": (1 - a) / 2})


def test_degrees_are_those_that_ranks_were_made_with(tmp_path: Path) -> None:
    rows, _ = fitted(tmp_path, write(tmp_path / "x.csv", "ab3 ac ba bb2"))
    assert {node: (row["in_degree"], row["out_degree"]) for node, row in rows.items()} == {
        "a": (1, 4),
        "b": (5, 3),
        "c": (1, 0),
    }
    rows, _ = fitted(tmp_path, write(tmp_path / "x.csv", "ab3 ac ba bb2"), weighted=False)
    assert (rows["b"]["in_degree"], rows["b"]["out_degree"]) == (2, 2)


def test_self_links_hold_rank_unless_the_graph_is_without_them(tmp_path: Path) -> None:
    with_it = ranks(tmp_path, "aa9 ab ba")
    assert with_it["a"] > 0.6
    without = FitPageRank(graph=EdgeList(source=str(tmp_path / "x.csv"), self_links=False))
    materialize(without, tmp_path / "store")
    table = pq.read_table(Store(tmp_path / "store").table(without).files() / "ranks.parquet")
    assert table["rank"].to_pylist() == pytest.approx([0.5, 0.5])


def teleports(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_surfer_may_begin_anew_at_given_nodes(tmp_path: Path) -> None:
    d = 0.85
    given = teleports(tmp_path / "t.txt", "a\nnowhere\n\n")
    expected = {"a": 1 / (1 + d + d * d), "b": d / (1 + d + d * d), "c": d * d / (1 + d + d * d), "x": 0.0}
    assert ranks(tmp_path, "ab bc xa", teleport=given) == pytest.approx(expected)
    given = teleports(tmp_path / "t.txt", "a\t2\nx\t1\na\t1\n")
    ring = ranks(tmp_path, "ax xa", teleport=given)
    a = (0.75 * (1 - d) + 0.25 * d * (1 - d)) / (1 - d * d)
    assert ring == pytest.approx({"a": a, "x": 1 - a})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("nowhere\n", "none of the 1 nodes"), ("", "none of the 0"), ("a\tmuch\n", "'much'"), ("a\t-1", "above 0")],
)
def test_teleports_that_lead_nowhere_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ranks(tmp_path, "ab ba", teleport=str(tmp_path / "absent.txt"))
    with pytest.raises(InputError, match=complaint):
        ranks(tmp_path, "ab ba", teleport=teleports(tmp_path / "t.txt", text))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 15), st.integers(0, 2**32 - 1), st.booleans())
def test_ranks_solve_the_equation_and_add_up_to_one(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: int, personal: bool
) -> None:
    root, rng, d = tmp_path_factory.mktemp("solve"), np.random.default_rng(seed), 0.85
    weights = rng.integers(1, 5, (size, size)) * (rng.random((size, size)) < 0.25).astype(float)
    weights[0, 1:] = 1  # so that every node is there, and some are dangling
    names = "abcdefghijklmno"
    edges = " ".join(f"{names[u]}{names[v]}{int(weights[u, v])}" for u, v in zip(*np.nonzero(weights), strict=True))
    teleport = rng.random(size) if personal else np.ones(size)
    teleport /= teleport.sum()
    given = "".join(f"{name}\t{weight!r}\n" for name, weight in zip(names, teleport.tolist(), strict=False))
    options = {"teleport": teleports(root / "t.txt", given)} if personal else {}
    found = ranks(root, edges, **options)
    out = weights.sum(axis=1, keepdims=True)
    moves = np.where(out > 0, weights / np.where(out > 0, out, 1), teleport)
    solved = np.linalg.solve(np.eye(size) - d * moves.T, (1 - d) * teleport)
    assert list(found) == list(names[:size])
    assert list(found.values()) == pytest.approx(solved, rel=1e-10)
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)


def test_the_report_says_how_it_went(tmp_path: Path) -> None:
    graph = write(tmp_path / "x.csv", "ab bc ca ad")
    _, report = fitted(tmp_path, graph)
    assert (report["nodes"], report["links"], report["dangling"]) == (4, 4, 1)
    assert report["converged"]
    assert report["last_change"] < 1e-9
    assert report["sum"] == pytest.approx(1)
    assert [entry["node"] for entry in report["top"]][:2] == ["a", "c"]
    _, report = fitted(tmp_path, graph, max_sweeps=3)
    assert (report["sweeps"], report["converged"]) == (3, False)


def test_percentiles_count_half_of_the_equal() -> None:
    assert percentiles_of(np.array([3.0, 1.0, 2.0, 2.0])).tolist() == [0.875, 0.125, 0.5, 0.5]


def test_batches_of_nodes_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = write(tmp_path / "x.csv", "ab bc ca ad de ea ab")
    given = teleports(tmp_path / "t.txt", "c\ne\n")
    whole = fitted(tmp_path / "1", graph, teleport=given)
    monkeypatch.setattr(fit_page_rank, "names_of", lambda files: (pa.array([name]) for name in "abcde"))
    assert fitted(tmp_path / "2", graph, teleport=given) == whole


def test_too_little_memory_is_told_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_page_rank, "NODE_BYTES", 1 << 60)
    with pytest.raises(RecipeError, match=r"3 nodes take 3,458,764,513,820,540,928 bytes"):
        ranks(tmp_path, "ab bc")


@pytest.mark.parametrize(
    "options",
    [
        {"damping": 1.0},
        {"damping": 0.0},
        {"dangling": "keep"},
        {"max_sweeps": 0},
        {"tolerance": -1.0},
        {"start": 0.0},
        {"start": 1.0, "teleport": "x"},
    ],
)
def test_what_cannot_be_computed_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        ranks(tmp_path, "ab bc", **options)
