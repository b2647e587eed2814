from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_tables import GivenTokens, documents_of

from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm.mix import Mix
from winnow.lm.stream import TokenStream
from winnow.lm.tokenize import Tokenize
from winnow.lm.tokenizer import ByteTokenizer

DOCUMENT = st.lists(st.integers(0, 256), max_size=6).map(tuple)
SHARDS = st.lists(st.lists(DOCUMENT, max_size=5).map(tuple), min_size=1, max_size=3).map(tuple)


def concatenated(mix: Mix, store: Store) -> list[int]:
    """The stream by the book: document after document of the order, each cut where the next begins."""
    made = store.table(mix)
    documents, starts = (np.load(made.file(name)) for name in ("documents.npy", "starts.npy"))
    ends = [*starts[1:], made.manifest.counts["num_tokens"]]
    known = [document for _, table in mix.sources for document in documents_of(table, store)]
    return [
        id for number, start, end in zip(documents, starts, ends, strict=True) for id in known[number][: end - start]
    ]


@settings(max_examples=40)
@given(st.lists(SHARDS, min_size=1, max_size=3), st.floats(0.1, 3), st.integers(0, 3), st.data())
def test_any_slice_is_that_of_the_documents_one_after_another(
    tmp_path_factory: pytest.TempPathFactory,
    sources: list[tuple[tuple[tuple[int, ...], ...], ...]],
    epochs: float,
    seed: int,
    data: st.DataObject,
) -> None:
    tables = [GivenTokens(name=str(number), shards=shards) for number, shards in enumerate(sources)]
    sizes = [sum(len(document) for shard in table.shards for document in shard) for table in tables]
    full = [(table.name, table) for table, size in zip(tables, sizes, strict=True) if size]
    if not full:
        return
    mix = Mix(sources=tuple(full), num_tokens=max(1, int(epochs * sum(sizes))), seed=seed)
    store = Store(tmp_path_factory.mktemp("store"))
    materialize(mix, store, Inline())
    expected = concatenated(mix, store)
    stream = TokenStream.open(mix, store)
    assert stream.num_tokens == len(expected) == mix.num_tokens
    assert stream.slice(0, stream.num_tokens).tolist() == expected
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    found = stream.slice(start, stop)
    assert found.tolist() == expected[start:stop]
    assert found.dtype == np.int64


def test_documents_of_a_stream_say_where_they_begin_and_what_they_are(tmp_path: Path) -> None:
    documents = tuple((number,) * (number + 1) for number in range(5))
    mix = Mix(sources=(("a", GivenTokens(name="a", shards=(documents[:2], (), documents[2:]))),))
    store = Store(tmp_path)
    materialize(mix, store)
    stream = TokenStream.open(mix, store)
    starts, num_bytes, ids = stream.documents()
    names = ["a-0-0", "a-0-1", "a-2-0", "a-2-1", "a-2-2"]
    assert sorted(ids) == names
    for start, end, size, id in zip(starts, [*starts[1:], stream.num_tokens], num_bytes, ids, strict=True):
        assert stream.slice(start, end).tolist() == list(documents[names.index(id)])
        assert size == 10 * (end - start)
    assert stream.num_bytes == num_bytes.sum() == 150


def test_what_lies_outside_the_stream_is_an_index_error(tmp_path: Path) -> None:
    mix = Mix(sources=(("a", GivenTokens(name="a", shards=(((1, 2, 3),),))),))
    materialize(mix, tmp_path)
    stream = TokenStream.open(mix, Store(tmp_path))
    for start, stop in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(IndexError, match="of a stream of 3"):
            stream.slice(start, stop)
    assert stream.slice(3, 3).tolist() == []


def test_real_text_is_the_stream_in_another_order(shared_data: Path, tmp_path: Path) -> None:
    names = ("tinyshakespeare", "c4_sample")
    reads = {name: Read(source=str(shared_data / "text" / name)) for name in names}
    sources = tuple((name, Tokenize(documents=read, tokenizer="bytes")) for name, read in reads.items())
    mix = Mix(sources=sources)
    store = Store(tmp_path)
    materialize(mix, store)
    stream = TokenStream.open(mix, store)
    texts = {
        row["id"]: row["text"]
        for read in reads.values()
        for batch in read.open_shard(store, 0)
        for row in batch.to_pylist()
    }
    starts, num_bytes, ids = stream.documents()
    assert sorted(ids) == sorted(texts)
    assert num_bytes.tolist() == [len(texts[id].encode()) for id in ids]
    ends = [*starts[1:], stream.num_tokens]
    for start, end, id in list(zip(starts, ends, ids, strict=True))[::50]:
        assert ByteTokenizer().decode(stream.slice(start, end).tolist()) == texts[id]
