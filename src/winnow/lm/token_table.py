"""Documents as token ids on disk: one row a document, one Arrow IPC file a shard, read by mapping it into memory.

A shard is one uncompressed record batch, so its tokens are one flat array in the file, its boundaries another. Opening
one costs the header; a document is read when somebody looks at it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from winnow.core.files import fingerprint, local_copy
from winnow.core.run import num_shards
from winnow.core.step import Part, Reshaping
from winnow.core.table import OpenShard, ShardWriter, Store
from winnow.lm.tokenizer import tokenizer_files
from winnow.measure.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

NARROW_VOCABULARY = 1 << 16
"""Ids below this are stored in two bytes."""


@dataclass(frozen=True, kw_only=True)
class TokenTable(Reshaping):
    """Documents as tokens, in an order in which they may be trained on."""

    tokenizer: Model
    """What ``load_tokenizer`` opens, or the step that fits it."""

    @property
    @abstractmethod
    def has_source(self) -> bool:
        """Whether rows say where their documents came from."""

    def outside(self) -> dict[str, str]:
        """Digests of the tokenizer's files."""
        return {path: fingerprint(path) for path in tokenizer_files(self.tokenizer)}

    def schema(self) -> pa.Schema:
        """``id``, ``source`` where documents have it, ``tokens``, and bytes of the text (the end of text has none)."""
        return _schema(np.dtype(np.uint32), self.has_source)

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """Arrow IPC files; the part says how many bytes an id takes (``width``)."""
        return TokenWriter(directory, index, _schema(np.dtype(f"u{part['width']}"), self.has_source), shard_bytes=None)

    def open_shard(self, store: Store, shard: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of one shard; ids take four bytes here, whatever they take in the file."""
        rows = _map(self, store, shard)
        yield from rows.select(columns or rows.column_names).cast(self._schema_of(columns)).to_batches()

    def _schema_of(self, columns: Sequence[str] | None) -> pa.Schema:
        schema = self.schema()
        return schema if columns is None else pa.schema([schema.field(name) for name in columns])


class TokenShard(NamedTuple):
    """One shard, mapped into memory."""

    tokens: NDArray[Any]
    """Ids of all its documents, uint16 or uint32."""
    offsets: NDArray[np.int64]
    """Document i is ``tokens[offsets[i]:offsets[i + 1]]``."""
    num_bytes: NDArray[np.int64]
    """Bytes of UTF-8 of each document."""
    ids: pa.Array


def open_tokens(table: TokenTable, store: Store, shard: int) -> TokenShard:
    """Map one shard of a finished table into memory."""
    rows = _map(table, store, shard).combine_chunks()
    tokens, num_bytes, ids = (_only_chunk(rows.column(name)) for name in ("tokens", "num_bytes", "id"))
    return TokenShard(tokens.values.to_numpy(), tokens.offsets.to_numpy(), num_bytes.to_numpy(), ids)


class Sizes(NamedTuple):
    """How long the documents of a table are, in its order."""

    lengths: NDArray[np.int64]
    """Tokens."""
    num_bytes: NDArray[np.int64]

    @property
    def num_tokens(self) -> int:
        """Tokens of all documents."""
        return int(self.lengths.sum())


def document_sizes(table: TokenTable, store: Store) -> Sizes:
    """The sizes of all documents of a finished table: 16 bytes each."""
    shards = [open_tokens(table, store, shard) for shard in range(num_shards(table, store))]
    none = np.zeros(0, np.int64)
    lengths = np.concatenate([none, *(np.diff(shard.offsets) for shard in shards)])
    return Sizes(lengths, np.concatenate([none, *(shard.num_bytes for shard in shards)]))


def token_type(vocab_size: int) -> np.dtype[Any]:
    """What ids of such a vocabulary are stored as: uint16 where it suffices, else uint32."""
    return np.dtype(np.uint16 if vocab_size <= NARROW_VOCABULARY else np.uint32)


def token_lists(tokens: NDArray[Any], offsets: NDArray[np.int64]) -> pa.LargeListArray:
    """Flat ids and where documents begin and end, as an Arrow array of lists."""
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(tokens))


def packed_tokens(tokens: NDArray[Any], offsets: NDArray[np.int64]) -> list[bytes]:
    """Flat ids, as they are to be stored, and where documents begin and end, as the bytes of each document."""
    return [tokens[start:end].tobytes() for start, end in pairwise(offsets)]


class TokenWriter(ShardWriter):
    """Writes all that it is given at once as one record batch of an Arrow IPC file."""

    suffix = "arrow"

    def open_shard(self, path: Path) -> OpenShard:
        """Begin a file."""
        return _IpcShard(path, self.schema)


class _IpcShard(OpenShard):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path)
        self._writer = pa.ipc.new_file(self.temporary, schema)

    def write_rows(self, rows: pa.Table) -> None:
        self._writer.write_table(rows)

    def finish(self) -> None:
        self._writer.close()


def _schema(ids: np.dtype[Any], has_source: bool) -> pa.Schema:
    source = [pa.field("source", pa.string())] if has_source else []
    tokens = pa.large_list(pa.field("item", pa.from_numpy_dtype(ids)))
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            *source,
            pa.field("tokens", tokens),
            pa.field("num_bytes", pa.int64(), metadata={"description": "bytes of the text", "unit": "bytes"}),
        ]
    )


def _map(table: TokenTable, store: Store, shard: int) -> pa.Table:
    made = store.table(table)
    path = local_copy(made.path(shard), made.manifest.shards[shard].digest)
    with pa.memory_map(str(path)) as mapped:
        return pa.ipc.open_file(mapped).read_all()


def _only_chunk(column: pa.ChunkedArray) -> Any:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
