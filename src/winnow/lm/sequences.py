"""A training stream as documents: the pieces of equal length that a model is trained on, to be scored and pruned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.core.guard import Guard
from winnow.core.step import Part, Reshaping, Step, unique
from winnow.core.table import ShardWriter, Store
from winnow.lm.mix import ABOUT, Mix
from winnow.lm.stream import TokenStream
from winnow.lm.tokenizer import Tokenizer, open_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

PART_TOKENS = 1 << 24
"""Tokens of one shard at most, if a sequence has no more."""
BATCH_TOKENS = 1 << 20
"""Tokens whose rows are written together."""


@dataclass(frozen=True, kw_only=True)
class Sequences(Reshaping):
    """The stream of a mix cut into rows of equal length, as Marion et al. 2023 score and prune it (section 3).

    A row is ``id`` (``sequence-000000123``, in the order of the stream), ``text`` (what the tokens decode to: ends of
    text are nothing, characters that a cut goes through become U+FFFD), ``tokens``, and ``num_bytes`` of the text. The
    last tokens of the stream, fewer than a row, are left out.

    ``Tokenize`` with the tokenizer of the mix keeps the tokens of such rows, or of a selection of them, as they are.
    """

    tokens: Mix
    length: int
    """Tokens of a row: the context of the model that is to be trained."""

    def inputs(self) -> tuple[Step, ...]:
        """The mix, and the step that fits its tokenizer."""
        tokenizer = self.tokens.tokenizer
        return tuple(unique(iter([self.tokens, *([tokenizer] if isinstance(tokenizer, Step) else [])])))

    def check(self) -> None:
        """Refuse a length that makes no rows."""
        if self.length < 1:
            raise RecipeError(f"length is {self.length}; a sequence has at least 1 token")

    def schema(self) -> pa.Schema:
        """``id``, ``text``, ``tokens``, ``num_bytes``."""
        return pa.schema(
            [
                pa.field("id", pa.string(), nullable=False),
                pa.field("text", pa.string()),
                pa.field("tokens", pa.list_(pa.int32())),
                pa.field("num_bytes", pa.int64(), metadata={"description": "bytes of the text", "unit": "bytes"}),
            ]
        )

    def split(self, store: Store) -> list[Part]:
        """Runs of rows; InputError where the stream is shorter than one."""
        num_tokens = read_json(store.table(self.tokens).file(ABOUT))["num_tokens"]
        num_rows = num_tokens // self.length
        if not num_rows:
            raise InputError(
                f"the mix has {num_tokens} tokens, fewer than one sequence of {self.length}: ask for shorter ones, or "
                "give the mix more text"
            )
        step = max(1, PART_TOKENS // self.length)
        return [{"start": start, "stop": min(start + step, num_rows)} for start in range(0, num_rows, step)]

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """One shard a run of rows."""
        return ShardWriter(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Cut one run of rows out of the stream."""
        stream, tokenizer = TokenStream.open(self.tokens, store), open_tokenizer(self.tokens.tokenizer, store)
        step = max(1, BATCH_TOKENS // self.length)
        for start in range(part["start"], part["stop"], step):
            stop = min(start + step, part["stop"])
            rows = stream.slice(start * self.length, stop * self.length).reshape(-1, self.length)
            out.num_bytes += rows.nbytes
            out.write(self._rows(rows, start, tokenizer))
            out.count("num_tokens", rows.size)

    def _rows(self, tokens: NDArray[np.int64], first: int, tokenizer: Tokenizer) -> pa.RecordBatch:
        texts = pa.array([tokenizer.decode(row) for row in tokens.tolist()], pa.string())
        offsets = np.arange(len(tokens) + 1, dtype=np.int32) * self.length
        lists = pa.ListArray.from_arrays(offsets, tokens.astype(np.int32).ravel())
        columns = [
            pa.array([f"sequence-{first + row:09d}" for row in range(len(tokens))]),
            texts,
            lists,
            pc.cast(pc.binary_length(texts), pa.int64()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema())
