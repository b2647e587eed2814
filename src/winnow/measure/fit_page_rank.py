"""PageRank of the nodes of a graph, by power iteration out of core.

Links stay in files that are mapped into memory and are read from end to end in every sweep. In memory are
``NODE_BYTES`` for each node, whatever the number of links: 0.6 GB for 10 million nodes, 19 GB for the 300 million hosts
of a graph of Common Crawl. A sweep takes less time than scipy's product of a sparse matrix and a vector
(benchmarks/scorers/page_rank.py).
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.core.errors import InputError, RecipeError, did_you_mean
from winnow.core.files import fingerprint, write_json
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.measure.link_graph import Adjacency, Graph, names_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Dangling = Literal["distribute", "drop"]

NODE_BYTES = 64
"""Memory for each node: eight vectors."""
TOP = 20


@dataclass(frozen=True, kw_only=True)
class FitPageRank(Whole):
    """PageRank (Page, Brin, Motwani & Winograd 1999): how likely a surfer who follows links at random is at a node.

    A sweep gives every node ``1 - damping`` of its teleport and ``damping`` of what the nodes that link to it share out
    equally among their links. Writes ``ranks.parquet`` (``node``, ``rank``, ``percentile``, ``in_degree``,
    ``out_degree``, in the order of the graph's nodes), ``lookup.npy`` for ``PageRank``, and ``report.json`` (nodes,
    links, dangling nodes, sweeps, the last change, the highest ranks). RecipeError where the machine has too
    little memory, before anything is computed.
    """

    graph: Graph
    damping: float = 0.85
    """Share of a node's rank that its links pass on, in (0, 1)."""
    weighted: bool = True
    """Whether a link that was found n times counts n times; degrees are then sums of counts."""
    dangling: Dangling = "distribute"
    """Whether the rank of nodes without links is passed on as teleports are, or dropped; then ranks add up to less."""
    teleport: str | None = None
    """A text file of nodes, one a line, each with a weight behind a tab if they are not alike: where the surfer begins
    anew (personalised PageRank, ibid., section 6). Default: anywhere."""
    start: float | None = None
    """Ranks as GraphX of Spark has them: not normalised, each node begins at this number and gets ``1 - damping``.
    Default: ranks that add up to 1."""
    tolerance: float = 1e-9
    """Sweeps end when ranks change by less than this share of their sum; 0 to make all ``max_sweeps``."""
    max_sweeps: int = 100

    def check(self) -> None:
        """Refuse what cannot be computed."""
        if not 0 < self.damping < 1:
            raise RecipeError(f"damping is {self.damping}; it must lie in (0, 1)")
        if self.dangling not in get_args(Dangling):
            raise RecipeError(f"no dangling={self.dangling!r}; {did_you_mean(self.dangling, get_args(Dangling))}")
        if self.max_sweeps < 1 or self.tolerance < 0:
            raise RecipeError(f"max_sweeps is {self.max_sweeps} and tolerance {self.tolerance}: give at least 1 and 0")
        if self.start is not None and (self.start <= 0 or self.teleport is not None):
            raise RecipeError(f"start is {self.start}: it must be above 0, and goes with no teleport")

    def announce(self, store: Store) -> None:
        """Say how much memory it takes; RecipeError where the machine has less."""
        num_nodes = store.table(self.graph).manifest.counts["nodes"]
        needed, there = num_nodes * NODE_BYTES, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        told = f"the ranks of {num_nodes:,} nodes take {needed:,} bytes of memory"
        if needed > there:
            raise RecipeError(
                f"{told}, and this machine has {there:,}: take a larger one, or a graph of hosts or registered domains "
                "in place of pages"
            )
        logging.getLogger("winnow").info(told)

    def outside(self) -> dict[str, str]:
        """The file of teleports."""
        return {} if self.teleport is None else {self.teleport: fingerprint(self.teleport)}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Sweep until ranks stand, and write them."""
        from winnow.kernels.page_rank import count_out

        files = store.table(self.graph).files()
        links = Adjacency.open(files)
        links = links if self.weighted else links._replace(counts=np.zeros(0, np.uint32))
        num_nodes = len(links.starts) - 1
        out_degrees = np.zeros(num_nodes, np.float64)
        count_out(links.sources, links.counts, out_degrees)
        teleport = np.zeros(0) if self.teleport is None else _read_teleport(self.teleport, files, num_nodes)
        ranks, changes = self._sweep(links, out_degrees, teleport)
        _write_ranks(directory, files, ranks, _in_degrees(links), out_degrees)
        counts = {
            "nodes": num_nodes,
            "links": len(links.sources),
            "dangling": int((out_degrees == 0).sum()),
            "sweeps": len(changes),
        }
        report = {
            **counts,
            "converged": changes[-1] < self.tolerance,
            "last_change": changes[-1],
            "sum": float(ranks.sum()),
            "teleports": int((teleport > 0).sum()),
            "memory_bytes": num_nodes * NODE_BYTES,
            "top": _top(files, ranks),
        }
        write_json(directory / "report.json", report)
        return counts

    def _sweep(
        self, links: Adjacency, out_degrees: NDArray[np.float64], teleport: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], list[float]]:
        """The ranks, and by which share they changed in each sweep."""
        from winnow.kernels.page_rank import share, sweep

        num_nodes = len(out_degrees)
        is_personal = len(teleport) > 0
        given = 1.0 if is_personal or self.start is not None else 1 / num_nodes
        spread = 0.0 if self.dangling == "drop" else 1.0 if is_personal else 1 / num_nodes
        ranks = teleport.copy() if is_personal else np.full(num_nodes, given if self.start is None else self.start)
        shares = np.empty(num_nodes, np.float64)
        changes: list[float] = []
        while len(changes) < self.max_sweeps and (not changes or changes[-1] >= self.tolerance):
            dangling = share(ranks, out_degrees, shares)
            scale = (1 - self.damping) * given + self.damping * spread * dangling
            change = sweep(*links, shares, self.damping, teleport, scale, ranks)
            changes.append(change / float(ranks.sum()))
        return ranks, changes


def _read_teleport(path: str, files: Path, num_nodes: int) -> NDArray[np.float64]:
    """The weight of each node as a list gives it; they add up to 1. InputError where no node of the graph has one."""
    import fsspec

    weights: dict[str, float] = {}
    try:
        with fsspec.open(path, "rt", encoding="utf-8", compression="infer") as lines:
            for line in filter(str.strip, lines):
                node, _, weight = line.strip().partition("\t")
                weights[node] = weights.get(node, 0.0) + _weight(weight, path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the teleports {path} cannot be read ({error}): give a text file, one node a line") from error
    listed = pa.array(list(weights), pa.string())
    values = np.array(list(weights.values()))
    teleport = np.zeros(num_nodes, np.float64)
    start = 0
    for names in names_of(files):
        found = pc.index_in(names, listed).fill_null(-1).to_numpy()
        inside = found >= 0
        teleport[start : start + len(names)][inside] = values[found[inside]]
        start += len(names)
    if not teleport.any():
        raise InputError(f"none of the {len(listed):,} nodes in {path} is in the graph: name them as the graph does")
    teleport /= teleport.sum()
    return teleport


def _weight(text: str, path: str) -> float:
    try:
        weight = float(text) if text.strip() else 1.0
    except ValueError:
        weight = -1.0
    if not 0 < weight < np.inf:
        raise InputError(f"a weight in {path} is {text!r}: give a node a line, and behind a tab a number above 0")
    return weight


def _in_degrees(links: Adjacency) -> NDArray[np.float64]:
    """The sum of the weights of each node's links: a sweep in which every link brings 1."""
    from winnow.kernels.page_rank import sweep

    num_nodes = len(links.starts) - 1
    degrees = np.zeros(num_nodes, np.float64)
    sweep(*links, np.ones(num_nodes), 1.0, np.zeros(0), 0.0, degrees)
    return degrees


def _write_ranks(
    directory: Path,
    files: Path,
    ranks: NDArray[np.float64],
    in_degrees: NDArray[np.float64],
    out_degrees: NDArray[np.float64],
) -> None:
    from winnow.kernels.passages import hash_strings

    percentiles = percentiles_of(ranks)
    hashes = np.empty(len(ranks), np.uint64)
    start = 0
    writer = None
    for names in names_of(files):
        here = slice(start, start + len(names))
        hashes[here] = hash_strings(names, 0)
        columns = {"node": names, "rank": ranks[here], "percentile": percentiles[here]}
        columns |= {"in_degree": in_degrees[here].astype(np.int64), "out_degree": out_degrees[here].astype(np.int64)}
        batch = pa.RecordBatch.from_pydict(columns)
        writer = writer or pq.ParquetWriter(
            directory / "ranks.parquet", batch.schema, compression="zstd", compression_level=1, use_dictionary=False
        )
        writer.write_batch(batch)
        start += len(names)
    assert writer is not None
    writer.close()
    write_lookup(directory / "lookup.npy", hashes, ranks, percentiles)


def percentiles_of(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the ranks that are lower than each; half of those that are equal count."""
    ordered = np.sort(ranks)
    below = np.searchsorted(ordered, ranks, "left")
    below += np.searchsorted(ordered, ranks, "right")
    percentiles: NDArray[np.float64] = below / (2 * len(ranks))
    return percentiles


def write_lookup(
    path: Path, hashes: NDArray[np.uint64], ranks: NDArray[np.float64], percentiles: NDArray[np.float64]
) -> None:
    """Write three rows of 64-bit numbers: the hashes of nodes, ascending, their ranks and their percentiles."""
    order = np.argsort(hashes, kind="stable")
    table = np.lib.format.open_memmap(path, "w+", np.uint64, (3, len(order)))
    for row, values in enumerate((hashes, ranks, percentiles)):
        table[row] = values[order].view(np.uint64)
    table.flush()


def _top(files: Path, ranks: NDArray[np.float64]) -> list[dict[str, object]]:
    """The nodes with the highest ranks."""
    highest = np.lexsort([np.arange(len(ranks)), -ranks])[:TOP]
    names: dict[int, str] = {}
    start = 0
    for batch in names_of(files):
        names |= {node: batch[node - start].as_py() for node in highest.tolist() if 0 <= node - start < len(batch)}
        start += len(batch)
    return [{"node": names[node], "rank": float(ranks[node])} for node in highest.tolist()]
