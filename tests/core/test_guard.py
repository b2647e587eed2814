from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.core.errors import WinnowError
from winnow.core.guard import Broken, Guard, Note, Suspects, apply_guarded


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "note"


def test_a_note_survives_its_writer(note: Path) -> None:
    Guard(note, Suspects()).at(100, 20, 3000)
    assert Note.read(note) == Note(100, 20, 3000)


def test_a_guard_that_is_closed_leaves_no_note(note: Path) -> None:
    guard = Guard(note, Suspects())
    guard.at(1)
    guard.close()
    assert not note.exists()
    assert Note.read(note) == Note()


def test_a_new_guard_forgets_the_note_of_the_last_worker(note: Path) -> None:
    Guard(note, Suspects()).at(5, 1)
    Guard(note, Suspects())
    assert Note.read(note) == Note()


def test_the_record_that_is_alone_at_a_second_death_is_poison() -> None:
    first = Suspects().after(Note(100, 50))
    assert (first.start, first.count, first.poison) == (100, 50, frozenset())
    second = first.after(Note(120, 1))
    assert second.poison == {120}
    assert second.count == 0


def test_a_record_alone_at_a_first_death_is_only_a_suspect() -> None:
    once = Suspects().after(Note(7, 1))
    assert not once.poison
    assert once.after(Note(7, 1)).poison == {7}
    assert not once.after(Note(9, 1)).poison


def test_a_death_before_the_first_record_blames_no_record() -> None:
    assert Suspects().after(Note()).after(Note()).poison == frozenset()


@given(
    start=st.integers(0, 50),
    count=st.integers(0, 50),
    suspect=st.integers(0, 120),
    num_suspects=st.integers(0, 20),
    poison=st.frozensets(st.integers(0, 120), max_size=5),
)
def test_runs_cover_every_record_but_poison_and_take_suspects_alone(
    tmp_path_factory: pytest.TempPathFactory,
    start: int,
    count: int,
    suspect: int,
    num_suspects: int,
    poison: frozenset[int],
) -> None:
    suspects = Suspects(start=suspect, count=num_suspects, poison=poison)
    guard = Guard(tmp_path_factory.mktemp("guard") / "note", suspects)
    runs = list(guard.runs(start, count))
    guard.close()
    covered = [position for run, size in runs for position in range(run, run + size)]
    assert covered == [position for position in range(start, start + count) if position not in poison]
    for run, size in runs:
        if size > 1:
            assert not set(range(run, run + size)) & set(range(suspect, suspect + num_suspects))


def test_each_tells_poison_from_the_rest(note: Path) -> None:
    guard = Guard(note, Suspects(poison=frozenset({11, 13})))
    assert list(guard.each(10, "abcd", 0)) == [("a", False), ("b", True), ("c", False), ("d", True)]


def ids(batch: pa.RecordBatch) -> list[str]:
    return list(batch.column("id").to_pylist())


@given(bad=st.frozensets(st.integers(0, 30)), poison=st.frozensets(st.integers(0, 30)))
def test_only_bad_documents_are_broken(
    tmp_path_factory: pytest.TempPathFactory, bad: frozenset[int], poison: frozenset[int]
) -> None:
    batch = pa.RecordBatch.from_pydict({"id": [str(n) for n in range(31)]})

    def judge(rows: pa.RecordBatch) -> list[str]:
        if {str(n) for n in bad} & set(ids(rows)):
            raise ValueError("bad")
        return ids(rows)

    guard = Guard(tmp_path_factory.mktemp("guard") / "note", Suspects(poison=poison))
    kinds: dict[str, str] = {}
    order = []
    for rows, outcome in apply_guarded(judge, batch, 0, 0, guard):
        order += ids(rows)
        kinds |= {id: outcome.kind if isinstance(outcome, Broken) else "good" for id in ids(rows)}
    guard.close()
    assert order == [str(n) for n in range(31)]
    assert {int(id) for id, kind in kinds.items() if kind == "crash"} == poison
    assert {int(id) for id, kind in kinds.items() if kind == "error"} == bad - poison


def test_an_error_that_is_not_the_documents_fault_passes_through(note: Path) -> None:
    def judge(rows: pa.RecordBatch) -> None:
        raise WinnowError("the model is gone")

    batch = pa.RecordBatch.from_pydict({"id": ["a"]})
    with pytest.raises(WinnowError, match="the model is gone"):
        list(apply_guarded(judge, batch, 0, 0, Guard(note, Suspects())))
