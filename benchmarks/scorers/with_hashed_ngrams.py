"""The peers' side of ``hashed_ngrams.py``, in their environment: python THIS TASK INPUT prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

Answer = dict[str, Any]


def fasttext(given: Any) -> Answer:
    """Train with DCLM's settings and score each test.

    On fewer than ten threads the package leaves a part of its matrix uninitialised; the processor time is that of all.
    """
    from fasttext import train_supervised

    texts = [" ".join(text.split()) for text, _ in given["train"]]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "train.txt"
        labels = ["hq" if is_wanted else "cc" for _, is_wanted in given["train"]]
        path.write_text("".join(f"__label__{label} {text}\n" for label, text in zip(labels, texts, strict=True)))
        began = time.process_time()
        model = train_supervised(str(path), lr=0.1, dim=100, epoch=5, wordNgrams=2, thread=10, verbose=0)
        train = time.process_time() - began
    tests = {name: [" ".join(text.split()) for text in some] for name, some in given["tests"].items()}
    began = time.process_time()
    found = {name: model.predict(some, k=2) for name, some in tests.items()}
    score = time.process_time() - began
    pairs = {name: zip(*both, strict=True) for name, both in found.items()}
    wanted = {
        name: [float(chances[list(labels).index("__label__hq")]) for labels, chances in some]
        for name, some in pairs.items()
    }
    return {"train": train, "score": score, "scores": wanted}


def dsir(given: Any) -> Answer:
    """The log weights of the raw texts by the package's own counts, and by another hash in its place."""
    import hashlib

    import numpy as np
    from data_selection import hashed_ngram_dsir as package

    def counts(text: str) -> Any:
        return package.get_ngram_counts(text, n=2, num_buckets=10_000, tokenizer=package.wpt.tokenize)

    def weights() -> list[float]:
        target = sum(counts(text) for text in given["target"])
        raw = sum(counts(text) for text in given["raw"])
        log_diff = np.log(target / target.sum() + 1e-8) - np.log(raw / raw.sum() + 1e-8)
        return [float(np.inner(counts(text), log_diff)) for text in given["raw"]]

    def md5(text: str, num_buckets: int) -> int:
        return int(hashlib.md5(text.encode()).hexdigest(), 16) % num_buckets

    began = time.process_time()
    found = weights()
    seconds = time.process_time() - began
    package.hash_buckets = md5
    return {"seconds": seconds, "weights": found, "by_md5": weights() if given["control"] else []}


if __name__ == "__main__":
    task, path = sys.argv[1:]
    json.dump({"fasttext": fasttext, "dsir": dsir}[task](json.loads(Path(path).read_text())), sys.stdout)
