"""The packaged embedding in closed form and on real text; other encoders through the adapters that open them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from numpy.typing import NDArray
from toys import Given, rows_of

from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.dedup.semantic import semantic_duplicates
from winnow.measure.embedding import DIMENSIONS, Embedding
from winnow.measure.encoders import read_packaged
from winnow.measure.measure import Judge
from winnow.measure.score import Score


@pytest.fixture(scope="module")
def embed() -> Judge:
    return Embedding().load()


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.string())})


def vectors(judge: Judge, *texts: str | None) -> NDArray[np.float64]:
    return np.array(judge(batch(*texts)).column("vector").to_pylist())


def test_one_known_word_has_the_direction_of_its_piece(embed: Judge) -> None:
    packaged = read_packaged()
    vector = packaged.vectors[packaged.pieces.index("library")].astype(np.float64)
    np.testing.assert_allclose(vectors(embed, "Library")[0], vector / np.linalg.norm(vector), atol=1e-6)


def test_a_text_is_the_weighted_sum_of_its_pieces_whatever_their_order(embed: Judge) -> None:
    packaged = read_packaged()
    places = [packaged.pieces.index(piece) for piece in ("the", "library", ".", "library")]
    total = (packaged.vectors[places] * packaged.scales[places, None].astype(np.float64)).sum(axis=0)
    found = vectors(embed, "The library. Library", ". LIBRARY library the")
    np.testing.assert_allclose(found[0], total / np.linalg.norm(total), atol=1e-6)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_vectors_have_length_one_and_only_texts_without_a_known_word_have_none(embed: Judge) -> None:
    texts = ["", " \n\t", None, "\u2603\u2603", "\x00", "a", ".", "的", "Привет", "word " * 210_000, "x" * 101, "é"]
    found = embed(batch(*texts)).column("vector")
    assert found.type == pa.list_(pa.float32(), DIMENSIONS)
    assert [vector is None for vector in found.to_pylist()] == [True] * 5 + [False] * 5 + [True, False]
    there = np.array(found.drop_null().to_pylist())
    np.testing.assert_allclose(np.linalg.norm(there, axis=1), 1, atol=1e-6)


def test_a_vector_does_not_depend_on_what_stands_beside_it(embed: Judge, shared_data: Path) -> None:
    texts = [row["text"] for row in read_rows(shared_data, "c4_sample")[:60]]
    together = embed(batch(*texts)).column("vector")
    for row in range(0, 60, 7):
        assert embed(batch(texts[row])).column("vector")[0] == together[row]
    assert embed(batch(*texts[::-1])).column("vector").to_pylist() == together.to_pylist()[::-1]
    sliced = batch("other", *texts).slice(1)
    assert embed(sliced).column("vector").equals(together)


def test_like_meanings_are_near(embed: Judge) -> None:
    cat, kitten, shares = vectors(
        embed,
        "My cat sleeps on the sofa.",
        "A kitten was napping on the couch",
        "Stock markets fell sharply on Monday.",
    )
    assert cat @ kitten > 0.5
    assert cat @ shares < 0.2


def test_max_tokens_reads_the_beginning_only() -> None:
    short = Embedding(max_tokens=3).load()
    found = vectors(short, "one two three four", "one two three", "one two")
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[1] != found[2]).any()


def test_duplicates_that_were_rewritten_a_little_are_found_by_meaning(tmp_path: Path, shared_data: Path) -> None:
    rows = [row for row in read_rows(shared_data, "bbc_news") if row["category"] in ("tech", "politics")][:500]
    rewritten = [(f"copy-{row['id']}", row["text"].replace(" the ", " this ").replace(".", "!")) for row in rows[:40]]
    originals = [(row["id"], row["text"]) for row in rows]
    documents = Given(shards=(tuple(originals), tuple(rewritten), (("empty", ""),)))
    embedded = Score(documents=documents, measure=Embedding())
    found = semantic_duplicates(documents, embeddings=embedded, column="vector", num_clusters=4, threshold=0.97)
    materialize(found, tmp_path)
    by_id = {row["id"]: row for row in rows_of(found, tmp_path)}
    texts = dict(originals)
    twins = [by_id[id]["duplicate_of"] for id, _ in rewritten]
    right = [
        twin is not None and texts.get(twin) == texts[id.removeprefix("copy-")]
        for (id, _), twin in zip(rewritten, twins, strict=True)
    ]
    assert sum(right) >= 38
    assert by_id["empty"]["duplicate_of"] is None
    copies = [id for id, text in originals if list(texts.values()).count(text) > 1]
    assert sum(by_id[id]["duplicate_of"] is None for id in copies) <= 0.55 * len(copies)
    assert sum(row["duplicate_of"] is not None for row in by_id.values()) < 40 + len(copies) + 15


def test_what_cannot_work_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="the packaged model have 128 dimensions: say dimensions=128"):
        Embedding(dimensions=64).load()
    with pytest.raises(RecipeError, match="no pooling 'max'"):
        Embedding(pooling="max")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="max_tokens is 0"):
        Embedding(max_tokens=0)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(RecipeError, match=r"all-MiniLM is no directory with a model\.onnx.*\[sentence-transformers\]"):
        Embedding(model="all-MiniLM", dimensions=384).load()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(RecipeError, match=r"winnow-data\[onnx\]"):
        Embedding(model=str(tmp_path), dimensions=384).load()


def test_a_models_files_make_its_scores_stale(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_bytes(b"1")
    (tmp_path / "tokenizer.json").write_bytes(b"2")
    files = Embedding(model=str(tmp_path), dimensions=4).files()
    assert [Path(file).name for file in files] == ["model.onnx", "tokenizer.json"]
    assert Embedding().files() == Embedding(model="all-MiniLM-L6-v2", dimensions=384).files() == ()


class Letters:
    """Stands in for a sentence-transformers model: how many a and b a text has, times its length."""

    max_seq_length = 256

    def __init__(self, model: str) -> None:
        if model == "nowhere":
            raise OSError("there is no model of this name")
        self.seen: list[str] = []

    def encode(self, texts: list[str], show_progress_bar: bool) -> NDArray[np.float64]:
        cut = [text[: self.max_seq_length] for text in texts]
        return np.array([[text.count("a") * len(text), text.count("b") * len(text)] for text in cut], float)


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("sentence_transformers")
    module.SentenceTransformer = Letters
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


def test_a_sentence_transformer_embeds_what_is_written(letters: None) -> None:
    judge = Embedding(model="letters", dimensions=2).load()
    found = judge(batch("aaab", None, " ", "bb", "cc")).column("vector").to_pylist()
    np.testing.assert_allclose(found[0], [3 / 10**0.5, 1 / 10**0.5], atol=1e-6)
    assert found[1:3] == [None, None]
    assert found[3:] == [[0, 1], None]
    cut = Embedding(model="letters", dimensions=2, max_tokens=2).load()
    assert cut(batch("abaa")).column("vector").to_pylist() == [pytest.approx([0.5**0.5, 0.5**0.5])]


def test_a_model_that_is_not_there_is_named(letters: None) -> None:
    with pytest.raises(RecipeError, match=r"nowhere cannot be opened.*no model of this name"):
        Embedding(model="nowhere", dimensions=2).load()
    with pytest.raises(RecipeError, match="letters have 2 dimensions: say dimensions=2"):
        Embedding(model="letters", dimensions=3).load()


def read_rows(shared_data: Path, source: str) -> list[dict[str, Any]]:
    content = (shared_data / f"text/{source}/{source}.jsonl.zst").read_bytes()
    lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True), "utf-8")
    return [json.loads(line) for line in lines]
