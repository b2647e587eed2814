"""How well an extractor finds main text, by the metric of the article extraction benchmark.

Words are runs of letters and digits (``\\w+``), cut into overlapping sequences of four. A page's precision is the share
of the extractor's sequences that are in the text made by hand, its recall the reverse. Scores are means over pages; F1
is made from the two means (github.com/scrapinghub/article-extraction-benchmark @ 4a3bc97). On the outputs that the
benchmark publishes this gives the published numbers of all nineteen extractors, to three digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

_WORD = re.compile(r"\w+")
_NUM_WORDS = 4


class Scores(NamedTuple):
    """Means over pages, each in [0, 1]."""

    f1: float
    precision: float
    recall: float


def extraction_scores(pages: Iterable[tuple[str, str]]) -> Scores:
    """The scores of an extractor over ``(expected, found)`` pairs of texts, at least one.

    A page counts for precision if anything was found, for recall if anything was expected, fully for both if neither.
    """
    precisions, recalls = [], []
    for expected, found in pages:
        wanted, given = _shingles(expected), _shingles(found)
        num_both = (wanted & given).total()
        if given or not wanted:
            precisions.append(num_both / given.total() if given else 1.0)
        if wanted or not given:
            recalls.append(num_both / wanted.total() if wanted else 1.0)
    precision, recall = _mean(precisions), _mean(recalls)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Scores(f1, precision, recall)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    if 0 < len(words) < _NUM_WORDS:
        return Counter([tuple(words)])
    return Counter(zip(*(words[start:] for start in range(_NUM_WORDS)), strict=False))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
