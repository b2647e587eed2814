"""Files of evaluation tasks: JSON lines, one item a line, as their authors publish them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import orjson
import zstandard

from winnow.core.errors import InputError
from winnow.documents.jsonl import decompressed
from winnow.documents.source import list_files, open_binary

_ENDINGS = (".gz", ".zst", ".lz4", ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class TaskFile:
    """One file, and the name of the task that it holds."""

    path: str
    task: str
    """The path below the directory that was given, or the file's name, without its endings."""

    def lines(self) -> Iterator[bytes]:
        """The lines as they are, with their ends; an item's number is that of its line, from 0."""
        try:
            with open_binary(self.path) as raw:
                yield from decompressed(raw, self.path)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise InputError(f"{self.path} cannot be read to its end: {error}; restore the file") from error

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """``(number, row)`` of every line that is not blank; InputError for one that is no JSON object."""
        for number, line in enumerate(self.lines()):
            if line.isspace():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(
                    f"line {number} of {self.path} is not JSON ({error}): repair it, an item that cannot be read "
                    "cannot be looked for"
                ) from error
            if not isinstance(row, dict):
                raise InputError(f"line {number} of {self.path} holds a {type(row).__name__}, not an object of fields")
            yield number, row


def task_files(sources: Sequence[str]) -> list[TaskFile]:
    """The JSONL files that paths, directories and globs name; InputError for none, or two of one name."""
    found: dict[str, TaskFile] = {}
    for source in sources:
        for file in list_files([source], None):
            if file.kind != "jsonl" or (file.path != source and ".json" in PurePosixPath(file.path).suffixes):
                continue  # a .json file beside tasks is a configuration unless it is named
            task = _task(file.path, source)
            if task in found and found[task].path != file.path:
                raise InputError(
                    f"{found[task].path} and {file.path} would both be the task {task!r}: name the directory above both"
                )
            found[task] = TaskFile(file.path, task)
    if not found:
        raise InputError(f"{', '.join(sources)} names no JSONL file (.jsonl .json .ndjson, with .gz or .zst)")
    return [found[task] for task in sorted(found)]


def _task(path: str, source: str) -> str:
    place = PurePosixPath(path)
    root = PurePosixPath(source)
    inside = place.relative_to(root) if place.is_relative_to(root) and place != root else PurePosixPath(place.name)
    name = str(inside)
    while name.endswith(_ENDINGS):
        name = name[: name.rindex(".")]
    return name
