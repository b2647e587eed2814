"""What a recipe's authors say that their steps removed, beside what the same steps remove here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from winnow.report.figures import percent
from winnow.report.markup import Markup, join, tag
from winnow.report.model import Removed, Stage

DOCUMENTS = "Documents"
"""The stage after reading: both shares are of what it holds."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A step's share in a paper."""

    what: str
    reasons: tuple[str, ...]
    """How the reasons of the same step begin here."""
    fraction: float
    """Of all documents that were read, the share that it removed, in [0, 1]."""
    source: str


def removed(published: Sequence[Published], stages: Sequence[Stage]) -> tuple[Removed, ...]:
    """Every published share with that of this run."""
    read = next((stage.total.documents for stage in stages if stage.name == DOCUMENTS), 0)
    losses = [loss for stage in stages for loss in stage.losses]
    return tuple(
        Removed(
            what=one.what,
            documents=(number := sum(loss.documents for loss in losses if loss.reason.startswith(one.reasons))),
            fraction=number / read if read else 0.0,
            published_fraction=one.fraction,
            source=one.source,
        )
        for one in published
    )


def draw(rows: Sequence[Removed]) -> Markup:
    """A table of both shares, and of what is left."""
    head = tag("tr", *(tag("th", name) for name in ("step", "removed here", rows[0].source)))
    body = [
        tag("tr", tag("th", one.what), _share(one.fraction), _share(one.published_fraction))
        for one in [*rows, _left(rows)]
    ]
    table = tag("table", tag("thead", head), tag("tbody", *body), class_="shares")
    about = "Shares of all documents that were read."
    return join(tag("h3", "Beside the paper"), tag("p", about, class_="what"), tag("div", table, class_="scroll"))


def _share(fraction: float) -> Markup:
    return tag("td", percent(fraction, 1))


def _left(rows: Sequence[Removed]) -> Removed:
    return Removed(
        what="left after these",
        documents=0,
        fraction=1 - sum(one.fraction for one in rows),
        published_fraction=1 - sum(one.published_fraction for one in rows),
        source=rows[0].source,
    )
