"""Dolma's side of ``bloom.py``, run in its own environment: ``python bloom_dolma.py DOCUMENTS DIRECTORY FILTER_BYTES``.

Prints the processor-seconds of its deduper over the gzipped JSONL file, and the share of characters that it marks.
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from dolma import deduper

HASHES = 8
PARAGRAPHS = {
    "attribute_name": "duplicate",
    "paragraph_separator": "\n",
    "by_ngram": {"ngram_length": 13, "stride": 0, "overlap_threshold": 0.8, "skip_short_paragraphs": True},
}


def run(documents: Path, directory: Path, filter_bytes: int) -> tuple[float, float]:
    """Processor-seconds and the share of characters in duplicates."""
    shutil.rmtree(directory, ignore_errors=True)
    taken = directory / "documents" / documents.name
    taken.parent.mkdir(parents=True)
    shutil.copy(documents, taken)
    config: dict[str, Any] = {
        "documents": [str(taken)],
        "dedupe": {
            "name": "found",
            "paragraphs": PARAGRAPHS,
            "skip_empty": True,
            "min_length": 0,
            "min_words": 0,
            "num_partitions": 1,
            "partition_index": 0,
            "file_partition": False,
            "document_dir": "documents",
        },
        "bloom_filter": {
            "file": str(directory / "filter.bin"),
            "read_only": False,
            "size_in_bytes": filter_bytes,
            "estimated_doc_count": math.ceil(
                8 * filter_bytes * math.log(2) / HASHES
            ),  # it derives the number of hashes
            "desired_false_positive_rate": 0.0,
        },
        "work_dir": {"input": str(directory / "in"), "output": str(directory / "out")},
        "processes": 1,
        "compression": {"input": None, "output": None},
        "is_s3_volume": False,
    }
    began = time.process_time()
    deduper(config)
    seconds = time.process_time() - began
    with gzip.open(directory / "attributes" / "found" / documents.name, "rt") as lines:
        spans = [span for line in lines for span in json.loads(line)["attributes"].get("duplicate", [])]
    with gzip.open(documents, "rt") as lines:
        total = sum(len(json.loads(line)["text"]) for line in lines)
    shutil.rmtree(directory)
    return seconds, sum(end - start for start, end, _ in spans) / total


if __name__ == "__main__":
    seconds, removed = run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, "removed": removed}) + "\n")
