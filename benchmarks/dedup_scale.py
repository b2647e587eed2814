"""How do time and memory of fuzzy deduplication grow with the corpus? Whole runs, from text to decisions.

    python benchmarks/dedup_scale.py [--millions 1 3 10] [--directory DIR] [--workers 2]

Makes documents of 100 words (Zipf-like, so that unrelated ones share words but not 5-grams) from a seed: a fifth are
copies of an earlier document, anywhere in the corpus, with none, one or two words changed (similarity 1, 0.90, 0.81),
and a twentieth share half of their words with one of a thousand templates. Takes 1.5 GB of disk per million documents
while it runs. Memory is the largest sum over the process tree of proportional set sizes, files that are mapped into
memory included.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from environment import write_results
from numpy.typing import NDArray

from winnow import Read, Step, Store, materialize
from winnow.core.executors import Processes
from winnow.core.step import ordered
from winnow.dedup.minhash import minhash_duplicates

WORDS = 100
VOCABULARY = 50_000
BLOCK = 50_000
COPY_SHARE = 0.2
TEMPLATE_SHARE = 0.05
TEMPLATES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--millions", type=float, nargs="*", default=[1, 3, 10])
    parser.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--workers", type=int, default=2)
    own = parser.parse_args()
    columns = [measured(int(million * 1e6), own.directory, own.workers) for million in own.millions]
    names = list(columns[0])
    lines = ["| | " + " | ".join(f"{million:g} million" for million in own.millions) + " |"]
    lines += ["|---|" + "---|" * len(columns)]
    lines += [f"| {name} | " + " | ".join(column[name] for column in columns) + " |" for name in names]
    about = f"{own.workers} workers on a shared machine; seconds of a step are of the clock, summed over tasks."
    write_results("dedup_scale", "\n".join([about, "", *lines]))


def measured(number: int, directory: Path, workers: int) -> dict[str, str]:
    """What a run over so many documents took, by name."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        source = Path(scratch) / "source"
        source.mkdir()
        num_bytes = sum(write_block(source, first, number) for first in range(0, number, BLOCK))
        documents = Read(source=str(source))
        store = Store(Path(scratch) / "store")
        materialize(documents, store, Processes(workers))
        found = minhash_duplicates(documents, preset="fineweb")
        began = time.perf_counter()
        with watched() as used:
            materialize(found, store, Processes(workers))
        wall = time.perf_counter() - began
        recall, wrong, removed = judged(found, store, number)
        steps = {
            f"`{type(step).__name__}`, s": f"{store.table(step).manifest.seconds:.1f}"
            for step in ordered(found)
            if step.key != documents.key
        }
        written = sum(path.stat().st_size for step in ordered(found)[1:] for path in files(step, store))
    return {
        "text, GB": f"{num_bytes / 1e9:.2f}",
        "wall, s": f"{wall:.0f}",
        "processor, s": f"{used.processor_seconds:.0f}",
        "processor, us a document": f"{used.processor_seconds / number * 1e6:.1f}",
        **steps,
        "peak memory, GB": f"{used.peak_memory / 1e9:.2f}",
        "disk at the end, GB": f"{written / 1e9:.2f}",
        "removed": f"{removed:,}",
        "planted copies removed": f"{recall:.2%}",
        "removed though not planted": f"{wrong:,}",
    }


def files(step: Step, store: Store) -> Iterator[Path]:
    return (path for path in Path(store.directory(step)).rglob("*") if path.is_file())


def judged(found: Step, store: Store, number: int) -> tuple[float, int, int]:
    """The share of the copies that went, how many documents went that are no copies, and how many in all."""
    table = store.table(found)
    removed = np.zeros(number, bool)
    for shard in range(len(table.manifest.shards)):
        rows = table.shard(shard, ["id", "duplicate_of"])
        repeating = rows.filter(pc.is_valid(rows.column("duplicate_of")))
        removed[np.array(repeating.column("id").to_pylist(), np.int64)] = True
    plan = planned(np.arange(number))
    expected = np.maximum(np.bincount(plan.base, minlength=number) - 1, 0)  # of an original and its copies one stays
    gone = np.bincount(plan.base, weights=removed, minlength=number)
    recall = np.minimum(gone, expected).sum() / expected.sum()
    return float(recall), int(np.maximum(gone - expected, 0).sum()), int(removed.sum())


@dataclass(frozen=True)
class Plan:
    """What some documents are made of."""

    base: NDArray[np.int64]
    """The document whose words it has: its own number unless it is a copy."""
    num_changed: NDArray[np.int64]
    """How many of the words are changed after all."""
    template: NDArray[np.int64]
    """The template that every other ten words come from, or -1."""


def planned(documents: NDArray[np.int64]) -> Plan:
    """The plan of documents by their numbers, alike in every run."""
    is_copy = uniform(documents, 1) < COPY_SHARE
    original = (uniform(documents, 2) * documents).astype(np.int64)
    copied = is_copy & (uniform(original, 1) >= COPY_SHARE)  # copies are made of originals alone
    base = np.where(copied, original, documents)
    template = np.where(uniform(base, 3) < TEMPLATE_SHARE, (uniform(base, 4) * TEMPLATES).astype(np.int64), -1)
    return Plan(base, np.where(copied, (uniform(documents, 5) * 3).astype(np.int64), 0), template)


def uniform(numbers: NDArray[np.int64], salt: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) that look random, a function of the arguments (splitmix64)."""
    state = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt << 32)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((state >> np.uint64(11)).astype(np.float64) / 2**53)


def write_block(directory: Path, first: int, number: int) -> int:
    """Write one Parquet file of documents; gives the bytes of their text."""
    documents = np.arange(first, min(first + BLOCK, number))
    plan = planned(documents)
    places = np.arange(WORDS)
    source = np.where(
        (plan.template[:, None] >= 0) & (places // 10 % 2 == 0), -2 - plan.template[:, None], plan.base[:, None]
    )
    draws = uniform(source * WORDS + places, 6)
    is_changed = np.zeros(draws.shape, bool)
    for change in range(2):
        place = (uniform(documents, 7 + change) * WORDS).astype(np.int64)
        is_changed |= (place[:, None] == places) & (plan.num_changed > change)[:, None]
    draws = np.where(is_changed, uniform(documents[:, None] * WORDS + places, 9), draws)
    words = vocabulary().take(pa.array((VOCABULARY * draws.ravel() ** 3).astype(np.int64)))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(len(documents) + 1) * WORDS, pa.int32()), words)
    texts = pc.binary_join(lists, " ")
    ids = pa.array([f"{document:09d}" for document in documents.tolist()])
    pq.write_table(pa.table({"id": ids, "text": texts}), directory / f"{first:09d}.parquet", compression="zstd")
    return int(pc.sum(pc.binary_length(texts)).as_py())


def vocabulary() -> pa.Array:
    """Made-up words of 2 to 12 letters."""
    draw = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    return pa.array(
        ["".join(letters[(26 * draw.random(size) ** 2).astype(int)]) for size in draw.integers(2, 13, VOCABULARY)]
    )


@dataclass
class Used:
    """What this process and those below it took."""

    peak_memory: int = 0
    processor_seconds: float = 0.0


@contextmanager
def watched() -> Iterator[Used]:
    """What is taken while the block runs: looked at four times a second, so the last moments of a worker are missed."""
    used, ended = Used(), threading.Event()
    ticks = below(os.getpid())
    first = sum(ticks.values())

    def watch() -> None:
        while not ended.wait(0.25):
            tree = below(os.getpid())
            used.peak_memory = max(used.peak_memory, sum(map(proportional_set_size, tree)))
            ticks.update(tree)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield used
    finally:
        ended.set()
        thread.join()
        used.processor_seconds = (sum(ticks.values()) - first) / os.sysconf("SC_CLK_TCK")


def below(root: int) -> dict[int, int]:
    """The clock ticks that a process and each one below it has taken."""
    found = processes()
    tree, grown = {root}, {root}
    while grown:
        grown = {process for process, (parent, _) in found.items() if parent in tree} - tree
        tree |= grown
    return {process: found[process][1] for process in tree if process in found}


def processes() -> dict[int, tuple[int, int]]:
    """The parent and the clock ticks of every process."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(status.parent.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    return found


def proportional_set_size(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
