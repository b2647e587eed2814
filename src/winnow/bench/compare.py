"""Two candidates compared over everything that both were measured in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from winnow.bench.ledger import Ledger, Run
from winnow.bench.metrics import comparable
from winnow.bench.scores import repeats, scores_of
from winnow.bench.statistics import Difference, Scores, difference, holm, noise_floor
from winnow.bench.verdict import Verdict, judge
from winnow.core.errors import InputError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two candidates in one metric at one scale."""

    track: str | None
    scale: str | None
    metric: str
    a: float
    """Mean over the seeds of the one candidate."""
    b: float
    difference: float
    """``a`` less ``b``."""
    interval: tuple[float, float] | None
    """Holds the true difference in 95 of 100 cases, taken alone; without training noise it tells of items only."""
    p: float | None
    adjusted_p: float | None
    """Holm's, over the metrics at this scale: what the verdict goes by."""
    seeds: tuple[int, ...]
    items: int | None
    """None where only whole runs were recorded: then the interval is about these items alone."""
    noise: float | None
    """Standard deviation of one run's score, pooled over the candidates repeated at the scale."""
    noise_degrees: int | None
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """Everything that can be said of two candidates."""

    a: str
    b: str
    rows: tuple[Compared, ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def print(self) -> None:
        """For people."""
        from winnow.bench.terminal import print_comparison

        print_comparison(self)

    def summary(self) -> str:
        """What was decided, in one sentence or two."""
        decided = [row for row in self.rows if row.verdict.decided]
        won = {name: sum(row.verdict.better == name for row in decided) for name in (self.a, self.b)}
        told = [f"{name} is better in {number}" for name, number in won.items() if number]
        rest = len(self.rows) - len(decided)
        told += [f"{rest} not decided"] if rest else []
        one = len({row.metric for row in self.rows}) == 1
        several = "" if one else "; verdicts share one error rate among the metrics of a scale (Holm), intervals do not"
        number = "1 comparison" if len(self.rows) == 1 else f"{len(self.rows)} comparisons"
        return f"of {number}: {', '.join(told)}{several}"


def compare(
    ledger: Ledger, a: str, b: str, scale: str | None = None, metrics: Sequence[str] | None = None
) -> ComparisonResult:
    """How candidate ``a`` differs from ``b``: at one scale or at all that have both, in some metrics or in all.

    All are those that do not follow from others (``comparable``). Items are compared in pairs where the runs kept
    them. Training noise comes from every candidate of the ledger that was repeated at the scale, on the same track.
    The metrics at a scale share one error rate (Holm), so name the one that is to decide. Raises InputError for a
    candidate, scale or metric that the ledger does not hold.
    """
    for what, name in (("candidate", a), ("candidate", b), ("scale", scale)):
        known = ledger.names(what)
        if name is not None and name not in known:
            raise InputError(f"the ledger has no {what} {name!r}; {did_you_mean(name, known)}")
    if a == b:
        raise InputError(f"{a!r} would be compared with itself: name two candidates")
    rows = [row for part in _shared(ledger, a, b, scale) for row in _rows(part, a, b, metrics)]
    if not rows:
        at = f" at {scale}" if scale else ""
        raise InputError(f"{a} and {b} were not measured side by side{at}: run both on one track at one scale")
    return ComparisonResult(a=a, b=b, rows=tuple(rows))


def _shared(ledger: Ledger, a: str, b: str, scale: str | None) -> Iterator[Ledger]:
    """The ledger's parts, one per track and scale, that have both candidates."""
    for part in ledger.parts():
        if {a, b} <= set(part.names("candidate")) and scale in (None, part.runs[0].scale):
            yield part


def _rows(part: Ledger, a: str, b: str, metrics: Sequence[str] | None) -> list[Compared]:
    """One track at one scale; its rows are adjusted together."""
    runs = repeats(part)
    shared = set.intersection(*(set(run.metrics) for run in (*runs[a], *runs[b])))
    for name in metrics or ():
        if name not in shared:
            at = part.runs[0].scale
            raise InputError(f"{a} and {b} do not both have {name!r} at {at}; {did_you_mean(name, shared)}")
    scores = scores_of(part, metrics or comparable(shared))
    found = [difference(one[a], one[b], noise_floor(one.values())) for one in scores.values()]
    adjusted = holm([one.p for one in found])
    return [
        _row(metric, part.runs[0], (a, b), (one[a], one[b]), apart, p)
        for (metric, one), apart, p in zip(scores.items(), found, adjusted, strict=True)
    ]


def _row(
    metric: str, run: Run, names: tuple[str, str], scores: tuple[Scores, Scores], found: Difference, p: float | None
) -> Compared:
    return Compared(
        track=run.track,
        scale=run.scale,
        metric=metric,
        a=float(scores[0].values.mean()),
        b=float(scores[1].values.mean()),
        difference=found.value,
        interval=found.interval,
        p=found.p,
        adjusted_p=p,
        seeds=found.seeds,
        items=found.items,
        noise=found.noise.deviation if found.noise else None,
        noise_degrees=found.noise.degrees if found.noise else None,
        verdict=judge(*names, metric, found, p),
    )
