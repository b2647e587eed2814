"""The pictures of a rater's study: losses along training and against what is dropped, and how the rater was learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from winnow.bench.ledger import Curve
from winnow.bench.rated_pool import Pool, SourceScores
from winnow.bench.rater import RaterArm, RaterResult
from winnow.bench.scores import scores_of
from winnow.bench.statistics import Noise, Scores, noise_floor
from winnow.report.figures import count
from winnow.report.leaderboard_model import Curves
from winnow.report.leaderboard_pictures import padded
from winnow.report.markup import Markup, tag
from winnow.report.model import Histogram
from winnow.report.pruning_panels import Line, Panel, Point
from winnow.report.pruning_pictures import ticks

TRACE = (400, 190)
LEFT, RIGHT, TOP, BOTTOM = 50, 18, 12, 28
AXIS = tuple((share, f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0))


def learning_curves(result: RaterResult, scale: str) -> Curves:
    """Bits per byte along training, the mean over the seeds of each arm."""
    runs, metric = result.ledger.where(scale=scale), result.metrics[0]
    lines = {}
    for arm in result.arms:
        found = [run.curves[metric] for run in runs.where(candidate=arm.name) if run.curves.get(metric)]
        if found:
            tokens = [point[0] for point in found[0]]
            means = np.mean([[value for _, value in curve] for curve in found], axis=0)
            lines[arm.name] = tuple(zip(tokens, means.tolist(), strict=True))
    return Curves(metric=metric, lines=lines)


def sweep(result: RaterResult, scale: str) -> Panel:
    """What models get, against the share of the pool's tokens that they do not see."""
    metric = result.metrics[0]
    scores = scores_of(result.ledger.where(scale=scale), [metric])[metric]
    noise = noise_floor(scores.values())
    shares = {one.arm: 1 - one.share for one in result.pool.kept}

    def line(name: str, colour: str, arms: Sequence[RaterArm]) -> Line:
        found = [_point(scores[arm.name], noise, shares[arm.name]) for arm in arms if arm.name in scores]
        return Line(name=name, colour=colour, points=tuple(sorted(found, key=lambda point: point.place)))

    lines = [line("rater", "c0", result.named("rater")), line("random", "c3", result.named("random"))]
    lines.append(line("oracle", "c2", result.named("oracle")))
    whole = scores.get(RaterArm(kind="unfiltered").name)
    return Panel(
        title=scale,
        about="against the share that is dropped",
        axis=AXIS,
        lines=tuple(one for one in lines if one.points),
        level=None if whole is None else _point(whole, noise, 0.0),
        level_name="unfiltered",
    )


def _point(scores: Scores, noise: Noise | None, place: float) -> Point:
    seeds = len(scores.values)
    return Point(
        place=place, mean=float(scores.values.mean()), half=None if noise is None else noise.half(seeds), seeds=seeds
    )


def trace(name: str, curve: Curve, level: float | None = None) -> Markup:
    """A curve of meta-learning against the meta-step, and a level that it is read by."""
    width, height = TRACE
    right, floor = width - RIGHT, height - BOTTOM
    values = [value for _, value in curve] + ([] if level is None else [level])
    low, high = padded(values)
    first, last = curve[0][0], max(curve[-1][0], curve[0][0] + 1)
    levels, places = ticks((low, high))

    def x(step: float) -> float:
        return LEFT + (right - LEFT) * (step - first) / (last - first)

    def y(value: float) -> float:
        return TOP + (floor - TOP) * (high - value) / (high - low)

    path = "M" + "L".join(f"{x(step):.1f} {y(value):.1f}" for step, value in curve)
    marked = None
    if level is not None:
        marked = tag("g", tag("path", d=f"M{LEFT} {y(level):.1f}H{right}"), class_="line level")
    end = tag("circle", cx=f"{x(curve[-1][0]):.1f}", cy=f"{y(curve[-1][1]):.1f}", r=3.2)
    told = tag("title", f"{name}: {curve[-1][1]:.4g} after {count(curve[-1][0])} meta-steps")
    return tag(
        "svg",
        *(tag("path", d=f"M{LEFT} {y(one):.1f}H{right}", class_="axis") for one in levels),
        *(tag("text", f"{one:.{places}f}", x=LEFT - 6, y=f"{y(one) + 3:.1f}", text_anchor="end") for one in levels),
        tag("text", count(first), x=LEFT, y=floor + 16),
        tag("text", f"{count(last)} meta-steps", x=right, y=floor + 16, text_anchor="end"),
        marked,
        tag("g", told, tag("path", d=path), end, class_="line c0"),
        viewBox=f"0 0 {width} {height}",
        class_="plot",
        role="img",
        aria_label=f"{name} against meta-steps",
    )


def histograms(pool: Pool, choice: str) -> Iterator[tuple[SourceScores, Histogram]]:
    """The scores of each source, what the choice keeps and what it drops."""
    for one in pool.sources:
        yield (
            one,
            Histogram(
                expression=one.source or "(none)",
                choice=choice,
                description="",
                unit="nats",
                edges=pool.edges,
                kept=one.kept,
                dropped=one.dropped,
                scale="linear",
                missing=one.documents - sum(one.kept) - sum(one.dropped),
                marks=(),
            ),
        )
