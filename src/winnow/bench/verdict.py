"""What a difference allows to say, and what it would take to say more."""

from __future__ import annotations

import math
from dataclasses import dataclass

from winnow.bench.metrics import lower_is_better
from winnow.bench.statistics import TAIL, Difference

MAX_SEEDS = 100
"""More seeds than this are not worth asking for."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Which of two candidates is better in a metric, or what would decide it."""

    words: str
    """A sentence for people."""
    short: str
    """The same for a narrow cell: what is missing, or nothing where it is decided."""
    better: str | None = None
    """The better candidate; None where it is not decided."""
    more_seeds: int | None = None
    """Runs more of each candidate that would decide, if the difference is as large as it looks; None where no number
    up to ``MAX_SEEDS`` would, or training noise is unknown."""
    enough_items: int | None = None
    """Items in all that would decide, with those seeds, where seeds alone would not."""

    @property
    def decided(self) -> bool:
        """Whether the adjusted p-value lies below 0.05."""
        return self.better is not None


def judge(one: str, other: str, metric: str, difference: Difference, adjusted: float | None) -> Verdict:
    """The verdict on ``one`` minus ``other``; ``adjusted`` is the p-value after others were counted (None: unknown)."""
    if adjusted is None or difference.p is None:
        words = "not decided: one seed cannot decide, training noise is unknown"
        return Verdict(words=words, short="noise unknown")
    if adjusted < TAIL:
        better = one if (difference.value < 0) == lower_is_better(metric) else other
        return Verdict(words=f"{better} is better", short="", better=better)
    tail = TAIL * difference.p / adjusted
    seeds = _seeds(difference, tail, abs(difference.value))
    if seeds is not None:
        needed = _count(seeds, "more seed")
        return Verdict(words=f"not decided; {needed} of each would", short=needed, more_seeds=seeds)
    return _beyond_seeds(difference, tail)


def _beyond_seeds(difference: Difference, tail: float) -> Verdict:
    """The verdict where seeds alone would not decide: more items, with as many seeds as halve the rest of the way."""
    seeds = _seeds_of_noise(difference, tail, abs(difference.value) / math.sqrt(2))
    if not difference.items or seeds is None:
        return Verdict(words=f"not decided; nor would {MAX_SEEDS} more seeds", short=f"over {MAX_SEEDS} seeds")
    room = difference.value**2 - difference.half_of_seeds(tail, seeds) ** 2
    items = math.ceil(difference.items * difference.half_of_items(tail) ** 2 / room)
    told, also = f"{_rounded(items):,} items", _count(seeds, "more seed")
    words = f"not decided; more seeds would not, about {told}{f' with {also} of each' if seeds else ''} would"
    short = f"{told}, {also}" if seeds else told
    return Verdict(words=words, short=short, more_seeds=seeds or None, enough_items=items)


def _seeds(difference: Difference, tail: float, width: float) -> int | None:
    """Seeds more of each that make half the interval narrower than ``width``."""
    if difference.half_of_items(tail) >= width:
        return None
    return next((more for more in range(1, MAX_SEEDS + 1) if difference.half(tail, more) < width), None)


def _seeds_of_noise(difference: Difference, tail: float, width: float) -> int | None:
    """Seeds more of each that make the part of training noise alone narrower than ``width``."""
    return next((more for more in range(MAX_SEEDS + 1) if difference.half_of_seeds(tail, more) < width), None)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _rounded(number: int) -> int:
    """With two digits: more would pretend."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // unit) * unit
