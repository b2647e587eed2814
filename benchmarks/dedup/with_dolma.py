"""dolma's side, in its environment: its Rust deduper over a JSONL file, which it reads and writes attributes of."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from dolma import deduper
from runner import WARM_UP, Answer, main, seconds

PARAGRAPHS = {
    "attribute_name": "duplicate",
    "paragraph_separator": "\n",
    "by_ngram": {"ngram_length": 13, "stride": 0, "overlap_threshold": 0.8, "skip_short_paragraphs": True},
}
"""Paragraphs of whose 13-grams four in five were seen before, as DCLM has them."""
COMMON = {"min_length": 0, "min_words": 0, "num_partitions": 1, "partition_index": 0, "file_partition": False}
FALSE_POSITIVES = 0.01
"""As winnow's."""
DOCUMENTS = {"attribute_name": "duplicate", "key": "$.text"}


def bloom(texts: list[str], directory: Path) -> Answer:
    """Gives the share of characters in paragraphs found to be duplicates."""
    taken, rows = run({"paragraphs": PARAGRAPHS}, texts, directory)
    spans = [span for row in rows for span in row["attributes"]["duplicate"]]
    removed = sum(end - start for start, end, _ in spans)
    return {"seconds": taken, "removed_text": removed / sum(map(len, texts))}


def exact(texts: list[str], directory: Path) -> Answer:
    """Whole texts through its Bloom filter."""
    taken, rows = run({"documents": DOCUMENTS}, texts, directory)
    return {"seconds": taken, "num_kept": sum("duplicate" not in row["attributes"] for row in rows)}


def run(what: dict[str, Any], texts: list[str], directory: Path) -> tuple[float, list[dict[str, Any]]]:
    """Processor-seconds, those of a run over a few documents apart, and the attributes written."""
    room = sum(text.count(" ") + 1 for text in texts)
    start_up, _ = run_whole(what, texts[:WARM_UP], room, directory / "start")
    taken, rows = run_whole(what, texts, room, directory / "all")
    return taken - start_up, rows


def run_whole(what: dict[str, Any], texts: list[str], room: int, directory: Path) -> tuple[float, list[dict[str, Any]]]:
    """Processor-seconds of the deduper with a filter for so many n-grams or documents, and the attributes written."""
    documents = directory / "documents" / "0.json.gz"
    documents.parent.mkdir(parents=True)
    with gzip.open(documents, "wt", 1) as file:
        file.writelines(json.dumps({"id": str(place), "text": text}) + "\n" for place, text in enumerate(texts))
    config = {
        "documents": [str(documents)],
        "dedupe": {"name": "found", "skip_empty": True, "document_dir": "documents", **COMMON, **what},
        "bloom_filter": {
            "file": str(directory / "filter.bin"),
            "read_only": False,
            "size_in_bytes": 0,
            "estimated_doc_count": room,
            "desired_false_positive_rate": FALSE_POSITIVES,
        },
        "work_dir": {"input": str(directory / "in"), "output": str(directory / "out")},
        "processes": 1,
        "compression": {"input": None, "output": None},
        "is_s3_volume": False,
    }
    taken = seconds(lambda: deduper(config))
    written = directory / "attributes" / "found" / documents.name
    with gzip.open(written, "rt") as file:
        return taken, [json.loads(line) for line in file]


if __name__ == "__main__":
    main({"bloom": bloom, "exact": exact})
