"""The report as one HTML file that needs nothing but itself: styles, script, pictures and data are inside.

Everything from a document is escaped on its way in (``markup``), and a content security policy forbids the page to load
or send anything, so that a page about hostile HTML stays harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from winnow.report import duplicates, funnel, histogram, published, rules, score_cards
from winnow.report.figures import count, duration, percent, size
from winnow.report.markup import Markup, join, tag
from winnow.report.model import EditSummary, Failure, Histogram, Node, ReportData, StepTime
from winnow.report.stages import CHOSEN

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render(data: ReportData) -> str:
    """The page as HTML text."""
    sections = [(name, body) for name, body in _sections(data) if body is not None]
    return frame(f"{data.recipe}: winnow report", _header(data), sections, data.to_json(), data.libraries)


def frame(
    title: str, header: Markup, sections: Sequence[tuple[str, Markup]], plain: str, libraries: Mapping[str, str]
) -> str:
    """A page of sections with a navigation; ``plain`` is the JSON that it shows, which it holds as well."""
    links = [tag("a", name, href=f"#{_anchor(name)}") for name, _ in sections]
    body = tag(
        "body",
        header,
        tag("nav", tag("div", *links, class_="links"), tag("button", "light / dark", type="button", id="theme")),
        tag("main", *(tag("section", tag("h2", name), section, id=_anchor(name)) for name, section in sections)),
        tag("footer", tag("p", f"winnow {libraries.get('winnow-data', '')} made this page from its tables.")),
        _embedded(plain),
        tag("script", _asset("report.js")),
    )
    return Markup("<!doctype html>\n") + tag("html", _head(title), body, lang="en")


def _head(title: str) -> Markup:
    metas = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
    ]
    return tag("head", Markup("".join(metas)), tag("title", title), tag("style", _asset("report.css")))


def _asset(name: str) -> Markup:
    return Markup((files("winnow.report") / name).read_text("utf-8"))


def _embedded(plain: str) -> Markup:
    """The data as JSON; ``<`` is written so that no document can end the element."""
    safe = plain.replace("<", "\\u003c").encode("utf-8", "replace").decode()
    return tag("script", Markup(safe), type="application/json", id="report-data")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _sections(data: ReportData) -> list[tuple[str, Markup | None]]:
    return [
        ("Funnel", join(funnel.draw(data.stages), published.draw(data.removed) if data.removed else None)),
        ("Rules", join(*(rules.draw(choice, data.histograms) for choice in data.choices)) if data.choices else None),
        ("Scores", join(*map(score_cards.draw, data.scores)) if data.scores else None),
        ("Duplicates", join(*map(duplicates.draw, data.deduplications)) if data.deduplications else None),
        ("Measures", _measures(data.histograms) if data.histograms else None),
        ("Edits", join(*map(_edit, data.edits)) if data.edits else None),
        ("Set aside", _set_aside(data)),
        ("Time", _times(data.steps)),
        ("Recipe", _recipe(data)),
    ]


def _header(data: ReportData) -> Markup:
    first, last = data.stages[0].total, data.stages[-1].total
    words = [figure(count(last.words), "words chosen")] if last.words is not None else []
    seconds = sum(step.seconds for step in data.steps)
    return tag(
        "header",
        tag("p", tag("span", "winnow", class_="brand"), " report", class_="eyebrow"),
        tag("h1", data.recipe),
        tag(
            "p",
            "from ",
            tag("code", data.source),
            ", made ",
            tag("time", data.made[:16].replace("T", " "), " UTC", datetime=data.made),
            class_="made",
        ),
        tag(
            "div",
            figure(count(last.documents), "documents chosen" if data.stages[-1].name == CHOSEN else "documents"),
            figure(
                percent(last.documents, first.documents), f"of {count(first.documents)} {data.stages[0].name.lower()}"
            ),
            *words,
            figure(duration(seconds), "of processor time"),
            class_="headline",
        ),
    )


def figure(number: str, what: str) -> Markup:
    """A number of the headline."""
    return tag("p", tag("b", number), tag("span", what))


def _measures(histograms: Sequence[Histogram]) -> Markup:
    cut = [one for one in histograms if one.marks]
    rest = [one for one in histograms if not one.marks]
    legend = [tag("span", tag("i", class_=f"key {name}"), text) for name, text in _LEGEND]
    more = tag("summary", f"{len(rest)} more measured columns, without a threshold")
    return join(
        tag("div", *legend, tag("span", "a bar's height is the square root of its documents"), class_="legend"),
        tag("div", *map(_card, cut), class_="cards"),
        tag("details", more, tag("div", *map(_card, rest), class_="cards"), class_="idle") if rest else None,
    )


_LEGEND = (("kept", "kept"), ("dropped", "dropped"), ("rejects", "side that a rule rejects"))


def _card(one: Histogram) -> Markup:
    about = [one.description, "logarithmic" if one.scale == "logarithmic" else ""]
    caption = tag("figcaption", tag("code", one.expression), tag("span", " · ".join(filter(None, about))))
    return tag("figure", caption, histogram.draw(one), class_="card")


def _edit(edit: EditSummary) -> Markup:
    most = max([*edit.removed.values(), 1])
    rows = [
        tag("tr", tag("th", name), tag("td", count(number)), tag("td", _bar(number, most)))
        for name, number in sorted(edit.removed.items(), key=lambda item: -item[1])
    ]
    picture = (
        tag(
            "figure",
            tag("figcaption", tag("code", edit.fraction.expression)),
            histogram.draw(edit.fraction),
            class_="card",
        )
        if edit.fraction
        else None
    )
    return tag(
        "section",
        tag("h3", edit.name, tag("code", edit.label, class_="label")),
        tag("p", f"{count(edit.changed)} of {count(edit.documents)} documents lost at least one word.", class_="what"),
        tag("div", tag("table", tag("tbody", *rows)), picture, class_="beside"),
    )


def _bar(part: float, whole: float) -> Markup:
    filled = tag("i", style=f"width:{100 * part / whole:.2f}%") if part and whole else None
    return tag("span", filled, class_="bar")


def _set_aside(data: ReportData) -> Markup:
    most = max([*data.skipped.values(), 1])
    skipped = [
        tag("tr", tag("th", reason), tag("td", count(number)), tag("td", _bar(number, most)))
        for reason, number in sorted(data.skipped.items(), key=lambda item: -item[1])
    ]
    broken = sum(failure.count for failure in data.failures)
    return join(
        tag("h3", f"Quarantine: {count(broken)} {'record' if broken == 1 else 'records'}"),
        tag(
            "p",
            "What broke a step is kept with the error and the place it came from; its neighbours went on.",
            class_="what",
        ),
        *map(_failure, data.failures),
        tag("h3", f"Skipped: {count(sum(data.skipped.values()))} records that hold no document") if skipped else None,
        tag("table", tag("tbody", *skipped)) if skipped else None,
    )


def _failure(failure: Failure) -> Markup:
    examples = [
        tag(
            "li",
            tag("code", one.where),
            tag("p", one.url, class_="url") if one.url else None,
            tag("p", one.error, class_="error"),
        )
        for one in failure.examples
    ]
    what = tag("span", failure.kind, tag("span", failure.error, class_="what"), class_="kind")
    head = tag("summary", tag("b", count(failure.count)), what, tag("code", failure.step))
    return tag("details", head, tag("ol", *examples), class_="failure")


def _times(steps: Sequence[StepTime]) -> Markup:
    most = max([step.seconds for step in steps], default=1.0)
    names = ("step", "documents", "read", "processor time", "", "speed of one core", "quarantined")
    rows = [_time(step, most) for step in steps]
    table = tag(
        "table", tag("thead", tag("tr", *(tag("th", name) for name in names))), tag("tbody", *rows), class_="times"
    )
    return tag("div", table, class_="scroll")


def _time(step: StepTime, most: float) -> Markup:
    speed = f"{size(step.bytes / step.seconds)}/s" if step.seconds and step.bytes else ""
    return tag(
        "tr",
        tag("th", step.kind, tag("code", step.label, class_="label")),
        tag("td", count(step.documents)),
        tag("td", size(step.bytes)),
        tag("td", duration(step.seconds)),
        tag("td", _bar(step.seconds, most)),
        tag("td", speed),
        tag("td", count(step.quarantined) if step.quarantined else ""),
    )


def _recipe(data: ReportData) -> Markup:
    versions = [tag("li", name, " ", tag("b", version)) for name, version in data.libraries.items()]
    return join(
        tag("pre", tag("code", data.command), class_="condition"),
        tag("ol", *map(_node, data.tree), class_="tree"),
        tag("h3", "Made with"),
        tag("ul", *versions, class_="versions"),
    )


def _node(node: Node) -> Markup:
    name = tag("span", node.name, class_="name")
    shown = tag("span", node.value, class_="value") if node.value else None
    if not node.children:
        return tag("li", name, shown)
    inside = tag("ul", *map(_node, node.children))
    return tag("li", tag("details", tag("summary", name, shown), inside, open=len(node.children) <= _OPEN))


_OPEN = 8
"""Nodes with more children than this start closed."""
