"""Which documents hold evaluation items: the index of the items, and the measure that looks them up.

The items are indexed once for all documents; the index depends on them and the method alone, so that a verdict on a
document never depends on its neighbours. Workers map the index into memory and share it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.errors import RecipeError
from winnow.core.files import fingerprint
from winnow.core.step import Aligned, Rows, Whole
from winnow.core.storage import place
from winnow.core.table import Store, Table
from winnow.decontaminate.index import LEAST_OVERLAP, Index, Indexed, build_index
from winnow.decontaminate.items import Fields, Item, read_items
from winnow.decontaminate.methods import method
from winnow.decontaminate.search import Found, find_items
from winnow.decontaminate.tasks import task_files
from winnow.measure.measure import column

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATCHED_BYTES = 300
"""So much of a matched text is kept."""

FOUND = pa.struct([("item", pa.string()), ("overlap", pa.float32()), ("matched", pa.string())])
COLUMNS = pa.schema(
    [
        column(
            "overlap", pa.float64(), "Overlap with the item that it overlaps most with; 0 with none", range="[0, 1]"
        ),
        column("task", pa.string(), "Task of that item: its file, without endings"),
        column("item", pa.string(), "That item: task#line"),
        column("question_overlap", pa.float64(), "Weighted share of its question that was found", range="[0, 1]"),
        column("answer_overlap", pa.float64(), "The same of its right answer; null where it has none", range="[0, 1]"),
        column("passage_overlap", pa.float64(), "The same of its passage; null where it has none", range="[0, 1]"),
        column("matched", pa.string(), "The text that matches the question, cut off after 300 bytes"),
        column("found", pa.list_(FOUND), "Every item found, the highest overlap first"),
    ]
)

_ITEMS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("task", pa.string()),
        pa.field("question", pa.string()),
        pa.field("found_as", pa.string(), metadata={"description": "the item that reads the same and is looked for"}),
        pa.field("left_out", pa.string(), metadata={"description": "why it is not looked for; null where it is"}),
    ]
)


def contamination(
    documents: Rows, *, tasks: str | Sequence[str], method: str = "coverage", fields: Fields | None = None
) -> Contamination:
    """Find evaluation items in documents.

    Args:
        documents: what to look in.
        tasks: JSONL files of evaluation items (.gz, .zst), directories of such, or globs.
        method: ``coverage`` (ours), ``decon``, ``dclm`` or ``gpt3``; see ``winnow.decontaminate.methods``.
        fields: names of the fields that hold question, answer, choices and passage, where they are not known ones.
    """
    sources = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    index = TaskIndex(tasks=sources, method=method, fields=fields or Fields())
    return Contamination(documents=documents, index=index)


@dataclass(frozen=True, kw_only=True)
class TaskIndex(Whole):
    """The items of evaluation tasks, ready to be looked up."""

    tasks: tuple[str, ...]
    method: str = "coverage"
    fields: Fields = field(default_factory=Fields)

    def check(self) -> None:
        """Refuse an unknown method and tasks that name no file."""
        method(self.method)
        task_files(self.tasks)

    def outside(self) -> dict[str, str]:
        """Digests of the task files."""
        return {file.path: fingerprint(file.path) for file in task_files(self.tasks)}

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Read the items and lay out the arrays."""
        items = [item for file in task_files(self.tasks) for item in read_items(file, self.fields)]
        indexed = build_index(items, method(self.method))
        indexed.index.save(directory)
        pq.write_table(_items_table(items, indexed), directory / "items.parquet")
        return {
            "items": len(items),
            "items_looked_for": len(indexed.index.ids) + len(indexed.alike),
            "items_left_out": len(indexed.left_out),
            "bytes_in_memory": indexed.index.num_bytes,
        }

    def items(self, store: Store) -> pa.Table:
        """Every item: what it asks, and whether it is looked for."""
        return pq.read_table(store.table(self).file("items.parquet"))


@dataclass(frozen=True, kw_only=True)
class Contamination(Aligned):
    """The evaluation items that stand in each document."""

    index: TaskIndex

    reads: ClassVar[tuple[str, ...]] = ("text",)

    @property
    def name(self) -> str:
        """``contamination``."""
        return "contamination"

    def threshold(self, wanted: float | None) -> float:
        """The overlap from which a document is contaminated: the wanted one, or the method's own.

        RecipeError for one below which overlaps are not kept.
        """
        how = method(self.index.method)
        least = min(LEAST_OVERLAP, how.threshold)
        if wanted is not None and not least <= wanted <= 1:
            raise RecipeError(f"the threshold is {wanted}; overlaps are kept from {least:g} on: give {least:g} to 1")
        return how.threshold if wanted is None else wanted

    def columns(self) -> pa.Schema:
        """The item that a document overlaps most with, and all others."""
        return COLUMNS

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Map the index."""
        table = store.table(self.index)
        index = _open(str(table.directory), table.manifest.digest)
        how = method(self.index.method)

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            texts = documents.column("text").cast(pa.large_binary())
            return _judged(texts, find_items(texts, index, how), index.ids)

        return judge


@functools.lru_cache(maxsize=2)
def _open(directory: str, digest: str) -> Index:
    """An index as a process keeps it from shard to shard."""
    return Index.load(Table(place(directory)).file)


def _judged(texts: pa.Array, found: Found, ids: list[str]) -> pa.RecordBatch:
    """One row per text."""
    matches, rows = found.matches, len(texts)
    items = [ids[item] for item in matches["item"]]
    spans = zip(matches["text"], matches["start"], matches["end"], strict=True)
    matched = [_cut(texts[text].as_buffer(), start, end) for text, start, end in spans]
    every = pa.StructArray.from_arrays(
        [pa.array(items, pa.string()), pa.array(found.overlaps, pa.float32()), pa.array(matched, pa.string())],
        fields=list(FOUND),
    )
    first = np.searchsorted(matches["text"], np.arange(rows + 1)).astype(np.int32)
    is_found = first[1:] > first[:-1]
    best = pa.array(np.where(is_found, first[:-1], 0), mask=~is_found)
    listed = pa.ListArray.from_arrays(pa.array(first, mask=np.append(~is_found, False)), every)
    overlap = np.zeros(rows)
    overlap[is_found] = found.overlaps[first[:-1][is_found]]
    values = {
        "overlap": pa.array(overlap),
        "task": pa.array([item.rpartition("#")[0] for item in items], pa.string()).take(best),
        "item": pa.array(items, pa.string()).take(best),
        "question_overlap": _share(matches["question"]).take(best),
        "answer_overlap": _share(matches["answer"]).take(best),
        "passage_overlap": _share(matches["passage"]).take(best),
        "matched": pa.array(matched, pa.string()).take(best),
        "found": listed,
    }
    return pa.RecordBatch.from_arrays([values[name] for name in COLUMNS.names], schema=COLUMNS)


def _share(values: NDArray[np.float32]) -> pa.Array:
    """Shares, those of parts that an item has not null."""
    return pa.array(values.astype(np.float64), mask=values < 0)


def _cut(text: pa.Buffer, start: int, end: int) -> str:
    """The beginning of a match; what is not UTF-8, or half a character at the end, is left out."""
    matched: bytes = text.slice(start, min(end - start, MATCHED_BYTES)).to_pybytes()
    return matched.decode("utf-8", "ignore")


def _items_table(items: Sequence[Item], indexed: Indexed) -> pa.Table:
    rows = {
        "id": [item.id for item in items],
        "task": [item.task for item in items],
        "question": [item.question.encode("utf-8", "replace").decode() for item in items],
        "found_as": [indexed.alike.get(item.id) for item in items],
        "left_out": [indexed.left_out.get(item.id) for item in items],
    }
    return pa.table(rows, schema=_ITEMS)
