"""Documents through a network once: each by itself, in batches of like length, every token predicted once.

A document opens with what its model begins texts with, so T tokens have T numbers. Rows are padded behind their last
token, where causal attention lets nothing reach what is asked, and only states that predict something go to the head.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from winnow.evaluate.engine import SIZES
from winnow.evaluate.memory import by_halves
from winnow.evaluate.spans import Ids, Span, windows
from winnow.loss.token_statistics import TokenStatistics, token_statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.evaluate.engine import Network


def read_documents(
    documents: Sequence[Ids], network: Network, *, sliding: bool = False
) -> list[TokenStatistics | None]:
    """The numbers of every token of each document, in its order; None where memory does not suffice for one window.

    Windows of a document that is longer than the context follow each other, or overlap by half: ``sliding``.
    """
    spans = [span for place, ids in enumerate(documents) for span in _spans(ids, place, network, sliding)]
    ends = np.cumsum([span.asked for span in spans], dtype=np.int64)
    found = np.empty((len(TokenStatistics._fields), ends[-1] if len(ends) else 0))
    beyond, numbers_of = set(), functools.partial(_numbers, network=network)
    for batch in _batches(spans, network):
        for place, numbers in zip(batch, by_halves(numbers_of, [spans[place] for place in batch]), strict=True):
            if numbers is None:
                beyond.add(spans[place].request)
            else:
                found[:, ends[place] - spans[place].asked : ends[place]] = numbers
    bounds = np.cumsum([0, *map(len, documents)])
    return [
        None if place in beyond else TokenStatistics(*found[:, bounds[place] : bounds[place + 1]])
        for place in range(len(documents))
    ]


def _spans(ids: Ids, place: int, network: Network, sliding: bool) -> Iterator[Span]:
    """The windows of a document: one where it is no longer than the context."""
    context = network.context
    stride = max(1, context // 2) if sliding else context
    opening = [*network.opening] or [network.start]
    for tokens, asked in windows(opening, ids, context + 1, context, stride) if ids else ():
        yield Span(np.array(tokens, np.int64), asked, place)


def _batches(spans: Sequence[Span], network: Network) -> Iterator[list[int]]:
    """The places of spans of like length, the longest first: what does not fit into memory shows at once."""
    size = SIZES.get(network.device.type, SIZES["cuda"]).tokens
    order = sorted(range(len(spans)), key=lambda place: -len(spans[place].tokens))
    start = 0
    while start < len(order):
        stop = start + max(1, size // (len(spans[order[start]].tokens) - 1))
        yield order[start:stop]
        start = stop


def _numbers(batch: list[Span], network: Network) -> list[NDArray[np.float64] | None]:
    """Of each span's asked tokens; None for one that memory ends at."""
    try:
        return list(_read_batch(batch, network))
    except torch.OutOfMemoryError:
        _tell(network.name)
        if len(batch) > 1:
            raise
    return [None]


def _read_batch(batch: Sequence[Span], network: Network) -> Iterator[NDArray[np.float64]]:
    """One forward pass, the longest span first."""
    width = len(batch[0].read)
    tokens = np.zeros((len(batch), width), np.int64)
    for row, span in enumerate(batch):
        tokens[row, : len(span.read)] = span.read
    states, _ = network.read(torch.from_numpy(tokens).to(network.device), None)
    ends = [row * width + len(span.read) for row, span in enumerate(batch)]
    cells = np.concatenate([np.arange(end - span.asked, end) for end, span in zip(ends, batch, strict=True)])
    targets = np.concatenate([span.tokens[-span.asked :] for span in batch])
    numbers = token_statistics(states.flatten(0, 1), network.logits, cells, targets)
    yield from np.split(numbers, np.cumsum([span.asked for span in batch])[:-1], axis=1)


@functools.cache
def _tell(name: str) -> None:
    """Say once a process that memory ended."""
    sys.stderr.write(f"memory ended in a batch of {name}: its halves are read instead, and so with others like it\n")
