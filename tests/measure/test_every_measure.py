"""One battery for every measure: hard documents get a number, or a null of which the column says when it stands."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from winnow.core.executors import Inline
from winnow.core.run import materialize, num_shards
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.measure.content_hash import ContentHash
from winnow.measure.dsir import Dsir, FitDsir
from winnow.measure.embedding import Embedding
from winnow.measure.ensemble import ensemble
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.fit_linear import FitLinear
from winnow.measure.fit_ngram_model import FitNgramModel
from winnow.measure.kmeans import FitKMeans
from winnow.measure.language import Language
from winnow.measure.linear import Linear
from winnow.measure.measure import Measure
from winnow.measure.minhash import MinHash
from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
from winnow.measure.perplexity import Perplexity
from winnow.measure.score import Score
from winnow.measure.text import Text
from winnow.measure.topics import FitTopics, Topics
from winnow.measure.url import Url

TEXTS = {
    "empty": "",
    "space": " \n\t ",
    "one": "a",
    "newline": "\n",
    "chinese": "人人生而自由，在尊严和权利上一律平等。",
    "arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "emoji": "👩‍👩‍👧‍👦 🇺🇳 ❤️",
    "control": "\x00\x01\x85\u2028\ufeff",
    "combining": "a" + "\u0301" * 500,
    "long word": "x" * 100_000,
    "megabyte": "The mill stands by the creek and grinds at every tide. " * 19_000,
    "ordinary": "The mill stands by the creek. It grinds at every tide, day and night.",
}


def write(path: Path, texts: dict[str, str]) -> Read:
    rows = [{"id": id, "text": text, "url": f"http://example.org/{n}"} for n, (id, text) in enumerate(texts.items())]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Read(source=str(path))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("battery")


@pytest.fixture(scope="module")
def documents(root: Path) -> Read:
    return write(root / "hard.jsonl", TEXTS)


@pytest.fixture(scope="module")
def wanted(root: Path) -> Read:
    return write(root / "good.jsonl", {f"g{n}": f"The tide turns the mill number {n} by the creek." for n in range(60)})


@pytest.fixture(scope="module")
def unwanted(root: Path) -> Read:
    return write(root / "bad.jsonl", {f"b{n}": f"Buy cheap pills now, {n} dollars, click here!!!" for n in range(60)})


Make = Callable[[Rows, Rows, Rows], Measure | Aligned]


def vectors(documents: Rows) -> Score:
    return Score(documents=documents, measure=Embedding())


def linear(documents: Rows, wanted: Rows, unwanted: Rows) -> Linear:
    fit = FitLinear(positives=vectors(wanted), negatives=vectors(unwanted))
    return Linear(documents=documents, vectors=vectors(documents), model=fit)


def topics(documents: Rows, wanted: Rows, unwanted: Rows) -> Topics:
    fit = FitTopics(centroids=FitKMeans(vectors=vectors(wanted), column="vector", num_clusters=2))
    return Topics(documents=documents, vectors=vectors(documents), model=fit)


def together(documents: Rows, wanted: Rows, unwanted: Rows) -> Aligned:
    measures = (Text(), Language())
    return ensemble(documents, scores={"size": "text.num_chars", "english": "language.score"}, measures=measures)


MEASURES: dict[str, Make] = {
    "text": lambda *_: Text(),
    "spacy": lambda *_: Text(words="spacy"),
    "language": lambda *_: Language(),
    "url": lambda *_: Url(),
    "hash": lambda *_: ContentHash(of="normalized_text"),
    "minhash": lambda *_: MinHash(),
    "embedding": lambda *_: Embedding(),
    "fasttext": lambda _, good, bad: FastText(model=FitFastText(positives=good, negatives=bad, bucket=1000)),
    "ngram": lambda _, good, bad: NgramClassifier(model=FitNgramClassifier(positives=good, negatives=bad)),
    "dsir": lambda _, good, bad: Dsir(model=FitDsir(target=good, raw=bad)),
    "perplexity": lambda _, good, __: Perplexity(model=FitNgramModel(documents=good, order=3)),
    "linear": linear,
    "topics": topics,
    "ensemble": together,
}


def numbers_in(value: Any) -> Iterator[float]:
    """Every number in a cell, those in lists and structures too."""
    if isinstance(value, float | int):
        yield float(value)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)


def described(field: pa.Field) -> str:
    about: bytes = (field.metadata or {}).get(b"description", b"")
    return about.decode()


@pytest.mark.parametrize("name", MEASURES)
def test_hard_documents_get_a_number_or_a_null_with_a_reason(
    name: str, root: Path, documents: Read, wanted: Read, unwanted: Read
) -> None:
    made = MEASURES[name](documents, wanted, unwanted)
    step = made if isinstance(made, Aligned) else Score(documents=documents, measure=made)
    materialize(step, root / "store", Inline())
    store = Store(root / "store")
    table = pa.concat_tables([store.table(step).shard(shard) for shard in range(num_shards(step, store))])
    assert table.column("id").to_pylist() == list(TEXTS)
    assert not any(table.column("quarantined").to_pylist())
    for field in step.columns():
        cells = table.column(field.name).to_pylist()
        assert all(math.isfinite(number) for cell in cells for number in numbers_in(cell)), field.name
        nulls = [id for id, cell in zip(TEXTS, cells, strict=True) if cell is None]
        assert not nulls or "null" in described(field), f"{field.name} is null for {nulls} and does not say when"
        assert "ordinary" not in nulls or field.name == "blocked_domain"
