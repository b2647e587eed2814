"""Choices by rank: the top, the middle, the bottom, a draw or a random sample, by documents or by weight.

All of them order the documents by a key. Most keep a window of their summed weight, so the share that is kept is exact;
``BatchTop`` keeps one of every batch, ``Accept`` draws by the place in the order. Ties are broken by a hash of the id,
and what is kept depends on ids, scores and seed alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lgamma
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from winnow.core.errors import RecipeError

if TYPE_CHECKING:
    import duckdb

RANKED = "place BIGINT, key DOUBLE, tie VARCHAR, weight DOUBLE, grp VARCHAR"
"""The columns of ``ranked``: a document's place in the corpus, its key, a hash of its id, its weight and its group."""


class Rank(ABC):
    """Keeps documents by their place in some order."""

    fraction: float
    """Share of the weight that is kept, in (0, 1]."""
    by: str
    """What weighs: ``documents``, ``tokens`` (estimated by characters) or any SQL expression."""

    @abstractmethod
    def key(self) -> str:
        """SQL of the number that documents are ordered by, ascending."""

    @abstractmethod
    def window(self) -> tuple[float, float]:
        """The part of the order that is kept, or kept most, as shares of the summed weight."""

    @abstractmethod
    def choose(self, connection: duckdb.DuckDBPyConnection) -> Iterator[NDArray[np.int64]]:
        """The places, in no order, of what is kept of the table ``ranked``."""


class Window(Rank):
    """A rank that keeps a window of the order."""

    def choose(self, connection: duckdb.DuckDBPyConnection) -> Iterator[NDArray[np.int64]]:
        """Of every group the documents between two shares of its weight."""
        return _inside(connection, self.window(), "0")


@dataclass(frozen=True)
class Top(Window):
    """Keep the documents with the highest score."""

    version: ClassVar[str] = "1"
    score: str
    fraction: float
    by: str = "documents"

    def key(self) -> str:
        """The negated score."""
        return f"-CAST(({self.score}) AS DOUBLE)"

    def window(self) -> tuple[float, float]:
        """From the first."""
        return 0.0, self.fraction


@dataclass(frozen=True)
class Band(Window):
    """Keep a share of the documents, those that ``Top(score, start)`` leaves with the highest score.

    Bands of which each starts where the last one ends keep every document once, whatever the ties. RecipeError for one
    that does not lie between the highest score and the lowest.
    """

    version: ClassVar[str] = "1"
    score: str
    start: float
    """Share of the weight that scores higher."""
    fraction: float
    by: str = "documents"

    def key(self) -> str:
        """That of ``Top``."""
        return Top(self.score, self.fraction).key()

    def window(self) -> tuple[float, float]:
        """From its start."""
        end = self.start + self.fraction
        if self.start < 0 or end > 1 + 1e-9:
            raise RecipeError(f"keep.start is {self.start} and keep.fraction {self.fraction}; a band ends by 1")
        return self.start, end


@dataclass(frozen=True)
class Bottom(Window):
    """Keep the documents with the lowest score."""

    version: ClassVar[str] = "1"
    score: str
    fraction: float
    by: str = "documents"

    def key(self) -> str:
        """The score."""
        return f"CAST(({self.score}) AS DOUBLE)"

    def window(self) -> tuple[float, float]:
        """From the first."""
        return 0.0, self.fraction


@dataclass(frozen=True)
class Middle(Window):
    """Keep the documents in the middle of the scores (Marion et al. 2023: the best of perplexity)."""

    version: ClassVar[str] = "1"
    score: str
    fraction: float
    by: str = "documents"

    def key(self) -> str:
        """The score."""
        return f"CAST(({self.score}) AS DOUBLE)"

    def window(self) -> tuple[float, float]:
        """Around the median."""
        return (1 - self.fraction) / 2, (1 + self.fraction) / 2


@dataclass(frozen=True)
class Sample(Window):
    """Keep a random share: the same documents for the same seed, whatever else is in the corpus' order."""

    version: ClassVar[str] = "1"
    fraction: float
    seed: int = 0
    by: str = "documents"

    def key(self) -> str:
        """A hash of id and seed."""
        return f"CAST(md5_number_lower(documents.id || ':{self.seed}') AS DOUBLE)"

    def window(self) -> tuple[float, float]:
        """From the first."""
        return 0.0, self.fraction


@dataclass(frozen=True)
class Gumbel(Window):
    """Draw without replacement, a document in proportion to exp(score / temperature): Gumbel top-k.

    How DSIR (Xie et al. 2023) draws by log weights and QuRating (Wettig et al. 2024) by ratings. The temperature is in
    the score's units: near 0 this is ``Top``, high above the scores' spread it is ``Sample``. The noise is a hash of id
    and seed, so a smaller fraction keeps a part of what a larger one keeps, and no order or split matters.
    """

    version: ClassVar[str] = "1"
    score: str
    fraction: float
    temperature: float = 1.0
    seed: int = 0
    by: str = "documents"

    def key(self) -> str:
        """The negated score less its noise: -log(-log(u)) with u in (0, 1), so never infinite."""
        uniform = f"((md5_number_lower(documents.id || ':gumbel:{self.seed}') >> 12) + 0.5) / {2**52}"
        return f"{self.temperature!r} * ln(-ln({uniform})) - CAST(({self.score}) AS DOUBLE)"

    def window(self) -> tuple[float, float]:
        """From the first."""
        return 0.0, self.fraction


@dataclass(frozen=True)
class Batched(Rank):
    """A rank that keeps so many of a batch, with the highest scores."""

    score: str
    fraction: float
    kept: int = 128
    """Documents that are kept of a batch; the paper's training batch is 128."""
    seed: int = 0
    by: str = "documents"

    def key(self) -> str:
        """That of ``Top``."""
        return Top(self.score, self.fraction).key()

    def window(self) -> tuple[float, float]:
        """From the first, of a batch, on average."""
        return 0.0, self.kept / batch_size(self.kept, self.fraction)


@dataclass(frozen=True)
class BatchTop(Batched):
    """Keep the documents with the highest score of every batch, as DataRater filters (Calian et al. 2025).

    Documents come in the order of a hash of id and seed, in batches of ``kept / fraction`` (rounded up) of which
    ``kept`` stay: what a trainer sees that draws so many for each of its batches and drops the rest. The last batch of
    a group is smaller and keeps the same share of itself, rounded up. By weight, a batch keeps its best documents up to
    the one that reaches that share of its weight. RecipeError where ``kept`` is below 1.
    """

    version: ClassVar[str] = "1"

    def choose(self, connection: duckdb.DuckDBPyConnection) -> Iterator[NDArray[np.int64]]:
        """The top of every batch."""
        shuffled = f"ORDER BY md5_number_lower(tie || ':batch:{self.seed}'), tie"
        number = f"(row_number() OVER (PARTITION BY grp {shuffled}) - 1) // {batch_size(self.kept, self.fraction)}"
        return _inside(connection, self.window(), number)


@dataclass(frozen=True)
class Accept(Batched):
    """Accept every document on its own, with the chance that ``BatchTop`` keeps it: DataRater's pointwise filter.

    With p the share of documents that lie below it in the order of scores, a document is among the best K of a batch
    of B with probability sum over s < K of C(B-1, s) (1-p)^s p^(B-1-s) (Calian et al. 2025). It is kept where a hash
    of id and seed, uniform in (0, 1), is smaller: a large batch is nearly ``Top``, a small one keeps more of the lower
    scores. K is ``kept`` and B is ``kept / fraction``, rounded up; K / B of the weight is kept on average.

    p is the empirical distribution function of the documents of a group that come to the choice, equal scores put in
    the order of a hash as in every rank and each document in the middle of its own weight. So p is uniform and the
    average holds whatever the ties, where one p for all that tie would keep too many or none of them.
    Costs K terms a document (or B - K, if fewer). RecipeError where ``kept`` is below 1.
    """

    version: ClassVar[str] = "1"

    def choose(self, connection: duckdb.DuckDBPyConnection) -> Iterator[NDArray[np.int64]]:
        """Those whose hash is below their probability."""
        uniform = f"((md5_number_lower(tie || ':accept:{self.seed}') >> 12) + 0.5) / {2**52}"
        standing = _STANDING.format(batch="0")
        found = connection.execute(
            f"{standing} SELECT place, 1 - (before + weight / 2) / total, {uniform} FROM standing WHERE total > 0"
        )
        batch = batch_size(self.kept, self.fraction)
        for place, below, chance in _columns(found):
            yield place[chance < acceptance(below, self.kept, batch)].astype(np.int64)


ByScore = Top | Band | Bottom | Middle | Gumbel | BatchTop | Accept
"""The ranks that go by a score."""


def batch_size(kept: int, fraction: float) -> int:
    """How many documents make a batch of which ``kept`` are a share: ``kept / fraction``, rounded up.

    RecipeError where ``kept`` is below 1 or the share is none. Exact: 1 - 0.9 is taken for a tenth, which it misses by
    a rounding.

    >>> batch_size(128, 1 - 0.9)
    1280
    """
    share = Fraction(fraction).limit_denominator(10**9)
    if kept < 1 or share <= 0:
        raise RecipeError(f"keep.kept is {kept} and keep.fraction {fraction}; of a batch at least 1 document is kept")
    return ceil(kept / share)


def acceptance(below: NDArray[np.float64], kept: int, batch: int) -> NDArray[np.float64]:
    """The chance that fewer than ``kept`` of the ``batch - 1`` others are better, for shares that lie below, in [0, 1].

    >>> acceptance(np.array([0.0, 0.5, 1.0]), 1, 3).round(6).tolist()
    [0.0, 0.25, 1.0]
    """
    others = batch - 1
    few = 2 * kept <= batch
    tiny = np.finfo(np.float64).tiny
    better, worse = np.log(np.maximum(1 - below, tiny)), np.log(np.maximum(below, tiny))
    total = np.zeros_like(below)
    for s in range(kept) if few else range(kept, batch):  # the shorter of the two tails
        ways = lgamma(others + 1) - lgamma(s + 1) - lgamma(others - s + 1)
        total += np.exp(ways + s * better + (others - s) * worse)
    return total if few else 1 - total


def weight(rank: Rank, text_namespaces: list[str]) -> str:
    """SQL of what a document weighs; RecipeError where tokens are asked for and nothing measures length."""
    if rank.by == "documents":
        return "1.0"
    if rank.by != "tokens":
        return rank.by
    if not text_namespaces:
        raise RecipeError("by='tokens' weighs by characters and so needs the Text measure: add Text() to measures")
    return f"{text_namespaces[0]}.num_chars"


_CHUNK = 100_000
_STANDING = """
    WITH batched AS (SELECT *, {batch} AS batch FROM ranked),
    standing AS (
        SELECT place, tie, weight, sum(weight) OVER (PARTITION BY grp, batch) AS total,
               sum(weight) OVER (PARTITION BY grp, batch ORDER BY key, tie ROWS UNBOUNDED PRECEDING) - weight AS before
        FROM batched
    )
"""
"""What stands in front of each document, in the order of its group or of its batch of it."""


def _inside(
    connection: duckdb.DuckDBPyConnection, window: tuple[float, float], batch: str
) -> Iterator[NDArray[np.int64]]:
    """The places of what lies in the window of each batch of each group; ``batch`` is SQL of a batch's number."""
    inside = "before >= (? - 1e-12) * total AND before < (? - 1e-12) * total"
    found = connection.execute(f"{_STANDING.format(batch=batch)} SELECT place FROM standing WHERE {inside}", [*window])
    for (place,) in _columns(found):
        yield place.astype(np.int64)


def _columns(found: duckdb.DuckDBPyConnection) -> Iterator[NDArray[np.float64]]:
    """The rows of an answer, so many at a time, as columns: shape (columns, rows)."""
    while rows := found.fetchmany(_CHUNK):
        yield np.array(rows, np.float64).T
