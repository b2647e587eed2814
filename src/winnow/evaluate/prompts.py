"""Rows of a task's file to items, in llm-foundry's wording, which is DCLM's.

Examples are drawn for each item from the file itself, the item left out. ``docs/tasks.md`` shows every wording on a
real item. DCLM evaluates with llm-foundry 0.9.0; what is followed here is its
``llmfoundry/eval/datasets/in_context_learning_evaluation.py``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence, Set

from winnow.evaluate.olmes import olmes_item
from winnow.evaluate.requests import Prompt, Request
from winnow.evaluate.shapes import Choice, Continuation, Generation, Item, Source
from winnow.evaluate.tasks import Row, Task

SHOTS_SEED = 1234
"""The seed of the draw of examples, begun anew for each file and each category."""


def build_items(
    task: Task, rows: Sequence[Row], *, file: str | None = None, max_items: int | None = None, seed: int = 0
) -> Iterator[Item]:
    """The items of a task, or a random ``max_items`` of them, each with the examples that it has among all.

    ``rows`` are those of the whole file, and ``file`` is its name in the table (by default the one that defines the
    task): an item keeps its name wherever the file lies.
    """
    rows = [_stripped(row) for row in rows]
    chosen = _chosen(task, len(rows), max_items, seed)
    place = file or task.files[0].path
    if task.format == "olmes":
        for number in sorted(chosen):
            yield olmes_item(task, rows[number], Source(task=task.name, item=f"{place}/{number}"))
        return
    for category, numbers in _categories(task, rows):
        rng = random.Random(SHOTS_SEED)
        for position, number in enumerate(numbers):
            shots = draw_shots(len(numbers), task.num_shots, position, rng)
            if number in chosen:
                source = Source(task=task.name, item=f"{place}/{number}", category=category)
                yield _item(task, rows[number], _examples(task, [rows[numbers[shot]] for shot in shots]), source)


def draw_shots(num_rows: int, num_shots: int, position: int, rng: random.Random) -> list[int]:
    """Which rows precede the row at ``position`` as examples.

    Their order is that of a set of small integers, which is part of the format: it decides what the model reads.
    """
    drawn = set(rng.sample(range(num_rows), min(num_shots, num_rows - 1)))
    if position in drawn:
        drawn.remove(position)
        another = position
        while another == position or another in drawn:
            another = rng.choice(range(num_rows))
        drawn.add(another)
    return list(drawn)


def _chosen(task: Task, num_rows: int, max_items: int | None, seed: int) -> Set[int]:
    everything = range(num_rows)
    if max_items is None or max_items >= num_rows:
        return frozenset(everything)
    return frozenset(random.Random(f"{task.name}/{seed}").sample(everything, max_items))


def _categories(task: Task, rows: Sequence[Row]) -> Iterator[tuple[str | None, list[int]]]:
    """Every category and the numbers of its rows; one of all rows where the task has no categories."""
    if not task.by_category:
        yield None, list(range(len(rows)))
        return
    for category in sorted({row["category"] for row in rows}):
        yield category, [number for number, row in enumerate(rows) if row["category"] == category]


def _stripped(row: Row) -> Row:
    """The row without white space around its texts; lists of texts stay as they are."""
    return {name: value.strip() if isinstance(value, str) else value for name, value in row.items()}


def _examples(task: Task, shots: Sequence[Row]) -> str:
    return task.example_delimiter.join(
        f"{_question(task, row)}{task.continuation_delimiter}{_answer(task, row)}" for row in shots
    )


def _question(task: Task, row: Row) -> str:
    match task.shape:
        case "multiple_choice":
            text = row["query"]
        case "schema":
            text = row["context_options"][row["gold"]]
        case _:
            text = row["context"]
    return f"{task.prelimiter}{text}"


def _answer(task: Task, row: Row) -> str:
    match task.shape:
        case "multiple_choice":
            return str(row["choices"][row["gold"]])
        case "generation":
            return _reasoned(task, row)
        case _:
            return str(row["continuation"])


def _reasoned(task: Task, row: Row) -> str:
    """An answer to be written, after its chain of thought where it has one."""
    chain = row.get("chain_of_thought")
    return str(row["answer"]) if chain is None else f"{chain}{task.chain_delimiter}{row['answer']}"


def _item(task: Task, row: Row, examples: str, source: Source) -> Item:
    before = f"{examples}{task.example_delimiter}" if examples else ""
    asked = f"{before}{_question(task, row)}{task.continuation_delimiter}"
    context = asked.rstrip()
    match task.shape:
        case "multiple_choice":
            choices = tuple(Request(context, _spaced(choice)) for choice in row["choices"])
            return Choice(source=source, choices=choices, gold=row["gold"], normalization=task.normalization)
        case "schema":
            # Without the delimiter: a context and the space before its continuation are one sentence.
            contexts = tuple(f"{before}{task.prelimiter}{option}" for option in row["context_options"])
            continuation = _spaced(row["continuation"])
            return Choice(
                source=source,
                choices=tuple(Request(context, continuation) for context in contexts),
                gold=row["gold"],
                normalization=task.normalization,
            )
        case "language_modeling":
            return Continuation(source=source, request=Request(context, _spaced(row["continuation"])))
        case "generation":
            return Generation(
                source=source,
                prompt=Prompt(context, task.max_tokens, task.stop),
                accepted=(row["answer"], *row.get("aliases", ())),
                chain_delimiter=task.chain_delimiter,
                gold=Request(context, f"{asked[len(context) :]}{_reasoned(task, row)}"),
            )


def _spaced(text: str) -> str:
    """A continuation with the space that the context lost at its end."""
    return text if text.startswith(" ") else f" {text}"
