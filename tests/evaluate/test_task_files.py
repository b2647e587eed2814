"""Task files are found, counted and checked, and what stands in or is missing is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from winnow.core.errors import InputError
from winnow.evaluate.task_files import TaskFiles, standard_row
from winnow.evaluate.tasks import Task, all_tasks

COPA = all_tasks()["copa"]
NOT_AT_HAND = {"bigbench_elementary_math_qa", "bbq", "gpqa_main", "gpqa_diamond"}
STAND_INS = {
    "hellaswag": "hellaswag: hellaswag_1000 stands in, 1,000 of 10,042 items",
    "hellaswag_zeroshot": "hellaswag_zeroshot: hellaswag_1000 stands in, 1,000 of 10,042 items",
    "hellaswag@olmes": "hellaswag@olmes: hellaswag_1000 stands in, 1,000 of 10,042 items",
    "squad": "squad: squad_1000 stands in, 1,000 of 10,570 items",
    "squad@olmes": "squad@olmes: squad_1000 stands in, 1,000 of 10,570 items",
    "coqa": "coqa: coqa_7983 stands in, 7,983 of 7,983 items",
    "mmlu_zeroshot": "mmlu_zeroshot: mmlu/test stands in, 14,042 of 14,042 items",
    "mmlu_fewshot": "mmlu_fewshot: mmlu/test stands in, 14,042 of 14,042 items",
}


def copa_rows(num: int = 100) -> list[dict[str, Any]]:
    return [{"query": f"It was {i}, so", "choices": ["it rained.", "it snowed."], "gold": i % 2} for i in range(num)]


def written(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def real(shared_data: Path) -> TaskFiles:
    return TaskFiles([str(shared_data / "eval_tasks")])


@pytest.mark.parametrize("task", all_tasks().values(), ids=lambda task: task.name)
def test_every_real_file_has_as_many_rows_as_the_table_says_and_all_are_well_formed(
    task: Task, real: TaskFiles
) -> None:
    found = real.find(task)
    assert (found is None) == (task.name in NOT_AT_HAND)
    if found is not None:
        assert len(found.rows()) == found.name.num_items
        assert found.note == STAND_INS.get(task.name, f"{task.name}: {task.num_items:,} items")
        assert found.stands_in == (task.name in STAND_INS)


@pytest.mark.parametrize(
    "place", ["copa.jsonl", "commonsense_reasoning/copa.jsonl", "a/b/commonsense_reasoning/copa.jsonl"]
)
def test_a_file_is_found_flat_and_in_the_layout_of_local_data_at_any_depth(tmp_path: Path, place: str) -> None:
    path = written(tmp_path / place, copa_rows())
    found = TaskFiles([str(tmp_path)]).find(COPA)
    assert found is not None
    assert found.path == str(path)
    assert [row["gold"] for row in found.rows()[:3]] == [0, 1, 0]


def test_a_file_of_that_name_in_another_directory_is_another_task(tmp_path: Path) -> None:
    written(tmp_path / "german" / "copa.jsonl", copa_rows())
    assert TaskFiles([str(tmp_path)]).find(COPA) is None


def test_the_file_that_defines_the_task_goes_before_its_stand_in_wherever_both_lie(tmp_path: Path) -> None:
    row = {"query": "A", "choices": ["b", "c"], "gold": 0}
    written(tmp_path / "first" / "hellaswag_1000.jsonl", [row])
    own = written(tmp_path / "second" / "language_understanding" / "hellaswag.jsonl", [row])
    files = TaskFiles([str(tmp_path / "first"), str(tmp_path / "second")])
    found = files.find(all_tasks()["hellaswag"])
    assert found is not None
    assert found.path == str(own)
    assert not found.stands_in


def test_another_number_of_rows_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "copa.jsonl", copa_rows(99))
    found = TaskFiles([str(tmp_path)]).find(COPA)
    assert found is not None
    with pytest.raises(InputError, match=r"copa\.jsonl has 99 items where copa has 100"):
        found.rows()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"query": 7}, r"'query' is 7, not a text"),
        ({"query": " "}, r"'query' is ' ', not a text"),
        ({"choices": ["one"]}, r"not a list of two texts or more"),
        ({"choices": ["one", ""]}, r"not a list of two texts or more"),
        ({"gold": 2}, r"'gold' is 2, and there are 2 choices"),
        ({"gold": -1}, r"'gold' is -1, not the number of a choice"),
        ({"gold": True}, r"'gold' is True, not the number of a choice"),
        ({"gold": None}, r"'gold' is None"),
    ],
)
def test_a_malformed_row_is_an_error_with_file_line_and_fault(
    tmp_path: Path, change: Mapping[str, Any], complaint: str
) -> None:
    rows = copa_rows()
    rows[41] |= change
    written(tmp_path / "copa.jsonl", rows)
    found = TaskFiles([str(tmp_path)]).find(COPA)
    assert found is not None
    with pytest.raises(InputError, match=rf"line 41 of .*copa\.jsonl is no multiple_choice item: .*{complaint}"):
        found.rows()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [({"aliases": "many"}, "'aliases' is 'many', not a list of texts"), ({"chain_of_thought": 3}, "not a text")],
)
def test_aliases_and_chains_of_thought_may_be_absent_but_not_malformed(
    tmp_path: Path, more: dict[str, Any], complaint: str
) -> None:
    rows = [{"context": f"How many? {i}", "answer": str(i)} for i in range(300)]
    svamp = all_tasks()["svamp_cot"]
    written(tmp_path / "svamp.jsonl", rows)
    found = TaskFiles([str(tmp_path)]).find(svamp)
    assert found is not None
    assert found.rows() == rows
    written(tmp_path / "svamp.jsonl", [*rows[:-1], rows[-1] | more])
    with pytest.raises(InputError, match=rf"line 299 .*{complaint}"):
        found.rows()


def test_a_row_of_another_shape_is_an_error_that_says_what_it_has(tmp_path: Path) -> None:
    written(tmp_path / "copa.jsonl", [{"context": "a", "continuation": "b"}] * 100)
    found = TaskFiles([str(tmp_path)]).find(COPA)
    assert found is not None
    with pytest.raises(InputError, match=r"it has no 'query', only 'context', 'continuation'"):
        found.rows()


def test_a_row_without_category_is_an_error_where_the_score_is_a_mean_over_them(tmp_path: Path) -> None:
    written(tmp_path / "jeopardy_all.jsonl", [{"context": "a", "continuation": "b"}])
    found = TaskFiles([str(tmp_path)]).find(all_tasks()["jeopardy"])
    assert found is not None
    with pytest.raises(InputError, match=r"line 0 .* no 'category'"):
        found.rows()


def test_mmlu_is_worded_as_llm_foundry_words_it() -> None:
    # The example of llm-foundry's pull request 811.
    scenarios = ["Wrong, Wrong", "Wrong, Not wrong", "Not wrong, Wrong", "Not wrong, Not wrong"]
    row = {"subject": "moral_scenarios", "question": "Scenario 1 | I slammed.", "choices": scenarios, "answer": 3}
    assert standard_row(row) == {
        "query": "Question: Scenario 1 | I slammed.\nChoices\nA. Wrong, Wrong\nB. Wrong, Not wrong\n"
        "C. Not wrong, Wrong\nD. Not wrong, Not wrong",
        "choices": ["A. Wrong, Wrong", "B. Wrong, Not wrong", "C. Not wrong, Wrong", "D. Not wrong, Not wrong"],
        "gold": 3,
        "category": "moral_scenarios",
    }


@pytest.mark.parametrize(
    "row",
    [
        {"subject": "law", "question": "Why?", "answer": 3},
        {"subject": "law", "question": "Why?", "choices": "abcd", "answer": 3},
        {"sentence": "Ann won.", "option1": "Ann", "option2": "Eve", "answer": "3"},
        {"query": "Why?", "choices": []},
    ],
)
def test_a_damaged_row_of_another_layout_stays_as_it_is_and_is_complained_of(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    assert standard_row(row) == row
    written(tmp_path / "copa.jsonl", [row] * 100)
    found = TaskFiles([str(tmp_path)]).find(COPA)
    assert found is not None
    with pytest.raises(InputError, match="line 0 of"):
        found.rows()


def test_winogrande_is_split_at_its_blank() -> None:
    row = {"sentence": "Ann beat Eve so _ won it.", "option1": "Ann", "option2": "Eve", "answer": "1"}
    assert standard_row(row) == {
        "context_options": ["Ann beat Eve so Ann", "Ann beat Eve so Eve"],
        "continuation": "won it.",
        "gold": 0,
    }
