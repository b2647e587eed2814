"""What every side of the benchmark shares; it runs in a peer's environment, so it needs the standard library alone.

    python with_PEER.py TASK DOCUMENTS DIRECTORY

runs one task on the documents of a JSONL file (``id``, ``text``) and prints one JSON object: the task's
processor-seconds (all threads; imports, reading the file and a first call on a few documents apart), the process's peak
resident memory in MB, these documents included, and what else the task has to say.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NUM_PERMUTATIONS, BANDS, ROWS = 112, 14, 8
"""FineWeb's: 14 bands of 8 (Penedo et al. 2024, appendix E.1)."""
NGRAM = 5
WARM_UP = 5

Answer = dict[str, Any]
Task = Callable[[list[str], Path], Answer]


def main(tasks: dict[str, Task]) -> None:
    name, documents, directory = sys.argv[1:]
    with Path(documents).open() as lines:
        texts = [json.loads(line)["text"] for line in lines]
    answer = tasks[name](texts, Path(directory))
    sys.stdout.write("\n" + json.dumps({**answer, "peak": peak_memory()}) + "\n")


def each(texts: list[str], do: Callable[[str], object]) -> Answer:
    """Processor-seconds of a function called for every text."""
    return whole(texts, lambda some: [do(text) for text in some])


def whole(texts: list[str], do: Callable[[list[str]], object]) -> Answer:
    """Processor-seconds of a function called once with all texts."""
    do(texts[:WARM_UP])
    return {"seconds": seconds(lambda: do(texts))}


def seconds(do: Callable[[], object]) -> float:
    """Processor-seconds of a call."""
    began = time.process_time()
    do()
    return time.process_time() - began


def shingles(text: str) -> list[str]:
    """Lower-cased words between spaces, five at a time, in plain Python: what rensa and datasketch leave to callers."""
    words = text.lower().split()
    return [" ".join(words[start : start + NGRAM]) for start in range(len(words) - NGRAM + 1)]


def peak_memory() -> float:
    """Most resident memory that this process ever had, in MB (``ru_maxrss`` would count the parent's, before exec)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
