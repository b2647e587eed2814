"""An audit as one HTML file: a table of recall, a picture of what similarity was dropped, and every kind of miss."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.audit import noise_page
from winnow.audit.judge import BELOW
from winnow.audit.model import Audit, Bin, Cell, Example, Own, Share
from winnow.report.duplicates import sides
from winnow.report.figures import count
from winnow.report.markup import Markup, join, tag
from winnow.report.page import figure, frame

WIDTH, HEIGHT = 640, 220
LEFT, TOP, BOTTOM = 34, 8, 190
"""The plot stands right of LEFT, between TOP and BOTTOM."""


def render(audit: Audit) -> str:
    """The page as HTML text."""
    duplicates = [cell for cell in audit.cells if cell.subject == "duplicate"]
    passages = [cell for cell in audit.cells if cell.subject == "repeated passage"]
    items = [cell for cell in audit.cells if cell.subject == "contamination"]
    sections = [
        ("Copies found", _table([cell for cell in duplicates if cell.wanted], audit.threshold)),
        ("Kept apart", _table([cell for cell in duplicates if not cell.wanted], None)),
        ("Similarity", _curve(audit)),
        ("Passages cut", _table([cell for cell in passages if cell.wanted], None)),
        ("Passages left", _table([cell for cell in passages if not cell.wanted], None)),
        ("Items found", _table([cell for cell in items if cell.wanted], None)),
        ("No items", _table([cell for cell in items if not cell.wanted], None)),
        *(noise_page.sections(audit.noise) if audit.noise is not None else ()),
        ("Causes", _all_causes([cell for cell in audit.cells if cell.causes])),
        ("Own duplicates", _own(audit)),
        ("Audit", _about(audit)),
    ]
    shown = [(name, body) for name, body in sections if body]
    return frame(f"{audit.recipe}: winnow audit", _header(audit), shown, audit.to_json(), audit.libraries)


def _header(audit: Audit) -> Markup:
    figures = [figure(_percent(share), f"precision: of {count(share.of)} dropped as {subject}")
               for subject, share in audit.precision.items() if share.of]  # fmt: skip
    if audit.above is not None and audit.above.of:
        text = f"recall of {count(audit.above.of)} pairs at or above {audit.threshold:g}"
        figures.insert(0, figure(_percent(audit.above), text))
    kinds = audit.noise.kinds if audit.noise is not None else ()
    planted = sum(cell.planted for cell in audit.cells) + sum(kind.planted for kind in kinds)
    return tag(
        "header",
        tag("p", tag("span", "winnow", class_="brand"), " audit", class_="eyebrow"),
        tag("h1", audit.recipe),
        tag(
            "p", "known cases planted in documents from ", tag("code", audit.source), ", ", _time(audit), class_="made"
        ),
        tag(
            "div",
            *figures,
            figure(count(planted), "cases planted"),
            figure(count(audit.documents), "documents read"),
            class_="headline",
        ),
    )


def _time(audit: Audit) -> Markup:
    return tag("time", audit.made[:16].replace("T", " "), " UTC", datetime=audit.made)


def _percent(share: Share) -> str:
    return "" if share.share is None else f"{100 * share.share:.0f}%"


def _table(cells: Sequence[Cell], threshold: float | None) -> Markup | None:
    """One row per kind, one column per rate; what has no rate stands in the first column."""
    if not cells:
        return None
    rates = sorted({cell.rate for cell in cells if cell.rate is not None})
    kinds = list(dict.fromkeys(cell.kind for cell in cells))
    by_place = {(cell.kind, cell.rate): cell for cell in cells}
    head = tag("tr", tag("th", "kind"), tag("th", ""), *(tag("th", f"{rate:.0%}") for rate in rates))
    rows = []
    for kind in kinds:
        about = next(cell.about for cell in cells if cell.kind == kind)
        name = tag("th", kind, tag("span", about, class_="what"))
        rows.append(tag("tr", name, *(_cell(by_place.get((kind, rate)), threshold) for rate in (None, *rates))))
    what = "found" if cells[0].wanted else "dropped, though it should not be"
    told = (
        f"Share that was {what}, with the interval that holds the true share in 95 of 100 audits, and the median of "
        "the true similarities (J: Jaccard of word 5-grams). Columns are shares of the words."
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="grid")
    return join(tag("p", told, class_="what"), tag("div", table, class_="scroll"))


def _cell(cell: Cell | None, threshold: float | None) -> Markup:
    if cell is None:
        return tag("td")
    if cell.share.share is None:
        return tag("td", tag("b", "–"), tag("span", f"{count(cell.lost)} removed before"), class_="cell")
    return tag(
        "td",
        tag("b", _percent(cell.share)),
        tag("span", f"{100 * cell.share.low:.0f}–{100 * cell.share.high:.0f}%"),
        tag("span", f"J {cell.similarity:.2f}") if cell.similarity is not None else None,
        class_="cell",
        style=_tint(cell, cell.share.share, threshold),
        title=f"{count(cell.share.hits)} of {count(cell.share.of)}, {count(cell.lost)} removed before",
    )


def _tint(cell: Cell, share: float, threshold: float | None) -> str:
    """Green where it is as it should be, red where it is not; grey where the method does not mean to find the pairs."""
    good = share if cell.wanted else 1 - share
    if good < 0.5 and threshold is not None and cell.similarity is not None and cell.similarity < threshold:
        return "background:var(--code)"
    colour = "--kept" if good >= 0.5 else "--lost"
    return f"background:color-mix(in srgb, var({colour}) {20 + abs(good - 0.5) * 70:.0f}%, var(--card))"


def _curve(audit: Audit) -> Markup | None:
    """What was dropped by true similarity, with its interval, and the threshold."""
    if not audit.bins:
        return None
    line = [tag("g", *_bin(one)) for one in audit.bins]
    marks = []
    if audit.threshold is not None:
        x = _x(audit.threshold)
        marks = [
            tag("path", d=f"M{x:.1f} {TOP}V{BOTTOM}"),
            tag("text", f"threshold {audit.threshold:g}", x=f"{x - 4:.1f}", y=TOP + 9, text_anchor="end"),
        ]
    ticks = [
        tag("text", f"{step / 5:g}", x=f"{_x(step / 5):.1f}", y=BOTTOM + 16, text_anchor="middle") for step in range(6)
    ]
    sides_ = [tag("text", text, x=LEFT - 6, y=f"{_y(level) + 3:.1f}", text_anchor="end") for level, text in _LEVELS]
    rules = [tag("path", d=f"M{LEFT} {_y(level):.1f}H{WIDTH}", class_="axis") for level, _ in _LEVELS]
    picture = tag(
        "svg",
        *rules,
        *line,
        tag("g", *marks, class_="mark"),
        *ticks,
        *sides_,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="histogram curve",
        role="img",
    )
    told = (
        "Of planted pairs by their true similarity (Jaccard of word 5-grams), the share of which one was dropped as a "
        "duplicate; bars are 95% intervals."
    )
    return join(tag("p", told, class_="what"), tag("figure", picture))


_LEVELS = ((0.0, "0%"), (0.5, "50%"), (1.0, "100%"))


def _x(similarity: float) -> float:
    return LEFT + 8 + (WIDTH - LEFT - 16) * similarity


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _bin(one: Bin) -> list[Markup]:
    x, share = _x((one.low + one.high) / 2), one.dropped.share or 0.0
    title = f"{one.low:g} to {one.high:g}: {one.dropped.hits} of {one.dropped.of} dropped"
    return [
        tag("path", d=f"M{x:.1f} {_y(one.dropped.low):.1f}V{_y(one.dropped.high):.1f}", class_="interval"),
        tag("circle", tag("title", title), cx=f"{x:.1f}", cy=f"{_y(share):.1f}", r=4.5, class_="kept"),
    ]


def _all_causes(cells: Sequence[Cell]) -> Markup | None:
    """Kinds with something to explain; those that lie below the threshold as they should are folded away."""
    expected = [cell for cell in cells if all(cause.startswith(BELOW) for cause in cell.causes)]
    told = tag("summary", f"{count(len(expected))} kinds whose misses all lie below the threshold")
    return join(
        *(_causes(cell) for cell in cells if cell not in expected),
        tag("details", told, *map(_causes, expected), class_="idle") if expected else None,
    )


def _causes(cell: Cell) -> Markup:
    name = cell.kind if cell.rate is None else f"{cell.kind}, {cell.rate:.0%}"
    counted = cell.share.of - cell.share.hits if cell.wanted else cell.share.hits
    what = f"{count(counted)} {'missed' if cell.wanted else 'dropped all the same'} of {count(cell.share.of)}"
    causes = [tag("li", tag("b", count(number)), " ", cause) for cause, number in cell.causes.items()]
    head = tag("summary", tag("b", name), tag("span", what, class_="start"))
    examples = [part for one in cell.examples for part in _example(one)]
    return tag("details", head, tag("ul", *causes, class_="causes"), *examples, class_="cluster")


def _example(one: Example) -> list[Markup]:
    similarity = "" if one.similarity is None else f", true similarity {one.similarity:.2f}"
    shown = [sides(one.beside)] if one.beside else []
    return [tag("p", tag("code", one.id), f": {one.outcome}, {one.cause}{similarity}", class_="what case"), *shown]


def _own(audit: Audit) -> Markup | None:
    if not audit.methods:
        return None
    told = (
        f"When nothing is planted the recipe drops {count(audit.num_own)} of the {count(audit.documents)} documents as "
        "duplicates of others among them. Whether they are is for the reader to say; the least alike of some of them:"
    )
    return join(tag("p", told, class_="what"), *map(_own_case, audit.own))


def _own_case(one: Own) -> Markup:
    start = one.beside.stretches[0].left or one.beside.stretches[0].right if one.beside.stretches else ""
    head = tag(
        "summary",
        tag("b", f"{one.similarity:.2f}"),
        tag("span", start[:120], class_="start"),
        tag("span", one.method, class_="what"),
    )
    return tag("details", head, sides(one.beside), class_="cluster")


def _about(audit: Audit) -> Markup:
    kept = f"The recipe keeps {count(audit.kept)} of {count(audit.documents)} documents as they are read; "
    made = "plants are made of those, so that quality rules seldom stand between a plant and what is audited."
    return join(
        tag("pre", tag("code", audit.command), class_="condition"),
        tag("p", kept + made),
        *(tag("p", note) for note in audit.notes),
        tag("p", "seed ", tag("b", str(audit.seed))),
    )
