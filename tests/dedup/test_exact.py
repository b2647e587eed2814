from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core import shuffle
from winnow.core.errors import RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.dedup.exact import exact_duplicates
from winnow.documents.read import Read


def twins(step: Given, store: Path, **options: object) -> dict[str, str | None]:
    """For each document what it is a duplicate of."""
    found = exact_duplicates(step, **options)  # type: ignore[arg-type]
    materialize(found, store)
    return {row["id"]: row["duplicate_of"] for row in rows_of(found, store)}


def test_of_equal_texts_the_lowest_id_is_kept(tmp_path: Path) -> None:
    documents = Given(shards=((("c", "same"), ("b", "other")), (("a", "same"), ("d", "same"))))
    found = exact_duplicates(documents)
    materialize(found, tmp_path)
    rows = {row["id"]: row for row in rows_of(found, tmp_path)}
    assert [rows[id]["duplicate_of"] for id in "abcd"] == [None, None, "a", "a"]
    assert [rows[id]["similarity"] for id in "abcd"] == [None, None, 1.0, 1.0]
    assert [rows[id]["cluster_size"] for id in "abcd"] == [3, 1, 3, 3]


def test_decisions_do_not_depend_on_the_order_of_documents_or_shards(tmp_path: Path) -> None:
    rows = (("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"))
    expected = {"a": None, "b": None, "c": "a", "d": "b"}
    for number, order in enumerate(permutations(rows)):
        assert twins(Given(shards=(order[:2], order[2:])), tmp_path / str(number)) == expected


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["", "x", "x ", "é", "long " * 50]), max_size=20), st.integers(1, 5))
def test_the_kept_are_the_lowest_ids_of_every_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], num_shards: int
) -> None:
    rows = [(f"{number:02d}", text) for number, text in enumerate(texts)]
    documents = Given(shards=tuple(tuple(rows[shard::num_shards]) for shard in range(num_shards)))
    first = {text: id for id, text in reversed(rows)}
    expected = {id: None if first[text] == id else first[text] for id, text in rows}
    assert twins(documents, tmp_path_factory.mktemp("store")) == expected


def test_many_partitions_and_many_workers_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = Given(shards=tuple(tuple((f"{s}-{n}", str(n % 7)) for n in range(30)) for s in range(3)))
    expected = twins(documents, tmp_path / "one")
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 500)
    found = exact_duplicates(documents)
    materialize(found, tmp_path / "many", Processes(2))
    assert {row["id"]: row["duplicate_of"] for row in rows_of(found, tmp_path / "many")} == expected
    assert len(Store(tmp_path / "many").table(found.found).manifest.shards) > 8


def test_the_preferred_copy_is_kept_and_what_has_no_number_comes_last(tmp_path: Path) -> None:
    rows = (("a", "t", None, "blog"), ("b", "t", None, "wiki"), ("c", "t", None, None))
    prefer = ["CASE documents.source WHEN 'wiki' THEN 2 WHEN 'blog' THEN 1 END"]
    assert twins(Given(shards=(rows,)), tmp_path, prefer=prefer) == {"a": "b", "b": None, "c": "b"}


def test_a_preference_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"documents\.sources.*documents\.source"):
        twins(Given(shards=((("a", "t"),),)), tmp_path, prefer=["documents.sources = 'x'"])


def test_urls_are_compared_when_asked_and_documents_without_one_are_kept(tmp_path: Path) -> None:
    rows = (("a", "1", "http://x"), ("b", "2", "http://x"), ("c", "3", None), ("d", "4", None))
    assert twins(Given(shards=(rows,)), tmp_path, of="url") == {"a": None, "b": "a", "c": None, "d": None}


def test_what_another_corpus_keeps_is_a_duplicate_here(tmp_path: Path) -> None:
    old = exact_duplicates(Given(shards=((("z", "x", None, "old"), ("y", "q", None, "old")),)))
    new = Given(shards=((("a", "x"), ("b", "new"), ("c", "new")),))
    found = exact_duplicates(new, against=[old])
    materialize(found, tmp_path)
    rows = {row["id"]: (row["duplicate_of"], row["duplicate_source"]) for row in rows_of(found, tmp_path)}
    assert rows == {"a": ("z", "old"), "b": (None, None), "c": ("b", None)}


def test_corpora_scattered_into_different_numbers_of_partitions_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple((f"{n:03d}", str(n)) for n in range(100))
    small = exact_duplicates(Given(shards=(rows[:40],)))
    materialize(small, tmp_path)
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 1000)
    large = exact_duplicates(Given(shards=(tuple((f"new-{id}", text) for id, text in rows),)), against=[small])
    materialize(large, tmp_path)
    assert sum(row["duplicate_of"] is not None for row in rows_of(large, tmp_path)) == 40


def test_only_deduplications_of_the_same_kind_can_be_compared_with(tmp_path: Path) -> None:
    documents = Given(shards=((("a", "t"),),))
    with pytest.raises(RecipeError, match="same `of`"):
        exact_duplicates(documents, against=[exact_duplicates(documents, of="url")])
    with pytest.raises(RecipeError, match="txet"):
        exact_duplicates(documents, of="txet")  # type: ignore[arg-type]


def test_real_repeats_are_found(shared_data: Path, tmp_path: Path) -> None:
    found = exact_duplicates(Read(source=str(shared_data / "text" / "bbc_news")))
    materialize(found, tmp_path)
    assert sum(row["duplicate_of"] is not None for row in rows_of(found, tmp_path)) == 98
