"""llm-foundry's wording: its own output, expected texts derived by hand, and properties of every request."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_foundry_prompts import digest, our_requests, sample

from winnow.evaluate.prompts import build_items, draw_shots
from winnow.evaluate.shapes import Choice, Continuation, Generation, Item
from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import Row, Task, all_tasks

THEIRS = json.loads(Path(__file__).with_name("llm_foundry_prompts.json").read_text())


@pytest.fixture(scope="module")
def files(shared_data: Path) -> TaskFiles:
    return TaskFiles([str(shared_data / "eval_tasks")])


def rows_of(task: Task, files: TaskFiles) -> list[Row]:
    found = files.find(task)
    if found is None:
        pytest.skip(f"{task.name} is not at hand")
    return found.rows()


def items_of(name: str, rows: list[dict[str, Any]]) -> list[Item]:
    return list(build_items(all_tasks()[name], rows))


@pytest.mark.parametrize("name", THEIRS["digests"])
def test_prompts_are_those_that_llm_foundry_itself_builds(name: str, files: TaskFiles) -> None:
    task = all_tasks()[name]
    samples = sample(task, rows_of(task, files), THEIRS["items"])
    assert [digest(our_requests(task, rows)) for rows in samples] == THEIRS["digests"][name]


@pytest.mark.parametrize("task", all_tasks().values(), ids=lambda task: task.name)
def test_every_item_asks_something_after_a_context_that_ends_in_no_space(task: Task, files: TaskFiles) -> None:
    rows = rows_of(task, files)
    num_items = 0
    for item in build_items(task, rows, max_items=200):
        num_items += 1
        for request in item.requests:
            assert request.context
            assert request.continuation
            assert request.continuation[0].isspace()
            assert task.shape == "schema" or not request.context[-1].isspace()
        for prompt in item.prompts:
            assert prompt.max_tokens > 0
        assert (item.source.category is not None) == task.by_category
    assert num_items == min(200, len(rows))


def test_zero_shots_are_the_question_and_its_answer() -> None:
    (item,) = items_of("copa", [{"query": " It rained, so ", "choices": ["we got wet.", " dry."], "gold": 0}])
    assert isinstance(item, Choice)
    assert [(r.context, r.continuation, r.encoding) for r in item.requests] == [
        ("It rained, so", " we got wet.", "apart"),
        ("It rained, so", " dry.", "apart"),
    ]
    assert item.gold == 0


def test_examples_precede_the_question_each_with_its_answer() -> None:
    rows = [{"query": f"Question: {i}?\n", "choices": [f"no{i}", f"yes{i}"], "gold": i % 2} for i in range(3)]
    contexts = [item.requests[0].context for item in items_of("arc_easy", rows)]
    # With two rows besides, both are examples; sets of small integers run in their order.
    assert contexts == [
        "Question: 1?\nAnswer: yes1\nQuestion: 2?\nAnswer: no2\nQuestion: 0?\nAnswer:",
        "Question: 0?\nAnswer: no0\nQuestion: 2?\nAnswer: no2\nQuestion: 1?\nAnswer:",
        "Question: 0?\nAnswer: no0\nQuestion: 1?\nAnswer: yes1\nQuestion: 2?\nAnswer:",
    ]


def test_a_schema_continues_each_context_alike() -> None:
    row = {"context_options": ["Ann won so Ann", "Ann won so Eve"], "continuation": " smiled. ", "gold": 1}
    (item,) = items_of("winograd", [row])
    assert isinstance(item, Choice)
    assert [(r.context, r.continuation) for r in item.requests] == [
        ("Ann won so Ann", " smiled."),
        ("Ann won so Eve", " smiled."),
    ]
    assert item.gold == 1


def test_spaces_before_a_continuation_do_not_double() -> None:
    rows = [{"context": "25 - 759 =", "continuation": " -734"}, {"context": "1 + 1 =", "continuation": "2"}]
    first, second = items_of("simple_arithmetic_withspaces", rows)
    assert isinstance(first, Continuation)
    assert (first.request.context, first.request.continuation) == ("1 + 1 = 2\n25 - 759 =", " -734")
    assert isinstance(second, Continuation)
    assert (second.request.context, second.request.continuation) == ("25 - 759 = -734\n1 + 1 =", " 2")


def test_an_answer_to_be_written_follows_its_chain_of_thought() -> None:
    rows = [
        {"context": "How many?", "answer": "7", "chain_of_thought": "3 and 4."},
        {"context": "How few?", "answer": "1", "chain_of_thought": "2 less 1."},
    ]
    item, _ = items_of("gsm8k_cot", rows)
    assert isinstance(item, Generation)
    think = "A: Let's think step by step."
    assert item.prompt.context == f"Q: How few?\n{think} 2 less 1. #### 1\nQ: How many?\n{think}"
    assert item.prompt.stop == ("\n\n", "Q:", "Q: ")
    assert item.prompt.max_tokens == 314
    assert item.accepted == ("7",)
    assert (item.gold.context, item.gold.continuation) == (item.prompt.context, " 3 and 4. #### 7")


def test_white_space_that_the_context_loses_goes_to_the_gold_answer() -> None:
    rows = [{"context": f"Q{i}", "answer": "7", "chain_of_thought": "( 3.0 + 4.0 )"} for i in range(2)]
    item = items_of("svamp_cot", rows)[0]
    assert isinstance(item, Generation)
    assert item.gold.context.endswith("\nUsing the formula below:")
    assert item.gold.continuation == "\n( 3.0 + 4.0 ) #### 7"


def test_all_aliases_are_accepted_and_the_preferred_answer_is_the_gold_one() -> None:
    rows = [{"context": f"Question: {i}?\nAnswer:", "answer": "Onion", "aliases": ["Onions", "Pyaz"]} for i in range(4)]
    item = items_of("triviaqa_sm_sub", rows)[0]
    assert isinstance(item, Generation)
    assert item.accepted == ("Onion", "Onions", "Pyaz")
    assert item.gold.continuation == " Onion"
    assert item.prompt.context.count(" Onion\nQuestion: ") == 3


def test_examples_come_from_the_items_own_category_and_draws_begin_anew_in_each() -> None:
    rows = [
        {"context": f"{category} {i}", "continuation": f"{category}{i}", "category": category}
        for i in range(12)
        for category in ("science", "history")
    ]
    items = items_of("jeopardy", rows)
    assert [item.source.category for item in items] == ["history"] * 12 + ["science"] * 12
    assert [item.source.item.rsplit("/", 1)[1] for item in items[:3]] == ["1", "3", "5"]
    for history, science in zip(items[:12], items[12:], strict=True):
        assert "science" not in history.requests[0].context
        assert science.requests[0].context == history.requests[0].context.replace("history", "science")


@pytest.mark.parametrize("name", ["arc_easy", "jeopardy", "gsm8k_cot", "piqa@olmes"])
def test_a_subset_asks_the_same_of_its_items_as_the_whole(name: str, files: TaskFiles) -> None:
    task = all_tasks()[name]
    rows = rows_of(task, files)[:300]
    whole = {item.source.item: item for item in build_items(task, rows)}
    subset = list(build_items(task, rows, max_items=20, seed=3))
    assert len(subset) == 20
    assert all(whole[item.source.item] == item for item in subset)
    assert [item.source for item in build_items(task, rows, max_items=20, seed=3)] == [item.source for item in subset]
    assert {item.source.item for item in build_items(task, rows, max_items=20, seed=4)} != {
        item.source.item for item in subset
    }


def test_items_are_named_after_the_file_that_they_come_from() -> None:
    row = {"query": "A", "choices": ["b", "c"], "gold": 0}
    task = all_tasks()["hellaswag_zeroshot"]
    assert next(build_items(task, [row])).source.item == "language_understanding/hellaswag/0"
    assert next(build_items(task, [row], file="hellaswag_1000")).source.item == "hellaswag_1000/0"


@given(st.integers(1, 40), st.integers(0, 12), st.data())
def test_examples_are_other_rows_each_once_and_as_many_as_there_can_be(
    num_rows: int, num_shots: int, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, num_rows - 1))
    shots = draw_shots(num_rows, num_shots, position, random.Random(data.draw(st.integers())))
    assert position not in shots
    assert len(set(shots)) == len(shots) == min(num_shots, num_rows - 1)
    assert all(0 <= shot < num_rows for shot in shots)
