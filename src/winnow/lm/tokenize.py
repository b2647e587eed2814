"""Documents to tokens, in one global order that a seed decides.

A task per shard of the documents encodes them and scatters the ids by a hash of seed and document id; a task per
partition sorts what it was given by that hash. So the order depends on ids and seed alone: not on files, shards or
workers. Memory: a partition is made of 256 MB of text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.select import Select
from winnow.core.files import fingerprint
from winnow.core.guard import Guard, guarded_over, with_names
from winnow.core.shuffle import Scattering, ScatterWriter, gather, num_partitions, partition_of, scattered_into
from winnow.core.step import Part, Rows, Step
from winnow.core.table import ShardWriter, Store
from winnow.documents.schema import text_bytes
from winnow.kernels.buffers import text_buffers
from winnow.lm.encode import Encoder, open_encoder
from winnow.lm.sequences import Sequences
from winnow.lm.token_table import TokenTable, packed_tokens, token_lists, token_type
from winnow.lm.tokenizer import Tokenizer, open_tokenizer, tokenizer_files
from winnow.measure.model import Model


@dataclass(frozen=True, kw_only=True)
class Tokenize(TokenTable):
    """Documents as tokens in random order; the last token of each is the end of text.

    A row is a document: ``id``, ``source``, ``tokens``, ``num_bytes``. Special tokens that stand in a text are text. An
    empty document, or one without text, is its end of text alone. Documents that are tokens by this tokenizer already
    (``Sequences``, or a selection of them) stay these tokens, and no end of text is added.
    """

    documents: Rows
    seed: int = 0

    @property
    def has_source(self) -> bool:
        """Where the documents have it."""
        return "source" in self.documents.schema().names

    @property
    def encoded(self) -> Encoded:
        """The documents' ids, scattered by their place in the order."""
        return Encoded(documents=self.documents, tokenizer=self.tokenizer, seed=self.seed)

    def inputs(self) -> tuple[Step, ...]:
        """The encoded documents, and the step that fits the tokenizer."""
        return (self.encoded, *([self.tokenizer] if isinstance(self.tokenizer, Step) else []))

    def split(self, store: Store) -> list[Part]:
        """One part per partition of the order."""
        width = token_type(open_tokenizer(self.tokenizer, store).vocab_size).itemsize
        return [{"partition": part, "width": width} for part in range(scattered_into(self.encoded, store))]

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Put the documents of one partition in order."""
        rows = gather(self.encoded, store, part["partition"])
        out.num_bytes = rows.nbytes
        rows = rows.take(pc.sort_indices(rows, [("place", "ascending"), ("id", "ascending")])).combine_chunks()
        data, offsets = text_buffers(_column(rows, "tokens"))
        tokens = data[offsets[0] : offsets[-1]].view(f"u{part['width']}")
        lists = token_lists(tokens, (offsets - offsets[0]) // part["width"])
        rows = rows.set_column(rows.column_names.index("tokens"), "tokens", lists)
        if rows.num_rows:
            out.write(rows.select(out.schema.names).combine_chunks().to_batches()[0])
        out.count("num_tokens", len(tokens))
        out.count("num_bytes", pc.sum(rows.column("num_bytes")).as_py() or 0)


@dataclass(frozen=True, kw_only=True)
class Encoded(Scattering):
    """The ids of each document as the bytes of one array, brought together by the document's place in the order."""

    tokenizer: Model
    seed: int

    def outside(self) -> dict[str, str]:
        """Digests of the tokenizer's files."""
        return {path: fingerprint(path) for path in tokenizer_files(self.tokenizer)}

    def schema(self) -> pa.Schema:
        """``place``, what names the document, its ids, and the bytes of its text."""
        names = [field for field in self.documents.schema() if field.name in ("id", "source")]
        about = [pa.field(field.name, field.type) for field in names]
        return pa.schema([("place", pa.uint64()), *about, ("tokens", pa.large_binary()), ("num_bytes", pa.int64())])

    @property
    def has_tokens(self) -> bool:
        """Whether the documents are tokens by this tokenizer, or chosen from such."""
        documents = self.documents
        while isinstance(documents, Select):
            documents = documents.documents
        return isinstance(documents, Sequences) and documents.tokens.tokenizer == self.tokenizer

    def partitions(self, store: Store) -> int:
        """By the bytes of the text."""
        return num_partitions(text_bytes(self.documents, store))

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Encode the documents of one shard."""
        wanted = ("source", "text", *(["tokens"] if self.has_tokens else []))
        read = [name for name in wanted if name in self.documents.schema().names]
        batches = self.documents.open_shard(store, shard, with_names(read, self.documents))
        encode = partial(self._rows, open_encoder(open_tokenizer(self.tokenizer, store)))
        for rows in guarded_over(batches, self.documents.label, encode, out, guard):
            out.scatter(rows, partition_of(rows.column("place").to_numpy(), out.num_partitions))

    def _rows(self, encoder: Encoder, documents: pa.RecordBatch) -> pa.RecordBatch:
        from winnow.kernels.passages import hash_strings

        texts = documents.column("text")
        made = {
            "place": pa.array(hash_strings(documents.column("id"), self.seed)),
            "tokens": _packed(documents, encoder.tokenizer) if self.has_tokens else encoder.encode(texts),
            "num_bytes": pc.cast(pc.fill_null(pc.binary_length(texts), 0), pa.int64()),
        }
        columns = [made[name] if name in made else documents.column(name) for name in self.schema().names]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema())


def _packed(documents: pa.RecordBatch, tokenizer: Tokenizer) -> pa.LargeBinaryArray:
    """The documents' own tokens, as ``Encoder.encode`` gives those of texts."""
    lists = documents.column("tokens")
    ids = pc.list_flatten(lists).to_numpy().astype(token_type(tokenizer.vocab_size))
    offsets = np.cumsum([0, *pc.list_value_length(lists).to_numpy()])
    return pa.array(packed_tokens(ids, offsets), pa.large_binary())


def _column(rows: pa.Table, name: str) -> Any:
    return rows.column(name).combine_chunks()
