from __future__ import annotations

from pathlib import Path

import pytest
from token_tables import documents_of
from toys import Given, rows_of

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import InputError, RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.lm import sequences as room
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.mix import Mix
from winnow.lm.sequences import Sequences
from winnow.lm.stream import TokenStream
from winnow.lm.token_table import open_tokens
from winnow.lm.tokenize import Tokenize

TEXTS = tuple((f"d{n:02d}", f"grüße number {n} " * (n % 5 + 1)) for n in range(30))


def mix() -> Mix:
    """A stream of bytes, with ends of text and characters of two bytes."""
    return Mix(sources=(("made", Tokenize(documents=Given(shards=(TEXTS,)), tokenizer="bytes")),))


def stream_of(mix: Mix, store: Path) -> list[int]:
    stream = TokenStream.open(mix, Store(store))
    return [int(token) for token in stream.slice(0, stream.num_tokens)]


def test_rows_are_the_stream_cut_into_equal_pieces_but_for_its_end(tmp_path: Path) -> None:
    step = Sequences(tokens=mix(), length=16)
    materialize(step, tmp_path)
    stream, rows = stream_of(mix(), tmp_path), rows_of(step, tmp_path)
    assert len(rows) == len(stream) // 16
    assert len(stream) % 16
    assert [token for row in rows for token in row["tokens"]] == stream[: 16 * len(rows)]
    assert [row["id"] for row in rows[:2]] == ["sequence-000000000", "sequence-000000001"]
    for row in rows:
        assert row["text"] == bytes(token for token in row["tokens"] if token < 256).decode(errors="replace")
        assert row["num_bytes"] == len(row["text"].encode())
    assert any("\ufffd" in row["text"] for row in rows)
    assert step.schema().equals(Store(tmp_path).table(step).schema())
    assert Store(tmp_path).table(step).manifest.counts["num_tokens"] == 16 * len(rows)


def test_rows_are_the_same_for_any_number_of_shards_and_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Sequences(tokens=mix(), length=7)
    one, other = (materialize(step, tmp_path / name, by) for name, by in (("1", None), ("2", Processes(2))))
    assert (one / "shards/00000-000.parquet").read_bytes() == (other / "shards/00000-000.parquet").read_bytes()
    monkeypatch.setattr(room, "PART_TOKENS", 50)
    monkeypatch.setattr(room, "BATCH_TOKENS", 20)
    materialize(step, tmp_path / "parts")
    assert len(Store(tmp_path / "parts").table(step).manifest.shards) > 3
    assert rows_of(step, tmp_path / "parts") == rows_of(step, tmp_path / "1")


def test_a_selection_of_them_is_tokenized_to_the_tokens_that_they_were(tmp_path: Path) -> None:
    pieces = Sequences(tokens=mix(), length=16)
    rules = RuleSet(name="some", source="", measures=(), rules=(("odd", "documents.num_bytes < 16"),))
    pruned = Select(documents=Select(documents=pieces, reject=rules), reject=rules)
    step = Tokenize(documents=pruned, tokenizer="bytes")
    materialize(Mix(sources=(("pruned", step),)), tmp_path)
    kept = {row["id"]: row for row in rows_of(pieces, tmp_path) if row["num_bytes"] >= 16}
    shard = open_tokens(step, Store(tmp_path), 0)
    assert dict(zip(shard.ids.to_pylist(), documents_of(step, Store(tmp_path)), strict=True)) == {
        id: row["tokens"] for id, row in kept.items()
    }
    assert 0 < len(kept) < len(rows_of(pieces, tmp_path))
    assert shard.num_bytes.tolist() == [kept[id]["num_bytes"] for id in shard.ids.to_pylist()]
    assert sum(map(len, documents_of(step, Store(tmp_path)))) == 16 * len(kept)  # no end of text was added


def test_by_another_tokenizer_their_text_is_encoded(tmp_path: Path) -> None:
    documents = Given(shards=(TEXTS,))
    fitted = FitTokenizer(documents=documents, vocab_size=300)
    pieces = Sequences(tokens=mix(), length=16)
    step = Tokenize(documents=pieces, tokenizer=fitted)
    materialize(step, tmp_path)
    tokens = documents_of(step, Store(tmp_path))
    assert all(row.count(row[-1]) == 1 for row in tokens)  # the end of text
    assert sum(map(len, tokens)) < 16 * len(tokens)
    own = Mix(sources=(("made", Tokenize(documents=documents, tokenizer=fitted)),))
    kept = Tokenize(documents=Sequences(tokens=own, length=5), tokenizer=fitted)
    materialize(kept, tmp_path)
    assert {len(row) for row in documents_of(kept, Store(tmp_path))} == {5}
    assert fitted in kept.documents.inputs()


def test_what_makes_no_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="length is 0; a sequence has at least 1 token"):
        materialize(Sequences(tokens=mix(), length=0), tmp_path)
    with pytest.raises(InputError, match=r"the mix has \d+ tokens, fewer than one sequence of 100000"):
        materialize(Sequences(tokens=mix(), length=100_000), tmp_path)
