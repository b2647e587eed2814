"""The pictures of a pruning study as inline SVG: what models get by what they were trained on, and the parts' order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from winnow.report.leaderboard_pictures import apart, digits, padded
from winnow.report.markup import Markup, join, tag
from winnow.report.pruning_panels import COLOURS, Line, Panel, Point, Strip

PLOT = (400, 240)
LEFT, RIGHT, TOP, BOTTOM = 50, 84, 12, 28
STRIP = (460, 30)
SIDE = 12

Limits = tuple[float, float]


def limits_of(panels: Iterable[Panel]) -> Limits:
    """The range that holds every point with its interval, with a margin."""
    points = [point for panel in panels for line in panel.lines for point in line.points]
    points += [panel.level for panel in panels if panel.level is not None]
    return padded([point.mean + side * (point.half or 0.0) for point in points for side in (-1, 1)])


def limits_of_strips(strips: Iterable[Strip]) -> Limits:
    """The range that holds every mark with its interval and no pruning, with a margin."""
    marks = [mark for strip in strips for mark in strip.marks]
    return padded([0.0, *(mark.value + side * (mark.half or 0.0) for mark in marks for side in (-1, 1))])


def plot(panel: Panel, limits: Limits) -> Markup:
    """Lines with the bands of their intervals, and the level across."""
    width, height = PLOT
    last = {line.name: _up(line.points[-1].mean, limits) for line in panel.lines}
    level = {panel.level_name: _up(panel.level.mean, limits)} if panel.level is not None else {}
    heights = apart({**last, **level}, height - BOTTOM)
    return tag(
        "svg",
        *_axes(panel, limits),
        _level(panel, panel.level, limits, heights[panel.level_name]) if panel.level is not None else None,
        *(_line(line, limits, heights[line.name]) for line in panel.lines),
        viewBox=f"0 0 {width} {height}",
        class_="plot",
        role="img",
        aria_label=f"{panel.title}, bits per byte {panel.about}",
    )


def _across(place: float) -> float:
    return LEFT + (PLOT[0] - LEFT - RIGHT) * place


def _up(value: float, limits: Limits) -> float:
    low, high = limits
    return TOP + (PLOT[1] - TOP - BOTTOM) * (high - value) / (high - low)


def _axes(panel: Panel, limits: Limits) -> list[Markup]:
    """Levels of bits per byte to the left; shares or reference models below."""
    levels, places = ticks(limits)
    right, floor = PLOT[0] - RIGHT, PLOT[1] - BOTTOM
    return [
        *(tag("path", d=f"M{LEFT} {_up(one, limits):.1f}H{right}", class_="axis") for one in levels),
        *(
            tag("text", f"{one:.{places}f}", x=LEFT - 6, y=f"{_up(one, limits) + 3:.1f}", text_anchor="end")
            for one in levels
        ),
        *(
            tag("text", name, x=f"{_across(place):.1f}", y=floor + 16, text_anchor="middle")
            for place, name in panel.axis
        ),
    ]


def ticks(limits: Limits) -> tuple[list[float], int]:
    """Three to six round numbers between two, and the decimals that they need.

    >>> ticks((1.372, 1.481))
    ([1.38, 1.4, 1.42, 1.44, 1.46, 1.48], 2)
    """
    low, high = limits
    magnitude = 10.0 ** math.floor(math.log10(high - low))
    step = next(size * magnitude for size in (0.2, 0.5, 1.0, 2.0) if (high - low) / (size * magnitude) < 6)
    places = max(0, -math.floor(math.log10(step * 1.000001)))
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [round(number * step, places) for number in numbers], places


def _level(panel: Panel, level: Point, limits: Limits, height: float) -> Markup:
    """What is compared with, across the whole picture."""
    right, middle = PLOT[0] - RIGHT, _up(level.mean, limits)
    band = None
    if level.half is not None:
        top, bottom = _up(level.mean + level.half, limits), _up(level.mean - level.half, limits)
        band = tag("rect", x=LEFT, y=f"{top:.1f}", width=right - LEFT, height=f"{bottom - top:.1f}", class_="band")
    return tag(
        "g",
        tag("title", f"{panel.level_name}: {_told(level)}"),
        band,
        tag("path", d=f"M{LEFT} {middle:.1f}H{right}"),
        _name(panel.level_name, height),
        class_="line level",
    )


def _line(line: Line, limits: Limits, height: float) -> Markup:
    places = [(_across(point.place), point) for point in line.points]
    path = "M" + "L".join(f"{x:.1f} {_up(point.mean, limits):.1f}" for x, point in places)
    circles = [
        tag(
            "g",
            tag("title", f"{line.name}: {_told(point)}"),
            tag("circle", cx=f"{x:.1f}", cy=f"{_up(point.mean, limits):.1f}", r=3.2),
        )
        for x, point in places
    ]
    return tag(
        "g",
        _band(places, limits),
        tag("path", d=path),
        *circles,
        _name(line.name, height),
        class_=f"line {line.colour}",
    )


def _band(places: Sequence[tuple[float, Point]], limits: Limits) -> Markup | None:
    """Between the ends of the intervals; a stroke where there is one point only."""
    ends = [(x, point.mean, point.half) for x, point in places if point.half is not None]
    if not ends:
        return None
    if len(ends) == 1:
        ((x, mean, half),) = ends
        ends = [(x - 2, mean, half), (x + 2, mean, half)]
    above = [f"{x:.1f} {_up(mean + half, limits):.1f}" for x, mean, half in ends]
    below = [f"{x:.1f} {_up(mean - half, limits):.1f}" for x, mean, half in reversed(ends)]
    return tag("polygon", points=" ".join([*above, *below]), class_="band")


def _name(name: str, height: float) -> Markup:
    return tag("text", name, x=PLOT[0] - RIGHT + 7, y=f"{height + 3.5:.1f}", class_="name")


def _told(point: Point) -> str:
    half = "" if point.half is None else f" ± {digits(point.half, point.half)}"
    return f"{digits(point.mean, point.half)}{half} bits per byte, {point.seeds} runs"


def strip(found: Strip, limits: Limits) -> Markup:
    """Every part on a line, with its interval; the upright stroke is no pruning, and better lies to the left."""
    width, height = STRIP
    low, high = limits

    def x(value: float) -> float:
        return SIDE + (width - 2 * SIDE) * (value - low) / (high - low)

    drawn = []
    for place, mark in enumerate(found.marks):
        y = height / 2 + 3 * (place - (len(found.marks) - 1) / 2)  # so that intervals on each other are told apart
        half = mark.half or 0.0
        interval = tag("path", d=f"M{x(mark.value - half):.1f} {y:.1f}H{x(mark.value + half):.1f}", class_="interval")
        told = tag("title", f"{mark.subset}: {mark.value:+.4f} ± {half:.4f} bits per byte beside no pruning")
        dot = tag("circle", cx=f"{x(mark.value):.1f}", cy=f"{y:.1f}", r=4.5)
        drawn.append(tag("g", told, interval, dot, class_=COLOURS[mark.subset]))
    return tag(
        "svg",
        tag("path", d=f"M{x(0):.1f} 0V{height}", class_="axis zero"),
        *drawn,
        viewBox=f"0 0 {width} {height}",
        class_="dots strip",
        role="img",
        aria_label=f"{found.setting}: " + ", ".join(f"{mark.subset} {mark.value:+.4f}" for mark in found.marks),
    )


def legend() -> Markup:
    """The colours of the parts."""
    keys = [tag("span", tag("i", class_=f"key {colour}"), name) for name, colour in COLOURS.items()]
    return tag("div", join(*keys), class_="legend")
