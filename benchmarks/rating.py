"""How fast does a rater score documents? Tokens a second of one thread, with and without cutting texts into tokens.

Raters of several sizes with random weights, which score as fast as learnt ones; real web pages of all lengths.

    python benchmarks/rating.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import torch
from corpora import first, read, write
from environment import CACHE, write_results

from winnow.core.files import write_json
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.scales import Shape, hidden_width
from winnow.lm.tokenizer import load_tokenizer
from winnow.lm.trained import CONFIG, WEIGHTS, write_weights
from winnow.rater.cost import forward_flops
from winnow.rater.data_rater import DataRater, encoded_chunks
from winnow.rater.network import Rater
from winnow.rater.opened import open_rater

WORK = CACHE / "rating"
SIZES = ((64, 2), (128, 4), (256, 4))
"""Widths and layers: as on a processor, and upwards."""
CONTEXT, VOCABULARY, MEGABYTES, REPETITIONS = 256, 4096, 0.15, 3


def rater(width: int, layers: int, tokenizer: Path) -> Path:
    """The directory of a rater with random weights."""
    shape = Shape(
        vocab_size=VOCABULARY,
        context=CONTEXT,
        width=width,
        hidden=hidden_width(width),
        num_layers=layers,
        num_heads=width // 32,
    )
    directory = WORK / f"{width}x{layers}"
    directory.mkdir(parents=True, exist_ok=True)
    write_weights(dict(Rater(shape).state_dict()), directory / WEIGHTS)
    write_json(directory / CONFIG, {"rater": asdict(shape)})
    load_tokenizer(tokenizer).save(directory)
    return directory


def least(work: Callable[[], object]) -> float:
    """Seconds of processor time: the least of some runs, after one that loads everything."""
    work()
    found = []
    for _ in range(REPETITIONS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def row(width: int, layers: int, tokenizer: Path, documents: pa.RecordBatch) -> str:
    """What one size reaches."""
    directory = rater(width, layers, tokenizer)
    judge, opened = DataRater(model=str(directory)).load(), open_rater(str(directory))
    chunks = encoded_chunks(documents.column("text"), opened)
    whole, alone = least(lambda: judge(documents)), least(lambda: opened.scores(chunks))
    tokens = chunks.num_tokens
    flops = forward_flops(opened.network.shape, tokens) / alone / 1e9
    params = sum(one.numel() for one in opened.network.parameters())
    return f"| {width} x {layers} | {params:,} | {tokens / whole:,.0f} | {tokens / alone:,.0f} | {flops:.1f} |"


def main() -> None:
    torch.set_num_threads(1)
    documents = list(first(read("c4_sample"), MEGABYTES))
    fitted = FitTokenizer(documents=Read(source=str(write(WORK / "pages.jsonl", documents))), vocab_size=VOCABULARY)
    materialize(fitted, WORK / "store")
    tokenizer = Path(Store(WORK / "store").table(fitted).files())
    batch = pa.RecordBatch.from_pydict({"text": [one["text"] for one in documents]})
    lines = [
        "| width x layers | parameters | tokens/s | without tokenizing | GFLOP/s of the latter |",
        "|---|---|---|---|---|",
    ]
    write_results("rating", "\n".join([*lines, *(row(*size, tokenizer, batch) for size in SIZES)]))


if __name__ == "__main__":
    main()
