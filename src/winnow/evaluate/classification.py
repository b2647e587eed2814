"""Classification tasks: rows of one or two texts with a label, and which of them a model learns from.

Those of GLUE (Wang et al. 2018) and CommitmentBank of SuperGLUE are known by name. Any other is a file of JSON lines
whose rows have a ``label`` and one or two texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from winnow.core.errors import InputError, RecipeError
from winnow.core.plain import digest
from winnow.decontaminate.tasks import TaskFile, task_files
from winnow.evaluate.tasks import Row

LABEL = "label"
NUM_PARTS = 5
"""Of a file that is split, for want of other rows to learn from."""
KNOWN: Mapping[str, tuple[tuple[str, ...], int]] = {
    "cola": (("sentence",), 2),
    "sst2": (("sentence",), 2),
    "mrpc": (("sentence1", "sentence2"), 2),
    "qqp": (("question1", "question2"), 2),
    "mnli": (("premise", "hypothesis"), 3),
    "qnli": (("question", "sentence"), 2),
    "rte": (("sentence1", "sentence2"), 2),
    "wnli": (("sentence1", "sentence2"), 2),
    "cb": (("premise", "hypothesis"), 3),
}
"""The fields that hold a task's texts, in the order in which a model reads them, and the number of its labels."""
PREFIXES = ("", "glue_", "super_glue_")
"""What the name of a task's file may begin with, before the task's own."""


@dataclass(frozen=True)
class Example:
    """A row of a task."""

    item: str
    """The file's name and the number of the row in it, from 0."""
    texts: tuple[str, ...]
    label: str

    def part(self, seed: int) -> int:
        """In which part of its file the row is: a hash of its texts, so that equal texts are in one part."""
        return int(digest([seed, *self.texts])[:16], 16) % NUM_PARTS


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The rows of a task, sorted by what they say, so that the order of its files decides nothing."""

    name: str
    asked: Sequence[Example]
    learnt: Sequence[Example] | None
    """None where the model learns from those of ``asked`` that it is not asked."""
    labels: tuple[str, ...]
    """Those of the rows to learn from, sorted."""

    def split(self, run: int, seed: int) -> tuple[Sequence[Example], Sequence[Example]]:
        """The rows to learn from and the rows to ask in one run: the parts of a file are asked in turn.

        InputError where that leaves none of either.
        """
        if self.learnt is not None:
            return self.learnt, self.asked
        parts: tuple[list[Example], list[Example]] = [], []
        for example in self.asked:
            parts[example.part(seed) == run % NUM_PARTS].append(example)
        if not all(parts):
            raise InputError(
                f"{self.name} has {len(self.asked)} rows, too few to split into {NUM_PARTS} parts: give rows to learn "
                f"from, {self.name}=TRAIN,TEST"
            )
        return parts


@dataclass(frozen=True, kw_only=True)
class Classification:
    """A task and the files of its rows."""

    name: str
    test: TaskFile
    train: TaskFile | None = None
    """None where there is one file to learn from and to ask."""
    fields: tuple[str, ...] = ()
    """Where the texts are; none for every string of a file's first row, in its order."""

    @property
    def files(self) -> tuple[TaskFile, ...]:
        """The files that are read, the one to learn from first."""
        return (self.train, self.test) if self.train else (self.test,)

    @property
    def note(self) -> str | None:
        """What to know of an accuracy on it; None where there is nothing."""
        if self.train:
            return None
        return (
            f"{self.name}: the rows of {self.test.path} are split into {NUM_PARTS} parts, one to ask and the others to "
            "learn from; accuracies do not compare to published ones"
        )

    def read(self) -> Labelled:
        """The rows; InputError where they are not those of a classification."""
        rows = [_rows(file) for file in self.files]
        fields = self.fields or _strings(rows[0][0][1], self.files[0])
        examples = [_examples(some, fields, file) for some, file in zip(rows, self.files, strict=True)]
        learnt, asked = examples[0], examples[-1]
        labels = tuple(sorted({example.label for example in learnt}))
        self._check(labels, {example.label for example in asked})
        return Labelled(name=self.name, asked=asked, learnt=learnt if self.train else None, labels=labels)

    def _check(self, labels: Sequence[str], asked: Set[str]) -> None:
        """Refuse labels to learn that are too few or too many, and others that are asked."""
        source, told = self.files[0].path, ", ".join(labels[:10])
        if len(labels) == 1:
            raise InputError(
                f"every row of {source} has the label {told}: there is nothing to learn; of GLUE, give the training "
                "and validation rows, the test rows have no labels"
            )
        if self.name in KNOWN and len(labels) > KNOWN[self.name][1]:
            raise InputError(
                f"{self.name} has {KNOWN[self.name][1]} labels, and {source} has {len(labels)} ({told}): restore the "
                "file, or give the task another name"
            )
        if unknown := asked - {*labels}:
            raise InputError(
                f"{self.test.path} has the label {min(unknown)}, and the rows to learn from, {source}, have {told}: "
                "give two files of one task"
            )


def find_classification(task: str, roots: Sequence[str], fields: tuple[str, ...] = ()) -> Classification:
    """The task ``NAME``, whose file is below one of the directories, or ``NAME=FILE`` or ``NAME=TRAIN,TEST``.

    ``fields`` say where the texts of a task are that is not known. Raises RecipeError for what is none of the three,
    InputError where there is no such file.
    """
    name, equals, paths = task.partition("=")
    fields = KNOWN[name][0] if name in KNOWN else fields
    if not equals:
        return Classification(name=name, test=_file_called(name, roots), fields=fields)
    given = [path for path in paths.split(",") if path]
    if not name or len(given) not in (1, 2):
        raise RecipeError(f"the task {task!r} is none: give NAME, NAME=FILE or NAME=TRAIN,TEST")
    *train, test = (_file_at(path) for path in given)
    return Classification(name=name, test=test, train=train[0] if train else None, fields=fields)


def _file_called(name: str, roots: Sequence[str]) -> TaskFile:
    names = [f"{prefix}{name}" for prefix in PREFIXES]
    for root in roots:
        for file in task_files([root]):
            if file.task.rsplit("/", 1)[-1] in names:
                return file
    raise InputError(
        f"no file of the task {name!r} ({' or '.join(f'{one}.jsonl' for one in names)}, also compressed) is under "
        f"{', '.join(roots) or 'any directory, since none is given'}: name the directories that hold it in task_files, "
        f"or the file as {name}=FILE"
    )


def _file_at(path: str) -> TaskFile:
    files = task_files([path])
    if len(files) > 1:
        raise InputError(f"{path} is {len(files)} files: name one")
    return files[0]


def _rows(file: TaskFile) -> list[tuple[int, Row]]:
    """The rows of a file and their numbers; InputError for none."""
    rows: list[tuple[int, Row]] = list(file.rows())
    if not rows:
        raise InputError(f"{file.path} has no rows: restore the file")
    return rows


def _strings(row: Row, file: TaskFile) -> tuple[str, ...]:
    """The fields of a row that are texts; InputError unless they are one or two."""
    found = tuple(name for name, value in row.items() if isinstance(value, str) and name != LABEL)
    if len(found) not in (1, 2):
        raise InputError(
            f"the rows of {file.path} have {len(found)} texts ({', '.join(found) or 'none'}) where a classification "
            "has one or two: say with fields which they are"
        )
    return found


def _examples(rows: Sequence[tuple[int, Row]], fields: Sequence[str], file: TaskFile) -> list[Example]:
    """Rows as examples, sorted by what they say; InputError for one that is not texts with a label."""
    examples = []
    for number, row in rows:
        if wrong := _wrong(row, fields):
            raise InputError(f"line {number} of {file.path} {wrong}")
        texts = tuple(row[field].strip() for field in fields)
        examples.append(Example(f"{file.task}/{number}", texts, str(row[LABEL])))
    return sorted(examples, key=lambda example: (example.texts, example.label))


def _wrong(row: Row, fields: Sequence[str]) -> str | None:
    """What is wrong with a row, or None."""
    for field in (*fields, LABEL):
        if field not in row:
            return f"has no {field!r}, only {', '.join(map(repr, row))}: restore or rename the field"
    for field in fields:
        if not isinstance(row[field], str):
            return f"has {row[field]!r:.80} as {field!r}, where a text must be: repair the row"
    if not isinstance(row[LABEL], int | str):
        return f"has the label {row[LABEL]!r:.80}; it must be a whole number or a word, one of a few"
    return None
