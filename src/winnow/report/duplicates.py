"""What deduplication removed: by source, by similarity, the largest clusters, and some drawn by chance."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.report import histogram
from winnow.report.figures import count, percent, size, value
from winnow.report.markup import Markup, join, tag
from winnow.report.model import Cluster, Deduplication, Member, SourceShare, Spread
from winnow.report.passages import SideBySide
from winnow.report.rules import excerpt


def draw(found: Deduplication) -> Markup:
    """One method of deduplication."""
    picture = (
        tag("figure", tag("figcaption", "similarity of the removed to the kept"), histogram.draw(found.similarities))
        if found.similarities
        else None
    )
    return tag(
        "section",
        tag("h3", found.name, tag("code", found.label, class_="label")),
        tag("p", _summary(found), class_="what"),
        *(tag("p", alarm, class_="alarm", role="alert") for alarm in found.alarms),
        tag("div", _sources(found.sources), picture, class_="beside") if found.removed else None,
        _purity(found),
        *_clusters("Largest clusters", found.largest),
        *_clusters("Others, drawn by chance", [cluster for cluster in found.sampled if cluster not in found.largest]),
        class_="choice",
    )


def _summary(found: Deduplication) -> str:
    if not found.removed:
        return f"None of {count(found.documents)} documents repeats another."
    text = f"{count(found.removed)} of {count(found.documents)} documents ({percent(found.removed, found.documents)}) "
    kept = f"repeat one of {count(found.num_clusters)} that are kept"
    about = "" if found.bytes_are_exact else "about "
    return f"{text}{kept}{'' if found.removed_bytes is None else f': {about}{size(found.removed_bytes)} of text'}."


def _sources(shares: Sequence[SourceShare]) -> Markup:
    head = tag("tr", *(tag("th", name) for name in ("source", "documents", "removed", "")))
    rows = [
        tag(
            "tr",
            tag("th", one.source or "(none)"),
            tag("td", count(one.documents)),
            tag("td", count(one.removed)),
            tag("td", _share(one), class_="alarmed" if one.alarm else None),
        )
        for one in shares
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="shares"), class_="scroll")


def _share(one: SourceShare) -> Markup:
    filled = tag("i", style=f"width:{100 * one.removed / one.documents:.2f}%") if one.removed else None
    return join(tag("span", filled, class_="bar"), percent(one.removed, one.documents))


def _purity(found: Deduplication) -> Markup | None:
    """How alike the documents of the clusters drawn by chance really are."""
    if found.to_kept is None:
        return None
    told = [_spread("a removed document and the kept one", found.to_kept)]
    told += [_spread("two removed documents of one cluster", found.among)] if found.among else []
    return join(
        tag("h4", "Purity"),
        tag(
            "p",
            f"In {count(len(found.sampled))} clusters drawn by chance the similarity (Jaccard, word 5-grams) was "
            "counted again, from the texts alone. A method that reads numbers or accents otherwise differs a little.",
            class_="what",
        ),
        tag("table", tag("tbody", *told), class_="purity"),
    )


def _spread(what: str, spread: Spread) -> Markup:
    cells = [("lowest", spread.lowest), ("a tenth below", spread.tenth), ("median", spread.median)]
    return tag(
        "tr",
        tag("th", what),
        tag("td", f"{count(spread.number)} pairs"),
        *(tag("td", tag("span", name, class_="what"), " ", tag("b", f"{number:.2f}")) for name, number in cells),
    )


def _clusters(title: str, clusters: Sequence[Cluster]) -> list[Markup]:
    if not clusters:
        return []
    return [tag("h4", title), tag("div", *map(_cluster, clusters), class_="clusters")]


def _cluster(cluster: Cluster) -> Markup:
    head = tag(
        "summary",
        tag("b", count(cluster.size), class_="alarmed" if cluster.alarm else None),
        tag("span", cluster.kept.excerpt[:120] or "(no text)", class_="start"),
        tag("span", f"least alike {cluster.members[0].jaccard:.2f}", class_="what") if cluster.members else None,
    )
    body = sides(cluster.beside) if cluster.beside else tag("div", excerpt(cluster.kept), class_="samples")
    return tag("details", head, body, _members(cluster.members) if cluster.members else None, class_="cluster")


def _members(members: Sequence[Member]) -> Markup:
    head = tag("tr", *(tag("th", name) for name in ("removed, some of them", "source", "found", "counted")))
    rows = [
        tag(
            "tr",
            tag("th", one.url or one.id),
            tag("td", one.source),
            tag("td", value(one.reported)),
            tag("td", f"{one.jaccard:.3g}"),
        )
        for one in members
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="members scroll")


def sides(two: SideBySide) -> Markup:
    """Two texts side by side; what only one of them has is marked."""
    columns = []
    for name, words, side in ((two.left, two.left_words, "left"), (two.right, two.right_words, "right")):
        parts: list[str] = []
        for stretch in two.stretches:
            text = stretch.left if side == "left" else stretch.right
            parts += [text if stretch.shared else tag("mark", text), " "] if text else []
        head = tag("p", tag("code", name), tag("span", f"{count(words)} words"), class_="id")
        columns.append(tag("div", head, tag("p", *parts, class_="text")))
    told = f"{count(two.shared_words)} words shared in order{'' if two.whole else '; long texts are shown in part'}"
    return tag("div", *columns, tag("p", told, class_="what"), class_="sides")
