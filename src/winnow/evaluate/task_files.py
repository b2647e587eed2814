"""Where the tasks' files are, and their rows, checked.

Files are not packaged. They are found under any directory that holds llm-foundry's ``scripts/eval/local_data``, or
parts of it, at any depth, compressed or not. Where the file that defines a task is not at hand, one that stands in for
it is used and said to be; a task without either is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase

from winnow.core.errors import InputError
from winnow.decontaminate.tasks import TaskFile, task_files
from winnow.evaluate.tasks import ItemFile, Row, Shape, Task


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """The file that a task is evaluated on."""

    task: Task
    name: ItemFile
    file: TaskFile

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.file.path

    @property
    def stands_in(self) -> bool:
        """Whether it is another file than the one that defines the task."""
        return self.name != self.task.files[0]

    @property
    def note(self) -> str:
        """What to know of a score on it.

        >>> found.note    # doctest: +SKIP
        'hellaswag: hellaswag_1000 stands in, 1,000 of 10,042 items'
        """
        if not self.stands_in:
            return f"{self.task.name}: {self.name.num_items:,} items"
        share = f"{self.name.num_items:,} of {self.task.num_items:,} items"
        return f"{self.task.name}: {self.name.path} stands in, {share}"

    def rows(self) -> list[Row]:
        """The file's rows in the task's layout; InputError for one that is malformed, or for another number of them."""
        rows: list[Row] = []
        for number, published in self.file.rows():
            row = standard_row(published)
            wrong = _wrong(self.task, row)
            if wrong:
                raise InputError(
                    f"line {number} of {self.path} is no {self.task.shape} item: {wrong}; restore the file"
                )
            rows.append(row)
        if len(rows) != self.name.num_items:
            raise InputError(
                f"{self.path} has {len(rows):,} items where {self.task.name} has {self.name.num_items:,}: restore the "
                "file, scores on another number of items do not compare"
            )
        return rows


@dataclass(frozen=True)
class TaskFiles:
    """The task files under some directories (local or fsspec), earlier ones before later ones."""

    roots: Sequence[str]

    @cached_property
    def _files(self) -> list[TaskFile]:
        return [file for root in self.roots for file in task_files([root])]

    def find(self, task: Task) -> FoundFile | None:
        """The file that defines the task, else the first that stands in for it, else None."""
        for name in task.files:
            for file in self._files:
                if _is_called(file, name):
                    return FoundFile(task=task, name=name, file=file)
        return None


def _is_called(file: TaskFile, name: ItemFile) -> bool:
    """Whether a file's place ends in the name, or is its last part at the top of a directory."""
    return f"/{file.task}".endswith(f"/{name.path}") or file.task == name.path.rsplit("/", 1)[-1]


def standard_row(row: Row) -> Row:
    """A row in llm-foundry's layout, from that of the task's authors where it is published in theirs.

    MMLU (``subject, question, choices, answer``) is worded as llm-foundry words it since its pull request 811: choices
    are their letters and words. Winogrande (``sentence, option1, option2, answer``) is split at its blank. A row with a
    ``query`` and one choice is a continuation.
    """
    match row:
        case {"subject": subject, "question": question, "choices": [*choices], "answer": answer}:
            lettered = [f"{letter}. {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False)]
            query = "\n".join([f"Question: {question}", "Choices", *lettered])
            return {"query": query, "choices": lettered, "gold": answer, "category": subject}
        case {"sentence": str(sentence), "option1": one, "option2": two, "answer": "1" | "2" as answer}:
            before, _, after = sentence.partition("_")
            options = [f"{before}{option}" for option in (one, two)]
            return {"context_options": options, "continuation": after.strip(), "gold": int(answer) - 1}
        case {"query": query, "choices": [answer]} if "gold" not in row:
            return {**row, "context": query, "continuation": answer}
    return row


def _wrong(task: Task, row: Row) -> str | None:
    """What is wrong with a row, or None."""
    for field, test, kind in _FIELDS[task.shape]:
        if field not in row and field not in _OPTIONAL:
            return f"it has no {field!r}, only {', '.join(map(repr, row))}"
        if field in row and not test(row[field]):
            return f"{field!r} is {row[field]!r:.80}, not {kind}"
    options = row.get("choices" if task.shape == "multiple_choice" else "context_options")
    if options is not None and "gold" in row and not row["gold"] < len(options):
        return f"'gold' is {row['gold']}, and there are {len(options)} choices, numbered from 0"
    if task.by_category and not _is_text(row.get("category")):
        return "it has no 'category', and the task's score is a mean over categories"
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _are_several_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) > 1 and _are_texts(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_TEXT = (_is_text, "a text")
_TEXTS = (_are_texts, "a list of texts")
_SEVERAL_TEXTS = (_are_several_texts, "a list of two texts or more")
_NUMBER = (_is_number, "the number of a choice")

_FIELDS: Mapping[Shape, Sequence[tuple[str, Callable[[object], bool], str]]] = {
    "multiple_choice": (("query", *_TEXT), ("choices", *_SEVERAL_TEXTS), ("gold", *_NUMBER)),
    "schema": (("context_options", *_SEVERAL_TEXTS), ("continuation", *_TEXT), ("gold", *_NUMBER)),
    "language_modeling": (("context", *_TEXT), ("continuation", *_TEXT)),
    "generation": (("context", *_TEXT), ("answer", *_TEXT), ("aliases", *_TEXTS), ("chain_of_thought", *_TEXT)),
}
_OPTIONAL = ("aliases", "chain_of_thought")
