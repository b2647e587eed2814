"""Documents as what a rater and its inner models see: chunks of one document each, never packed across documents.

The paper's sequences are packed, and the number of documents in one explains more of its scores than anything else (a
coefficient of 0.42, its section on heuristics). A chunk here is a part of one document, and the chunks of a document
are as long as each other, to a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from winnow.core.run import num_shards
from winnow.core.table import Store
from winnow.lm.token_table import TokenTable, open_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray


Tokens = tuple["NDArray[Any]", "NDArray[np.int64]"]
"""Flat ids of a shard's documents, and where they begin and end among these."""


class Chunks(NamedTuple):
    """A batch of B chunks, padded to T tokens, the longest one's length."""

    tokens: Tensor
    """[B, T]; what stands beyond a chunk's end is 0 and means nothing."""
    before: Tensor
    """The token before each chunk, [B]: the end of text at a document's beginning."""
    lengths: Tensor
    """[B], at least 1."""

    @property
    def mask(self) -> Tensor:
        """Where there are tokens, [B, T]."""
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < self.lengths[:, None]

    @property
    def read(self) -> Tensor:
        """What a causal model reads to predict the tokens, [B, T]."""
        return torch.cat([self.before[:, None], self.tokens[:, :-1]], 1)

    def to(self, device: torch.device | str) -> Chunks:
        """The same chunks on a device."""
        return Chunks(*(part.to(device) for part in self))


class Places(NamedTuple):
    """Where chunks lie, one entry each."""

    shard: NDArray[np.int64]
    document: NDArray[np.int64]
    """Numbered through all shards."""
    first: NDArray[np.int64]
    """Where the document begins among the tokens of the shard."""
    start: NDArray[np.int64]
    """Where the chunk begins there."""
    length: NDArray[np.int64]


@dataclass(frozen=True)
class ChunkTable:
    """The chunks of a table of tokens, to be looked up by their numbers; tokens stay in the files until then."""

    shards: Sequence[NDArray[Any]]
    """The tokens of each."""
    places: Places
    end_of_text: int

    def __len__(self) -> int:
        return len(self.places.start)

    @property
    def num_tokens(self) -> int:
        """Tokens of all chunks."""
        return int(self.places.length.sum())

    def where(self, chosen: NDArray[np.bool_]) -> ChunkTable:
        """The chunks that are chosen, by a flag for each."""
        return ChunkTable(self.shards, Places(*(part[chosen] for part in self.places)), self.end_of_text)

    def batch(self, numbers: NDArray[np.int64]) -> Chunks:
        """The chunks of these numbers, in their order."""
        chosen = Places(*(part[numbers] for part in self.places))
        tokens = np.zeros((len(numbers), int(chosen.length.max())), np.int64)
        before = np.full(len(numbers), self.end_of_text, np.int64)
        for row, (shard, _, first, start, length) in enumerate(zip(*chosen, strict=True)):
            flat = self.shards[shard]
            tokens[row, :length] = flat[start : start + length]
            if start > first:
                before[row] = flat[start - 1]
        return Chunks(torch.from_numpy(tokens), torch.from_numpy(before), torch.from_numpy(chosen.length))

    def documents(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """The number and the tokens of each document that has chunks, in order."""
        at = self.places
        firsts = np.flatnonzero(np.diff(at.document, prepend=-1))
        for first, after in pairwise([*firsts, len(self)]):
            end = at.start[after - 1] + at.length[after - 1]
            yield int(at.document[first]), self.shards[at.shard[first]][at.first[first] : end]


def open_chunks(table: TokenTable, store: Store, length: int, end_of_text: int) -> ChunkTable:
    """The chunks of a finished table."""
    shards = [open_tokens(table, store, shard) for shard in range(num_shards(table, store))]
    return chunks_of([(shard.tokens, shard.offsets) for shard in shards], length, end_of_text)


def chunks_of(shards: Sequence[Tokens], length: int, end_of_text: int) -> ChunkTable:
    """The chunks of at most ``length`` tokens of all documents of shards; ends of text belong to none."""
    found, documents = [Places(*(np.zeros(0, np.int64) for _ in Places._fields))], 0
    for number, (tokens, offsets) in enumerate(shards):
        sizes = np.diff(offsets)
        if len(tokens):
            sizes = sizes - (sizes > 0) * (tokens[offsets[1:] - 1] == end_of_text)
        of, start, size = cut(sizes, length)
        first = offsets[of]
        found.append(Places(np.full(len(of), number), documents + of, first, first + start, size))
        documents += len(sizes)
    places = Places(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    return ChunkTable([tokens for tokens, _ in shards], places, end_of_text)


def cut(sizes: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Documents of so many tokens in as few chunks as can be, as long as each other: document, start and length."""
    numbers = -(-sizes // length)
    document = np.repeat(np.arange(len(sizes)), numbers)
    place = np.arange(len(document)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    start, end = (sizes[document] * (place + more) // numbers[document] for more in (0, 1))
    return document, start, end - start
