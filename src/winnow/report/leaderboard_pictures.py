"""The pictures of a leaderboard as inline SVG: scores with their noise, learning curves, one scale against another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from winnow.bench.metrics import lower_is_better
from winnow.bench.transfer import Transfer
from winnow.report.figures import count
from winnow.report.leaderboard_model import Curves, Score
from winnow.report.markup import Markup, tag

NUM_COLOURS = 8
DOTS = (190, 24)
CURVE = (520, 250)
SCATTER = (340, 300)
LABEL_HEIGHT = 12
MAX_NAMED = 20
"""Points with their names beside them; of more, the pointer tells the name."""
START = 0.25
"""Curves are shown from this share of the tokens on; before it every model falls alike."""


def colours(candidates: Sequence[str]) -> dict[str, str]:
    """A class per candidate, the same in all pictures; more than ``NUM_COLOURS`` share colours."""
    return {name: f"c{place % NUM_COLOURS}" for place, name in enumerate(candidates)}


def digits(value: float, width: float | None) -> str:
    """A score with the digits that its interval allows: two of the half-width.

    >>> digits(1.30412, 0.0052), digits(0.5, None), digits(61.234, 2.1)
    ('1.3041', '0.5000', '61.2')
    """
    places = 4 if not width else min(6, max(0, 1 - math.floor(math.log10(width))))
    return f"{value:.{places}f}"


def signed(value: float, width: float | None) -> str:
    """A difference with its sign, and the digits that its interval allows.

    >>> signed(0.01234, 0.002), signed(-0.5, None)
    ('+0.0123', '-0.5000')
    """
    number = digits(value, width)
    return number if number.startswith("-") else f"+{number}"


def spread(scores: Iterable[Score]) -> tuple[float, float]:
    """The range that holds all runs and intervals, with a margin."""
    return padded([value for one in scores for value in (*one.seeds, *(one.interval or ()))])


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The range that holds all values, with a margin."""
    low, high = min(values), max(values)
    margin = (high - low) * 0.04 or abs(high) * 0.01 or 1.0
    return low - margin, high + margin


def dots(score: Score, limits: tuple[float, float], colour: str) -> Markup:
    """The mean of a candidate, the interval of its noise, and every run."""
    width, height = DOTS
    middle = height / 2

    def x(value: float) -> float:
        return 6 + (width - 12) * (value - limits[0]) / (limits[1] - limits[0])

    runs = [tag("path", d=f"M{x(value):.1f} {middle - 7}v14", class_="run") for value in score.seeds]
    interval = ""
    if score.interval is not None:
        low, high = (min(max(value, limits[0]), limits[1]) for value in score.interval)
        interval = f"M{x(low):.1f} {middle}H{x(high):.1f}"
    return tag(
        "svg",
        tag("path", d=f"M0 {middle}H{width}", class_="axis"),
        tag("path", d=interval, class_="interval"),
        *runs,
        tag("circle", cx=f"{x(score.mean):.1f}", cy=middle, r=4.5),
        viewBox=f"0 0 {width} {height}",
        class_=f"dots {colour}",
        role="img",
        aria_label=f"runs: {', '.join(f'{value:.4f}' for value in score.seeds)}",
    )


def curves(found: Curves, colour: Mapping[str, str]) -> Markup | None:
    """Learning curves, named at their ends; None where there is less than two points of any."""
    width, height = CURVE
    left, right, top, bottom = 52, 130, 10, 26
    last = max((line[-1][0] for line in found.lines.values() if line), default=0)
    lines = {name: [(t, v) for t, v in line if t >= START * last] for name, line in found.lines.items()}
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    if not lines:
        return None
    values = [value for line in lines.values() for _, value in line]
    low, high = min(values), max(values)
    first, span = START * last, (high - low) or 1.0

    def x(tokens: float) -> float:
        return left + (width - left - right) * (tokens - first) / (last - first)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (high - value) / span

    ends = apart({name: y(line[-1][1]) for name, line in lines.items()}, height - bottom)
    drawn = []
    for name, line in lines.items():
        path = "M" + "L".join(f"{x(tokens):.1f} {y(value):.1f}" for tokens, value in line)
        label = tag("text", name, x=f"{x(line[-1][0]) + 7:.1f}", y=f"{ends[name] + 3.5:.1f}", class_="name")
        told = tag("title", f"{name}: {line[-1][1]:.4f} after {count(line[-1][0])} tokens")
        drawn.append(tag("g", told, tag("path", d=path), label, class_=f"line {colour[name]}"))
    levels = [low + span * step / 3 for step in range(4)]
    marks = [first + (last - first) * step / 2 for step in range(3)]
    return tag(
        "svg",
        *(tag("path", d=f"M{left} {y(level):.1f}H{width - right}", class_="axis") for level in levels),
        *(tag("text", f"{v:.3g}", x=left - 6, y=f"{y(v) + 3:.1f}", text_anchor="end") for v in levels),
        *(tag("text", count(t), x=f"{x(t):.1f}", y=height - 6, text_anchor="middle") for t in marks),
        *drawn,
        viewBox=f"0 0 {width} {height}",
        class_="plot",
        role="img",
        aria_label=f"{found.metric} against tokens",
    )


def apart(places: Mapping[str, float], bottom: float) -> dict[str, float]:
    """Heights of labels near where they belong, none above another's feet."""
    order = sorted(places, key=lambda name: places[name])
    heights = [places[name] for name in order]
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + LABEL_HEIGHT)
    if heights and heights[-1] > bottom:
        heights[-1] = bottom
        for index in range(len(heights) - 2, -1, -1):
            heights[index] = min(heights[index], heights[index + 1] - LABEL_HEIGHT)
    return dict(zip(order, heights, strict=True))


def scatter(found: Transfer, colour: Mapping[str, str]) -> Markup:
    """Every candidate at both scales, the better to the right and above."""
    width, height = SCATTER
    left, right, top, bottom = 50, 14, 14, 40
    turned = [lower_is_better(metric) for metric in (found.metric, found.large_metric)]
    ranges = [(min(values), max(values)) for values in zip(*found.points, strict=True)]

    def at(point: tuple[float, float]) -> tuple[float, float]:
        shares = [
            0.5 if high == low else (high - value if flip else value - low) / (high - low)
            for value, (low, high), flip in zip(point, ranges, turned, strict=True)
        ]
        across, up = (0.06 + 0.88 * share for share in shares)
        return left + (width - left - right) * across, height - bottom - (height - top - bottom) * up

    places = {name: at(point) for name, point in zip(found.candidates, found.points, strict=True)}
    heights = apart({name: y for name, (_, y) in places.items()}, height - bottom)
    drawn = []
    for (name, (x, y)), point in zip(places.items(), found.points, strict=True):
        before = x > width * 0.6
        label = tag(
            "text",
            name,
            x=f"{x - 8 if before else x + 8:.1f}",
            y=f"{heights[name] + 3.5:.1f}",
            text_anchor="end" if before else "start",
            class_="name",
        )
        told = tag("title", f"{name}: {point[0]:.4f} at {found.small}, {point[1]:.4f} at {found.large}")
        shown = label if len(places) <= MAX_NAMED else None
        drawn.append(tag("g", told, tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=5), shown, class_=colour[name]))
    corner = f"M{left} {top}V{height - bottom}H{width - right}"
    return tag(
        "svg",
        tag("path", d=corner, class_="axis"),
        *_axes(found, ranges, turned),
        *drawn,
        viewBox=f"0 0 {width} {height}",
        class_="plot scatter",
        role="img",
        aria_label=f"{found.metric} at {found.small} against {found.large}",
    )


def _axes(found: Transfer, ranges: Sequence[tuple[float, float]], turned: Sequence[bool]) -> list[Markup]:
    """The ends of both axes, the better last, and what they are."""
    width, height = SCATTER
    ends = [(high, low) if flip else (low, high) for (low, high), flip in zip(ranges, turned, strict=True)]
    middle = 48 + (width - 64) / 2
    return [
        tag("text", f"{ends[0][0]:.4g}", x=56, y=height - 24),
        tag("text", f"{ends[0][1]:.4g}", x=width - 14, y=height - 24, text_anchor="end"),
        tag("text", f"{found.small}, better →", x=middle, y=height - 6, text_anchor="middle"),
        tag("text", f"{ends[1][0]:.4g}", x=44, y=height - 46, text_anchor="end"),
        tag("text", f"{ends[1][1]:.4g}", x=44, y=24, text_anchor="end"),
        tag(
            "text",
            f"{found.large}, better →",
            x=0,
            y=0,
            text_anchor="middle",
            transform=f"translate(12 {height / 2 - 12:.0f}) rotate(-90)",
        ),
    ]
