"""The fasttext package's side of ``fasttext_models.py``, in its environment: python with_fasttext.py TASK INPUT.

Training runs on ten threads: on fewer the package leaves a part of its matrix uninitialised (``DenseMatrix::uniform``
fills a tenth a thread).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def train(given: Any) -> Any:
    """Train on a file of lines, quantise if asked to, save; gives processor seconds."""
    from fasttext import train_supervised

    began = time.process_time()
    model = train_supervised(given["lines"], thread=10, verbose=0, **given["settings"])
    seconds = time.process_time() - began
    model.save_model(given["model"])
    if given.get("quantized"):
        model.quantize(given["lines"], verbose=0, **given["quantize"])
        model.save_model(given["quantized"])
    return {"seconds": seconds}


def predict(given: Any) -> Any:
    """The probability of every label for each line; gives processor seconds."""
    import numpy as np
    from fasttext import load_model

    model = load_model(given["model"])
    lines = json.loads(Path(given["texts"]).read_text())
    predict_one = model.f.predict
    began = time.process_time()
    found = [predict_one(line, -1, 0.0, "strict") for line in lines]
    seconds = time.process_time() - began
    labels = model.labels
    place = {label: index for index, label in enumerate(labels)}
    probabilities = np.zeros((len(lines), len(labels)))
    for row, pairs in enumerate(found):
        for probability, label in pairs:
            probabilities[row, place[label]] = probability
    np.save(given["out"], probabilities)
    return {"seconds": seconds, "labels": labels}


if __name__ == "__main__":
    task, path = sys.argv[1:]
    json.dump({"train": train, "predict": predict}[task](json.loads(Path(path).read_text())), sys.stdout)
