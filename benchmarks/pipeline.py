"""How fast are whole runs, beside what bounds them? One core, processor time, in turn.

    python benchmarks/pipeline.py [--memory]

Makes its inputs from ``../shared/data`` under ``.bench``: English text as Parquet and JSONL.zst, and one WARC of every
real page at hand. ``--memory`` also runs 2 GB of input through one worker and prints its peak.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from environment import CACHE, DATA, read_texts, write_results
from fastwarc.warc import ArchiveIterator

from winnow import Export, Read, Score, Select, Step, Store, Text, materialize
from winnow.recipes.refinedweb import refinedweb

RULES = ("gopher@paper", "c4@tfds")
"""Rule sets over whitespace words; those over spaCy's words cost what benchmarks/filters.py says."""
COPIES = 3
"""Times the documents are taken: what a run costs once shall not weigh more than it does in a real one."""
SOURCES = (
    "text/c4_sample/c4_sample.jsonl.zst",
    "text/bbc_news/bbc_news.jsonl.zst",
    "text/reddit_selfposts_2013/reddit_selfposts_2013.jsonl.zst",
    "text/medquad_medical_qa/medquad_medical_qa.jsonl.zst",
    "text/openstax_textbooks/openstax_textbooks.jsonl.zst",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="also the peak memory of 2 GB of input")
    own = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    texts = [text for path in SOURCES for text in read_texts(DATA / path)] * COPIES
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    rows = [
        *jsonl_rows(texts, megabytes, own.repetitions),
        *parquet_rows(texts, megabytes, own.repetitions),
        *warc_rows(own.repetitions),
        start_row(),
    ]
    if own.memory:
        rows.append(memory_row(texts))
    note = f"{len(texts)} English documents, {megabytes:.1f} MB; the filters are {' and '.join(RULES)}."
    lines = ["| what | measured | target |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    write_results("pipeline", "\n".join([note, "", *lines]))


def jsonl_rows(texts: list[str], megabytes: float, repetitions: int) -> list[tuple[str, str, str]]:
    """JSONL.zst to chosen documents, against decompressing and parsing it."""
    path = CACHE / "pipeline.jsonl.zst"
    lines = b"".join(orjson.dumps({"id": str(n), "text": t}) + b"\n" for n, t in enumerate(texts))
    path.write_bytes(zstandard.ZstdCompressor(level=3).compress(lines))
    selection = Select(documents=Read(source=str(path)), reject=RULES)
    bare, whole = in_turn(lambda: parse_alone(path), lambda: run(selection), repetitions)
    share = bare / whole
    speed = f"{megabytes / whole:.0f} MB/s; parsing alone {megabytes / bare:.0f}: {share:.2f} of it"
    return [("JSONL.zst to chosen documents", speed, "at least 0.5 of parsing alone")]


def parse_alone(path: Path) -> None:
    """Decompress and parse every line."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        for line in io.BufferedReader(stream, 1 << 22):
            orjson.loads(line)


def parquet_rows(texts: list[str], megabytes: float, repetitions: int) -> list[tuple[str, str, str]]:
    """Parquet to Parquet with filters between; and the columns alone from documents that are there."""
    path = CACHE / "pipeline.parquet"
    pq.write_table(pa.table({"id": [str(n) for n in range(len(texts))], "text": texts}), path, compression="zstd")
    read = Read(source=str(path))
    export = Export(documents=Select(documents=read, reject=RULES))
    store = Path(tempfile.mkdtemp(dir=CACHE))
    materialize(read, store)
    score = Score(documents=read, measure=Text())
    whole, columns = in_turn(lambda: run(export), lambda: again(score, store), repetitions)
    shutil.rmtree(store)
    return [
        ("Parquet to Parquet, filters between", f"{megabytes / whole:.0f} MB/s", "at least 75 MB/s"),
        ("documents to columns alone", f"{megabytes / columns:.0f} MB/s", "at least 150 MB/s"),
    ]


def warc_rows(repetitions: int) -> list[tuple[str, str, str]]:
    """What the whole recipe adds to reading and extracting."""
    path = CACHE / "pipeline.warc.gz"
    if not path.exists():
        path.write_bytes(
            b"".join(p.read_bytes() for p in sorted((DATA / "warc").rglob("*.warc.gz")) if is_whole(p)) * 3
        )
    shares = []
    for _ in range(repetitions):
        store = Path(tempfile.mkdtemp(dir=CACHE))
        step = Export(documents=refinedweb(source=str(path)))
        materialize(step, store, failure_budget=1.0)
        seconds = {m.parent.name: json.loads(m.read_text())["seconds"] for m in store.glob("*/manifest.json")}
        reading = sum(value for name, value in seconds.items() if name.startswith("read-"))
        shares.append((sum(seconds.values()) - reading) / reading)
        shutil.rmtree(store)
    added = f"the rest adds {statistics.median(shares):.0%} to reading and extraction"
    return [("WARC to chosen documents, whole recipe", added, "less than 25%")]


def is_whole(path: Path) -> bool:
    """Whether a WARC is gzip members to its end, so that it can be concatenated."""
    try:
        with path.open("rb") as stream:
            return sum(1 for _ in ArchiveIterator(stream)) > 5
    except Exception:  # noqa: BLE001 - broken on purpose
        return False


def start_row() -> tuple[str, str, str]:
    """Seconds until ``winnow --help`` is printed."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "winnow.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return ("winnow --help", f"{statistics.median(seconds):.3f} s", "under 0.3 s")


def memory_row(texts: list[str]) -> tuple[str, str, str]:
    """Peak resident memory of one process that takes 2 GB of JSONL to chosen documents."""
    path = CACHE / "pipeline-2gb.jsonl"
    with path.open("wb") as out:
        number = 0
        while out.tell() < 2_000_000_000:
            for text in texts:
                out.write(orjson.dumps({"id": str(number), "text": text}) + b"\n")
                number += 1
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=peak, args=(str(path), answers))
    process.start()
    found = answers.get()
    process.join()
    path.unlink()
    return ("peak memory of a worker, 2 GB of JSONL", f"{found / 2**20:.2f} GiB", "under 1 GB")


def peak(path: str, answers: multiprocessing.Queue[int]) -> None:
    """Run the filters over a file; answers with its peak resident kilobytes (``getrusage`` counts the parent's too)."""
    run(Select(documents=Read(source=path), reject=RULES))
    status = Path("/proc/self/status").read_text()
    answers.put(int(status.split("VmHWM:")[1].split()[0]))


def run(step: Step) -> None:
    """Make a step in a store of its own."""
    store = Path(tempfile.mkdtemp(dir=CACHE))
    materialize(step, store)
    shutil.rmtree(store)


def again(step: Step, store: Path) -> None:
    """Make a step whose inputs are there."""
    shutil.rmtree(Store(store).directory(step), ignore_errors=True)
    materialize(step, store)


def in_turn(one: Callable[[], None], other: Callable[[], None], repetitions: int) -> tuple[float, float]:
    """Median processor-seconds of two actions, run alternately after a first time that does not count."""
    one()
    other()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repetitions):
        for action, found in zip((one, other), seconds, strict=True):
            before = os.times()
            action()
            after = os.times()
            found.append(sum(after[:4]) - sum(before[:4]))
    return statistics.median(seconds[0]), statistics.median(seconds[1])


if __name__ == "__main__":
    main()
