"""Charts as inline SVG: curves with bands, dots, levels across, uprights with intervals, and marks of a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from winnow.report.figures import count
from winnow.report.leaderboard_pictures import apart, padded
from winnow.report.markup import Markup, join, tag
from winnow.report.pruning_pictures import ticks

WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 50, 84, 14, 40
FLOOR = HEIGHT - BOTTOM
NARROW = 14
"""Right of a chart whose curves have no names."""
MOST_TICKS = 6
SHORT = 6.0
"""Times its low end up to which a logarithmic axis has ticks as a straight one."""
NAME_LENGTH = 15
MARGIN = 0.03
"""Of a logarithmic axis, to either side."""
LEAST_SPAN = 1e-4
"""Of logarithms; what spans less is one place."""
BAR = 6
"""Height from one interval at the floor to the next."""


def number(value: float) -> str:
    """A number on an axis.

    >>> number(0.05), number(3.0), number(12_800_000)
    ('0.05', '3', '12.8M')
    """
    return f"{value:.3g}" if value < 1000 else count(value)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A range of numbers."""

    low: float
    high: float
    name: str = ""
    logarithmic: bool = False
    told: Callable[[float], str] = number
    """How a number is written on a logarithmic axis."""

    def share(self, value: float) -> float:
        """Where a number stands, from 0 to 1 where the axis holds it."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        """Whether a number is within."""
        return self.low <= value <= self.high

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers within, as they are written."""
        if self.logarithmic and self.high > SHORT * self.low:
            return [(one, self.told(one)) for one in round_numbers(self.low, self.high)]
        levels, places = ticks((self.low, self.high))
        return [(one, self.told(one) if self.logarithmic else f"{one:.{places}f}") for one in levels]


def round_numbers(low: float, high: float) -> list[float]:
    """Up to six round numbers, evenly spaced in their logarithms.

    >>> round_numbers(1, 16), round_numbers(0.3, 4000), round_numbers(1e-3, 1e12)[:3]
    ([1.0, 2.0, 5.0, 10.0], [1.0, 10.0, 100.0, 1000.0], [0.001, 1.0, 1000.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    found = [one for one in found if low * (1 - 1e-9) <= one <= high * (1 + 1e-9)]
    if len(found) <= MOST_TICKS:
        return found
    powers = [one for one in found if f"{one:e}".startswith("1")]
    return powers[:: math.ceil(len(powers) / MOST_TICKS)]


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A point on its own."""

    x: float
    y: float
    told: str
    colour: str
    hollow: bool = False


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line, and the band around it."""

    name: str
    """Written at its end, where it is not empty."""
    colour: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    """Places with the low and the high end there."""
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class Upright:
    """A place along the axis, with its interval at the floor."""

    x: float
    interval: tuple[float, float]
    colour: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Where a budget stands, shown while it is the one looked at."""

    budget: int
    shown: bool
    x: float
    y: float | None = None
    interval: tuple[float, float] | None = None
    """Of y."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One picture."""

    about: str
    x: Axis
    y: Axis
    curves: Sequence[Curve] = ()
    dots: Sequence[Dot] = ()
    level: float | None = None
    level_band: tuple[float, float] | None = None
    uprights: Sequence[Upright] = ()
    marks: Sequence[Mark] = ()

    @property
    def right(self) -> int:
        """Where the axis ends."""
        return WIDTH - (RIGHT if any(curve.name for curve in self.curves) else NARROW)

    def within(self, value: float) -> float:
        """The pixel of a height, or of the end of the axis that it lies beyond."""
        return self.up(min(max(value, self.y.low), self.y.high))

    def across(self, value: float) -> float:
        """The pixel of a place along the axis."""
        return LEFT + (self.right - LEFT) * self.x.share(value)

    def up(self, value: float) -> float:
        """The pixel of a height."""
        return FLOOR - (FLOOR - TOP) * self.y.share(value)


def spanned(values: Iterable[float], name: str = "", told: Callable[[float], str] = number) -> Axis:
    """A logarithmic axis that holds positive numbers, with a margin."""
    found = [math.log(one) for one in values if 0 < one < math.inf]
    low, high = min(found), max(found)
    margin = MARGIN * (high - low) if high - low > LEAST_SPAN else math.log(2)
    return Axis(low=math.exp(low - margin), high=math.exp(high + margin), name=name, logarithmic=True, told=told)


def padded_axis(values: Iterable[float], name: str = "") -> Axis:
    """A straight axis with a margin."""
    low, high = padded([one for one in values if math.isfinite(one)])
    return Axis(low=low, high=high, name=name)


def draw(chart: Chart) -> Markup:
    """The chart as SVG."""
    named = {str(place): chart.within(curve.points[-1][1]) for place, curve in enumerate(chart.curves) if curve.name}
    heights = apart(named, FLOOR)
    return tag(
        "svg",
        *_axes(chart),
        _level(chart),
        _clipped(chart, *(_curve(chart, curve) for curve in chart.curves)),
        *(_name(chart, chart.curves[int(place)], height) for place, height in heights.items()),
        *(_upright(chart, upright, place) for place, upright in enumerate(chart.uprights)),
        *(_dot(chart, dot) for dot in chart.dots),
        *(_mark(chart, mark) for mark in chart.marks),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="plot",
        role="img",
        aria_label=chart.about,
    )


def _axes(chart: Chart) -> list[Markup]:
    levels = [(chart.up(value), told) for value, told in chart.y.ticks()]
    places = [(chart.across(value), told) for value, told in chart.x.ticks()]
    return [
        *(tag("path", d=f"M{LEFT} {y:.1f}H{chart.right}", class_="axis") for y, _ in levels),
        *(tag("path", d=f"M{x:.1f} {FLOOR}v4", class_="axis") for x, _ in places),
        *(tag("text", told, x=LEFT - 6, y=f"{y + 3:.1f}", text_anchor="end") for y, told in levels),
        *(tag("text", told, x=f"{x:.1f}", y=FLOOR + 16, text_anchor="middle") for x, told in places),
        tag("text", chart.x.name, x=chart.right, y=FLOOR + 31, text_anchor="end"),
    ]


def _level(chart: Chart) -> Markup | None:
    if chart.level is None:
        return None
    band = None
    if chart.level_band is not None:
        bottom, top = map(chart.up, chart.level_band)
        width, height = chart.right - LEFT, f"{bottom - top:.1f}"
        band = tag("rect", x=LEFT, y=f"{top:.1f}", width=width, height=height, class_="band")
    return tag("g", band, tag("path", d=f"M{LEFT} {chart.up(chart.level):.1f}H{chart.right}"), class_="line level")


def _clipped(chart: Chart, *children: Markup) -> Markup:
    """Without what lies beyond the axes: an SVG in the SVG is a window."""
    width, height = chart.right - LEFT, FLOOR - TOP
    box = f"{LEFT} {TOP} {width} {height}"
    return tag("svg", *children, x=LEFT, y=TOP, width=width, height=height, viewBox=box)


def _name(chart: Chart, curve: Curve, height: float) -> Markup:
    text = tag("text", shortened(curve.name), x=chart.right + 7, y=f"{height + 3.5:.1f}", class_="name")
    return tag("g", tag("title", curve.name), text, class_=curve.colour)


def _curve(chart: Chart, curve: Curve) -> Markup:
    path = "M" + "L".join(f"{chart.across(x):.1f} {chart.up(y):.1f}" for x, y in curve.points)
    above = [f"{chart.across(x):.1f} {chart.up(high):.1f}" for x, _, high in curve.band]
    below = [f"{chart.across(x):.1f} {chart.up(low):.1f}" for x, low, _ in reversed(curve.band)]
    return tag(
        "g",
        tag("title", curve.told or curve.name),
        tag("polygon", points=" ".join([*above, *below]), class_="band") if curve.band else None,
        tag("path", d=path),
        class_=f"line {curve.colour}",
    )


def shortened(name: str, length: int = NAME_LENGTH) -> str:
    """A long name without its middle.

    >>> shortened("the-first-of-many-pools-01")
    'the-fir…ools-01'
    """
    if len(name) <= length:
        return name
    return name[: length // 2] + "…" + name[-((length - 1) // 2) :]


def _upright(chart: Chart, upright: Upright, place: int) -> Markup | None:
    """A dashed line, and its interval as a bar at the floor; what lies beyond the axis is left out."""
    low, high = upright.interval
    if low > chart.x.high or high < chart.x.low:
        return None
    ends = [chart.across(min(max(one, chart.x.low), chart.x.high)) for one in (low, high)]
    bar = f"M{ends[0]:.1f} {FLOOR - BAR * (place + 0.5):.1f}H{ends[1]:.1f}"
    line = f"M{chart.across(upright.x):.1f} {TOP}V{FLOOR}" if chart.x.holds(upright.x) else None
    return tag(
        "g",
        tag("title", upright.told),
        tag("path", d=bar, class_="interval"),
        tag("path", d=line, class_="upright") if line else None,
        class_=upright.colour,
    )


def _dot(chart: Chart, dot: Dot) -> Markup:
    circle = tag(
        "circle",
        cx=f"{chart.across(dot.x):.1f}",
        cy=f"{chart.up(dot.y):.1f}",
        r=3.2,
        class_="hollow" if dot.hollow else None,
    )
    return tag("g", tag("title", dot.told), circle, class_=dot.colour)


def _mark(chart: Chart, mark: Mark) -> Markup:
    x = f"{chart.across(mark.x):.1f}"
    whisker, circle = None, None
    if mark.interval is not None:
        low, high = map(chart.within, mark.interval)
        whisker = tag("path", d=f"M{x} {low:.1f}V{high:.1f}", class_="whisker")
    if mark.y is not None:
        circle = tag("circle", cx=x, cy=f"{chart.within(mark.y):.1f}", r=4.5)
    line = tag("path", d=f"M{x} {TOP}V{FLOOR}")
    shown = "at now" if mark.shown else "at"
    return tag("g", join(line, whisker, circle), class_=shown, data_budget=mark.budget)
