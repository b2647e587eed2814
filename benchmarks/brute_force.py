"""Exact similarities of all pairs of documents: what approximate methods are measured against."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = re.compile(r"\w+")


def word_ngrams(text: str, n: int) -> set[str]:
    """Every n words in a row: lower-cased runs of letters, digits and underscores."""
    words = WORD.findall(text.lower())
    return {" ".join(words[start : start + n]) for start in range(len(words) - n + 1)}


def character_ngrams(text: str, n: int) -> set[str]:
    """Every n characters in a row of the lower-cased text, with one space between words."""
    characters = " ".join(text.lower().split())
    return {characters[start : start + n] for start in range(len(characters) - n + 1)}


def numbered(sets: Sequence[set[str]]) -> list[NDArray[np.int64]]:
    """The same sets with numbers for strings."""
    numbers: dict[str, int] = {}
    return [np.array([numbers.setdefault(one, len(numbers)) for one in some], np.int64) for some in sets]


def overlaps(sets: Sequence[NDArray[np.int64]]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For each set: its place and how many members it shares with every set."""
    sizes = np.array([len(one) for one in sets])
    members = np.concatenate(sets)
    owners = np.repeat(np.arange(len(sets)), sizes)[np.argsort(members, kind="stable")]
    ends = np.cumsum(np.bincount(members))
    starts = np.concatenate(([0], ends[:-1]))
    for place, one in enumerate(sets):
        lengths = ends[one] - starts[one]
        steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield place, np.bincount(owners[np.repeat(starts[one], lengths) + steps], minlength=len(sets))


def similar_pairs(sets: Sequence[NDArray[np.int64]], at_least: float) -> dict[tuple[int, int], float]:
    """Pairs (lower place first) whose Jaccard similarity reaches a bound above 0."""
    sizes = np.array([len(one) for one in sets])
    found: dict[tuple[int, int], float] = {}
    for place, shared in overlaps(sets):
        jaccard = shared / np.maximum(sizes[place] + sizes - shared, 1)
        jaccard[: place + 1] = 0
        found |= {(place, int(other)): float(jaccard[other]) for other in np.flatnonzero(jaccard >= at_least)}
    return found
