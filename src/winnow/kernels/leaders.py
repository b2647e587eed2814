"""Greedy deduplication over LSH buckets: each document is compared with the kept ones that share a bucket with it.

No list of pairs ever exists: a bucket remembers its leaders (the documents in it that were kept), and a document that
repeats a leader becomes none. So a million copies of a page cost a million comparisons. A bucket that is full of
leaders, which are unlike each other, takes no more; that bounds the time of a document whatever its buckets hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.hashing import num_slots
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.overlap import TOO_FEW, least_common, num_common, similarity_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_LEADERS = 64
"""Leaders that a bucket remembers: the first, which are the most preferred."""


class Sets(NamedTuple):
    """Documents in order of preference."""

    places: NDArray[np.int64]
    """Row of each document in ``bands``."""
    starts: NDArray[np.int64]
    """The shingles of document i are ``shingles[starts[i]:starts[i] + sizes[i]]``, sorted and distinct."""
    sizes: NDArray[np.int64]
    bands: NDArray[np.uint64]
    shingles: NDArray[np.uint32]
    is_settled: NDArray[np.bool_]
    """Kept whatever they resemble."""


class Decisions(NamedTuple):
    """For each document the kept one that it repeats most closely (itself where it is kept), and how closely."""

    kept: NDArray[np.int64]
    similarity: NDArray[np.float64]
    num_left_out: int
    """Entries of leaders into buckets that were full."""


class Buckets(NamedTuple):
    """A hash table of buckets, each with a list of leaders."""

    slots: NDArray[np.uint64]  # the hash of the bucket; 0 is empty
    heads: NDArray[np.int32]  # its last entry, by slot
    counts: NDArray[np.int32]  # its entries, by slot
    leaders: NDArray[np.int32]  # by entry
    earlier: NDArray[np.int32]  # the entry before in the same bucket, or -1
    size: NDArray[np.int64]  # number of entries, and of those left out


@kernel
def settle(sets: Sets, threshold: float, is_containment: bool) -> Decisions:
    """Decide on every document, in order: kept unless a kept one in a bucket of its is as similar as the threshold."""
    number, num_bands = sets.places.size, sets.bands.shape[1]
    room = num_slots(number * num_bands)
    buckets = Buckets(
        np.zeros(room, np.uint64),
        np.empty(room, np.int32),
        np.zeros(room, np.int32),
        np.empty(number * num_bands, np.int32),
        np.empty(number * num_bands, np.int32),
        np.zeros(2, np.int64),
    )
    kept = np.arange(number)
    similarity = np.ones(number)
    seen = np.full(number, -1, np.int64)
    for document in range(number):
        if not sets.is_settled[document]:
            kept[document], similarity[document] = _closest(sets, document, buckets, seen, threshold, is_containment)
        if kept[document] == document:
            _lead(sets, document, buckets)
    return Decisions(kept, similarity, buckets.size[1])


@leaf
def _closest(
    sets: Sets, document: int, buckets: Buckets, seen: NDArray[np.int64], threshold: float, is_containment: bool
) -> tuple[int, float]:
    """The most similar leader, the more preferred one of equals, and its similarity; the document itself if none."""
    best, closest = threshold, document
    for band in range(sets.bands.shape[1]):
        slot = _slot(buckets, sets.bands[sets.places[document], band])
        entry = np.int64(buckets.heads[slot]) if buckets.counts[slot] > 0 else -1
        while entry >= 0:
            leader = np.int64(buckets.leaders[entry])
            entry = np.int64(buckets.earlier[entry])
            if seen[leader] == document:
                continue
            seen[leader] = document
            found = _similarity(sets, document, leader, best, is_containment)
            if found > best or (found == best and (closest == document or leader < closest)):
                best, closest = found, leader
    return closest, best if closest != document else 1.0


@inlined
def _similarity(sets: Sets, document: int, leader: int, least: float, is_containment: bool) -> float:
    """Similarity of a document to a leader, or -1 where that is less than ``least``."""
    start, size = sets.starts[document], sets.sizes[document]
    there, other = sets.starts[leader], sets.sizes[leader]
    mine, theirs = sets.shingles[start : start + size], sets.shingles[there : there + other]
    common = num_common(mine, theirs, least_common(size, other, least, is_containment))
    return -1.0 if common == TOO_FEW else similarity_of(size, other, common, is_containment)


@leaf
def _lead(sets: Sets, document: int, buckets: Buckets) -> None:
    """Enter a document as a leader of its buckets."""
    for band in range(sets.bands.shape[1]):
        hashed = sets.bands[sets.places[document], band]
        slot = _slot(buckets, hashed)
        if buckets.counts[slot] == MAX_LEADERS:
            buckets.size[1] += 1
            continue
        entry = buckets.size[0]
        buckets.size[0] += 1
        buckets.leaders[entry] = document
        buckets.earlier[entry] = buckets.heads[slot] if buckets.counts[slot] > 0 else -1
        buckets.slots[slot], buckets.heads[slot] = hashed, entry
        buckets.counts[slot] += 1


@inlined
def _slot(buckets: Buckets, hashed: np.uint64) -> int:
    """The slot of a bucket, or the empty one where it belongs."""
    last = np.uint64(buckets.slots.size - 1)
    slot = hashed & last
    while buckets.counts[slot] != 0 and buckets.slots[slot] != hashed:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot)
