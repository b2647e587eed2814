"""Token tables written down in a test."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from winnow.core.guard import Guard
from winnow.core.step import Part
from winnow.core.table import ShardWriter, Store
from winnow.lm.token_table import TokenTable, open_tokens, token_lists


@dataclass(frozen=True, kw_only=True)
class GivenTokens(TokenTable):
    """Shards of documents of ids; document 0 of shard 1 is called "<name>-1-0" and has ten bytes a token."""

    name: str
    shards: tuple[tuple[tuple[int, ...], ...], ...]
    tokenizer: str = "bytes"

    @property
    def has_source(self) -> bool:
        return False

    def split(self, store: Store) -> list[Part]:
        return [{"shard": shard, "width": 2} for shard in range(len(self.shards))]

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        documents = self.shards[part["shard"]]
        if not documents:
            return
        offsets = np.cumsum([0, *map(len, documents)])
        tokens = np.array([id for document in documents for id in document], np.uint16)
        ids = [f"{self.name}-{part['shard']}-{row}" for row in range(len(documents))]
        columns = [pa.array(ids), token_lists(tokens, offsets), pa.array(10 * np.diff(offsets))]
        out.write(pa.RecordBatch.from_arrays(columns, schema=out.schema))


def documents_of(table: TokenTable, store: Store) -> list[list[int]]:
    """The tokens of each document, in the order of the table."""
    shards = [open_tokens(table, store, shard) for shard in range(len(store.table(table).manifest.shards))]
    return [shard.tokens[start:end].tolist() for shard in shards for start, end in pairwise(shard.offsets)]
