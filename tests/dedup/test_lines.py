from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, rows_of

from winnow.core import shuffle
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.dedup.lines import line_duplicates
from winnow.dedup.passages import merged
from winnow.dedup.passages_shuffle import RepeatedParts
from winnow.kernels.paragraphs_reference import units
from winnow.kernels.passages import hash_strings

Rows = list[tuple[str, str]]
texts = st.lists(st.sampled_from(["x", "x ", "X", "yy", "é é", "", "One.", "Two. One."]), max_size=8).map("\n".join)


def spans(step: Given, store: Path, **options: object) -> dict[str, list[tuple[int, int]]]:
    found = line_duplicates(step, **options)  # type: ignore[arg-type]
    materialize(found, store)
    return {
        row["id"]: [(span["start"], span["end"]) for span in row["duplicate_spans"]] for row in rows_of(found, store)
    }


def expected(rows: Rows, kind: str, min_length: int, normalize: bool) -> dict[str, set[int]]:
    """The characters that are marked in each document, by a look at every pair of units."""
    places = hash_strings(pa.array([id for id, _ in rows], pa.string()), 0)
    met: set[str] = set()
    found: dict[str, set[int]] = defaultdict(set)
    for place in np.argsort(places):
        id, text = rows[place]
        for start, end, content in units(text.lower() if normalize else text, kind, min_length, normalize):
            if content in met:
                found[id].update(range(start, end))
            met.add(content)
    return found


@settings(max_examples=20)
@given(
    st.lists(texts, max_size=6),
    st.sampled_from(["line", "paragraph", "sentences"]),
    st.integers(0, 3),
    st.booleans(),
    st.integers(1, 3),
    st.randoms(),
)
def test_all_copies_but_the_first_are_marked_whatever_the_order_of_documents(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    unit: str,
    min_length: int,
    normalize: bool,
    num_shards: int,
    chance: random.Random,
) -> None:
    rows = [(f"d{number}", text) for number, text in enumerate(texts)]
    mixed = chance.sample(rows, len(rows))
    shards = tuple(tuple(mixed[shard::num_shards]) for shard in range(num_shards))
    options = {"unit": unit, "min_length": min_length, "normalize": normalize}
    found = spans(Given(shards=shards), tmp_path_factory.mktemp("store"), **options)
    marked = expected(rows, unit, min_length, normalize)
    for id, _ in rows:
        assert {place for start, end in found[id] for place in range(start, end)} == marked[id]
        assert all(a[1] <= b[0] for a, b in zip(found[id], found[id][1:], strict=False))


def test_the_preferred_copy_is_kept(tmp_path: Path) -> None:
    documents = Given(shards=((("a", "same"), ("b", "same")), (("c", "same"),)))
    for id in "abc":
        found = spans(documents, tmp_path, prefer=[f"CASE documents.id WHEN '{id}' THEN 1 ELSE 0 END"])
        assert {name for name, marked in found.items() if not marked} == {id}


def test_partitions_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    lines = [f"line {number}" for number in range(60)]
    rows = [(f"d{number}", "\n".join(chance.choices(lines, k=20))) for number in range(30)]
    documents = Given(shards=(tuple(rows[:9]), tuple(rows[9:])))
    one = spans(documents, tmp_path / "one")
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 1 << 11)
    assert spans(documents, tmp_path / "many") == one
    assert sum(map(len, one.values())) == 600 - len({line for _, text in rows for line in text.split("\n")})


def test_no_partition_is_swamped_by_a_line_that_stands_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shuffle, "PARTITION_BYTES", 1 << 12)
    rows = [(f"d{number}", "menu\n" * 200 + f"own {number}") for number in range(10)]
    found = line_duplicates(Given(shards=(tuple(rows[:5]), tuple(rows[5:]))))
    materialize(found, tmp_path)
    assert sum(row["num_duplicate_chars"] for row in rows_of(found, tmp_path)) == 5 * (2000 - 1)
    assert isinstance(found.found, RepeatedParts)
    partitions = range(shuffle.scattered_into(found.found.parts, Store(tmp_path)))
    sizes = [shuffle.gather(found.found.parts, Store(tmp_path), partition).num_rows for partition in partitions]
    assert sum(sizes) == 2010 and max(sizes) < 2 * 2010 / len(sizes)


def test_shares_are_of_characters(tmp_path: Path) -> None:
    found = line_duplicates(Given(shards=((("a", "éé\néé\nab"), ("b", ""), ("c", None)),)))
    materialize(found, tmp_path)
    first, empty, missing = rows_of(found, tmp_path)
    assert (first["num_duplicate_chars"], first["duplicate_fraction"]) == (3, 3 / 8)
    assert (empty["num_duplicate_chars"], empty["duplicate_fraction"]) == (0, 0.0)
    assert (missing["num_duplicate_chars"], missing["duplicate_spans"]) == (0, [])


def test_spans_that_overlap_become_one() -> None:
    rows = np.array([1, 0, 0, 0, 0], np.int32)
    starts, ends = np.array([2, 5, 0, 3, 9], np.int32), np.array([4, 9, 4, 5, 12], np.int32)
    assert [column.tolist() for column in merged(rows, starts, ends)] == [[0, 0, 0, 1], [0, 5, 9, 2], [5, 9, 12, 4]]
    assert [column.tolist() for column in merged(rows[:0], starts[:0], ends[:0])] == [[], [], []]


@pytest.mark.parametrize(
    ("options", "complaint"), [({"unit": "word"}, "unit='word' is not known"), ({"min_length": -1}, "min_length=-1")]
)
def test_what_cannot_work_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        line_duplicates(Given(shards=()), **options)  # type: ignore[arg-type]
