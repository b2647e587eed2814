"""Choices by rank: the top, the middle, the bottom, a draw or a random sample, by documents or by weight.

All of them are one thing: order the documents by a key, and keep a window of their summed weight. So the share that is
kept is exact, ties are broken by a hash of the id, and the cut depends on the scores alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from winnow.core.errors import RecipeError


class Rank(Protocol):
    """Keeps a window of the documents in some order."""

    @property
    def fraction(self) -> float:
        """Share of the weight that is kept, in (0, 1]."""

    @property
    def by(self) -> str:
        """What weighs: ``documents``, ``tokens`` (estimated by characters) or any SQL expression."""

    def key(self) -> str:
        """SQL of the number that documents are ordered by, ascending."""

    def window(self) -> tuple[float, float]:
        """The kept part of the order, as shares of the summed weight."""


@dataclass(frozen=True)
class Top:
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
class Rest:
    """Keep the documents that ``Top(score, 1 - fraction)`` leaves, to the last tie."""

    version: ClassVar[str] = "1"
    score: str
    fraction: float
    by: str = "documents"

    def key(self) -> str:
        """That of ``Top``."""
        return Top(self.score, self.fraction).key()

    def window(self) -> tuple[float, float]:
        """To the last."""
        return 1 - self.fraction, 1.0


@dataclass(frozen=True)
class Bottom:
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
class Middle:
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
class Sample:
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
class Gumbel:
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


ByScore = Top | Rest | Bottom | Middle | Gumbel
"""The ranks that go by a score."""


def weight(rank: Rank, text_namespaces: list[str]) -> str:
    """SQL of what a document weighs; RecipeError where tokens are asked for and nothing measures length."""
    if rank.by == "documents":
        return "1.0"
    if rank.by != "tokens":
        return rank.by
    if not text_namespaces:
        raise RecipeError("by='tokens' weighs by characters and so needs the Text measure: add Text() to measures")
    return f"{text_namespaces[0]}.num_chars"
