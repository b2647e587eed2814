"""The order of a training stream: documents drawn epoch by epoch, sources interleaved by how far each has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Order(NamedTuple):
    """Which document comes when."""

    documents: NDArray[np.int64]
    """Numbers of documents, those of the second source counted on from the first's, and so on."""
    starts: NDArray[np.int64]
    """The token of the stream at which each begins; it is cut where the next one begins."""


def interleave(lengths: Sequence[NDArray[np.int64]], quotas: Sequence[int], seeds: Sequence[int]) -> Order:
    """Draw so many tokens (``quotas``) of each source, given its documents' lengths, and interleave the sources evenly.

    A document stands where its middle lies in its source's part, as a fraction of that part. So wherever the stream is
    broken off, each source has come as far as the others, but for half of the document at hand.
    """
    numbers, sizes, places = [], [], []
    for base, length, quota, seed in zip(_bases(lengths), lengths, quotas, seeds, strict=True):
        drawn = draw_documents(length, quota, seed)
        size = length[drawn]
        ends = np.minimum(np.cumsum(size), quota)
        size = np.diff(ends, prepend=0)
        numbers.append(base + drawn)
        sizes.append(size)
        places.append((ends - size / 2) / max(quota, 1))
    order = np.argsort(np.concatenate(places), kind="stable")
    ends = np.cumsum(np.concatenate(sizes)[order])
    return Order(np.concatenate(numbers)[order], np.concatenate([[0], ends[:-1]]).astype(np.int64))


def draw_documents(lengths: NDArray[np.int64], quota: int, seed: int) -> NDArray[np.int64]:
    """Documents in the order in which they are drawn until ``quota`` tokens are reached; each epoch has its own order.

    Documents without tokens are passed over.
    """
    num_epochs = -(-quota // int(lengths.sum())) if quota else 0
    drawn = np.concatenate([np.zeros(0, np.int64), *_epochs(lengths, num_epochs, seed)])
    return drawn[: np.searchsorted(np.cumsum(lengths[drawn]), quota) + 1]


def beginning(lengths: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """The lengths with zero for all documents but those that the first epoch begins with: a share of the tokens.

    Whole documents, as many as fit into the share, and one at least.
    """
    (order,) = _epochs(lengths, 1, seed)
    fit = max(1, int(np.searchsorted(np.cumsum(lengths[order]), share * lengths.sum(), "right")))
    kept = np.zeros_like(lengths)
    kept[order[:fit]] = lengths[order[:fit]]
    return kept


def _epochs(lengths: NDArray[np.int64], number: int, seed: int) -> list[NDArray[np.int64]]:
    """The documents that have tokens, in the order of each epoch."""
    documents = np.flatnonzero(lengths)
    return [np.random.default_rng([seed, epoch]).permutation(documents) for epoch in range(number)]


def _bases(lengths: Sequence[NDArray[np.int64]]) -> list[int]:
    """The number of each source's first document."""
    return [sum(len(before) for before in lengths[:source]) for source in range(len(lengths))]


def bytes_drawn(
    order: Order, num_tokens: int, lengths: NDArray[np.int64], num_bytes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Bytes of text of each document in a stream of so many tokens; of a cut document in proportion, rounded down.

    ``lengths`` and ``num_bytes`` are those of all documents of all sources.
    """
    drawn = np.diff(order.starts, append=num_tokens)
    whole = lengths[order.documents]
    given = num_bytes[order.documents]
    return np.where(drawn == whole, given, given * drawn // np.maximum(whole, 1)).astype(np.int64)
