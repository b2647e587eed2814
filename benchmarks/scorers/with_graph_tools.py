"""The peers' side, in their environment: python with_graph_tools.py TOOL SOURCES TARGETS SWEEPS RANKS.

Writes the ranks and prints JSON: processor-seconds of building the graph and of ranking, and the peaks of
memory.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

DAMPING = 0.85


def main() -> None:
    tool, sources, targets, sweeps, out = sys.argv[1:]
    edges = np.load(sources), np.load(targets)
    began = time.process_time()
    graph = BUILD[tool](*edges)
    built = time.process_time()
    build_peak = peak_memory()
    ranks = RANK[tool](graph, int(sweeps))
    done = time.process_time()
    np.save(out, ranks)
    found = {"build": built - began, "rank": done - built, "build_peak": build_peak, "rank_peak": peak_memory()}
    if tool == "scipy":
        found["sweeps"] = found["rank"]
    print(json.dumps(found))


def peak_memory() -> int:
    """Bytes that this process held at most."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


def build_scipy(sources, targets):  # type: ignore[no-untyped-def]
    from scipy.sparse import csr_array

    size = int(max(sources.max(), targets.max())) + 1
    out = np.bincount(sources, minlength=size)
    return csr_array((1 / out[sources], (targets, sources)), shape=(size, size)), out == 0


def rank_scipy(graph, sweeps):  # type: ignore[no-untyped-def]
    moves, dangling = graph
    size = len(dangling)
    ranks = np.full(size, 1 / size)
    for _ in range(sweeps):
        after = DAMPING * (moves @ ranks + ranks[dangling].sum() / size) + (1 - DAMPING) / size
        np.abs(after - ranks).sum()  # what tells whether to go on
        ranks = after
    return ranks


def build_igraph(sources, targets):  # type: ignore[no-untyped-def]
    from igraph import Graph

    return Graph(int(max(sources.max(), targets.max())) + 1, np.stack([sources, targets], 1), directed=True)


def rank_igraph(graph, sweeps):  # type: ignore[no-untyped-def]
    return np.array(graph.pagerank(damping=DAMPING))


def build_networkx(sources, targets):  # type: ignore[no-untyped-def]
    from networkx import DiGraph

    graph = DiGraph()
    graph.add_nodes_from(range(int(max(sources.max(), targets.max())) + 1))
    graph.add_edges_from(zip(sources.tolist(), targets.tolist(), strict=True))
    return graph


def rank_networkx(graph, sweeps):  # type: ignore[no-untyped-def]
    from networkx import pagerank

    found = pagerank(graph, DAMPING, max_iter=500, tol=1e-9 / len(graph))
    return np.array([found[node] for node in range(len(graph))])


BUILD: dict[str, Any] = {"scipy": build_scipy, "igraph": build_igraph, "networkx": build_networkx}
RANK: dict[str, Any] = {"scipy": rank_scipy, "igraph": rank_igraph, "networkx": rank_networkx}

if __name__ == "__main__":
    main()
