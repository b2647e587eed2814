"""Documents to look at: for each rule some that it rejects and the ones that it spares by the narrowest margin.

Which they are depends on their ids alone. They are taken from a few shards and no other text is read, so that the cost
is bounded: a pass over the text of a large corpus would cost more than the choice that it illustrates.
"""

from __future__ import annotations

import hashlib
import html
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from winnow.core.step import Rows
from winnow.core.table import Store
from winnow.report.limits import Limits, gaps
from winnow.report.look import Look
from winnow.report.model import (
    MAX_EXCERPT_BYTES,
    MAX_EXCERPT_CHARS,
    MAX_NEAREST,
    MAX_REASONS,
    MAX_REJECTED,
    MAX_URL_CHARS,
    Sample,
)

MAX_TIES = 1000
"""Documents per shard at the same distance from a threshold that are considered."""


@dataclass(frozen=True, order=True)
class Pick:
    """A document that is going to be shown."""

    order: tuple[float, str]
    shard: int
    id: str
    values: dict[str, Any]
    reasons: tuple[str, ...]


def rejected(looks: Iterable[Look], reason: str, expressions: Sequence[str]) -> list[Pick]:
    """Documents that the rule rejects, those that it was the first to reject before others."""
    picks = []
    for look in looks:
        parents = pc.list_parent_indices(look.rejected_by)
        rows = parents.filter(pc.equal(pc.list_flatten(look.rejected_by), reason)).to_pylist()
        firsts = look.reasons.take(pa.array(rows, pa.int64())).to_pylist()
        order = sorted(
            (float(first != reason), chance(look.ids[row]), row) for row, first in zip(rows, firsts, strict=True)
        )
        picks += [_pick(look, row, (later, drawn), expressions) for later, drawn, row in order[:MAX_REJECTED]]
    return sorted(picks, key=lambda pick: pick.order)[:MAX_REJECTED]


def nearest(looks: Iterable[Look], limits: Limits, expressions: Sequence[str]) -> list[Pick]:
    """Kept documents that the rule was closest to rejecting; none where its only threshold is zero."""
    if not any(limit.threshold for limit in limits.limits):
        return []
    picks = []
    for look in looks:
        numbers = {limit.expression: look.numbers(limit.expression) for limit in limits.limits}
        gap = np.where(look.kept, gaps(limits, numbers), np.inf)
        rows = _closest(gap)
        order = sorted((float(gap[row]), chance(look.ids[row]), int(row)) for row in rows if gap[row] < np.inf)
        picks += [_pick(look, row, (far, drawn), expressions) for far, drawn, row in order[:MAX_NEAREST]]
    return sorted(picks, key=lambda pick: pick.order)[:MAX_NEAREST]


def _closest(gap: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows with the smallest gaps; of many at the same distance the first ``MAX_TIES``."""
    number = min(MAX_NEAREST, len(gap))
    last = np.partition(gap, number - 1)[number - 1] if number else 0.0
    return np.flatnonzero(gap <= last)[:MAX_TIES]


def chance(id: str) -> str:
    """A number that the id draws, the same in every run."""
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def read_samples(documents: Rows, store: Store, picks: Iterable[Pick]) -> dict[str, dict[str, Any]]:
    """Url, source, excerpt and length of the picked documents, by id."""
    wanted: dict[int, set[str]] = {}
    for pick in picks:
        wanted.setdefault(pick.shard, set()).add(pick.id)
    return {row["id"]: row for shard, ids in sorted(wanted.items()) for row in _rows(documents, store, shard, ids)}


def sample(pick: Pick, row: dict[str, Any]) -> Sample:
    """A picked document with its text."""
    values = {name: _plain(value) for name, value in pick.values.items()}
    return shown(row, num_chars=row["num_chars"] or 0, values=values, reasons=pick.reasons[:MAX_REASONS])


def shown(
    row: dict[str, Any],
    *,
    num_chars: int,
    values: dict[str, float | str | None] | None = None,
    reasons: tuple[str, ...] = (),
) -> Sample:
    """A document as a report shows it: as much of it as stays small."""
    return Sample(
        id=row["id"],
        url=(row.get("url") or "")[:MAX_URL_CHARS],
        source=(row.get("source") or "")[:MAX_URL_CHARS],
        excerpt=_excerpt((row["text"] or "")[:MAX_EXCERPT_CHARS]),
        num_chars=num_chars,
        values=values or {},
        reasons=reasons,
    )


def _pick(look: Look, row: int, order: tuple[float, str], expressions: Sequence[str]) -> Pick:
    values = {name: look.values.column(name)[row].as_py() for name in expressions}
    return Pick(order, look.shard, look.ids[row], values, tuple(look.rejected_by[row].as_py() or ()))


def _rows(documents: Rows, store: Store, shard: int, ids: set[str]) -> Iterator[dict[str, Any]]:
    columns = [name for name in ("id", "url", "source", "text") if name in documents.schema().names]
    for batch in documents.open_shard(store, shard, columns):
        found = batch.filter(pc.is_in(batch.column("id"), pa.array(sorted(ids), pa.string())))
        text = found.column("text")
        lengths = pc.utf8_length(text).to_pylist()
        starts = pc.utf8_slice_codeunits(text, 0, MAX_EXCERPT_CHARS).to_pylist()
        others = found.drop_columns(["text"]).to_pylist()
        for row, length, start in zip(others, lengths, starts, strict=True):
            yield {**row, "num_chars": length, "text": start}


def _excerpt(text: str) -> str:
    """As much of the beginning as stays small when it is escaped."""
    while len(html.escape(text).encode("utf-8", "replace")) > MAX_EXCERPT_BYTES:
        text = text[: len(text) * 3 // 4]
    return text


def _plain(value: Any) -> float | str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, int | float) else str(value)[:MAX_URL_CHARS]
