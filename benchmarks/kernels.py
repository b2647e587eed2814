"""How fast are the statistics of ``Text``, by definition of words? One core, processor time, on English web documents.

python benchmarks/kernels.py
"""

from __future__ import annotations

import statistics
import time

import pyarrow as pa
from environment import DATA, read_texts, write_results
from filters import SOURCES

from winnow import Text
from winnow.measure.text import NAMESPACES

REPETITIONS = 15


def main() -> None:
    texts = [text for path, number in SOURCES.items() for text in read_texts(DATA / path, number)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    batch = pa.RecordBatch.from_pydict({"text": texts})
    lines = [
        f"{len(texts)} documents, {megabytes:.2f} MB, {REPETITIONS} repetitions.",
        "",
        "| words | MB/s (median) | min | max |",
    ]
    lines.append("|---|---|---|---|")
    for words in NAMESPACES:
        judge = Text(words=words).load()
        judge(batch)
        speeds = []
        for _ in range(REPETITIONS):
            began = time.process_time()
            judge(batch)
            speeds.append(megabytes / (time.process_time() - began))
        lines.append(f"| {words} | {statistics.median(speeds):.0f} | {min(speeds):.0f} | {max(speeds):.0f} |")
    write_results("kernels", "\n".join(lines))


if __name__ == "__main__":
    main()
