"""A histogram as inline SVG: kept and dropped documents, thresholds drawn, the side that a rule rejects shaded.

A bar's height is the square root of its documents, since most measures pile up at one end and the tail is what a rule
cuts; within a bar, kept and dropped are in proportion.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_right
from collections.abc import Sequence

from winnow.report.figures import count, percent, value
from winnow.report.markup import Markup, join, tag
from winnow.report.model import Histogram, Mark

WIDTH, HEIGHT = 320, 96
TOP, BOTTOM = 16, 80
"""Bars stand on BOTTOM; above TOP is room for the thresholds, below BOTTOM for the axis."""


def draw(histogram: Histogram, marks: Sequence[Mark] | None = None) -> Markup:
    """The picture; ``marks`` replaces the thresholds that are drawn."""
    shown = _distinct(histogram.marks if marks is None else marks)
    totals = [kept + dropped for kept, dropped in zip(histogram.kept, histogram.dropped, strict=True)]
    return tag(
        "svg",
        *(_shade(histogram, mark) for mark in shown),
        _bars(totals, totals, "dropped"),
        _bars(histogram.kept, totals, "kept"),
        tag("path", d=f"M0 {BOTTOM}.5H{WIDTH}", class_="axis"),
        *(_threshold(histogram, mark) for mark in shown),
        _axis(histogram),
        tag("title", _title(histogram)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="histogram",
        role="img",
    )


def position(edges: Sequence[float], number: float) -> float:
    """Where a value lies on the axis, in [0, 1]: bins are equally wide, whatever their edges."""
    if number <= edges[0]:
        return 0.0
    if number >= edges[-1]:
        return 1.0
    bin_ = bisect_right(edges, number) - 1
    return (bin_ + (number - edges[bin_]) / (edges[bin_ + 1] - edges[bin_])) / (len(edges) - 1)


def _bars(counts: Sequence[int], totals: Sequence[int], class_: str) -> Markup:
    step = WIDTH / len(counts)
    tallest = max([*totals, 1])
    path = []
    for bin_, (number, total) in enumerate(zip(counts, totals, strict=True)):
        if number:
            height = max(1.0, (BOTTOM - TOP) * math.sqrt(total / tallest) * number / total)
            path.append(f"M{bin_ * step + 0.5:.1f} {BOTTOM}v{-height:.1f}h{step - 1:.1f}v{height:.1f}z")
    return tag("path", d="".join(path), class_=class_)


def _line(histogram: Histogram, mark: Mark) -> float:
    """Where the threshold is drawn; the bin of a whole number lies wholly on one side of it."""
    beyond_bin = histogram.scale == "whole" and mark.operator in (">", "<=")
    return WIDTH * position(histogram.edges, mark.threshold + beyond_bin)


def _shade(histogram: Histogram, mark: Mark) -> Markup | None:
    x = _line(histogram, mark)
    if not mark.alone:
        return None
    if mark.operator in (">", ">="):
        return tag("rect", x=f"{x:.1f}", y=TOP, width=f"{WIDTH - x:.1f}", height=BOTTOM - TOP, class_="rejects")
    if mark.operator in ("<", "<="):
        return tag("rect", x=0, y=TOP, width=f"{x:.1f}", height=BOTTOM - TOP, class_="rejects")
    return None


def _threshold(histogram: Histogram, mark: Mark) -> Markup:
    x = _line(histogram, mark)
    anchor = "start" if x < 0.15 * WIDTH else "end" if x > 0.85 * WIDTH else "middle"
    label = tag("text", f"{mark.operator} {value(mark.threshold)}", x=f"{x:.1f}", y=TOP - 5, text_anchor=anchor)
    line = tag("path", d=f"M{x:.1f} {TOP - 2}V{BOTTOM}")
    return tag(
        "g", line, label, tag("title", f"{mark.rule} rejects {mark.operator} {value(mark.threshold)}"), class_="mark"
    )


def _axis(histogram: Histogram) -> Markup:
    middle = histogram.edges[len(histogram.edges) // 2]
    ends = [(0, "start", histogram.edges[0]), (WIDTH / 2, "middle", middle), (WIDTH, "end", histogram.edges[-1])]
    return join(
        *(tag("text", value(edge), x=x, y=HEIGHT - 3, text_anchor=anchor, class_="tick") for x, anchor, edge in ends)
    )


def _title(histogram: Histogram) -> str:
    kept, dropped = sum(histogram.kept), sum(histogram.dropped)
    text = f"{histogram.expression}: {count(kept)} kept ({percent(kept, kept + dropped)}), {count(dropped)} dropped"
    return f"{text}, {count(histogram.missing)} without a value" if histogram.missing else text


def _distinct(marks: Sequence[Mark]) -> list[Mark]:
    """One mark per threshold and side, named after all its rules."""
    same: dict[tuple[float, str, bool], list[Mark]] = {}
    for mark in marks:
        same.setdefault((mark.threshold, mark.operator, mark.alone), []).append(mark)
    return [
        dataclasses.replace(found[0], rule=", ".join(one.rule for one in found)) for _, found in sorted(same.items())
    ]
