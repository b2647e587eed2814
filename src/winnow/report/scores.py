"""Scores that documents are chosen by: how they order the pool, what they agree on, what else they measure.

Costs a pass over columns of numbers, and the texts of a few shards: their lengths, and the documents that are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from winnow.choose.rank import ByScore
from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.core.step import Rows
from winnow.core.table import Store
from winnow.measure.examples import draw
from winnow.measure.ranks import Values, explained, mid_ranks, shared, spearman
from winnow.report.distributions import Distribution
from winnow.report.look import look, spread
from winnow.report.model import (
    LENGTH_ALARM,
    MAX_BESIDE_CUT,
    MAX_DRAWN,
    MAX_SCORES,
    MAX_SOURCES,
    QUANTILES,
    Mark,
    Placed,
    ScoreLook,
    Scores,
    SourceMix,
)
from winnow.report.samples import Pick, chance, read_samples, sample

SOURCE = "documents.source"


@dataclass(frozen=True)
class _Drawn:
    """The documents that were drawn: one entry each, one column per score."""

    ids: list[str]
    shards: NDArray[np.intp]
    sources: NDArray[np.object_]
    values: Values
    """Shape (documents, scores)."""
    kept: NDArray[np.bool_]
    """Shape (documents, scores)."""


def scores(choices: Sequence[tuple[str, Select]], store: Store) -> Scores | None:
    """The choices by a score among some from one pool; None where there is none."""
    ranked = [(name, select) for name, select in choices if score_of(select) is not None]
    if not ranked or not num_shards(ranked[0][1], store):
        return None
    pool = ranked[0][1].documents
    drawn = _draw(ranked, store)
    lengths = _lengths(pool, store, drawn)
    looks = tuple(_look(place, name, select, store, drawn, lengths) for place, (name, select) in enumerate(ranked))
    every = range(len(ranked))
    return Scores(
        drawn=len(drawn.ids),
        scores=looks,
        correlations=tuple(tuple(spearman(drawn.values[:, a], drawn.values[:, b]) for b in every) for a in every),
        agreements=tuple(tuple(shared(drawn.kept[:, a], drawn.kept[:, b]) for b in every) for a in every),
        sources=_mixture(drawn),
        alarms=tuple(_alarms(looks)),
    )


def score_of(select: Select) -> str | None:
    """SQL of the score that a choice ranks by; None where it ranks by none."""
    return select.keep.score if isinstance(select.keep, ByScore) else None


def _draw(choices: Sequence[tuple[str, Select]], store: Store) -> _Drawn:
    """The same documents for every score: all, or those with the lowest draws."""
    share = MAX_DRAWN / max(1, store.table(choices[0][1]).manifest.rows)
    found: list[tuple[Any, ...]] = []
    for shard in range(num_shards(choices[0][1], store)):
        looks = [look(select, store, shard, _expressions(select)) for _, select in choices]
        ids = looks[0].ids
        rows = np.flatnonzero([draw(id, 0) < share for id in ids]) if share < 1 else np.arange(len(ids))
        values = [one.numbers(str(score_of(select))) for one, (_, select) in zip(looks, choices, strict=True)]
        sources = looks[0].values.column(SOURCE).to_pylist() if SOURCE in looks[0].values.column_names else []
        named = np.array([source or "" for source in sources] or [""] * len(ids), object)
        kept = np.stack([one.kept for one in looks], axis=1)
        found.append(([ids[row] for row in rows], np.full(len(rows), shard), named[rows], values, kept[rows], rows))
    return _Drawn(
        [id for ids, *_ in found for id in ids],
        np.concatenate([shards for _, shards, *_ in found]),
        np.concatenate([sources for _, _, sources, *_ in found]),
        np.concatenate([np.stack(values, axis=1)[rows] for *_, values, _, rows in found]),
        np.concatenate([kept for *_, kept, _ in found]),
    )


def _expressions(select: Select) -> list[str]:
    there = [SOURCE] if "source" in select.documents.schema().names else []
    return [str(score_of(select)), *there]


def _lengths(pool: Rows, store: Store, drawn: _Drawn) -> Values:
    """Characters of the drawn documents of a few shards, NaN for the others."""
    found: dict[str, float] = {}
    for shard in spread(num_shards(pool, store)):
        for batch in pool.open_shard(store, shard, ["id", "text"]):
            characters = pc.utf8_length(batch.column("text")).fill_null(0).to_pylist()
            found.update(zip(batch.column("id").to_pylist(), characters, strict=True))
    return np.array([found.get(id, np.nan) for id in drawn.ids], np.float64)


def _look(place: int, name: str, select: Select, store: Store, drawn: _Drawn, lengths: Values) -> ScoreLook:
    values, kept = drawn.values[:, place], drawn.kept[:, place]
    expression = str(score_of(select))
    cuts = _cuts(values, kept)
    marks = [Mark(rule=name, operator=operator, threshold=cut) for operator, cut in cuts]
    distribution = Distribution(expression, values, marks)
    distribution.add(values, kept)
    shown = _Shown(select, store, drawn, place)
    seen = place < MAX_SCORES
    gap = np.abs(values[:, None] - np.array([cut for _, cut in cuts])).min(axis=1) if cuts else np.full(len(values), 0)
    return ScoreLook(
        name=name,
        expression=expression,
        label=select.label,
        documents=store.table(select).manifest.rows,
        kept=store.table(select).manifest.counts["kept"],
        length_correlation=spearman(values, lengths),
        source_share=explained(values, np.unique(drawn.sources, return_inverse=True)[1]),
        histogram=distribution.histogram(select.label),
        along=shown.along() if seen else (),
        just_kept=shown.closest(np.where(kept, gap, np.nan)) if seen else (),
        just_dropped=shown.closest(np.where(kept, np.nan, gap)) if seen and cuts else (),
    )


def _cuts(values: Values, kept: NDArray[np.bool_]) -> list[tuple[str, float]]:
    """The lowest and the highest score that is kept, where others lie beyond."""
    if not kept.any():
        return []
    low, high = float(np.nanmin(values[kept])), float(np.nanmax(values[kept]))
    below = [("<", low)] if np.nanmin(values) < low else []
    return below + ([(">", high)] if np.nanmax(values) > high else [])


@dataclass(frozen=True)
class _Shown:
    """Documents to show of one score, from the shards that are looked at."""

    select: Select
    store: Store
    drawn: _Drawn
    place: int

    def along(self) -> tuple[Placed, ...]:
        """The documents nearest to the quantiles, each once."""
        ranks = mid_ranks(self.drawn.values[:, self.place])
        rows = [row for q in QUANTILES for row in self._nearest(np.abs(ranks - q), 1)]
        return self._placed(list(dict.fromkeys(rows)))

    def closest(self, gap: Values) -> tuple[Placed, ...]:
        """The documents with the smallest gaps."""
        return self._placed(self._nearest(gap, MAX_BESIDE_CUT))

    def _nearest(self, gap: Values, number: int) -> list[int]:
        seen = np.isin(self.drawn.shards, spread(num_shards(self.select, self.store)))
        rows = np.flatnonzero(seen & ~np.isnan(gap))
        if not len(rows):
            return []
        last = np.partition(gap[rows], min(number, len(rows)) - 1)[min(number, len(rows)) - 1]
        near = rows[gap[rows] <= last][:1000]
        return sorted(near.tolist(), key=lambda row: (gap[row], chance(self.drawn.ids[row])))[:number]

    def _placed(self, rows: Sequence[int]) -> tuple[Placed, ...]:
        ranks, values = mid_ranks(self.drawn.values[:, self.place]), self.drawn.values[:, self.place]
        picks = [Pick((0.0, ""), int(self.drawn.shards[row]), self.drawn.ids[row], {}, ()) for row in rows]
        texts = read_samples(self.select.documents, self.store, picks)
        return tuple(
            Placed(sample=sample(pick, texts[pick.id]), quantile=float(ranks[row]), value=float(values[row]))
            for pick, row in zip(picks, rows, strict=True)
        )


def _mixture(drawn: _Drawn) -> tuple[SourceMix, ...]:
    """The largest sources, with the share of each in the pool and in what each score keeps."""
    names, inverse, sizes = np.unique(drawn.sources.astype(str), return_inverse=True, return_counts=True)
    if len(names) < 2:
        return ()
    ranks = np.stack([mid_ranks(column) for column in drawn.values.T], axis=1)
    order = np.argsort(-sizes, kind="stable")[:MAX_SOURCES]
    return tuple(_mix(str(names[place]), inverse == place, drawn, ranks) for place in order)


def _mix(name: str, inside: NDArray[np.bool_], drawn: _Drawn, ranks: Values) -> SourceMix:
    kept = drawn.kept[inside].sum(axis=0) / np.maximum(1, drawn.kept.sum(axis=0))
    there = [column[inside][~np.isnan(column[inside])] for column in ranks.T]
    return SourceMix(
        source=name,
        documents=int(inside.sum()),
        pool_fraction=float(inside.mean()),
        kept_fractions=tuple(map(float, kept)),
        mean_quantiles=tuple(float(column.mean()) if len(column) else None for column in there),
    )


def _alarms(looks: Iterable[ScoreLook]) -> Iterator[str]:
    for one in looks:
        if one.length_correlation is not None and abs(one.length_correlation) > LENGTH_ALARM:
            way = "longer" if one.length_correlation > 0 else "shorter"
            yield (
                f"{one.name}: {one.expression} rises with {way} documents "
                f"(rank correlation {one.length_correlation:+.2f}): it may measure length"
            )
