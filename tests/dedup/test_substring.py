from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core import shuffle
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.dedup.substring import substring_duplicates
from winnow.edit.cut import Cut
from winnow.kernels.passages import hash_strings
from winnow.kernels.substrings_reference import repeated

texts = st.lists(st.sampled_from(["a", "b", "c d", "e f g h", "é\n", "x y z"]), max_size=14).map(" ".join)


def marked(step: Given, store: Path, **options: object) -> dict[str, set[int]]:
    found = substring_duplicates(step, **options)  # type: ignore[arg-type]
    materialize(found, store)
    spans = {row["id"]: row["duplicate_spans"] for row in rows_of(found, store)}
    return {id: {at for span in own for at in range(span["start"], span["end"])} for id, own in spans.items()}


def expected(rows: list[tuple[str, str]], length: int, by_word: bool = True) -> dict[str, set[int]]:
    order = np.argsort(hash_strings(pa.array([id for id, _ in rows], pa.string()), 0))
    found = repeated([rows[place][1] for place in order], length, by_word)
    return {rows[place][0]: one for place, one in zip(order, found, strict=True)}


@settings(max_examples=15)
@given(st.lists(texts, max_size=6), st.integers(2, 6), st.booleans(), st.integers(1, 3), st.randoms())
def test_spans_are_those_of_a_look_at_all_windows_whatever_the_order_of_documents(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    length: int,
    by_word: bool,
    num_shards: int,
    chance: random.Random,
) -> None:
    rows = [(f"d{number}", text) for number, text in enumerate(texts)]
    mixed = chance.sample(rows, len(rows))
    shards = tuple(tuple(mixed[shard::num_shards]) for shard in range(num_shards))
    tokens = "words" if by_word else "characters"
    found = marked(Given(shards=shards), tmp_path_factory.mktemp("store"), length=length, tokens=tokens)
    assert found == expected(rows, length, by_word)


def test_a_passage_is_kept_once(tmp_path: Path) -> None:
    passage = "we hold these truths to be self evident"
    documents = Given(shards=((("a", f"one {passage} two"), ("b", passage)), (("c", f"{passage} and {passage}"),)))
    found = substring_duplicates(documents, length=5, prefer=["CASE documents.id WHEN 'c' THEN 1 ELSE 0 END"])
    cut = Cut(documents=documents, marks=found)
    materialize(cut, tmp_path)
    assert [row["text"] for row in rows_of(cut, tmp_path)] == ["one  two", "", f"{passage} and "]


def test_partitions_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    runs = [" ".join(f"w{chance.randrange(1000)}" for _ in range(30)) for _ in range(40)]
    rows = [(f"d{number}", " and ".join(chance.choices(runs, k=6))) for number in range(25)]
    documents = Given(shards=(tuple(rows[:9]), tuple(rows[9:])))
    one = marked(documents, tmp_path / "one", length=10)
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 1 << 12)
    assert marked(documents, tmp_path / "many", length=10) == one == expected(rows, 10)


def test_licences_of_books_are_found(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "near_dups" / "gutenberg_boilerplate_substrings.jsonl.zst"
    opened = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(path.open("rb")), "utf-8")
    rows = [(f"{number}", json.loads(line)["text"]) for number, line in enumerate(opened)][:16]
    documents = Given(shards=(tuple(rows[:7]), tuple(rows[7:])))
    found = marked(documents, tmp_path)
    assert found == expected(rows, 50)
    share = sum(map(len, found.values())) / sum(len(text) for _, text in rows)
    assert 0.5 < share < 0.7


@pytest.mark.parametrize(
    ("options", "complaint"), [({"tokens": "bytes"}, "tokens='bytes' is not known"), ({"length": 1}, "length=1")]
)
def test_what_cannot_work_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        substring_duplicates(Given(shards=()), **options)  # type: ignore[arg-type]
