"""Evaluation items: what is asked, what is answered, and what was given to read, told apart.

A *question* is what makes an item; finding it in a document is what contamination means. The right *answers* and the
other *choices* near it are evidence. A *passage* is a longer text given to read before the question: it often is public
(an encyclopedia, a court ruling), so it alone never condemns a document.

Files are read in the shapes that their authors publish. A field is known by its name (see FIELDS); a prompt that holds
several parts is cut by its own headings: what stands before "Question:" is the passage if it is long, the heading is no
part of the question, lines "A. … B. …" at the end are choices, and what most rows of a file begin with is an
instruction or a few shots, not the item.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from winnow.core.errors import InputError
from winnow.decontaminate.tasks import TaskFile

Row = dict[str, Any]

FIELDS: dict[str, tuple[str, ...]] = {
    "question": ("question", "query", "problem", "prompt", "goal", "hypothesis", "sentence2", "sentence", "context",
                 "instruction", "input", "text"),
    "answer": ("answer", "answers", "continuation", "canonical_solution", "target", "output", "solution", "gold",
               "label"),
    "choices": ("choices", "options", "endings"),
    "passage": ("passage", "premise", "sentence1", "story", "article", "background", "support", "context"),
}  # fmt: skip
"""Names by which the parts of an item are known, the first one there is taken; ``context`` is what is left of it."""

MIN_PASSAGE_WORDS = 30
"""What stands before a question and is shorter belongs to the question."""
MIN_QUESTION_WORDS = 3
"""An instruction stays with a question of fewer words."""
MIN_SHARED_ROWS = 10
"""In a file of fewer rows, what they have in common may be chance."""

_WORD = re.compile(r"\w+")
_QUESTION = re.compile(r"(?:^|\s)(?:question|q)\s*:", re.IGNORECASE)
_REFERS = re.compile(r"^.{0,20}\brefers? to the following\b", re.IGNORECASE)
_ANSWER = re.compile(r"\b(?:(?:final )?answer|A)\s*:$", re.IGNORECASE)
_CHOICE = re.compile(r"^[ \t]*(?:choices?:)?[ \t]*\(?([A-Za-z])[.)]{1,2}[ \t]*(\S.*)$", re.IGNORECASE)
_CHOICES = re.compile(r"\b(?:choices|options)\s*:?$", re.IGNORECASE)
_LONGEST_HEADING = 30


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Which fields hold the parts of an item, where their names are not among the known ones.

    A name may be a dotted path (``doc.query``).
    """

    question: str | None = None
    answer: str | None = None
    choices: str | None = None
    passage: str | None = None


@dataclass(frozen=True)
class Item:
    """One evaluation item."""

    id: str
    """``task#number``: the file and the line in it, from 0."""
    task: str
    question: str
    answers: tuple[str, ...] = ()
    """The right ones, in other words too (aliases)."""
    choices: tuple[str, ...] = ()
    """The wrong ones."""
    passage: str = ""


def read_items(file: TaskFile, fields: Fields) -> Iterator[Item]:
    """The items of a file; InputError for a row without a question, naming the fields that it has."""
    numbered = list(file.rows())
    rows = [_flat(row, fields) for _, row in numbered]
    taken = [
        _take(row, fields, f"line {number} of {file.path}") for (number, _), row in zip(numbered, rows, strict=True)
    ]
    instruction = _shared_beginning([question for question, _, _, _ in taken])
    for (number, _), (question, answers, choices, passage) in zip(numbered, taken, strict=True):
        if instruction and question.startswith(instruction):
            question = _without(instruction, question)
        question, inline = _cut_choices(_without_heading(question, _ANSWER))
        if inline:
            answers, choices = _named_by_letters(answers, choices, inline)
        if not passage:
            passage, question = _cut_passage(question)
        yield Item(
            id=f"{file.task}#{number}",
            task=file.task,
            question=_without_beginning(question.strip(), _QUESTION),
            answers=tuple(dict.fromkeys(answers)),
            choices=tuple(choice for choice in dict.fromkeys(choices) if choice not in answers),
            passage=passage.strip(),
        )


def _without(instruction: str, question: str) -> str:
    """The question without the instruction before it, unless the instruction is all the words there are."""
    rest = question[len(instruction) :]
    return rest if len(list(islice(_WORD.finditer(rest), MIN_QUESTION_WORDS))) == MIN_QUESTION_WORDS else question


def _flat(row: Row, fields: Fields) -> Row:
    """The row whose fields are looked at: the object ``doc`` in the request files of evaluation harnesses."""
    known = {name for names in FIELDS.values() for name in names} | {"context_options"}
    inner = row.get("doc")
    if isinstance(inner, dict) and not known & row.keys() - {"label"} and fields == Fields():
        return inner
    return row


def _take(row: Row, fields: Fields, where: str) -> tuple[str, list[str], list[str], str]:
    """Question, right answers, all choices and passage of a row, before any prompt is cut."""
    if "context_options" in row:
        return _schema(row, where), [], [], ""
    name, question = _part(row, "question", fields.question)
    if question is None or not isinstance(question, str):
        raise InputError(
            f"{where} has no question: its fields are {sorted(row)}, and a question is looked for in "
            f"{', '.join(FIELDS['question'])}; name its field (Fields(question=...), --question-field)"
        )
    others = {key: value for key, value in row.items() if key != name}
    _, choices = _part(others, "choices", fields.choices)
    _, passage = _part(others, "passage", fields.passage)
    _, answer = _part(others, "answer", fields.answer)
    listed = _texts(choices)
    return question, _right(answer, others, listed), listed, passage if isinstance(passage, str) else ""


def _schema(row: Row, where: str) -> str:
    """The right one of several contexts with what continues it."""
    options, gold = row["context_options"], row.get("gold")
    if not isinstance(options, list) or not isinstance(gold, int) or not 0 <= gold < len(options):
        raise InputError(
            f"{where} has context_options {options!r:.80} and gold {gold!r}: gold must be the place of one"
        )
    return f"{options[gold]} {row.get('continuation', '')}"


def _part(row: Row, part: str, named: str | None) -> tuple[str | None, Any]:
    """The name and value of the field that holds a part."""
    if named is not None:
        value: Any = row
        for step in named.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return named, value
    return next(((name, row[name]) for name in FIELDS[part] if row.get(name) is not None), (None, None))


def _right(answer: Any, row: Row, choices: Sequence[str]) -> list[str]:
    """The right answers as text: an index or a letter names one of the choices."""
    if isinstance(answer, int) and not isinstance(answer, bool):
        return [choices[answer]] if 0 <= answer < len(choices) else [str(answer)] if "answer" in row else []
    if isinstance(answer, str) and len(answer) == 1 and 0 <= ord(answer) - ord("A") < len(choices):
        return [choices[ord(answer) - ord("A")]]
    return [text for text in _texts(answer) + _texts(row.get("aliases")) if text.strip()]


def _texts(value: Any) -> list[str]:
    """The strings of a value: of a list, of lists in it, of ``{"text": [...]}``."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return _texts(value.get("text"))
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    return [str(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _named_by_letters(answers: list[str], choices: list[str], inline: list[str]) -> tuple[list[str], list[str]]:
    """Answers and choices where the prompt lists them and the fields only name their letters."""
    right = []
    for answer in answers:
        letter = ord(answer.strip()[:1].upper() or "?") - ord("A")
        is_letter = len(answer.strip()) == 1 and 0 <= letter < len(inline)
        right.append(inline[letter] if is_letter else answer)
    return right, inline


def _without_heading(text: str, heading: re.Pattern[str]) -> str:
    """The text without a heading at its end, such as "Answer:"."""
    text = text.rstrip()
    found = heading.search(text, max(0, len(text) - _LONGEST_HEADING))
    return text[: found.start()].rstrip() if found else text


def _without_beginning(text: str, heading: re.Pattern[str]) -> str:
    """The text without a heading at its beginning, such as "Question:", unless no word is left."""
    found = heading.match(text)
    rest = text[found.end() :].lstrip() if found else ""
    return rest if _WORD.search(rest) else text


def _cut_choices(text: str) -> tuple[str, list[str]]:
    """The text before a list "A. … B. …" that ends it, and the choices; none where there is no such list."""
    lines = text.rstrip().split("\n")
    found: list[str] = []
    for place in range(len(lines) - 1, -1, -1):
        matched = _CHOICE.match(lines[place])
        if matched is None:
            break
        found.insert(0, matched[2].strip())
        if matched[1].upper() == "A":
            if len(found) == 1:
                break
            return _without_heading("\n".join(lines[:place]), _CHOICES), found
    return text, []


def _cut_passage(text: str) -> tuple[str, str]:
    """The passage and the question: cut at the first "Question:" that a long text stands before.

    What begins "This question refers to the following" is a passage up to its last line.
    """
    for heading in _QUESTION.finditer(text):
        before = text[: heading.start()]
        if len(before.split(None, MIN_PASSAGE_WORDS)) > MIN_PASSAGE_WORDS:
            return before, text[heading.start() :].strip()
    before, _, last = text.rstrip().rpartition("\n")
    return (before, last) if _REFERS.match(text) and before else ("", text)


def _shared_beginning(prompts: Sequence[str]) -> str:
    """What at least half of the prompts begin with, up to the end of a sentence, a line or a heading."""
    if len(prompts) < MIN_SHARED_ROWS:
        return ""
    least = (len(prompts) + 1) // 2
    start, step, alike = "", 64, list(prompts)
    while step:
        longer, count = Counter(prompt[: len(start) + step] for prompt in alike).most_common(1)[0]
        if count >= least and len(longer) == len(start) + step:
            start, alike = longer, [prompt for prompt in alike if prompt.startswith(longer)]
        else:
            step //= 2
    ends = [found.end() for found in re.finditer(r"[.?!:]\s+|\n\s*", start)]
    return start[: ends[-1]] if ends else ""
