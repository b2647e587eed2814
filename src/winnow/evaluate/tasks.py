"""The tasks, as data: one table says what DCLM's 53 tasks, the small ones and those of OLMES are made of.

``data/tasks.tsv`` has one row per task; delimiters in it are JSON strings, so that every space and line end shows.
Files, shapes, shots and delimiters of the 53 are those of DCLM's ``eval/heavy.yaml``, v1 and v2 of the baselines those
of its ``eval_meta_data_v1.csv`` and ``eval_meta_data.csv`` (mlfoundations/dclm@361714b).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from winnow.core.errors import RecipeError, did_you_mean

Row = Mapping[str, Any]
"""One line of a task's file."""

Shape = Literal["multiple_choice", "schema", "language_modeling", "generation"]
"""What an item asks: which of several continuations of one context is the most probable; after which of several
contexts one continuation is; whether the continuation is what the model would say; what the model does say."""

Format = Literal["llm_foundry", "olmes"]
"""Whose wording of prompts: llm-foundry's, which DCLM uses (``prompts.py``), or OLMES's (``olmes.py``)."""

Normalization = Literal["tokens", "characters", "none", "unconditional"]
"""What a choice's negative log-likelihood is divided by before choices are compared: its tokens (llm-foundry), its
characters, or nothing; ``unconditional`` subtracts that of the same words after ``Answer:`` alone."""

Baseline = Literal["v1", "v2", "corrected"]
"""Whose score of one who guesses. ``v1`` and ``v2`` are DCLM's own (12 of 53 changed between them); ``corrected`` is
1/N of N choices everywhere; v2 has the share of the most frequent answer in three tasks and 1/5 for math_qa's four."""


@dataclass(frozen=True, kw_only=True)
class ItemFile:
    """A file that holds a task's items: the path below its collection without its endings, and its number of rows."""

    path: str
    num_items: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of the table."""

    name: str
    format: Format
    files: tuple[ItemFile, ...]
    """The file that the task is defined by, then those that stand in for it where it is not at hand."""
    shape: Shape
    num_shots: int
    prelimiter: str
    """What precedes every question."""
    example_delimiter: str
    """What stands between examples."""
    continuation_delimiter: str
    """What stands between a question and its answer."""
    chain_delimiter: str
    """What stands between a chain of thought and the answer."""
    stop: tuple[str, ...]
    """What ends a generated answer."""
    max_tokens: int
    """How long a generated answer may grow: as llm-foundry finds it with DCLM's tokenizer, GPT-NeoX-20B's."""
    by_category: bool
    """Whether the score is the mean over the items' categories, and examples are drawn from the item's own."""
    normalization: Normalization
    groups: tuple[str, ...]
    baselines: Mapping[Baseline, float]
    """Fractions in [0, 1]; a version that does not know the task is absent."""

    @property
    def num_items(self) -> int:
        """Items of the file that defines the task."""
        return self.files[0].num_items


@cache
def all_tasks() -> Mapping[str, Task]:
    """Every task by its name, in the table's order."""
    table = files("winnow.evaluate").joinpath("data/tasks.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["name"]: _task(row) for row in rows}


def task_groups() -> Mapping[str, tuple[str, ...]]:
    """The names of every group's tasks: core, extended, mmlu, small, olmes, and DCLM's six categories."""
    groups: dict[str, list[str]] = {}
    for task in all_tasks().values():
        for group in task.groups:
            groups.setdefault(group, []).append(task.name)
    return {group: tuple(names) for group, names in groups.items()}


def find_tasks(names: Iterable[str]) -> tuple[Task, ...]:
    """The tasks that names of tasks and groups stand for, each once, in the table's order; RecipeError for others."""
    tasks, groups = all_tasks(), task_groups()
    wanted: set[str] = set()
    for name in names:
        if name not in tasks and name not in groups:
            raise RecipeError(f"no task or group is called {name!r}; {did_you_mean(name, [*groups, *tasks])}")
        wanted.update(groups.get(name, (name,)))
    return tuple(task for task in tasks.values() if task.name in wanted)


def _task(row: dict[str, Any]) -> Task:
    return Task(
        name=row["name"],
        format=row["format"],
        files=tuple(_file(file) for file in row["files"].split()),
        shape=row["shape"],
        num_shots=int(row["num_shots"]),
        prelimiter=json.loads(row["prelimiter"]),
        example_delimiter=json.loads(row["example_delimiter"]),
        continuation_delimiter=json.loads(row["continuation_delimiter"]),
        chain_delimiter=json.loads(row["chain_delimiter"]),
        stop=tuple(json.loads(row["stop"])),
        max_tokens=int(row["max_tokens"]),
        by_category=row["by_category"] == "yes",
        normalization=row["normalization"],
        groups=tuple(row["groups"].split()),
        baselines={
            version: float(row[f"baseline_{version}"]) / 100
            for version in get_args(Baseline)
            if row[f"baseline_{version}"]
        },
    )


def _file(cell: str) -> ItemFile:
    path, num_items = cell.rsplit(":", 1)
    return ItemFile(path=path, num_items=int(num_items))
