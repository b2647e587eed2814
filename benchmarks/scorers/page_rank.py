"""PageRank beside scipy, igraph and networkx: how fast is a sweep, how much memory, do they agree? And a crawl's links.

    python benchmarks/scorers/page_rank.py [--links 10000000] [--repetitions 3] [--peers scipy igraph]

The graph is synthetic: ten links a node, drawn so that few nodes have most of them. One core, processor time, each
measurement a process of its own, in turn; the peers are installed into an environment of their own. networkx takes
minutes and 10 GB for the default graph, so it is asked for by name.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import CACHE, DATA, machine, peer_python

from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.anchors import PAGES, Anchors, link_pairs
from winnow.documents.charset import decode
from winnow.documents.payload import uncode
from winnow.documents.warc_format import MAX_RECORD_BYTES, Record
from winnow.documents.warc_pages import Page, to_page
from winnow.documents.warc_records import read_records
from winnow.extract.resiliparse import Resiliparse
from winnow.kernels.page_rank import count_out
from winnow.measure.fit_page_rank import FitPageRank
from winnow.measure.link_graph import Adjacency, EdgeList

REQUIREMENTS = Path(__file__).with_name("page_rank.txt")
RUNNER = Path(__file__).with_name("with_graph_tools.py")
SWEEPS = 20
LINKS_A_NODE = 10
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--links", type=int, default=10_000_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=["scipy", "igraph"])
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    own = parser.parse_args()
    if own.once:
        part, directory = own.once
        print(json.dumps(PARTS[part](Path(directory))))
        return
    print(machine())
    print("\n\n".join(sections(own.links, own.repetitions, own.peers)))


def sections(
    num_links: int = 10_000_000, repetitions: int = 3, peers: Sequence[str] = ("scipy", "igraph")
) -> list[str]:
    """What is measured, as Markdown."""
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        return [ranking(Path(directory), num_links, repetitions, peers), finding_links(repetitions)]


def write_graph(directory: Path, num_links: int) -> tuple[int, int]:
    """Write a graph for both sides: numbers for the peers, names of hosts for winnow; gives nodes and links."""
    rng = np.random.default_rng(1)
    size = num_links // LINKS_A_NODE
    names = rng.permutation(size)
    drawn = [names[(size * rng.random(num_links) ** power).astype(np.int64)] for power in (2, 4)]
    keys = np.unique(drawn[0] * size + drawn[1])
    pairs = np.divmod(keys, size)
    present, numbers = np.unique(np.concatenate(pairs), return_inverse=True)
    sources, targets = np.split(numbers.astype(np.int32), 2)
    np.save(directory / "sources.npy", sources)
    np.save(directory / "targets.npy", targets)
    hosts = pa.array([f"h{number:09d}.org" for number in range(len(present))])  # in the order of the numbers
    columns = {"source": hosts.take(pa.array(sources)), "target": hosts.take(pa.array(targets))}
    pq.write_table(pa.table(columns), directory / "edges.parquet")
    return len(present), len(sources)


def build_once(directory: Path) -> dict[str, float]:
    """Make the graph in this process: processor-seconds, and the peak of memory."""
    began = time.process_time()
    materialize(fit_of(directory).graph, Store(directory / "store"))
    return {"seconds": time.process_time() - began, "peak": peak_memory()}


def rank_once(directory: Path) -> dict[str, float]:
    """Rank the nodes of the graph in this process: the same, and the processor-seconds of the sweeps alone."""
    step, store = fit_of(directory), Store(directory / "store")
    began = time.process_time()
    materialize(step, store)
    ranked, peak = time.process_time(), peak_memory()
    links = Adjacency.open(store.table(step.graph).files())
    out_degrees = np.zeros(len(links.starts) - 1)
    count_out(links.sources, links.counts, out_degrees)
    swept = time.process_time()
    step._sweep(links, out_degrees, np.zeros(0))
    return {"seconds": ranked - began, "sweeps": time.process_time() - swept, "peak": peak}


PARTS = {"build": build_once, "rank": rank_once}


def fit_of(directory: Path) -> FitPageRank:
    graph = EdgeList(source=str(directory / "edges.parquet"))
    return FitPageRank(graph=graph, max_sweeps=SWEEPS, tolerance=0.0)


def peak_memory() -> float:
    """Bytes that this process held at most, with the pages of files that it mapped."""
    status = Path("/proc/self/status").read_text().splitlines()
    return float(next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM")))


def measure_winnow(directory: Path) -> dict[str, float]:
    shutil.rmtree(directory / "store", ignore_errors=True)
    build, rank = (output([sys.executable, __file__, "--once", part, str(directory)]) for part in PARTS)
    peaks = {"build_peak": build["peak"], "rank_peak": rank["peak"]}
    return {"build": build["seconds"], "rank": rank["seconds"], "sweeps": rank["sweeps"], **peaks}


def ranking(directory: Path, num_links: int, repetitions: int, peers: Sequence[str]) -> str:
    nodes, links = write_graph(directory, num_links)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ("winnow", *peers)}
    python = peer_python(CACHE, REQUIREMENTS)
    measure_winnow(directory)  # compiles the kernels
    for _ in range(repetitions):
        runs["winnow"].append(measure_winnow(directory))
        for peer in peers:
            given = [str(directory / f"{name}.npy") for name in ("sources", "targets")]
            runs[peer].append(output([str(python), str(RUNNER), peer, *given, str(SWEEPS), str(directory / peer)]))
    ours = pq.read_table(next((directory / "store").glob("fitpagerank-*/files/ranks.parquet")))["rank"].to_numpy()
    lines = [
        f"A graph of {nodes:,} nodes and {links:,} links; {SWEEPS} sweeps (igraph and networkx: until they are done).",
        "",
        "| | graph, s | its peak, MB | ranks, s | their peak, MB | a sweep, ns a link | largest difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        median = {key: statistics.median(run[key] for run in found) for key in found[0]}
        sweep = f"{median['sweeps'] / SWEEPS / links * 1e9:.2f}" if "sweeps" in median else ""
        theirs = ours if name == "winnow" else np.load(directory / f"{name}.npy")
        apart = "" if name == "winnow" else f"{np.max(np.abs(ours / theirs - 1)):.1e}"
        graph = f"{median['build']:.1f} | {median['build_peak'] / 1e6:,.0f}"
        rank = f"{median['rank']:.2f} | {median['rank_peak'] / 1e6:,.0f}"
        lines.append(f"| {name} | {graph} | {rank} | {sweep} | {apart} |")
    return "\n".join(lines)


def output(command: list[str]) -> dict[str, float]:
    run = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **ONE_CORE})
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def finding_links(repetitions: int) -> str:
    """How long the links of real pages take beside their main text."""
    pages = real_pages()
    read, find = Resiliparse().load(), Anchors(nofollow=False).load()
    found = pa.record_batch(
        [[url for url, _ in pages], [find(page) for _, page in pages], ["text/html"] * len(pages)], schema=PAGES
    )
    work: dict[str, Callable[[], object]] = {
        "main text (resiliparse)": lambda: [read(page) for _, page in pages],
        "links": lambda: [find(page) for _, page in pages],
        "links as hosts": lambda: link_pairs(found, "host"),
        "links as pages": lambda: link_pairs(found, "page"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(repetitions + 1):
        for name, do in work.items():
            began = time.process_time()
            do()
            seconds[name] += [time.process_time() - began] if number else []
    size = sum(len(page) for _, page in pages)
    lines = [f"{len(pages)} real pages, {size / 1e6:.1f} million characters.", "", "| | ms a page |", "|---|---|"]
    median = {name: statistics.median(taken) * 1e3 / len(pages) for name, taken in seconds.items()}
    return "\n".join([*lines, *(f"| {name} | {taken:.3f} |" for name, taken in median.items())])


def real_pages() -> list[tuple[str, str]]:
    """URL and HTML of the pages of a few crawls."""
    pages = []
    for name in ("dolma/sample-0000", "dolma/sample-0001", "chatnoir-resiliparse/warcfile", "warc2zim/solidaritenum"):
        with (DATA / "warc" / f"{name}.warc.gz").open("rb") as stream:
            records = [one for one in read_records(stream, max_bytes=MAX_RECORD_BYTES) if isinstance(one, Record)]
        for record in records:
            page = to_page(record)
            if isinstance(page, Page) and page.payload.content_type == "text/html":
                body = uncode(bytes(page.payload.body), page.payload.codings)
                pages.append((record.url or "", decode(body, page.payload.charset).text))
    return pages


if __name__ == "__main__":
    main()
