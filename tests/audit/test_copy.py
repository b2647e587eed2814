from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from brute import all_pairs
from corpus import write
from toys import Letters

from winnow.audit.copy import NUM_FILES, first_read, over, planted_table, read_sample, write_copy
from winnow.audit.plants import Planted
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.step import ordered
from winnow.core.table import Store
from winnow.dedup.exact import exact_duplicates
from winnow.documents.read import Read


def sampled(source: str, tmp_path: Path, number: int, seed: int = 0) -> pa.Table:
    return read_sample(Read(source=source), Store(tmp_path / "store"), number, seed)


def test_a_sample_is_spread_over_files_and_smaller_ones_leave_room_to_larger(tmp_path: Path) -> None:
    for name, documents in (("a", 3), ("b", 100), ("c", 100)):
        rows = write(tmp_path / f"{name}.jsonl", documents, 20, seed=ord(name)).read_text().replace('"d0', f'"{name}0')
        (tmp_path / f"{name}.jsonl").write_text(rows)
    found = sampled(str(tmp_path / "*.jsonl"), tmp_path, 43)
    from_files = [id[0] for id in found.column("id").to_pylist()]
    assert {name: from_files.count(name) for name in "abc"} == {"a": 3, "b": 20, "c": 20}


def test_of_many_files_some_are_read_and_the_seed_says_which(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02d}.jsonl").write_text(json.dumps({"id": f"f{number}", "text": "t"}) + "\n")
    first, again, other = (sampled(str(tmp_path / "*.jsonl"), tmp_path, NUM_FILES, seed) for seed in (0, 0, 1))
    assert first.num_rows == NUM_FILES and first.equals(again)
    assert set(first.column("id").to_pylist()) != set(other.column("id").to_pylist())
    assert sampled(str(tmp_path / "*.jsonl"), tmp_path, 15).num_rows == 15


def test_documents_of_two_files_with_one_id_are_told_apart(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"text": "the same, without an id"}) + "\n")
    ids = sampled(str(tmp_path / "*.jsonl"), tmp_path, 10).column("id").to_pylist()
    assert len(ids) == len(set(ids)) == 2 and ids[1] == f"{ids[0]}-2"


DOCUMENTS = pa.table(
    {
        "id": ["a", "b", "c"],
        "text": ["one", "two", "three"],
        "url": ["http://a.example/", None, None],
        "source": ["x", "y", "z"],
        "year": [1, 2, 3],
    }
)


def test_what_is_planted_has_the_columns_of_its_original(tmp_path: Path) -> None:
    planted = Planted(texts={"b": "changed"}, copies={"p": ("c", "three!")})
    found = planted_table(DOCUMENTS, planted, frozenset({"a"}), seed=0)
    rows = {row["id"]: row for row in found.to_pylist()}
    assert rows.pop("b") == {"id": "b", "text": "changed", "url": None, "source": "y", "year": 2}
    assert rows.pop("c")["text"] == "three"
    assert rows == {"p": {"id": "p", "text": "three!", "url": "https://planted.example/p", "source": "z", "year": 3}}


def test_a_recipe_over_a_copy_reads_the_copy_everywhere(tmp_path: Path) -> None:
    recipe = all_pairs("elsewhere.jsonl")
    copied = over(recipe, first_read(recipe), tmp_path / "copy")
    reads = [step for step in ordered(copied) if isinstance(step, Read)]
    assert reads == [Read(source=str(tmp_path / "copy"))]
    write_copy(DOCUMENTS, tmp_path / "copy")
    materialize(copied, tmp_path / "store")
    assert Store(tmp_path / "store").table(reads[0]).manifest.rows == 3


def test_another_source_of_the_recipe_stays(tmp_path: Path) -> None:
    old = exact_duplicates(Read(source="last year"))
    mine = Read(source="mine")
    recipe = Select(documents=mine, measures=(exact_duplicates(mine, against=(old,)),))
    sources = {step.source for step in ordered(over(recipe, mine, tmp_path)) if isinstance(step, Read)}
    assert sources == {"last year", str(tmp_path)}


def test_documents_that_no_read_gives_are_refused() -> None:
    with pytest.raises(RecipeError, match="an audit needs a Read"):
        first_read(Select(documents=Letters()))
