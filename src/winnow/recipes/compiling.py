"""Compile every native kernel ahead of the first run: ``python -m winnow.recipes.compiling``.

A first run would do it by itself, in about a minute. This is for images, clusters and test machines, where many workers
would otherwise wait for it at the same time.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.decontaminate.contamination import contamination
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.lines import line_duplicates
from winnow.dedup.minhash import minhash_duplicates
from winnow.dedup.substring import substring_duplicates
from winnow.documents.read import Read
from winnow.edit.c4 import C4Lines
from winnow.edit.editor import chain
from winnow.edit.newlines import NewlineRemoval
from winnow.edit.refinedweb import RefinedWebLines
from winnow.edit.urls import UrlRemoval
from winnow.measure.dsir import Dsir, FitDsir
from winnow.measure.embedding import Embedding
from winnow.measure.examples import MIN_EXAMPLES
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.fit_ngram_model import FitNgramModel
from winnow.measure.language import Language
from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
from winnow.measure.perplexity import Perplexity
from winnow.measure.score import Score
from winnow.measure.text import Text
from winnow.measure.url import Url

DOCUMENTS = [{"id": id, "text": "A few words, " * 20 + "and a line.\n", "url": "https://a.example/b"} for id in "ab"]
ITEM = {"question": "What do a few words and a line make, if anything?", "answer": "a text"}


def deduplicate(batch: pa.RecordBatch) -> None:
    """Run every method that has kernels of its own besides its measure."""
    with tempfile.TemporaryDirectory(prefix="winnow-compiling-") as directory:
        source, tasks = Path(directory) / "in.parquet", Path(directory) / "task.jsonl"
        pq.write_table(pa.Table.from_batches([batch]), source)
        tasks.write_text(json.dumps(ITEM) + "\n")
        pages = Read(source=str(source))
        for method in (minhash_duplicates, bloom_duplicates, line_duplicates, substring_duplicates):
            materialize(method(pages), Path(directory) / "store")
        materialize(contamination(pages, tasks=str(tasks)), Path(directory) / "store")


def model_ngrams(batch: pa.RecordBatch) -> None:
    """Fit an n-gram model and measure by it."""
    with tempfile.TemporaryDirectory(prefix="winnow-compiling-") as directory:
        source = Path(directory) / "in.parquet"
        pq.write_table(pa.Table.from_batches([batch]), source)
        pages = Read(source=str(source))
        model = FitNgramModel(documents=pages)
        materialize(Score(documents=pages, measure=Perplexity(model=model)), Path(directory) / "store")


def fit_classifiers(batch: pa.RecordBatch) -> None:
    """Fit every classifier of n-grams on two sets and measure by it."""
    with tempfile.TemporaryDirectory(prefix="winnow-compiling-") as directory:
        sets = []
        for name in ("wanted", "unwanted"):
            rows = [{**row, "id": f"{name}{n}"} for n in range(MIN_EXAMPLES) for row in batch.to_pylist()[:1]]
            pq.write_table(pa.Table.from_pylist(rows), Path(directory) / f"{name}.parquet")
            sets.append(Read(source=str(Path(directory) / f"{name}.parquet")))
        good, bad = sets
        measures = (
            FastText(model=FitFastText(positives=good, negatives=bad, bucket=1000)),
            NgramClassifier(model=FitNgramClassifier(positives=good, negatives=bad)),
            Dsir(model=FitDsir(target=good, raw=bad)),
        )
        for measure in measures:
            materialize(Score(documents=bad, measure=measure), Path(directory) / "store")


USERS: tuple[Callable[[pa.RecordBatch], object], ...] = (
    lambda batch: Text().load()(batch),
    lambda batch: chain((UrlRemoval(), NewlineRemoval(), RefinedWebLines())).load()(batch),
    deduplicate,
    model_ngrams,
    fit_classifiers,
    lambda batch: chain((C4Lines(),)).load()(batch),
    lambda batch: Language().load()(batch),
    lambda batch: Url().load()(batch),
    lambda batch: Embedding().load()(batch),
)
"""What runs kernels, the slowest to compile first; one kernel of Text serves every definition of words."""


def use(index: int) -> float:
    """Run one of the users on a small batch; gives the seconds that it took."""
    began = time.perf_counter()
    USERS[index](pa.RecordBatch.from_pylist(DOCUMENTS))
    return time.perf_counter() - began


def main() -> None:
    """Compile what the cache does not hold yet."""
    for _ in Processes().run(use, range(len(USERS))):
        pass


if __name__ == "__main__":
    main()
