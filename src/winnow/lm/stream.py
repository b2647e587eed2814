"""A training stream, read at any place from the mapped files of its sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.files import read_json
from winnow.core.table import Store
from winnow.lm.mix import ABOUT, DOCUMENTS, STARTS, Mix
from winnow.lm.order import Order, bytes_drawn
from winnow.lm.token_table import TokenShard, TokenTable, document_sizes, open_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenStream:
    """The tokens of a mix in their order, by position: nothing is in memory but what was looked at."""

    num_tokens: int
    vocab_size: int
    num_bytes: int
    """UTF-8 bytes of the text that the tokens stand for; what bits per byte are divided by."""
    end_of_text: int
    order: Order
    mix: Mix
    store: Store
    shards: tuple[tuple[TokenTable, int], ...]
    """Every shard of every source, by its table and its number there."""
    bases: NDArray[np.int64]
    """The number of each shard's first document."""
    opened: dict[int, TokenShard] = field(default_factory=dict)

    @classmethod
    def open(cls, mix: Mix, store: Store) -> TokenStream:
        """Open a finished mix."""
        made = store.table(mix)
        about = read_json(made.file(ABOUT))
        documents, starts = (np.load(made.file(name), mmap_mode="r") for name in (DOCUMENTS, STARTS))
        shards, rows = [], [0]
        for _, table in mix.sources:
            for number, shard in enumerate(store.table(table).manifest.shards):
                shards.append((table, number))
                rows.append(shard.rows)
        return cls(
            num_tokens=about["num_tokens"],
            vocab_size=about["vocab_size"],
            num_bytes=about["num_bytes"],
            end_of_text=about["end_of_text"],
            order=Order(documents, starts),
            mix=mix,
            store=store,
            shards=tuple(shards),
            bases=np.cumsum(rows, dtype=np.int64)[:-1],
        )

    def slice(self, start: int, stop: int) -> NDArray[np.int64]:
        """The tokens ``start`` to ``stop``; IndexError where the stream does not have them."""
        if not 0 <= start <= stop <= self.num_tokens:
            raise IndexError(f"tokens {start} to {stop} of a stream of {self.num_tokens}")
        tokens = np.empty(stop - start, np.int64)
        entry = int(np.searchsorted(self.order.starts, start, "right")) - 1
        filled = 0
        while filled < len(tokens):
            shard, row = self._find(entry)
            begin = shard.offsets[row] + start + filled - self.order.starts[entry]
            size = min(self._end(entry), stop) - start - filled
            tokens[filled : filled + size] = shard.tokens[begin : begin + size]
            filled += size
            entry += 1
        return tokens

    def documents(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Where each document of the stream begins, the bytes of its text, its id; for a small (held-out) stream.

        Document i is ``slice(starts[i], starts[i + 1])``, the last one ends with the stream. Of a cut document the
        bytes are its share.
        """
        sizes = [document_sizes(table, self.store) for _, table in self.mix.sources]
        lengths, given = (np.concatenate(columns) for columns in zip(*sizes, strict=True))
        places = map(self._find, range(len(self.order.documents)))
        ids = [shard.ids[row].as_py() for shard, row in places]
        return np.array(self.order.starts), bytes_drawn(self.order, self.num_tokens, lengths, given), ids

    def _end(self, entry: int) -> int:
        """Where a document of the stream ends."""
        starts = self.order.starts
        return int(starts[entry + 1]) if entry + 1 < len(starts) else self.num_tokens

    def _find(self, entry: int) -> tuple[TokenShard, int]:
        """The shard and the row of a document of the stream."""
        document = int(self.order.documents[entry])
        number = int(np.searchsorted(self.bases, document, "right")) - 1
        if number not in self.opened:
            table, shard = self.shards[number]
            self.opened[number] = open_tokens(table, self.store, shard)
        return self.opened[number], document - int(self.bases[number])
