from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.core.errors import InputError, RecipeError
from winnow.evaluate.classification import KNOWN, NUM_PARTS, Example, Labelled, find_classification

ROWS = [{"sentence": f"sentence {number}", "label": number % 2, "idx": number} for number in range(60)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> str:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def labelled(texts: list[str]) -> Labelled:
    rows = [Example(f"file/{number}", (text,), "yes") for number, text in enumerate(texts)]
    return Labelled(name="task", asked=rows, learnt=None, labels=("no", "yes"))


@settings(max_examples=20)
@given(st.lists(st.text(max_size=3), min_size=100, max_size=200), st.integers(0, 9))
def test_each_row_is_asked_in_one_of_five_runs_and_learnt_from_in_the_others(texts: list[str], seed: int) -> None:
    task = labelled([*texts, *map(str, range(1000, 1100))])
    splits = [task.split(run, seed) for run in range(NUM_PARTS)]
    for learnt, asked in splits:
        assert sorted(row.item for row in (*learnt, *asked)) == sorted(row.item for row in task.asked)
    assert sorted(row.item for _, asked in splits for row in asked) == sorted(row.item for row in task.asked)


def test_rows_of_one_text_are_never_both_learnt_from_and_asked() -> None:
    task = labelled([str(number % 30) for number in range(300)])
    for run in range(NUM_PARTS):
        learnt, asked = task.split(run, 0)
        assert not {row.texts for row in learnt} & {row.texts for row in asked}


def test_the_parts_of_a_file_are_about_as_large() -> None:
    task = labelled([str(number) for number in range(5000)])
    sizes = [len(task.split(run, 0)[1]) for run in range(NUM_PARTS)]
    assert all(abs(size - 1000) < 4 * (1000 * 0.8) ** 0.5 for size in sizes)


def test_the_sixth_run_asks_the_rows_of_the_first() -> None:
    task = labelled([str(number) for number in range(100)])
    assert task.split(5, 0) == task.split(0, 0)


def test_another_seed_splits_otherwise() -> None:
    task = labelled([str(number) for number in range(100)])
    assert task.split(0, 0) == task.split(0, 0)
    assert task.split(0, 0) != task.split(0, 1)


def test_the_order_of_a_files_rows_decides_nothing(tmp_path: Path) -> None:
    one = find_classification(f"sst2={write_rows(tmp_path / 'one' / 'sst2.jsonl', ROWS)}", ()).read()
    other = find_classification(f"sst2={write_rows(tmp_path / 'other' / 'sst2.jsonl', ROWS[::-1])}", ()).read()
    for run in range(NUM_PARTS):
        for left, right in zip(one.split(run, 0), other.split(run, 0), strict=True):
            assert [(row.texts, row.label) for row in left] == [(row.texts, row.label) for row in right]


def test_rows_with_a_file_of_their_own_are_learnt_from_in_every_run(tmp_path: Path) -> None:
    train, test = write_rows(tmp_path / "a.jsonl", ROWS[:40]), write_rows(tmp_path / "b.jsonl", ROWS[40:])
    found = find_classification(f"sst2={train},{test}", ())
    assert found.note is None
    for run in range(2):
        learnt, asked = found.read().split(run, 0)
        assert {row.item for row in learnt} == {f"a/{number}" for number in range(40)}
        assert {row.item for row in asked} == {f"b/{number}" for number in range(20)}


def test_a_file_that_is_split_is_said_to_be(tmp_path: Path) -> None:
    note = find_classification(f"sst2={write_rows(tmp_path / 'a.jsonl', ROWS)}", ()).note
    assert note
    assert "do not compare to published ones" in note


@pytest.mark.parametrize("name", ["sst2.jsonl", "glue_sst2.jsonl", "super_glue_sst2.jsonl", "deeper/sst2.jsonl"])
def test_a_known_task_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    path = write_rows(tmp_path / name, ROWS)
    write_rows(tmp_path / "not_sst2.jsonl", ROWS)
    assert find_classification("sst2", (str(tmp_path),)).test.path == path


def test_items_are_called_by_their_file_and_row(tmp_path: Path) -> None:
    write_rows(tmp_path / "glue_sst2.jsonl", ROWS)
    rows = find_classification("sst2", (str(tmp_path),)).read().asked
    assert {row.item: row.texts for row in rows} == {
        f"glue_sst2/{number}": (f"sentence {number}",) for number in range(60)
    }


def test_known_tasks_read_their_own_fields_and_others_every_text_in_its_order(tmp_path: Path) -> None:
    rows = [{"hypothesis": "h", "premise": "p", "label": number % 2} for number in range(9)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    assert {row.texts for row in find_classification(f"cb={path}", ()).read().asked} == {("p", "h")}
    assert {row.texts for row in find_classification(f"mine={path}", ()).read().asked} == {("h", "p")}
    assert {row.texts for row in find_classification(f"mine={path}", (), ("premise",)).read().asked} == {("p",)}


def test_the_rows_to_ask_are_read_as_those_to_learn_from(tmp_path: Path) -> None:
    train = [{"one": "1", "two": "2", "label": number % 2} for number in range(9)]
    test = [{"label": 0, "more": "3", "two": "2", "one": "1"}]
    task = find_classification(f"mine={two_files(tmp_path, train, test)}", ()).read()
    assert [row.texts for row in task.asked] == [("1", "2")]


def test_labels_may_be_words(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.jsonl", [{"text": str(n), "label": "spam" if n % 3 else "ham"} for n in range(9)])
    assert find_classification(f"mine={path}", ()).read().labels == ("ham", "spam")


def test_the_real_files_have_the_fields_and_labels_of_their_tasks(shared_data: Path) -> None:
    roots = (str(shared_data / "eval_tasks" / "olmo_extra"),)
    sizes = {"sst2": 872, "mrpc": 408, "rte": 277, "cb": 56}
    for name, size in sizes.items():
        task = find_classification(name, roots).read()
        assert len(task.asked) == size
        assert len(task.labels) == KNOWN[name][1]


def two_files(tmp_path: Path, train: list[dict[str, Any]], test: list[dict[str, Any]]) -> str:
    return f"{write_rows(tmp_path / 'train.jsonl', train)},{write_rows(tmp_path / 'test.jsonl', test)}"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"a\.jsonl has no rows"),
        ([{"sentence": "s"}], r"line 0 of .* has no 'label', only 'sentence'"),
        ([{"text": "s", "label": 0}], r"line 0 of .* has no 'sentence', only 'text', 'label'"),
        ([{"sentence": 3, "label": 0}], r"line 0 of .* has 3 as 'sentence', where a text must be"),
        ([{"sentence": "s", "label": 0.5}], r"line 0 of .* has the label 0\.5; it must be a whole number or a word"),
        ([{"sentence": "s", "label": -1}] * 9, r"every row of .* has the label -1: there is nothing to learn"),
        ([{"sentence": "s", "label": n} for n in range(3)], r"sst2 has 2 labels, and .* has 3 \(0, 1, 2\)"),
    ],
)
def test_rows_that_are_no_classification_are_refused(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_classification(f"sst2={write_rows(tmp_path / 'a.jsonl', rows)}", ()).read()


def test_a_file_that_is_too_small_to_split_is_refused(tmp_path: Path) -> None:
    task = find_classification(f"sst2={write_rows(tmp_path / 'a.jsonl', ROWS[:2])}", ()).read()
    with pytest.raises(InputError, match="sst2 has 2 rows, too few to split into 5 parts"):
        for run in range(NUM_PARTS):
            task.split(run, 0)


def test_a_label_that_the_training_rows_lack_is_refused(tmp_path: Path) -> None:
    paths = two_files(tmp_path, ROWS[:20], [{"sentence": "s", "label": 7}])
    with pytest.raises(InputError, match=r"test\.jsonl has the label 7, and the rows to learn from, .* have 0, 1"):
        find_classification(f"mine={paths}", ()).read()


@pytest.mark.parametrize("row", [{"label": 1, "number": 2}, {"a": "a", "b": "b", "c": "c", "label": 1}])
def test_rows_of_no_text_or_of_three_are_refused_unless_fields_are_named(tmp_path: Path, row: dict[str, Any]) -> None:
    task = f"mine={write_rows(tmp_path / 'a.jsonl', [row, {**row, 'label': 2}])}"
    with pytest.raises(InputError, match=r"have (0|3) texts .* say with fields which they are"):
        find_classification(task, ()).read()


@pytest.mark.parametrize("task", ["sst2=", "=a.jsonl", "sst2=a,b,c"])
def test_what_is_no_task_is_refused(task: str) -> None:
    with pytest.raises(RecipeError, match="give NAME, NAME=FILE or NAME=TRAIN,TEST"):
        find_classification(task, ())


def test_a_task_without_a_file_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "glue_rte.jsonl", ROWS)
    with pytest.raises(InputError, match=r"no file of the task 'sst2' \(sst2\.jsonl or glue_sst2\.jsonl"):
        find_classification("sst2", (str(tmp_path),))
    with pytest.raises(InputError, match="any directory, since none is given"):
        find_classification("sst2", ())
    with pytest.raises(InputError, match="names no file to read"):
        find_classification(f"sst2={tmp_path / 'absent.jsonl'}", ())
