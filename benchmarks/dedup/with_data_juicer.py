"""Data-Juicer's side, in its environment: its operators, one sample at a time, as its runner calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_juicer.ops.deduplicator.document_deduplicator import DocumentDeduplicator
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from datasets import Dataset
from runner import BANDS, NGRAM, NUM_PERMUTATIONS, ROWS, Answer, each, main, seconds


def signatures(texts: list[str], _: Path) -> Answer:
    """``compute_hash`` over words between spaces."""
    operator = DocumentMinhashDeduplicator(
        window_size=NGRAM, num_permutations=NUM_PERMUTATIONS, num_bands=BANDS, num_rows_per_band=ROWS
    )
    return each(texts, lambda text: operator.compute_hash({"text": text}))


def exact(texts: list[str], _: Path) -> Answer:
    """Hashes and decisions over a dataset."""
    operator = DocumentDeduplicator()
    rows = Dataset.from_dict({"text": texts})
    kept: list[Any] = []
    taken = seconds(lambda: kept.append(operator.process(rows.map(operator.compute_hash))[0]))
    return {"seconds": taken, "num_kept": len(kept[0])}


if __name__ == "__main__":
    main({"signatures": signatures, "exact": exact})
