"""Spans in batches, and each batch as a tree of shared beginnings that is read in few forward passes.

The options of an item share its context, items share the examples before them, the two halves of a schema share all up
to the word that differs. So the rows of a batch are sorted, and read in *stages*: from one cut to the next, one row for
each distinct beginning, the keys and values of the last stage going on in the rows of the next. Rows that end within a
stage are padded behind their last token, where causal attention lets nothing reach what is asked; rows that have ended
are dropped. Nothing is ever padded in front, so no model needs a mask or positions, whatever its attention is.

Where to cut is the shortest path over all places where beginnings part or rows end; a stage costs the tokens that it
reads and a constant, what a forward pass costs beside its tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from winnow.evaluate.spans import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIKE = 8
"""Contexts count as of like length up to one part in so many; in a batch of those, little is padding."""


@dataclass(frozen=True)
class Size:
    """How much is read at a time."""

    tokens: int
    """Tokens of a batch, shared ones counted once."""
    cells: int
    """Rows of a batch times its longest row: what its keys and values take."""
    pass_cost: int
    """What a forward pass costs beside its tokens, in tokens."""


@dataclass(frozen=True)
class Stage:
    """One forward pass: the tokens from ``start`` to ``stop`` of some rows."""

    start: int
    stop: int
    leaders: NDArray[np.int64]
    """The first row of each distinct beginning: these are read."""
    place: NDArray[np.int64]
    """For each row that is longer than ``start``: the place in ``leaders`` of the row that stands for it."""


@dataclass(frozen=True)
class Tree:
    """Distinct rows in lexicographic order."""

    rows: Sequence[NDArray[np.int64]]
    lengths: NDArray[np.int64]
    shared: NDArray[np.int64]
    """Tokens that a row begins with like the row before it; -1 for the first."""
    row_of: NDArray[np.int64]
    """The row that each span reads."""

    @classmethod
    def of(cls, spans: Sequence[Span]) -> Tree:
        """The rows of spans that are sorted by what they read."""
        shared = [-1, *(_shared(left.read, right.read) for left, right in pairwise(spans))]
        new = [i == 0 or not shared[i] == len(spans[i].read) == len(spans[i - 1].read) for i in range(len(spans))]
        rows = [span.read for span, first in zip(spans, new, strict=True) if first]
        kept = np.array([count for count, first in zip(shared, new, strict=True) if first], np.int64)
        return cls(rows, np.array([len(row) for row in rows], np.int64), kept, np.cumsum(new) - 1)

    def stages(self, pass_cost: int, *, cached: bool = True) -> list[Stage]:
        """The forward passes that read every row for the least cost; a single one where nothing can be cached."""
        cuts = cheapest_cuts(self.lengths, self.shared, pass_cost) if cached else [0, int(self.lengths.max())]
        return [self._stage(start, stop) for start, stop in pairwise(cuts)]

    def tokens(self, stage: Stage) -> NDArray[np.int64]:
        """The tokens of a stage's rows, padded behind with 0."""
        block = np.zeros((len(stage.leaders), stage.stop - stage.start), np.int64)
        for row, leader in enumerate(stage.leaders):
            read = self.rows[leader][stage.start : stage.stop]
            block[row, : len(read)] = read
        return block

    def _stage(self, start: int, stop: int) -> Stage:
        """Sorted rows that share a beginning stand together, and none that has ended stands between them."""
        leading = (self.lengths > start) & (self.shared < stop)
        return Stage(start, stop, np.flatnonzero(leading), np.cumsum(leading) - 1)


def cheapest_cuts(lengths: NDArray[np.int64], shared: NDArray[np.int64], pass_cost: int) -> list[int]:
    """Places from 0 to the longest row between which rows are read in one pass each, by dynamic programming.

    A pass from a to b reads b - a tokens of each row that is longer than a and shares fewer than b with the one before.
    """
    cuts = np.unique(np.concatenate([[0], shared[1:], lengths]))
    longer = (lengths[None, :] > cuts[:, None]).astype(np.float32)
    parted = (shared[:, None] < cuts[None, :]).astype(np.float32)
    cost = (longer @ parted) * (cuts[None, :] - cuts[:, None]) + pass_cost
    best, before = np.zeros(len(cuts)), np.zeros(len(cuts), np.int64)
    for end in range(1, len(cuts)):
        through = best[:end] + cost[:end, end]
        before[end] = int(through.argmin())
        best[end] = through[before[end]]
    path = [len(cuts) - 1]
    while path[-1]:
        path.append(int(before[path[-1]]))
    return [int(cuts[place]) for place in reversed(path)]


def batches(spans: Iterable[Span], size: Size) -> Iterator[list[Span]]:
    """Spans in batches, each sorted by what it reads, contexts of like length together, the longest first."""
    batch: list[Span] = []
    tokens = longest = 0
    for span in sorted(spans, key=lambda span: (_bucket(span), _read_bytes(span))):
        read = len(span.read)
        new = read - (_shared(batch[-1].read, span.read) if batch else 0)
        full = tokens + new > size.tokens and 2 * new > read  # what is mostly shared costs more elsewhere
        if batch and (full or (len(batch) + 1) * max(longest, read) > size.cells):
            yield sorted(batch, key=_read_bytes)
            batch, tokens, longest, new = [], 0, 0, read
        batch.append(span)
        tokens, longest = tokens + new, max(longest, read)
    if batch:
        yield sorted(batch, key=_read_bytes)


def _bucket(span: Span) -> int:
    """Which contexts are of like length; longer ones first."""
    return -round(LIKE * math.log2(max(1, len(span.tokens) - span.asked)))


def _read_bytes(span: Span) -> bytes:
    """Bytes that sort as the tokens do."""
    return span.read.astype(">u4").tobytes()


def _shared(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    """How many tokens two rows begin with alike."""
    size = min(len(left), len(right))
    differing = np.flatnonzero(left[:size] != right[:size])
    return int(differing[0]) if len(differing) else size
