from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core import shuffle
from winnow.core.executors import Processes
from winnow.core.run import fresh, materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.lm import tokenize as room
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.token_table import open_tokens
from winnow.lm.tokenize import Tokenize
from winnow.lm.tokenizer import ByteTokenizer, load_tokenizer
from winnow.report.show import Shown, show

ROWS = tuple((f"d{n:02d}", f"text number {n} " * (n % 5), None, "left" if n % 2 else "right") for n in range(40))


def rows(step: Tokenize, store: Path) -> list[dict[str, Any]]:
    materialize(step, store)
    shards = range(len(Store(store).table(step).manifest.shards))
    return [row for shard in shards for batch in step.open_shard(Store(store), shard) for row in batch.to_pylist()]


def digest(step: Tokenize, store: Path, workers: int = 0) -> str:
    materialize(step, store, Processes(workers) if workers else None)
    return Store(store).table(step).manifest.digest


def test_a_row_is_a_document_with_its_tokens_its_bytes_and_where_it_came_from(tmp_path: Path) -> None:
    documents = Given(shards=((("a", "é!", None, "here"), ("b", "", None, "there"), ("c", None, None, None)),))
    found = {row["id"]: row for row in rows(Tokenize(documents=documents, tokenizer="bytes"), tmp_path)}
    assert found["a"] == {"id": "a", "source": "here", "tokens": [0xC3, 0xA9, 0x21, 256], "num_bytes": 3}
    assert found["b"] == {"id": "b", "source": "there", "tokens": [256], "num_bytes": 0}
    assert found["c"] == {"id": "c", "source": None, "tokens": [256], "num_bytes": 0}


@settings(max_examples=20)
@given(st.lists(st.text(max_size=30), max_size=12), st.integers(1, 4), st.integers(0, 3))
def test_every_document_is_encoded_once_wherever_it_stood(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], num_shards: int, seed: int
) -> None:
    given_rows = [(f"{number}", text) for number, text in enumerate(texts)]
    documents = Given(shards=tuple(tuple(given_rows[shard::num_shards]) for shard in range(num_shards)))
    step = Tokenize(documents=documents, tokenizer="bytes", seed=seed)
    store = tmp_path_factory.mktemp("store")
    found = rows(step, store)
    assert {row["id"]: row["tokens"] for row in found} == {id: [*text.encode(), 256] for id, text in given_rows}
    assert Store(store).table(step).manifest.counts == {
        "num_tokens": sum(len(row["tokens"]) for row in found),
        "num_bytes": sum(len(text.encode()) for text in texts),
    }


def test_neither_shards_nor_workers_change_a_byte(tmp_path: Path) -> None:
    one = Tokenize(documents=Given(shards=(ROWS,)), tokenizer="bytes", seed=3)
    other = Tokenize(documents=Given(shards=(ROWS[30:], (), ROWS[29::-1])), tokenizer="bytes", seed=3)
    first = digest(one, tmp_path / "one")
    assert digest(one, tmp_path / "workers", workers=2) == first
    assert digest(other, tmp_path / "other") == first


def test_the_order_is_random_and_the_seeds(tmp_path: Path) -> None:
    orders = [
        [row["id"] for row in rows(Tokenize(documents=Given(shards=(ROWS,)), tokenizer="bytes", seed=seed), tmp_path)]
        for seed in (0, 1)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == [row[0] for row in ROWS]
    assert orders[0] != orders[1] != sorted(orders[0]) != orders[0]


def test_many_partitions_are_one_order_cut_into_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Tokenize(documents=Given(shards=(ROWS[:7], ROWS[7:])), tokenizer="bytes")
    whole = rows(step, tmp_path / "one")
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 200)
    assert rows(step, tmp_path / "many") == whole
    assert len(Store(tmp_path / "many").table(step).manifest.shards) > 4


def test_a_document_that_breaks_the_tokenizer_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Picky(ByteTokenizer):
        def encode(self, texts: Sequence[str]) -> list[list[int]]:
            if any("7" in text for text in texts):
                raise ValueError("seven")
            return super().encode(texts)

    monkeypatch.setattr(room, "open_tokenizer", lambda model, store: Picky())
    documents = Given(shards=(ROWS[:10],))
    step = Tokenize(documents=documents, tokenizer="bytes")
    assert sorted(row["id"] for row in rows(step, tmp_path)) == [f"d{n:02d}" for n in range(10) if n != 7]
    (broken,) = Store(tmp_path).table(step.encoded).quarantine()
    assert (broken["id"], broken["error"]) == ("d07", "ValueError: seven")


def test_a_selection_is_tokenized_without_what_was_rejected(tmp_path: Path) -> None:
    rules = RuleSet(name="some", source="", measures=(), rules=(("left", "documents.source = 'left'"),))
    step = Tokenize(documents=Select(documents=Given(shards=(ROWS,)), reject=rules), tokenizer="bytes")
    assert sorted(row["id"] for row in rows(step, tmp_path)) == [row[0] for row in ROWS if row[3] == "right"]


def test_ids_take_two_bytes_where_the_vocabulary_allows_it_else_four(
    tmp_path: Path, gpt2: str, gpt2_ranks: Path
) -> None:
    large = tmp_path / "cl100k_base.tiktoken"
    large.write_bytes(gpt2_ranks.read_bytes())
    for model, kind, end in ((gpt2, np.uint16, 50256), (str(large), np.uint32, 100257)):
        step = Tokenize(documents=Given(shards=((("a", "Hello world"),),)), tokenizer=model)
        materialize(step, tmp_path / "store")
        shard = open_tokens(step, Store(tmp_path / "store"), 0)
        assert shard.tokens.dtype == kind
        assert shard.tokens.tolist() == [15496, 995, end]
        assert shard.offsets.tolist() == [0, 3]
        assert (shard.num_bytes.tolist(), shard.ids.to_pylist()) == ([11], ["a"])


def test_a_shard_is_one_uncompressed_batch_that_is_mapped_not_read(tmp_path: Path) -> None:
    step = Tokenize(documents=Given(shards=(ROWS * 1,)), tokenizer="bytes")
    materialize(step, tmp_path)
    path = Store(tmp_path).table(step).path(0)
    before = pa.total_allocated_bytes()
    shard = open_tokens(step, Store(tmp_path), 0)
    assert pa.total_allocated_bytes() == before
    assert pa.ipc.open_file(path).num_record_batches == 1
    assert len(shard.offsets) == 41


def test_columns_may_be_read_alone(tmp_path: Path) -> None:
    step = Tokenize(documents=Given(shards=(ROWS,)), tokenizer="bytes")
    materialize(step, tmp_path)
    (batch,) = step.open_shard(Store(tmp_path), 0, ["num_bytes", "id"])
    assert batch.schema.names == ["num_bytes", "id"]
    (whole,) = step.open_shard(Store(tmp_path), 0)
    assert whole.schema.equals(step.schema())


def test_tokens_are_made_again_where_the_tokenizer_changed_and_only_there(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    ByteTokenizer().save(model)
    step = Tokenize(documents=Given(shards=(ROWS,)), tokenizer=str(model))
    materialize(step, tmp_path)
    (model / "model.safetensors").touch()
    assert fresh(step, Store(tmp_path))
    (model / "tokenizer_config.json").write_text("{}")
    assert not fresh(step, Store(tmp_path))


def test_a_table_can_be_shown(tmp_path: Path) -> None:
    step = Tokenize(documents=Given(shards=(ROWS,)), tokenizer="bytes")
    shown = show(materialize(step, tmp_path), 2)
    assert isinstance(shown, Shown)
    assert shown.rows == 40
    assert shown.counts["num_tokens"] == sum(len(row[1]) + 1 for row in ROWS)


def test_real_text_comes_back_from_a_tokenizer_that_was_fitted_on_it(shared_data: Path, tmp_path: Path) -> None:
    read = Read(source=str(shared_data / "text" / "c4_sample"))
    fit = FitTokenizer(documents=read, vocab_size=1000, max_documents=200)
    step = Tokenize(documents=read, tokenizer=fit)
    found = {row["id"]: row for row in rows(step, tmp_path)}
    tokenizer = load_tokenizer(Store(tmp_path).table(fit).files())
    texts = {row["id"]: row["text"] for batch in read.open_shard(Store(tmp_path), 0) for row in batch.to_pylist()}
    assert found.keys() == texts.keys()
    for id, text in list(texts.items())[::20]:
        assert tokenizer.decode(found[id]["tokens"]) == text
        assert found[id]["num_bytes"] == len(text.encode())
        assert found[id]["tokens"][-1] == tokenizer.end_of_text
