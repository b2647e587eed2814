"""A small corpus that workers can import: pages with words, a reader that skips and breaks, a measure, an editor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from winnow.core.guard import Guard
from winnow.core.step import Part, Reshaping
from winnow.core.table import ShardWriter, Store
from winnow.edit.editor import EditedText, Rewrite

SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "text", "url", "source")])


@dataclass(frozen=True, kw_only=True)
class Pages(Reshaping):
    """Page n says "word" n times and a line of three words more; every task is a source and breaks two records."""

    source: str = "crawl"
    tasks: int = 2
    size: int = 10

    def schema(self) -> pa.Schema:
        return SCHEMA

    def split(self, store: Store) -> list[Part]:
        return list(range(self.tasks))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        return ShardWriter(directory, index, SCHEMA, shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        for n in range(2):
            out.quarantine(
                where=f"{self.source}:{n}", kind="error", error=f"no page at {n}: <b>", url="http://x.example/<"
            )
        out.count("skipped: not HTML", 3)
        out.num_bytes = 1000
        numbers = range(part * self.size, (part + 1) * self.size)
        rows = {
            "id": [f"p{n}" for n in numbers],
            "text": ["word " * n + "\ndrop this line" for n in numbers],
            "url": [f"https://pages.example/{n}" for n in numbers],
            "source": [f"{self.source}-{part}"] * self.size,
        }
        out.write(pa.RecordBatch.from_pydict(rows, schema=SCHEMA))


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words between white space, and the text's first letter."""

    name: str = "text"

    def columns(self) -> pa.Schema:
        about = {"description": "Words", "unit": "words"}
        return pa.schema([pa.field("num_words", pa.int64(), metadata=about), pa.field("start", pa.string())])

    def files(self) -> tuple[str, ...]:
        return ()

    def load(self) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        return self._judge

    def _judge(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        texts = documents.column("text").to_pylist()
        columns = [pa.array([len(text.split()) for text in texts]), pa.array([text.strip()[:1] for text in texts])]
        return pa.RecordBatch.from_arrays(columns, schema=self.columns())


@dataclass(frozen=True, kw_only=True)
class FirstLine:
    """Leaves the first line alone."""

    def columns(self) -> pa.Schema:
        return pa.schema([pa.field("num_cut", pa.int32(), metadata={"description": "Lines cut", "unit": "lines"})])

    def load(self) -> Rewrite:
        return self._rewrite

    def _rewrite(self, texts: pa.StringArray) -> EditedText:
        lines = [text.split("\n") for text in texts.to_pylist()]
        cut = pa.array([len(parts) - 1 for parts in lines], pa.int32())
        counts = pa.RecordBatch.from_arrays([cut], schema=self.columns())
        return EditedText(pa.array([parts[0] for parts in lines], pa.string()), counts)
