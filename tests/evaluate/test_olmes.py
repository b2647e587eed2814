"""OLMES's wording: the scored requests of the first 20 items of ten tasks, as its authors made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import zstandard

from winnow.evaluate.prompts import build_items
from winnow.evaluate.shapes import Choice, Continuation, Item
from winnow.evaluate.task_files import TaskFiles, standard_row
from winnow.evaluate.tasks import Row, all_tasks, task_groups

OLMES = task_groups()["olmes"]
AT_HAND = {"hellaswag": 20, "jeopardy": 20, "piqa": 18, "squad": 20, "winogrande": 20}
"""Items of the first 20 whose row in llm-foundry's files (or their stand-ins) has the same texts. Of PIQA's, two have
lost a space at the end of a choice; those of CommonsenseQA have lost one choice of five; BoolQ's have no title, and
ARC's and OpenBookQA's first items are of another split."""


def published(task: str, shared_data: Path) -> list[Mapping[str, Any]]:
    """The requests of OLMES's authors."""
    directory = shared_data / "eval_tasks" / "olmes_requests_first20"
    (path,) = directory.glob(f"{task.removesuffix('@olmes')}__*.jsonl.zst")
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    return [json.loads(line) for line in content.decode().splitlines()]


def by_item(requests: list[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    items: dict[int, list[Mapping[str, Any]]] = {}
    for request in requests:
        items.setdefault(request["doc_id"], []).append(request)
    return items


def texts(item: Item) -> list[tuple[str, str]]:
    requests = item.choices if isinstance(item, Choice) else item.requests
    return [(request.context, request.continuation) for request in requests]


def their_texts(requests: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(request["request"]["context"], request["request"]["continuation"]) for request in requests]


def items_of(task: str, rows: list[Row]) -> list[Item]:
    return list(build_items(all_tasks()[task], rows))


@pytest.mark.parametrize("task", OLMES)
def test_the_first_20_items_are_asked_string_by_string_as_published(task: str, shared_data: Path) -> None:
    asked = by_item(published(task, shared_data))
    assert len(asked) == 20
    for requests in asked.values():
        (item,) = items_of(task, [standard_row(requests[0]["doc"])])
        assert texts(item) == their_texts(requests)
        if isinstance(item, Choice):
            assert item.gold == requests[0]["label"]
        assert {request.encoding for request in item.requests} == {"joint"}


@pytest.mark.parametrize("task", AT_HAND)
def test_items_of_llm_foundrys_files_are_asked_as_published(task: str, shared_data: Path) -> None:
    name = f"{task}@olmes"
    found = TaskFiles([str(shared_data / "eval_tasks")]).find(all_tasks()[name])
    assert found is not None
    ours = {tuple(texts(item)) for item in items_of(name, found.rows())}
    asked = by_item(published(name, shared_data)).values()
    assert sum(tuple(their_texts(requests)) in ours for requests in asked) == AT_HAND[task]


def test_lettered_choices_are_replaced_by_their_words() -> None:
    row = {
        "query": "Question: What barks?\nChoices:\nA. dog\nB. cat\nAnswer:",
        "choices": ["A", "B"],
        "gold": 0,
    }
    (item,) = items_of("csqa@olmes", [row])
    assert [(context.split("\n\n")[-1], continuation) for context, continuation in texts(item)] == [
        ("Question: What barks?\nAnswer:", " dog"),
        ("Question: What barks?\nAnswer:", " cat"),
    ]
    assert [request.context for request in item.requests[2:]] == ["Answer:", "Answer:"]


def test_boolq_offers_yes_before_no_and_keeps_the_gold_answer() -> None:
    row = {"query": "Passage: Ice floats.\nQuestion: does ice sink?", "choices": ["no", "yes"], "gold": 0}
    (item,) = items_of("boolq@olmes", [row])
    assert isinstance(item, Choice)
    assert [continuation for _, continuation in texts(item)] == [" yes", " no"]
    assert item.gold == 1
    assert texts(item)[0][0].endswith("\n\nIce floats.\nQuestion: does ice sink?\nAnswer:")


def test_a_jeopardy_clue_is_asked_by_category() -> None:
    (item,) = items_of("jeopardy@olmes", [{"context": "SCIENCE: It is H2O", "continuation": "water", "category": "s"}])
    assert isinstance(item, Continuation)
    assert item.request.context.endswith("\n\nCategory: SCIENCE\nQuestion: It is H2O\nAnswer:")
    assert item.request.continuation == " water"
