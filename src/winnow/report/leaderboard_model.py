"""What a leaderboard shows, as plain data: the page draws it and embeds it as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from winnow.bench.ledger import Curve
from winnow.bench.transfer import Transfer

Interval = tuple[float, float]

MAX_METRICS = 8
"""Columns of scores; every metric is in the ledger."""
MAX_CURVES = 4
"""Pictures of learning curves per track and scale."""
MAX_MATRIX = 16
"""Candidates, the best first, of which every two are judged, and whose learning curves are drawn."""
MAX_CANDIDATES = 200
"""Rows of a leaderboard, the best first; the rest are counted."""
SEED_NUMBERS = (1, 3, 5)
"""Numbers of seeds for which the smallest difference that they find is told."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A candidate's mean over its seeds in one metric."""

    mean: float
    interval: Interval | None
    """Of training noise, on these items; None where it is unknown."""
    seeds: tuple[float, ...]
    """Every run's."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far a candidate lies from another in the metric that ranks."""

    value: float
    """Less than zero is lower, whatever is better."""
    interval: Interval | None
    items: int | None
    better: str | None
    """None where it is not decided."""
    words: str
    short: str
    """What is missing to decide it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A candidate on one track at one scale."""

    candidate: str
    scores: dict[str, Score]
    gap: Gap | None
    """To the best candidate; None for that one."""
    contender: bool
    """Whether it is the best or not told apart from it."""
    seeds: tuple[int | None, ...]
    num_params: int | None
    num_tokens: int | None
    unique_tokens: int | None
    epochs: float | None
    flops: float | None
    seconds: float | None
    """Means over the runs, as are the others."""
    datasets: tuple[str, ...]
    machines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The noise of one metric: how far a score moves when nothing but the seed changes."""

    metric: str
    deviation: float
    interval: Interval
    degrees: int
    detectable: tuple[float, ...]
    """The smallest difference that so many seeds each find in 80 of 100 cases, for ``SEED_NUMBERS``."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Learning curves of one metric: of the best candidates, the mean over the seeds."""

    metric: str
    lines: dict[str, Curve]


@dataclass(frozen=True, kw_only=True)
class Board:
    """One track at one scale."""

    track: str | None
    scale: str | None
    metric: str
    """What the rows are ranked by."""
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    num_more: int
    """Candidates beyond those that are shown, and those without the metric that ranks."""
    verdicts: tuple[tuple[Gap | None, ...], ...]
    """Of every two of the best candidates, row less column; p-values are Holm's over all of these."""
    floors: tuple[Floor, ...]
    curves: tuple[Curves, ...]


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Everything that the page shows."""

    source: str
    made: str
    """When the last run was made, ISO 8601."""
    runs: int
    candidates: tuple[str, ...]
    tracks: tuple[str, ...]
    scales: tuple[str, ...]
    boards: tuple[Board, ...]
    transfers: tuple[tuple[str | None, Transfer], ...]
    """By track, every scale against the largest."""
    libraries: dict[str, str]

    def to_json(self) -> str:
        """The data as JSON, as the page embeds it."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
