"""ONNX graphs through the real runtime: a graph of one look-up, written down byte by byte, gives vectors by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from winnow.core.errors import RecipeError
from winnow.measure import encoders
from winnow.measure.embedding import Embedding

pytest.importorskip("onnxruntime")
tokenizers = pytest.importorskip("tokenizers")

TABLE = np.array([[9, 9], [1, 0], [0, 1], [1, 1]], np.float32)
"""The vectors of padding, "a", "b" and "c"."""
FLOAT, INT64 = 1, 7


def number(field: int, value: int) -> bytes:
    """A whole number below 128 as Protocol Buffers write it."""
    return bytes([field << 3, value])


def part(field: int, content: bytes | str) -> bytes:
    """Bytes, a string or a message as Protocol Buffers write them, of less than 16 KB."""
    encoded = content.encode() if isinstance(content, str) else content
    return bytes([field << 3 | 2, len(encoded) & 127 | 128, len(encoded) >> 7]) + encoded


def array_of(name: str, kind: int, *sizes: str) -> bytes:
    shape = b"".join(part(1, part(2, size)) for size in sizes)
    return part(1, name) + part(2, part(1, number(1, kind) + part(2, shape)))


def graph(table: np.ndarray) -> bytes:
    """An ONNX model: ``Gather(table, input_ids)``."""
    initializer = number(1, table.shape[0]) + number(1, table.shape[1]) + number(2, FLOAT)
    initializer += part(8, "table") + part(9, table.tobytes())
    node = part(1, "table") + part(1, "input_ids") + part(2, "last_hidden_state") + part(4, "Gather")
    inputs = array_of("input_ids", INT64, "texts", "tokens")
    outputs = array_of("last_hidden_state", FLOAT, "texts", "tokens", "size")
    body = part(1, node) + part(2, "look_up") + part(5, initializer) + part(11, inputs) + part(12, outputs)
    return number(1, 8) + part(7, body) + part(8, part(1, "") + number(2, 13))


@pytest.fixture
def model(tmp_path: Path) -> str:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[PAD]": 0, "a": 1, "b": 2, "c": 3}, unk_token="c"))
    tokenizer.normalizer = tokenizers.normalizers.Replace("silence", "")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=7)
    tokenizer.enable_truncation(5)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "model.onnx").write_bytes(graph(TABLE))
    return str(tmp_path)


def embedded(embedding: Embedding, *texts: str | None) -> list[list[float] | None]:
    found: list[list[float] | None] = embedding.load()(pa.record_batch({"text": pa.array(texts)})).column(0).to_pylist()
    return found


def test_tokens_are_averaged_without_padding_whatever_the_batch(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    diagonal = 0.5**0.5
    expected = [[1, 0], [diagonal, diagonal], None, [0, 1], None, [3 / 10**0.5, 1 / 10**0.5], [diagonal, diagonal]]
    for size in (1, 4, 1000):
        monkeypatch.setattr(encoders, "TOKENS_A_BATCH", size)
        found = embedded(Embedding(model=model, dimensions=2), "a", "a b", " ", "b b", None, "a a a b", "c")
        assert found == [row and pytest.approx(row) for row in expected]


def test_the_first_token_stands_for_all_where_that_is_asked(model: str) -> None:
    assert embedded(Embedding(model=model, dimensions=2, pooling="cls"), "b a a a") == [[0, 1]]


def test_texts_are_cut_where_the_tokenizer_or_the_user_says(model: str) -> None:
    assert embedded(Embedding(model=model, dimensions=2), "a a a a a b b b b b") == [[1, 0]]
    assert embedded(Embedding(model=model, dimensions=2, max_tokens=1), "b a a a") == [[0, 1]]
    half = pytest.approx([0.5**0.5, 0.5**0.5])
    assert embedded(Embedding(model=model, dimensions=2, max_tokens=10), "a a a a a b b b b b") == [half]


def test_a_text_without_tokens_has_no_vector(model: str) -> None:
    assert embedded(Embedding(model=model, dimensions=2), "silence", "a") == [None, [1, 0]]
    assert embedded(Embedding(model=model, dimensions=2, pooling="cls"), "a", "silence") == [[1, 0], None]


def test_a_directory_without_a_tokenizer_is_refused(model: str) -> None:
    (Path(model) / "tokenizer.json").unlink()
    with pytest.raises(RecipeError, match=r"has model\.onnx but no tokenizer\.json"):
        Embedding(model=model, dimensions=2).load()
