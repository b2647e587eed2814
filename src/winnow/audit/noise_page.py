"""What became of spoiled documents, for a page: by choice, by score, and what each kind of noise looks like."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.audit.model import Chosen, Noise, NoiseKind, NoisyChoice, NoisyScore, Ordered, Share
from winnow.report.duplicates import sides
from winnow.report.figures import count
from winnow.report.markup import Markup, join, tag


def sections(noise: Noise) -> list[tuple[str, Markup | None]]:
    """The sections of a page, by their titles."""
    return [
        ("Noise dropped", _choices(noise)),
        ("Noise by score", _scores(noise)),
        ("Kinds of noise", join(*map(_kind, noise.kinds))),
    ]


def _choices(noise: Noise) -> Markup:
    """One row per kind, one column per choice, the untouched documents first."""
    told = (
        "Share of the spoiled documents that each choice drops, of those that come to it, with its 95% interval "
        "(Wilson). Green: oftener than the untouched; red: it keeps them rather than the untouched; grey: not told "
        "apart (Newcombe's interval of the difference). AUC of a rank: how often a spoiled document is dropped before "
        f"an untouched one. {count(noise.untouched)} documents are untouched."
    )
    head = tag("tr", tag("th", "kind"), *(tag("th", choice.name) for choice in noise.choices))
    untouched = tag("tr", tag("th", "untouched"), *(_untouched(choice.untouched) for choice in noise.choices))
    rows = [
        tag("tr", _name(kind), *(_chosen(choice.kinds[kind.name]) for choice in noise.choices)) for kind in noise.kinds
    ]
    table = tag("table", tag("thead", head), tag("tbody", untouched, *rows), class_="grid")
    return join(tag("p", told, class_="what"), tag("div", table, class_="scroll"), _missed(noise.choices))


def _name(kind: NoiseKind) -> Markup:
    return tag("th", kind.name, tag("span", kind.about, class_="what"))


def _untouched(share: Share) -> Markup:
    return tag("td", tag("b", _percent(share)), tag("span", _interval(share)), class_="cell")


def _chosen(one: Chosen) -> Markup:
    if one.dropped.share is None or one.more is None:
        return tag("td", tag("b", "–"), tag("span", "none came to it"), class_="cell")
    reasons = ", ".join(f"{why}: {number}" for why, number in one.reasons.items())
    pairs = (
        f"{count(one.newly_dropped.hits)} of the {count(one.newly_dropped.of)} that it keeps unspoiled are dropped, "
        f"{count(one.newly_kept.hits)} of the {count(one.newly_kept.of)} that it drops unspoiled are kept"
    )
    return tag(
        "td",
        tag("b", _percent(one.dropped)),
        tag("span", _interval(one.dropped)),
        tag("span", f"AUC {one.auc.value:.2f}") if one.auc is not None else None,
        class_="cell",
        style=_tint(one.more.value, one.more.low > 0 or one.more.high < 0),
        title=f"{pairs}{'; ' if reasons else ''}{reasons}",
    )


def _tint(more: float, is_decided: bool) -> str:
    """Green for what is dropped oftener than untouched documents, red for what is kept oftener, grey for neither."""
    if not is_decided:
        return "background:var(--code)"
    colour = "--kept" if more > 0 else "--lost"
    return f"background:color-mix(in srgb, var({colour}) {20 + 40 * abs(more):.0f}%, var(--card))"


def _missed(choices: Sequence[NoisyChoice]) -> Markup:
    """What each choice misses, in words."""
    lines = []
    for choice in choices:
        told = (
            ("keeps rather than untouched text", choice.prefers),
            ("does not tell from untouched text", choice.misses),
        )
        parts = [f"{what}: {', '.join(kinds)}" for what, kinds in told if kinds]
        if parts:
            lines.append(tag("li", tag("strong", choice.name), " ", "; ".join(parts)))
    return tag("ul", *lines, class_="causes")


def _scores(noise: Noise) -> Markup:
    """One row per column, one column per kind; those that no choice names are folded away."""
    told = (
        "AUC: how often a spoiled document has a higher number than an untouched one, with DeLong's 95% interval. At "
        "0.5 the number does not see the noise, above it is higher for noise, below it is lower. Arrows: in how many "
        "of 100 documents the number rose when they were spoiled, of those in which it changed."
    )
    named = sorted((score for score in noise.scores if score.is_read), key=lambda score: not score.is_ranked_by)
    others = [score for score in noise.scores if not score.is_read]
    more = tag("summary", f"{count(len(others))} more measured columns, which no choice names")
    return join(
        tag("p", told, class_="what"),
        _table(noise, named) if named else None,
        tag("details", more, _table(noise, others), class_="idle") if others else None,
    )


def _table(noise: Noise, scores: Sequence[NoisyScore]) -> Markup:
    head = tag(
        "tr",
        tag("th", "column"),
        *(tag("th", kind.name, style="white-space:normal;overflow-wrap:normal") for kind in noise.kinds),
    )
    rows = [
        tag(
            "tr",
            tag("th", tag("code", score.column), style="white-space:nowrap", title=score.description),
            *(_ordered(score.kinds[kind.name]) for kind in noise.kinds),
        )
        for score in scores
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="grid"), class_="scroll")


def _ordered(one: Ordered) -> Markup:
    if one.auc is None:
        return tag("td", tag("b", "–"), tag("span", f"{count(one.missing)} without a number"), class_="cell")
    strength = 0.0 if one.auc.low <= 0.5 <= one.auc.high else 2 * abs(one.auc.value - 0.5)
    raised = None if one.raised.share is None else tag("span", f"↑ {100 * one.raised.share:.0f}")
    missing = f"; {count(one.missing)} without a number" if one.missing else ""
    return tag(
        "td",
        tag("b", f"{one.auc.value:.2f}"),
        tag("span", f"{one.auc.low:.2f}–{one.auc.high:.2f}"),
        raised,
        class_="cell",
        style=f"background:color-mix(in srgb, var(--gold) {45 * strength:.0f}%, var(--code))",
        title=f"rose in {count(one.raised.hits)} of {count(one.raised.of)} that changed{missing}",
    )


def _kind(kind: NoiseKind) -> Markup:
    head = tag(
        "summary",
        tag("b", kind.name),
        tag("span", kind.about, class_="start"),
        tag("span", count(kind.planted), class_="what"),
    )
    return tag("details", head, sides(kind.example), class_="cluster")


def _percent(share: Share) -> str:
    return "–" if share.share is None else f"{100 * share.share:.0f}%"


def _interval(share: Share) -> str:
    return f"{100 * share.low:.0f}–{100 * share.high:.0f}%"
