"""Examples of benchmarks as documents: what DSIR and BETR take as the target."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from winnow.core.files import fingerprint
from winnow.core.guard import Guard
from winnow.core.step import Part, Reshaping
from winnow.core.table import ShardWriter, Store
from winnow.decontaminate.items import Fields, Item, read_items
from winnow.decontaminate.tasks import task_files
from winnow.documents.schema import CORE


@dataclass(frozen=True, kw_only=True)
class BenchmarkExamples(Reshaping):
    """One document per item of evaluation tasks: passage, question and right answer, a line each.

    Give the *training* split: a corpus that is chosen by test items makes their scores worthless. Its id is
    ``task#line`` and its source the task.
    """

    tasks: tuple[str, ...]
    """JSONL files of items (.gz, .zst), directories of such, or globs."""
    fields: Fields = field(default_factory=Fields)
    """Names of the fields that hold the parts, where they are not known ones."""

    def check(self) -> None:
        """Refuse tasks that name no file."""
        task_files(self.tasks)

    def outside(self) -> dict[str, str]:
        """Digests of the task files."""
        return {file.path: fingerprint(file.path) for file in task_files(self.tasks)}

    def schema(self) -> pa.Schema:
        """The document's own columns."""
        return pa.schema(CORE)

    def split(self, store: Store) -> list[Part]:
        """One part per file."""
        return list(range(len(task_files(self.tasks))))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """One shard per file."""
        return ShardWriter(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Read the items of one file."""
        items = list(read_items(task_files(self.tasks)[part], self.fields))
        rows = [{"id": item.id, "text": _text(item), "url": None, "source": item.task} for item in items]
        out.num_bytes = sum(len(_text(item)) for item in items)
        out.write(pa.RecordBatch.from_pylist(rows, schema=self.schema()))


def _text(item: Item) -> str:
    return "\n".join(filter(None, [item.passage, item.question, *item.answers[:1]]))
