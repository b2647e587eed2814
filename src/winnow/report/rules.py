"""Every choice with its rules: three counts, the distribution they cut, and documents on both sides of the cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from winnow.report import histogram
from winnow.report.figures import count, percent, value
from winnow.report.limits import holds
from winnow.report.markup import Markup, join, tag
from winnow.report.model import Choice, Histogram, Rule, Sample

SHORT_CHARS = 280
SHORT_LINES = 8
"""How much of an excerpt is shown before "show more"."""
COUNTS = (
    ("first", "rejected first by it", "documents for which it was the first rule to reject"),
    ("any", "rejected by it at all", "documents that it rejects, whatever the other rules say"),
    ("only", "by nothing else", "documents that would be kept without it"),
)


def draw(choice: Choice, histograms: Sequence[Histogram]) -> Markup:
    """One choice: what went in, what was kept, and its rules in the order in which they are checked."""
    active = [rule for rule in choice.rules if rule.any]
    idle = [rule for rule in choice.rules if not rule.any]
    by_expression = {one.expression: one for one in histograms if one.choice == choice.label}
    most = max([rule.any for rule in active], default=1)
    return tag(
        "section",
        tag("h3", choice.name, tag("code", choice.label, class_="label")),
        tag("p", _summary(choice), class_="what"),
        _head(len(active)) if active else None,
        tag("div", *(_rule(index, rule, most, by_expression) for index, rule in enumerate(active)), class_="rules"),
        _idle(idle) if idle else None,
        class_="choice",
    )


def _summary(choice: Choice) -> str:
    dropped = choice.documents - choice.kept
    kept = percent(choice.kept, choice.documents)
    return f"{count(choice.documents)} documents in, {count(dropped)} dropped, {count(choice.kept)} kept ({kept})."


def _head(num_rules: int) -> Markup:
    legend = [tag("span", tag("i", class_=f"key {name}"), text, title=help_) for name, text, help_ in COUNTS]
    sorts = [tag("button", name, type="button", data_sort=name) for name, _, _ in COUNTS]
    in_order = tag("button", "rule", type="button", data_sort="order", aria_pressed="true")
    by = tag("div", tag("span", "order by"), in_order, *sorts, class_="sorts") if num_rules > 1 else None
    return tag("div", tag("div", *legend, class_="legend"), by, class_="rules-head")


def _rule(index: int, rule: Rule, most: int, histograms: Mapping[str, Histogram]) -> Markup:
    numbers = {"first": rule.first, "any": rule.any, "only": rule.only}
    bars = [tag("i", class_=name, style=f"width:{100 * number / most:.2f}%") for name, number in numbers.items()]
    cells = [tag("span", count(number), class_=f"number {name}") for name, number in numbers.items()]
    return tag(
        "details",
        tag("summary", _name(rule.name), tag("span", *bars, class_="bars"), tag("span", *cells, class_="numbers")),
        tag("div", tag("code", rule.condition, class_="condition"), *_pictures(rule, histograms), class_="cut"),
        _samples("Rejected", rule.rejected, rule, "no example among the shards that were looked at"),
        _samples("Nearest kept", rule.nearest, rule, "") if rule.nearest else None,
        class_="rule",
        data_order=index,
        data_first=rule.first,
        data_any=rule.any,
        data_only=rule.only,
    )


def _name(name: str) -> Markup:
    set_, _, reason = name.rpartition(":")
    return tag("span", tag("span", set_, class_="set") if set_ else None, tag("b", reason), class_="name")


def _pictures(rule: Rule, histograms: Mapping[str, Histogram]) -> list[Markup]:
    """The distribution of every expression that the rule compares."""
    expressions = dict.fromkeys(limit.expression for limit in rule.limits)
    found = [histograms[expression] for expression in expressions if expression in histograms]
    return [
        tag(
            "figure",
            tag("figcaption", tag("code", one.expression)),
            histogram.draw(one, [mark for mark in one.marks if mark.rule == rule.name]),
        )
        for one in found
    ]


def _samples(title: str, samples: Sequence[Sample], rule: Rule, nothing: str) -> Markup:
    class_ = "rejected" if title == "Rejected" else "spared"
    cards = [_sample(sample, rule) for sample in samples]
    return tag(
        "div",
        tag("h4", title),
        *(cards or [tag("p", nothing, class_="what")]),
        class_=f"samples {class_}",
    )


def _sample(sample: Sample, rule: Rule) -> Markup:
    others = [name for name in sample.reasons if name != rule.name]
    chips = [tag("li", name) for name in others]
    return tag(
        "article",
        tag("p", sample.url or sample.id, class_="url"),
        tag("ul", *(_value(name, found, rule) for name, found in sample.values.items()), class_="values"),
        excerpt(sample),
        tag("div", tag("span", "also rejected by"), tag("ul", *chips), class_="others") if others else None,
        tag("p", tag("code", sample.id), tag("span", sample.source), class_="id"),
    )


def _value(name: str, found: float | str | None, rule: Rule) -> Markup:
    """What the rule looked at; marked where that alone speaks against the document, or nobody can tell."""
    limits = [limit for limit in rule.limits if limit.expression == name]
    bounds = [tag("span", f"rejects {limit.operator} {value(limit.threshold)}") for limit in limits]
    against = not limits or any(holds(limit, found) for limit in limits if isinstance(found, int | float))
    return tag("li", tag("code", name), tag("b", value(found)), *bounds, class_="against" if against else None)


def excerpt(sample: Sample) -> Markup:
    """The beginning of the text; what is beyond the first lines waits behind "show more"."""
    text = sample.excerpt
    unseen = f" … {count(sample.num_chars)} characters in all" if sample.num_chars > len(text) else None
    end = tag("span", unseen, class_="unseen") if unseen else None
    cut = _short(text)
    if cut == len(text):
        return tag("p", text or "(no text)", end, class_="excerpt")
    short = tag("summary", text[:cut], tag("span", "… show more", class_="more"))
    return tag("details", short, join(text[cut:], end), class_="excerpt")


def _short(text: str) -> int:
    """Where the first lines end: after ``SHORT_LINES`` lines or, between words, ``SHORT_CHARS`` characters."""
    lines = text.split("\n", SHORT_LINES)
    end = len(text) - len(lines[SHORT_LINES]) - 1 if len(lines) > SHORT_LINES else len(text)
    if end <= SHORT_CHARS:
        return end
    space = text.rfind(" ", SHORT_CHARS // 2, SHORT_CHARS)
    return space if space > 0 else SHORT_CHARS


def _idle(rules: Sequence[Rule]) -> Markup:
    rows = [tag("tr", tag("th", _name(rule.name)), tag("td", tag("code", rule.condition))) for rule in rules]
    title = "1 rule rejected nothing" if len(rules) == 1 else f"{len(rules)} rules rejected nothing"
    table = tag("div", tag("table", tag("tbody", *rows)), class_="scroll")
    return tag("details", tag("summary", title), table, class_="idle")
