"""The way from the crawl to the chosen set, as a river that loses water at every step.

Each stage is a band as wide as what is left; between two stages the losses bend off to the right, one band per reason,
and end at the words that name it. Every unit that was measured (documents, words, bytes) has a picture of its own; a
radio button shows one of them without a script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from winnow.report.figures import count, percent, size
from winnow.report.markup import Markup, tag
from winnow.report.model import MAX_SOURCES, Amount, Loss, Stage

WIDTH = 1000
ROW = 26
"""Height of one reason in pixels; the picture and the words beside it use the same."""
BANK = 12
"""Pixels above the first reason, for the bands to bend in."""
MAX_REASONS = 8
UNITS = ("documents", "words", "bytes")


@dataclass(frozen=True)
class Level:
    """A stage in one unit."""

    stage: Stage
    amount: int
    losses: tuple[Loss, ...]


def draw(stages: Sequence[Stage]) -> Markup:
    """The pictures and tables of all units that at least two stages know."""
    by_unit = {unit: levels(stages, unit) for unit in UNITS}
    shown = {unit: found for unit, found in by_unit.items() if len(found) > 1}
    switches = [_switch(unit, first=index == 0) for index, unit in enumerate(shown)]
    panels = [_panel(unit, found) for unit, found in shown.items()]
    return tag("div", *switches, *panels, class_="funnel")


def levels(stages: Sequence[Stage], unit: str) -> list[Level]:
    """The stages that know the unit and changed it, with what each lost.

    Reasons are known in documents alone; of words and bytes it is known what all steps since the last level took.
    """
    found: list[Level] = []
    since: list[str] = []
    for stage in stages:
        amount = measured(stage.total, unit)
        since.append(stage.what)
        if amount is None or (found and amount == found[-1].amount and stage is not stages[-1]):
            continue
        losses = stage.losses
        if unit != "documents":
            lost = found[-1].amount - amount if found else 0
            losses = (Loss(reason="; ".join(since), documents=lost),) if lost > 0 else ()
        found.append(Level(stage, amount, losses))
        since = []
    return found


def measured(amount: Amount, unit: str) -> int | None:
    """The amount in that unit, where somebody measured it."""
    return {"documents": amount.documents, "words": amount.words, "bytes": amount.bytes}[unit]


def _switch(unit: str, *, first: bool) -> Markup:
    name = f"unit-{unit}"
    button = tag("input", type="radio", name="unit", id=name, class_="switch", data_unit=unit, checked=first)
    return Markup(button + tag("label", unit, for_=name))


def _panel(unit: str, found: Sequence[Level]) -> Markup:
    widest = max(level.amount for level in found) or 1
    rows = []
    for before, level in zip([None, *found], found, strict=False):
        if before is not None:
            rows.append(_losses(before, level, widest, unit))
        rows.append(_stage(level, found[0], widest, unit, last=level is found[-1]))
    return tag("div", tag("ol", *rows, class_="river"), _sources(unit, found), class_="panel", data_unit=unit)


def _stage(level: Level, first: Level, widest: int, unit: str, *, last: bool) -> Markup:
    share = None if level is first else tag("span", percent(level.amount, first.amount), class_="share")
    return tag(
        "li",
        tag("div", tag("div", class_="water", style=f"width:{100 * level.amount / widest:.2f}%"), class_="bed"),
        tag(
            "div",
            tag("h3", level.stage.name),
            tag("p", tag("b", amount_text(level.amount, unit)), share, class_="amount"),
            tag("p", level.stage.what, class_="what"),
            class_="about",
        ),
        class_="stage chosen" if last else "stage",
    )


def _losses(before: Level, level: Level, widest: int, unit: str) -> Markup:
    losses = largest(level.losses, MAX_REASONS)
    height = BANK + ROW * max(1, len(losses))
    items = [
        tag(
            "li",
            tag("b", f"−{amount_text(loss.documents, unit)}"),
            _reason(loss.reason),
            tag("span", percent(loss.documents, before.amount), class_="share"),
        )
        for loss in losses
    ]
    picture = tag(
        "svg",
        *_bends(losses, WIDTH * before.amount / widest, widest),
        tag("rect", x=0, y=0, width=f"{WIDTH * min(level.amount, before.amount) / widest:.1f}", height=height),
        viewBox=f"0 0 {WIDTH} {height}",
        preserveAspectRatio="none",
        style=f"height:{height}px",
        aria_hidden="true",
    )
    return tag("li", tag("div", picture, class_="bed"), tag("ul", *items, class_="reasons"), class_="lost")


def _reason(name: str) -> Markup:
    set_, colon, reason = name.rpartition(":")
    return tag("span", tag("span", set_ + colon, class_="set") if set_ else None, reason, class_="reason")


def _bends(losses: Sequence[Loss], right: float, widest: int) -> list[Markup]:
    """One band per loss: the outermost bends off first, so that none crosses another."""
    bands = []
    for row, loss in enumerate(losses):
        left = max(0.0, right - WIDTH * loss.documents / widest)
        middle, half = BANK + ROW * (row + 0.5), min(ROW * 0.42, max(0.75, ROW * 2.0 * loss.documents / widest))
        low, high = middle + half, middle - half
        path = f"M{left:.1f} 0C{left:.1f} {low:.1f} {left:.1f} {low:.1f} {WIDTH} {low:.1f}V{high:.1f}"
        path += f"C{right:.1f} {high:.1f} {right:.1f} {high:.1f} {right:.1f} 0z"
        bands.append(tag("path", d=path, class_=f"bend bend-{row % 2}"))
        right = left
    return bands


def largest(losses: Sequence[Loss], number: int) -> list[Loss]:
    """The largest losses, the rest summed at the end."""
    ranked = sorted((loss for loss in losses if loss.documents), key=lambda loss: (-loss.documents, loss.reason))
    if len(ranked) <= number:
        return ranked
    rest = ranked[number - 1 :]
    summed = Loss(reason=f"{len(rest)} more reasons", documents=sum(loss.documents for loss in rest))
    return [*ranked[: number - 1], summed]


def _sources(unit: str, found: Sequence[Level]) -> Markup | None:
    """A table of sources against stages, for the stages that know their sources."""
    known = [level for level in found if any(measured(a, unit) is not None for a in level.stage.sources.values())]
    names = list(dict.fromkeys(name for level in known for name in level.stage.sources))
    if len(names) < 2:
        return None
    head = tag("tr", tag("th", "source"), *(tag("th", level.stage.name) for level in known), tag("th", "kept"))
    rows = [_source(name, unit, known) for name in names[: MAX_SOURCES + 1]]
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("div", tag("h3", "By source"), tag("div", table, class_="scroll"), class_="sources")


def _source(name: str, unit: str, known: Sequence[Level]) -> Markup:
    amounts = [_of_source(level.stage, name, unit) for level in known]
    share = 100 * amounts[-1] / amounts[0] if amounts[0] else 0
    bar = tag("span", tag("i", style=f"width:{share:.1f}%") if share else None, class_="bar")
    cells = [tag("td", amount_text(amount, unit)) for amount in amounts]
    return tag(
        "tr", tag("th", name), *cells, tag("td", bar, tag("span", percent(amounts[-1], amounts[0])), class_="kept")
    )


def _of_source(stage: Stage, name: str, unit: str) -> int:
    return measured(stage.sources.get(name, Amount(documents=0, words=0, bytes=0)), unit) or 0


def amount_text(amount: int, unit: str) -> str:
    """An amount in its unit."""
    return size(amount) if unit == "bytes" else count(amount)
