from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_tables import GivenTokens, documents_of
from toys import Given

from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Inline, Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm import import_tokens as room
from winnow.lm.export_tokens import ExportTokens, Format
from winnow.lm.import_tokens import ImportTokens
from winnow.lm.megatron import read_index
from winnow.lm.mix import Mix
from winnow.lm.shares import Epochs
from winnow.lm.stream import TokenStream
from winnow.lm.tokenize import Tokenize
from winnow.lm.tokenizer import load_tokenizer

ROWS = tuple((f"d{n:02d}", f"text {n} ü " * (n % 4)) for n in range(12))
TOKENS = Tokenize(documents=Given(shards=(ROWS,)), tokenizer="bytes")
DOCUMENT = st.lists(st.integers(0, 256), max_size=6).map(tuple)
SHARDS = st.lists(st.lists(DOCUMENT, max_size=5).map(tuple), min_size=1, max_size=3).map(tuple)


def exported(tokens: Any, store: Path, format: Format = "megatron") -> Path:
    return materialize(ExportTokens(tokens=tokens, format=format), store, Inline()) / "files"


def read_megatron(prefix: Path) -> list[list[int]]:
    """The documents of an indexed dataset, read as its format is described: field by field, without NumPy."""
    index = prefix.with_suffix(".idx").read_bytes()
    data = prefix.with_suffix(".bin").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    (version,) = struct.unpack("<Q", index[9:17])
    assert version == 1
    letter = {4: "i", 8: "H"}[index[17]]
    num_sequences, num_documents = struct.unpack("<QQ", index[18:34])
    at = 34
    lengths = struct.unpack(f"<{num_sequences}i", index[at : at + 4 * num_sequences])
    at += 4 * num_sequences
    pointers = struct.unpack(f"<{num_sequences}q", index[at : at + 8 * num_sequences])
    at += 8 * num_sequences
    documents = struct.unpack(f"<{num_documents}q", index[at : at + 8 * num_documents])
    assert len(index) == at + 8 * num_documents
    width = struct.calcsize(letter)
    sequences = [
        list(struct.unpack(f"<{length}{letter}", data[pointer : pointer + length * width]))
        for length, pointer in zip(lengths, pointers, strict=True)
    ]
    joined = pairwise(documents)
    return [[id for sequence in sequences[first:last] for id in sequence] for first, last in joined]


@settings(max_examples=25)
@given(SHARDS)
def test_megatrons_files_hold_every_document_in_order(
    tmp_path_factory: pytest.TempPathFactory, shards: tuple[tuple[tuple[int, ...], ...], ...]
) -> None:
    files = exported(GivenTokens(name="a", shards=shards), tmp_path_factory.mktemp("store"))
    assert read_megatron(files / "tokens") == [list(document) for shard in shards for document in shard]


def test_arrays_hold_every_document_in_order(tmp_path: Path) -> None:
    files = exported(TOKENS, tmp_path, "npy")
    tokens, bounds = np.load(files / "tokens.npy"), np.load(files / "documents.npy")
    assert (tokens.dtype, bounds.dtype) == (np.uint16, np.int64)
    found = [tokens[start:end].tolist() for start, end in pairwise(bounds)]
    assert found == documents_of(TOKENS, Store(tmp_path))
    about = json.loads((files / "tokens.json").read_text())
    assert about == {
        "num_tokens": len(tokens),
        "num_documents": 12,
        "type": "uint16",
        "vocab_size": 257,
        "end_of_text": 256,
    }
    assert load_tokenizer(files).encode(["ü"]) == [[0xC3, 0xBC]]


def test_large_vocabularies_take_four_bytes(tmp_path: Path, gpt2_ranks: Path) -> None:
    large = tmp_path / "cl100k_base.tiktoken"
    large.write_bytes(gpt2_ranks.read_bytes())
    step = Tokenize(documents=Given(shards=((("a", "Hello world"),),)), tokenizer=str(large))
    assert read_megatron(exported(step, tmp_path) / "tokens") == [[15496, 995, 100257]]
    arrays = exported(step, tmp_path, "npy")
    assert np.load(arrays / "tokens.npy").dtype == np.uint32
    back = ImportTokens(path=str(exported(step, tmp_path) / "tokens.idx"), tokenizer=str(large))
    materialize(back, tmp_path)
    assert documents_of(back, Store(tmp_path)) == [[15496, 995, 100257]]


@pytest.mark.parametrize("format", ["megatron", "npy"])
def test_what_is_exported_is_imported_again(tmp_path: Path, format: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    name = {"megatron": "tokens.idx", "npy": "tokens.npy"}[format]
    back = ImportTokens(path=str(exported(TOKENS, tmp_path, format) / name), tokenizer="bytes")
    for part_tokens in (1 << 20, 10):
        monkeypatch.setattr(room, "PART_TOKENS", part_tokens)
        store = tmp_path / str(part_tokens)
        materialize(back, store)
        assert documents_of(back, Store(store)) == documents_of(TOKENS, Store(tmp_path))
        assert Store(store).table(back).manifest.counts == Store(tmp_path).table(TOKENS).manifest.counts
    assert len(Store(store).table(back).manifest.shards) > 5
    mix = Mix(sources=(("back", back),))
    materialize(mix, store)
    assert TokenStream.open(mix, Store(store)).num_bytes == sum(len(text.encode()) for _, text in ROWS)


def test_a_mix_is_exported_in_its_order_with_its_cut_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winnow.lm.export_tokens.CHUNK", 7)
    mix = Mix(sources=(("a", TOKENS),), shares=Epochs((("a", 1.4),)), seed=3)
    documents = read_megatron(exported(mix, tmp_path) / "tokens")
    stream = TokenStream.open(mix, Store(tmp_path))
    assert [id for document in documents for id in document] == stream.slice(0, stream.num_tokens).tolist()
    assert [len(document) for document in documents] == np.diff(stream.order.starts, append=stream.num_tokens).tolist()
    arrays = exported(mix, tmp_path, "npy")
    assert np.load(arrays / "tokens.npy").tolist() == stream.slice(0, stream.num_tokens).tolist()


def test_arrays_without_boundaries_are_cut_at_the_end_of_text(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.array([65, 66, 256, 256, 67], np.int32))
    back = ImportTokens(path=str(tmp_path / "flat.npy"), tokenizer="bytes")
    materialize(back, tmp_path)
    assert documents_of(back, Store(tmp_path)) == [[65, 66, 256], [256], [67]]
    (batch,) = back.open_shard(Store(tmp_path), 0)
    assert batch.column("num_bytes").to_pylist() == [2, 0, 1]
    assert batch.column("id").to_pylist() == ["flat-0", "flat-1", "flat-2"]


def test_sequences_of_one_document_are_joined(tmp_path: Path) -> None:
    """Three sequences of signed 64-bit ids, the first two of one document."""
    np.array([1, 2, 3, 4], "<i8").tofile(tmp_path / "a.bin")
    header = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, 5, 3, 3)
    (tmp_path / "a.idx").write_bytes(header + struct.pack("<3i3q3q", 2, 1, 1, 0, 16, 24, 0, 2, 3))
    back = ImportTokens(path=str(tmp_path / "a.idx"), tokenizer="bytes")
    materialize(back, tmp_path)
    assert documents_of(back, Store(tmp_path)) == [[1, 2, 3], [4]]


def test_damaged_files_are_errors_that_say_what_is_wrong(tmp_path: Path) -> None:
    files = exported(TOKENS, tmp_path)
    index = (files / "tokens.idx").read_bytes()
    path = tmp_path / "x.idx"
    for content, complaint in (
        (b"nothing of the kind, nothing at all", "no index of Megatron-LM"),
        (index[:9] + struct.pack("<Q", 2) + index[17:], "version 2"),
        (index[:-3], "ends early"),
        (index[:34] + struct.pack("<i", 99) + index[38:], "do not lie one after another"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=complaint):
            read_index(path)
    path.write_bytes(index)
    (tmp_path / "x.bin").write_bytes((files / "tokens.bin").read_bytes()[:-2])
    with pytest.raises(InputError, match=r"do not fit its .* tokens"):
        materialize(ImportTokens(path=str(path), tokenizer="bytes"), tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        materialize(ImportTokens(path=str(tmp_path / "absent.npy"), tokenizer="bytes"), tmp_path)
    np.save(tmp_path / "square.npy", np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"holds float64 of shape \(2, 2\)"):
        materialize(ImportTokens(path=str(tmp_path / "square.npy"), tokenizer="bytes"), tmp_path)


def test_ids_beyond_the_tokenizer_are_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", np.array([1, 300]))
    with pytest.raises(InputError, match=r"ids from 1 to 300, the tokenizer those below 257: give the tokenizer that"):
        materialize(ImportTokens(path=str(tmp_path / "ids.npy"), tokenizer="bytes"), tmp_path)


def test_other_formats_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"no format 'megatorn' of tokens; did you mean megatron\?"):
        ExportTokens(tokens=TOKENS, format="megatorn").check()  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"is no file of tokens: give an .idx file"):
        ImportTokens(path="tokens.bin", tokenizer="bytes").check()


def test_real_text_goes_out_and_comes_back_with_its_bytes(shared_data: Path, tmp_path: Path, gpt2: str) -> None:
    tokens = Tokenize(documents=Read(source=str(shared_data / "text" / "c4_sample")), tokenizer=gpt2)
    files = exported(tokens, tmp_path)
    back = ImportTokens(path=str(files / "tokens.idx"), tokenizer=gpt2)
    materialize(back, tmp_path, Processes(2))
    assert Store(tmp_path).table(back).manifest.counts == Store(tmp_path).table(tokens).manifest.counts
    assert documents_of(back, Store(tmp_path)) == documents_of(tokens, Store(tmp_path))
