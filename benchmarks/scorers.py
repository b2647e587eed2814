"""Learned and relational measures beside the tools of the field, one core: each part in turn, then one results file.

    python benchmarks/scorers.py [--only PART ...]

The parts are the modules of ``scorers/``, which can be run alone. What a part said is kept under ``.bench/scorers``;
the results file holds what every part said last. Takes some hours, most of them for embeddings and AskLLM.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from environment import CACHE, write_results

PARTS = {
    "fasttext_models": "fastText",
    "hashed_ngrams": "DSIR and the n-gram classifier",
    "ngram_model": "N-gram language models",
    "embedding": "Embeddings",
    "page_rank": "PageRank",
    "ask_llm": "AskLLM",
}
KEPT = CACHE / "scorers"


def measure(part: str) -> None:
    """Run one part and keep what it says."""
    now = datetime.now(UTC)
    told = "\n\n".join(importlib.import_module(part).sections())
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{part}.md").write_text(f"{now:%Y-%m-%d}, `python benchmarks/scorers/{part}.py`\n\n{told}\n")


def main() -> None:
    """Run the parts that are asked for, put together what all have said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    sys.path.insert(0, str(Path(__file__).parent / "scorers"))
    for part in parser.parse_args().only:
        measure(part)
    told = {part: KEPT / f"{part}.md" for part in PARTS if (KEPT / f"{part}.md").exists()}
    write_results("scorers", "\n".join(f"## {PARTS[part]}\n\n{path.read_text()}" for part, path in told.items()))


if __name__ == "__main__":
    main()
