"""What contamination means for the evaluation: every item with the documents that hold it, and what was never seen.

Besides removing documents one may score on what the training set does not hold. The report therefore writes each task
again without the contaminated items, the remaining lines byte for byte as they were.
"""

from __future__ import annotations

import gzip
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import orjson
import zstandard

from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.step import Step, Whole
from winnow.core.table import Store
from winnow.decontaminate.contamination import Contamination
from winnow.decontaminate.tasks import TaskFile, task_files

MOST_DOCUMENTS = 5

Seen = tuple[float, str, str]
"""Overlap of a document with an item, the document's id, and the matched text."""


@dataclass(frozen=True, kw_only=True)
class ContaminationReport(Whole):
    """What of each task the documents of a ``Contamination`` hold; give it those that are trained on.

    Files: ``items.jsonl`` has one line per item: its overlap, whether that is contamination, why it is not looked for
    (null where it is), and the at most five documents that overlap most, with the matched text. ``tasks.json`` has the
    counts of each task. ``clean/`` has the task files without contaminated items, named and compressed as they were.
    """

    contamination: Contamination
    threshold: float | None = None
    """Overlap from which an item counts as seen; default: that of the method."""

    def inputs(self) -> tuple[Step, ...]:
        """What was found, and the index: the task files are read again."""
        return (self.contamination, self.contamination.index)

    def check(self) -> None:
        """Refuse a threshold below which overlaps are not kept."""
        self.contamination.threshold(self.threshold)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Gather what the shards found, then go through the task files once more."""
        least = self.contamination.threshold(self.threshold)
        seen = self._seen(store)
        counts: dict[str, _Counts] = {}
        contaminated: set[str] = set()
        with (directory / "items.jsonl").open("wb") as out:
            for row in self.contamination.index.items(store).to_pylist():
                found = seen.get(row["found_as"] or row["id"])
                line = _line(row, found, least)
                out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                counts.setdefault(row["task"], _Counts()).add(line)
                if line["contaminated"]:
                    contaminated.add(row["id"])
        write_json(directory / "tasks.json", {task: vars(count) for task, count in sorted(counts.items())})
        for file in task_files(self.contamination.index.tasks):
            _write_clean(file, contaminated, directory / "clean")
        return {"items": sum(count.items for count in counts.values()), "contaminated_items": len(contaminated)}

    def _seen(self, store: Store) -> dict[str, _Documents]:
        """The documents found to hold each item."""
        seen: dict[str, _Documents] = {}
        table = store.table(self.contamination)
        for shard in range(num_shards(self.contamination, store)):
            for batch in table.batches(shard, ["id", "found"]):
                found = batch.filter(batch.column("found").is_valid())
                for row in found.to_pylist():
                    for one in row["found"]:
                        seen.setdefault(one["item"], _Documents()).add((one["overlap"], row["id"], one["matched"]))
        return seen


@dataclass
class _Documents:
    """How many documents hold an item, and those that overlap most."""

    number: int = 0
    best: list[Seen] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        self.number += 1
        self.best = heapq.nsmallest(MOST_DOCUMENTS, [*self.best, seen], key=lambda one: (-one[0], one[1]))


@dataclass
class _Counts:
    """What is known of a task's items."""

    items: int = 0
    contaminated: int = 0
    not_looked_for: int = 0

    def add(self, line: dict[str, Any]) -> None:
        self.items += 1
        self.contaminated += line["contaminated"]
        self.not_looked_for += line["not_looked_for"] is not None


def _line(row: dict[str, Any], found: _Documents | None, least: float) -> dict[str, Any]:
    best = found.best if found is not None else []
    overlap = best[0][0] if best else 0.0
    return {
        "item": row["id"],
        "task": row["task"],
        "question": row["question"][:300],
        "overlap": overlap,
        "contaminated": _at_least(overlap, least),
        "not_looked_for": row["left_out"],
        "same_as": row["found_as"],
        "num_documents": found.number if found is not None else 0,
        "documents": [{"id": id, "overlap": share, "matched": matched} for share, id, matched in best],
    }


def _at_least(overlap: float, least: float) -> bool:
    """Overlaps of ``found`` are kept in 32 bits; one that was the threshold exactly must stay so."""
    return overlap >= least - 1e-6


def _write_clean(file: TaskFile, contaminated: set[str], directory: Path) -> None:
    path = directory / (file.task + "".join(Path(file.path).suffixes[-2:]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, _compressed(raw, path.name) as out:
        for line in _clean_lines(file, contaminated):
            out.write(line)


def _clean_lines(file: TaskFile, contaminated: set[str]) -> Iterator[bytes]:
    for number, line in enumerate(file.lines()):
        if f"{file.task}#{number}" not in contaminated:
            yield line


def _compressed(raw: IO[bytes], name: str) -> IO[bytes]:
    """What compresses as the ending of a name says, the same bytes every time."""
    if name.endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
    if name.endswith(".zst"):
        return cast(IO[bytes], zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False))
    return raw
