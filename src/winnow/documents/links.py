"""Who links to whom: the links of a crawl, and those of a file that the user has."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa

from winnow.core.errors import InputError, RecipeError, did_you_mean
from winnow.core.guard import Guard
from winnow.core.sandbox import Sandbox
from winnow.core.shuffle import ScatterWriter, gather, num_partitions, partition_of, scattered_into
from winnow.core.step import Part, Reshaping, Step
from winnow.core.table import ShardWriter, Store
from winnow.documents.addresses import Level
from winnow.documents.anchors import Anchors, link_pairs, sum_counts
from winnow.documents.read import unreadable
from winnow.documents.schema import Batch
from winnow.documents.source import File, Span, list_files, spans
from winnow.documents.warc import page_sandbox, read_warc
from winnow.documents.wat import read_wat

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASK_BYTES = 64 << 20
"""Bytes of input per task, before decompression."""
HELD_BYTES = 256 << 20
"""Bytes of links that a task holds before it writes them."""
SHARD_BYTES = 128 << 20

LINKS = pa.schema(
    [
        pa.field("source", pa.string(), metadata={"description": "the host, registered domain or page that links"}),
        pa.field("target", pa.string(), metadata={"description": "the one that is linked to"}),
        pa.field("count", pa.int64(), metadata={"description": "how many links there are"}),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Links(Reshaping):
    """Links between hosts, registered domains or pages of a crawl (``LINKS``), each pair once.

    They are the ``<a href>`` of the HTML pages in WARC files, resolved against their page or its ``<base>``, and those
    that WAT files list; links within a page and to other schemes than http and https are none. A page that was captured
    twice counts twice. Nodes are named by ``winnow.documents.addresses.nodes_of``.
    """

    source: str | tuple[str, ...]
    """WARC or WAT files, directories, globs or fsspec URLs."""
    level: Level = "host"
    nofollow: bool = False
    """Whether links marked ``rel=nofollow``, ``ugc`` or ``sponsored`` count."""

    def inputs(self) -> tuple[Step, ...]:
        """The links as they were found, brought together by what they join."""
        return (self._found,)

    @functools.cached_property
    def _found(self) -> FoundLinks:
        return FoundLinks(source=self.source, level=self.level, nofollow=self.nofollow)

    def schema(self) -> pa.Schema:
        """``LINKS``."""
        return LINKS

    def split(self, store: Store) -> list[Part]:
        """One part per partition."""
        return list(range(scattered_into(self._found, store)))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """Shards of about 128 MiB."""
        return ShardWriter(directory, index, LINKS, shard_bytes=SHARD_BYTES)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Add up the links of one partition."""
        rows = gather(self._found, store, part)
        out.num_bytes, out.num_records = rows.nbytes, rows.num_rows
        summed = sum_counts(rows).sort_by([("source", "ascending"), ("target", "ascending")])
        for batch in summed.combine_chunks().to_batches(max_chunksize=1 << 16):
            out.write(batch)


@dataclass(frozen=True, kw_only=True)
class FoundLinks(Reshaping):
    """The links of each task's files, scattered by a hash of the two nodes."""

    source: str | tuple[str, ...]
    level: Level
    nofollow: bool

    def check(self) -> None:
        """Refuse a level that there is not, and a source that names no WARC or WAT file."""
        if self.level not in get_args(Level):
            raise RecipeError(f"no links between {self.level!r}; {did_you_mean(self.level, get_args(Level))}")
        if not any(file.kind == "warc" for file in self._files()):
            raise InputError(f"{self.source} names no WARC or WAT file: links are found in those alone")

    def outside(self) -> dict[str, str]:
        """Size and time of change of every file."""
        return {file.path: file.stamp for file in self._files()}

    def schema(self) -> pa.Schema:
        """``LINKS``."""
        return LINKS

    def split(self, store: Store) -> list[Part]:
        """About 64 MiB of input a task."""
        files = self._files()
        partitions = num_partitions(sum(file.size for file in files))
        cut = spans(files, TASK_BYTES)
        return [{"spans": [asdict(span) for span in task], "partitions": partitions} for task in cut]

    def writer(self, directory: Path, index: int, part: Part) -> ScatterWriter:
        """A row group per partition."""
        return ScatterWriter(directory, index, LINKS, part["partitions"])

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Read the task's files one after the other."""
        assert isinstance(out, ScatterWriter)
        position = num_records = 0
        with page_sandbox(Anchors(nofollow=self.nofollow)) as sandbox:
            for span in (Span(**plain) for plain in part["spans"]):
                for batch in self._read(span, sandbox, guard, position):
                    position += batch.num_records
                    num_records += batch.num_records
                    self._scatter(batch, out)
                out.num_bytes += span.size
        out.num_records = num_records

    def _files(self) -> list[File]:
        sources = (self.source,) if isinstance(self.source, str) else self.source
        return [file for file in list_files(sources, None) if file.kind in ("warc", "unreadable")]

    def _read(self, span: Span, sandbox: Sandbox[Any, Any], guard: Guard, position: int) -> Iterator[Batch]:
        if ".wat" in Path(span.path).suffixes:
            return read_wat(span, guard, position, nofollow=self.nofollow)
        return read_warc(span, sandbox, guard, position) if span.kind == "warc" else iter([unreadable(span)])

    def _scatter(self, batch: Batch, out: ScatterWriter) -> None:
        for reason, number in batch.skipped.items():
            out.count(f"skipped: {reason}", number)
        for record in batch.quarantined:
            out.quarantine(**asdict(record))
        if not batch.documents.num_rows:
            return
        out.count("pages", batch.documents.num_rows)
        for rows in link_pairs(batch.documents, self.level).combine_chunks().to_batches():
            out.scatter(rows, partition_of(_hashes(rows), out.num_partitions))
        if out.held_bytes >= HELD_BYTES:
            out.roll()


def _hashes(links: pa.RecordBatch) -> NDArray[Any]:
    from winnow.kernels.passages import hash_strings

    return hash_strings(links.column("source"), 0) ^ hash_strings(links.column("target"), 1)
