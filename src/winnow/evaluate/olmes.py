"""Items in the wording of OLMES (Gu et al. 2024, arXiv:2406.08446), the standard of OLMo's evaluations.

Every item of a task is preceded by the same five curated examples (``data/olmes_examples.json``). Answers are the words
of the choices, never letters, compared by the normalization that OLMES gives each task, and context and continuation
are encoded as one text. Rows are those that llm-foundry has of the same tasks, worded anew; a row that is in OLMES's
wording already stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from winnow.evaluate.requests import Request
from winnow.evaluate.shapes import Choice, Continuation, Item, Source
from winnow.evaluate.tasks import Row, Task


def olmes_item(task: Task, row: Row, source: Source) -> Item:
    """The item of a row in the layout of llm-foundry."""
    name = task.name.removesuffix("@olmes")
    before = "".join(f"{example}\n\n" for example in _examples()[name])
    row = _WORDINGS.get(name, _as_it_is)(row)
    match task.shape:
        case "language_modeling":
            return Continuation(source=source, request=_request(f"{before}{row['context']}", row["continuation"]))
        case "schema":
            requests = [_request(f"{before}{option}", row["continuation"]) for option in row["context_options"]]
        case _:
            requests = [_request(f"{before}{row['query']}", choice) for choice in row["choices"]]
    return Choice(source=source, choices=tuple(requests), gold=row["gold"], normalization=task.normalization)


@cache
def _examples() -> Mapping[str, list[str]]:
    """What precedes every item of a task: a description of the task where it has one, and five examples."""
    text = files("winnow.evaluate").joinpath("data/olmes_examples.json").read_text(encoding="utf-8")
    examples: dict[str, list[str]] = json.loads(text)["examples"]
    return examples


def _request(context: str, continuation: str) -> Request:
    return Request(context, f" {continuation}", "joint")


def _as_it_is(row: Row) -> Row:
    return row


def _asked(row: Row) -> Row:
    """A question without its lettered choices; where the choices are letters, their words take their place."""
    question, _, listed = row["query"].removeprefix("Question: ").removesuffix("\nAnswer:").partition("\nChoices:\n")
    choices = [re.sub(r"^[A-Z]\. ", "", line) for line in listed.split("\n")] if listed else row["choices"]
    return {**row, "query": f"Question: {question}\nAnswer:", "choices": choices}


def _pursued(row: Row) -> Row:
    goal = row["query"].removeprefix("Question: ").removeprefix("Goal: ").removesuffix("\nAnswer:")
    return {**row, "query": f"Goal: {goal}\nAnswer:"}


def _confirmed(row: Row) -> Row:
    """BoolQ's passage and question; llm-foundry's passages lack the title that OLMES begins them with."""
    asked = row["query"].removeprefix("Passage: ").removesuffix("\nAnswer:")
    choices = ["yes", "no"]
    return {"query": f"{asked}\nAnswer:", "choices": choices, "gold": choices.index(row["choices"][row["gold"]])}


def _clued(row: Row) -> Row:
    if row["context"].startswith("Category: "):
        return row
    category, clue = row["context"].split(": ", 1)
    return {**row, "context": f"Category: {category}\nQuestion: {clue}\nAnswer:"}


def _read(row: Row) -> Row:
    return {**row, "context": row["context"].removesuffix("\nAnswer:") + "\nAnswer:"}


_WORDINGS: Mapping[str, Callable[[Row], Row]] = {
    "arc_challenge": _asked,
    "arc_easy": _asked,
    "boolq": _confirmed,
    "csqa": _asked,
    "jeopardy": _clued,
    "openbookqa": _asked,
    "piqa": _pursued,
    "squad": _read,
}
