from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from letters import END, table  # noqa: E402

from winnow.core.run import materialize  # noqa: E402
from winnow.core.table import Store  # noqa: E402
from winnow.rater.chunks import Chunks, ChunkTable, chunks_of, cut, open_chunks  # noqa: E402

SHARDS = st.lists(st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=5), max_size=3)


def flat(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *(len(one) + 1 for one in documents)])
    return np.array([id for one in documents for id in (*one, END)], np.uint16), offsets


def spelled(chunks: Chunks) -> list[list[int]]:
    return [row[:length].tolist() for row, length in zip(chunks.tokens, chunks.lengths, strict=True)]


@settings(max_examples=60, deadline=None)
@given(SHARDS, st.integers(1, 5))
def test_chunks_are_all_of_the_documents_and_nothing_of_two(shards: list[list[list[int]]], length: int) -> None:
    chunks = chunks_of([flat(one) for one in shards], length, END)
    documents = [one for shard in shards for one in shard]
    found: dict[int, list[int]] = {}
    for number, document in enumerate(chunks.places.document.tolist()):
        (tokens,) = spelled(chunks.batch(np.array([number])))
        assert 1 <= len(tokens) <= length
        found.setdefault(document, []).extend(tokens)
    assert found == {number: one for number, one in enumerate(documents) if one}
    assert {number: tokens.tolist() for number, tokens in chunks.documents()} == found
    assert chunks.num_tokens == sum(map(len, documents))


@given(st.lists(st.integers(0, 60), max_size=20), st.integers(1, 12))
def test_chunks_of_a_document_are_few_and_alike_to_a_token(sizes: list[int], length: int) -> None:
    document, _, size = cut(np.array(sizes, np.int64), length)
    for number, whole in enumerate(sizes):
        own = size[document == number]
        assert own.sum() == whole
        assert len(own) == -(-whole // length)
        assert not len(own) or own.max() - own.min() <= 1


def test_a_chunk_knows_the_token_before_it_and_a_document_begins_behind_an_end_of_text() -> None:
    chunks = chunks_of([flat([[1, 2, 3, 4], [5]])], 2, END)
    batch = chunks.batch(np.arange(3))
    assert batch.before.tolist() == [END, 2, END]
    assert spelled(batch) == [[1, 2], [3, 4], [5]]
    assert batch.read.tolist() == [[END, 1], [2, 3], [END, 5]]
    assert batch.mask.tolist() == [[True, True], [True, True], [True, False]]


def test_chunks_can_be_chosen(tmp_path: Path) -> None:
    letters = table("two", [(1, 2, 3, END)], [(), (4, END)])
    materialize(letters, tmp_path)
    chunks = open_chunks(letters, Store(tmp_path), 2, END)
    assert isinstance(chunks, ChunkTable)
    assert chunks.places.document.tolist() == [0, 0, 2]
    later = chunks.where(chunks.places.document == 2)
    assert len(later) == 1
    assert spelled(later.batch(np.array([0]))) == [[4]]
