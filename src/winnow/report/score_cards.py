"""Scores drawn: each with its distribution and documents along its order, then how they differ from one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from winnow.report import histogram
from winnow.report.figures import count, percent, value
from winnow.report.markup import Markup, join, tag
from winnow.report.model import Placed, ScoreLook, Scores, SourceMix
from winnow.report.rules import excerpt

LEAST, MOST = 0.5, 2.0
"""A source whose share shrinks or grows by such a factor is marked."""


def draw(found: Scores) -> Markup:
    """All scores of one pool."""
    names = [one.name for one in found.scores]
    squares = (
        ("Rank correlation", "how alike two scores order the pool, from −1 to 1", found.correlations),
        ("Agreement", "of what either of two keeps, the share that both keep", found.agreements),
    )
    several = len(names) > 1
    return tag(
        "section",
        *(tag("p", alarm, class_="alarm", role="alert") for alarm in found.alarms),
        *(_matrix(title, about, names, rows) for title, about, rows in squares if several),
        _mixture(names, found.sources) if found.sources else None,
        *(_score(one, opened=not several) for one in found.scores),
        tag("p", f"Compared on {count(found.drawn)} documents, drawn by their ids.", class_="what"),
        class_="choice",
    )


def _score(one: ScoreLook, *, opened: bool) -> Markup:
    return tag(
        "details",
        tag("summary", tag("b", one.name), tag("span", _facts(one), class_="what")),
        tag(
            "figure",
            tag("figcaption", tag("code", one.expression), tag("code", one.label, class_="label")),
            histogram.draw(one.histogram),
            class_="card",
        ),
        _documents("Just kept", one.just_kept, "spared"),
        _documents("Just dropped", one.just_dropped, "rejected"),
        _documents("Along its order, from low to high", one.along, "along"),
        class_="score",
        open=opened,
    )


def _facts(one: ScoreLook) -> str:
    told = [f"keeps {count(one.kept)} of {count(one.documents)} ({percent(one.kept, one.documents)})"]
    if one.length_correlation is not None:
        told.append(f"rank correlation with length {one.length_correlation:+.2f}")
    if one.source_share is not None:
        told.append(f"sources explain {percent(one.source_share, 1)} of its order")
    if one.histogram.missing:
        told.append(f"{count(one.histogram.missing)} documents have no score")
    return "; ".join(told)


def _documents(title: str, placed: Sequence[Placed], class_: str) -> Markup | None:
    if not placed:
        return None
    return tag("div", tag("h4", title), *map(_document, placed), class_=f"samples {class_}")


def _document(placed: Placed) -> Markup:
    where = tag("li", tag("code", "score"), tag("b", value(placed.value)))
    order = tag("li", tag("code", "quantile"), tag("b", value(placed.quantile)))
    return tag(
        "article",
        tag("p", placed.sample.url or placed.sample.id, class_="url"),
        tag("ul", where, order, class_="values"),
        excerpt(placed.sample),
        tag("p", tag("code", placed.sample.id), tag("span", placed.sample.source), class_="id"),
    )


def _matrix(title: str, about: str, names: Sequence[str], rows: Sequence[Sequence[float | None]]) -> Markup:
    """A square of numbers; the darker, the further from 0."""
    head = tag("tr", tag("th", ""), *(tag("th", name) for name in names))
    body = [tag("tr", tag("th", name), *map(_cell, row)) for name, row in zip(names, rows, strict=True)]
    table = tag("table", tag("thead", head), tag("tbody", *body), class_="matrix")
    return join(tag("h3", title), tag("p", about, class_="what"), tag("div", table, class_="scroll"))


def _cell(number: float | None) -> Markup:
    if number is None:
        return tag("td", "")
    return tag("td", f"{number:.2f}", style=f"--strength:{100 * abs(number):.0f}%", class_="heat")


def _mixture(names: Sequence[str], sources: Sequence[SourceMix]) -> Markup:
    """Which sources each score keeps more or less of than there are, and where it puts them."""
    shares = _table("share of what is kept", names, sources, _shares)
    places = _table("mean quantile", names, sources, _places)
    about = f"Marked: a source whose share is below {LEAST} or above {MOST} times its share of the pool."
    return join(tag("h3", "By source"), tag("p", about, class_="what"), shares, places)


def _table(
    title: str, names: Sequence[str], sources: Sequence[SourceMix], cells: Callable[[SourceMix], list[Markup]]
) -> Markup:
    head = tag("tr", tag("th", title), tag("th", "pool"), *(tag("th", name) for name in names))
    rows = [
        tag("tr", tag("th", one.source or "(none)"), tag("td", percent(one.pool_fraction, 1)), *cells(one))
        for one in sources
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="shares"), class_="scroll")


def _shares(one: SourceMix) -> list[Markup]:
    found = []
    for fraction in one.kept_fractions:
        change = fraction / one.pool_fraction if one.pool_fraction else 1.0
        found.append(tag("td", percent(fraction, 1), class_="alarmed" if change < LEAST or change > MOST else None))
    return found


def _places(one: SourceMix) -> list[Markup]:
    return [_cell(quantile) for quantile in one.mean_quantiles]
