"""docs/tasks.md shows what a model is asked: real items of every wording, and the tables of tasks and groups.

Where a section differs from what is built, the assertion prints what should stand there.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from winnow.evaluate.prompts import build_items
from winnow.evaluate.shapes import Item
from winnow.evaluate.task_files import TaskFiles
from winnow.evaluate.tasks import Task, all_tasks, task_groups

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"
SHOWN = (
    "copa",
    "bigbench_misconceptions",
    "arc_easy",
    "mmlu_zeroshot",
    "mmlu_fewshot",
    "sciq",
    "winograd",
    "lambada_openai",
    "bigbench_qa_wikidata",
    "jeopardy",
    "triviaqa_sm_sub",
    "gsm8k_cot",
    "svamp_cot",
    "openbookqa@olmes",
    "winogrande@olmes",
    "jeopardy@olmes",
)


def wording(task: Task) -> tuple[object, ...]:
    """What two tasks share that word their prompts alike."""
    return task.format, task.shape, task.prelimiter, task.continuation_delimiter, task.num_shots > 0


def shortest(items: list[Item]) -> Item:
    """The item whose context is the shortest: pages are read by people."""
    return min(items, key=lambda item: len(item.requests[0].context))


def section(task: Task, item: Item) -> str:
    """What the page shows of an item: its contexts and, as JSON, so that every space shows, its continuations."""
    requests = getattr(item, "choices", item.requests)
    lines = [f"### `{task.name}`: item `{item.source.item}`", ""]
    for context in dict.fromkeys(request.context for request in requests):
        lines += ["```text", context, "```"]
    continuations = list(dict.fromkeys(request.continuation for request in requests))
    lines += ["```json", json.dumps(continuations, ensure_ascii=False), "```"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", SHOWN)
def test_items_on_the_page_are_what_a_model_is_asked(name: str, shared_data: Path) -> None:
    task = all_tasks()[name]
    found = TaskFiles([str(shared_data / "eval_tasks")]).find(task)
    assert found is not None
    item = shortest(list(build_items(task, found.rows(), file=found.name.path)))
    assert section(task, item) in PAGE.read_text()


def test_the_page_shows_every_wording_that_the_table_has() -> None:
    assert {wording(all_tasks()[name]) for name in SHOWN} == {wording(task) for task in all_tasks().values()}


def test_the_page_lists_every_group_with_its_size() -> None:
    page = PAGE.read_text()
    for group, names in task_groups().items():
        assert f"| `{group}` | {len(names)} |" in page


def test_the_page_lists_every_task() -> None:
    page = PAGE.read_text()
    for task in all_tasks().values():
        baselines = " | ".join(
            f"{100 * task.baselines[version]:.3g}" if version in task.baselines else ""
            for version in ("v1", "v2", "corrected")
        )
        assert f"| `{task.name}` | {task.num_items:,} | {task.shape} | {task.num_shots} | {baselines} |" in page
