"""How much faster are the heuristic filters than datatrove's? Both on the same documents, in turn, on one core.

    python benchmarks/filters.py

datatrove runs in an environment of its own (from the package registry, kept in ``--cache``): its four filters as
shipped (Gopher repetition, Gopher quality, C4, FineWeb; each stops at its first rule). winnow computes every statistic
and evaluates every rule of ``gopher@datatrove``, ``c4@datatrove`` and ``fineweb@datatrove``. Figures are
processor-seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

import pyarrow as pa
from environment import CACHE, DATA, peer_python, read_texts, write_results

from winnow.choose.rules import rule_set
from winnow.core.sql import evaluate

PRESETS = ("gopher@datatrove", "c4@datatrove", "fineweb@datatrove")
SOURCES = {
    "text/c4_sample/c4_sample.jsonl.zst": 600,
    "html_gold/scrapinghub_181.jsonl.zst": 181,
    "text/reddit_selfposts_2013/reddit_selfposts_2013.jsonl.zst": 600,
    "text/bbc_news/bbc_news.jsonl.zst": 300,
}
"""English web text: about 2.6 MB; datatrove needs ten seconds for it."""
SUPPORT = Path(__file__).with_suffix("")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=CACHE)
    own = parser.parse_args()
    texts = [text for path, number in SOURCES.items() for text in read_texts(DATA / path, number)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    documents = own.cache / "filters-documents.jsonl"
    own.cache.mkdir(parents=True, exist_ok=True)
    documents.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    python = peer_python(own.cache)
    ours, theirs = [], []
    winnow_seconds(texts)  # compiles
    for _ in range(own.repetitions):
        ours.append(megabytes / winnow_seconds(texts))
        theirs.append(megabytes / datatrove_seconds(python, documents))
    write_results("filters", table(len(texts), megabytes, ours, theirs))


def winnow_seconds(texts: list[str], copies: int = 40) -> float:
    """Processor-seconds for all statistics and all rules, per copy of the documents.

    The documents stand ``copies`` times in one shard of about 120 MB, as a run would hold them: batches are judged one
    by one, the rules are evaluated once a shard.
    """
    batch = pa.RecordBatch.from_pydict({"text": texts})
    sets = [rule_set(name) for name in PRESETS]
    measures = {measure.name: measure for one in sets for measure in one.measures}
    judges = {name: measure.load() for name, measure in measures.items()}
    rules = {f"{one.name}:{reason}": sql for one in sets for reason, sql in one.rules}
    began = time.process_time()
    columns = {name: pa.Table.from_batches([judge(batch) for _ in range(copies)]) for name, judge in judges.items()}
    evaluate(columns, rules)
    return (time.process_time() - began) / copies


def datatrove_seconds(python: Path, documents: Path) -> float:
    """Processor-seconds of datatrove's chain, imports and reading apart."""
    command = [str(python), str(SUPPORT / "datatrove_chain.py"), str(documents)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def table(documents: int, megabytes: float, ours: list[float], theirs: list[float]) -> str:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    rows = [("winnow, all statistics and rules", ours), ("datatrove 0.10.1, four filters as shipped", theirs)]
    lines = [
        f"{documents} English web documents, {megabytes:.2f} MB of text, one core, processor time, "
        f"{len(ours)} repetitions in turn.",
        "",
        "| what | MB/s (median) | min | max |",
        "|---|---|---|---|",
        *(f"| {name} | {statistics.median(v):.4g} | {min(v):.4g} | {max(v):.4g} |" for name, v in rows),
        f"| ratio | {statistics.median(ratios):.0f}x | {min(ratios):.0f}x | {max(ratios):.0f}x |",
        "",
        "Target: at least 400x, and at least 120 MB/s.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
