"""Items: question, answers, choices and passage told apart in the shapes that tasks come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.core.errors import InputError
from winnow.decontaminate.items import Fields, Item, read_items
from winnow.decontaminate.tasks import task_files


def items_of(tmp_path: Path, *rows: dict[str, Any], fields: Fields | None = None) -> list[Item]:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(read_items(task_files([str(path)])[0], fields or Fields()))


PASSAGE = "A long text given to read, " * 10

SHAPES: dict[str, tuple[dict[str, Any], Item]] = {
    "multiple choice": (
        {"query": "Question: What is hot?\n", "choices": ["fire", "ice"], "gold": 0},
        Item("", "", "What is hot?", ("fire",), ("ice",)),
    ),
    "choices in the prompt": (
        {"query": "What is hot here?\nChoices:\nA. fire\nB. ice\nAnswer:", "choices": ["A", "B"], "gold": 1},
        Item("", "", "What is hot here?", ("ice",), ("fire",)),
    ),
    "language modeling": (
        {"context": "The capital of France is", "continuation": "Paris"},
        Item("", "", "The capital of France is", ("Paris",)),
    ),
    "schema": (
        {
            "context_options": ["The cup fell so the cup", "The cup fell so the floor"],
            "continuation": "broke",
            "gold": 0,
        },
        Item("", "", "The cup fell so the cup broke"),
    ),
    "generation": (
        {"context": "Who wrote it?\nAnswer:", "answer": "Ann", "aliases": ["Ann B.", "Ann"]},
        Item("", "", "Who wrote it?", ("Ann", "Ann B.")),
    ),
    "mmlu": (
        {"subject": "x", "question": "What is hot?", "choices": ["ice", "fire"], "answer": 1},
        Item("", "", "What is hot?", ("fire",), ("ice",)),
    ),
    "passage before the question": (
        {"query": f"Passage: {PASSAGE}\nQuestion: is it long", "choices": ["no", "yes"], "gold": 1},
        Item("", "", "is it long", ("yes",), ("no",), f"Passage: {PASSAGE}".strip()),
    ),
    "short context stays with the question": (
        {"query": "Context: Ann fell.\nQuestion: Why?", "choices": ["she slipped"], "gold": 0},
        Item("", "", "Context: Ann fell.\nQuestion: Why?", ("she slipped",)),
    ),
    "context beside a question": (
        {"context": PASSAGE, "question": "Is it long?", "answers": {"text": ["yes"], "answer_start": [0]}},
        Item("", "", "Is it long?", ("yes",), (), PASSAGE.strip()),
    ),
    "sentence pair": (
        {"premise": "Ann fell.", "hypothesis": "Ann stood.", "label": 1},
        Item("", "", "Ann stood.", (), (), "Ann fell."),
    ),
    "request of a harness": (
        {"request_type": "loglikelihood", "doc": {"query": "What is hot?", "choices": ["fire"], "gold": 0}, "label": 0},
        Item("", "", "What is hot?", ("fire",)),
    ),
    "quoted source": (
        {"question": "This question refers to the following information.\nTo be or\nnot.\nWho asks?", "answer": "H"},
        Item("", "", "Who asks?", ("H",), (), "This question refers to the following information.\nTo be or\nnot."),
    ),
    "code": (
        {"task_id": "1", "prompt": "def double(x):\n", "canonical_solution": "  return 2 * x", "test": "assert"},
        Item("", "", "def double(x):", ("  return 2 * x",)),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_known_shapes_are_understood(tmp_path: Path, shape: str) -> None:
    row, expected = SHAPES[shape]
    (found,) = items_of(tmp_path, row)
    names = ("question", "answers", "choices", "passage")
    assert {name: getattr(found, name) for name in names} == {name: getattr(expected, name) for name in names}


def test_ids_are_the_task_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"question": "one?"}\n\n{"question": "two?"}\n')
    assert [item.id for item in read_items(task_files([str(path)])[0], Fields())] == ["t#0", "t#2"]


def test_what_most_rows_begin_with_is_not_the_item(tmp_path: Path) -> None:
    shots = "Q: How many trees?\nA: 6.\n\nQ: How many cars?\nA: 5.\n\n"
    rows = [{"context": f"{shots}Q: Where is house number {n} now?\nA:", "answer": "here"} for n in range(12)]
    found = items_of(tmp_path, *rows)
    assert [item.question for item in found] == [f"Where is house number {n} now?" for n in range(12)]


def test_an_instruction_stays_where_nothing_else_is_left(tmp_path: Path) -> None:
    rows = [{"context": f"Close the brackets.\nInput: {'( ' * n}"} for n in range(1, 13)]
    assert all(item.question.startswith("Close the brackets.") for item in items_of(tmp_path, *rows))


def test_fields_may_be_named(tmp_path: Path) -> None:
    fields = Fields(question="doc.ask", answer="reply", passage="doc.read")
    (found,) = items_of(
        tmp_path, {"doc": {"ask": "What is hot?", "read": "Ice is cold."}, "reply": "fire"}, fields=fields
    )
    assert (found.question, found.answers, found.passage) == ("What is hot?", ("fire",), "Ice is cold.")


def test_a_row_without_a_question_is_refused_with_its_fields(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1 of .*t\.jsonl has no question: its fields are \['frage', 'n'\]"):
        items_of(tmp_path, {"question": "one?"}, {"frage": "zwei?", "n": 1})


def test_a_schema_without_its_right_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 0 of .* gold 2: gold must be the place of one"):
        items_of(tmp_path, {"context_options": ["a", "b"], "continuation": "c", "gold": 2})


def test_every_file_of_real_tasks_is_understood(shared_data: Path) -> None:
    for file in task_files([str(shared_data / "eval_tasks" / "olmes_requests_first20")]):
        found = list(read_items(file, Fields()))
        assert found
        assert all(item.question for item in found)
