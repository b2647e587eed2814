"""A pool as a rater sees it: scores by source and by kind of damage, the ends of the order, what each arm keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.core.sql import evaluate, read_columns
from winnow.core.step import Rows
from winnow.core.table import Store
from winnow.measure.agreement import spearman_interval
from winnow.measure.examples import auc
from winnow.measure.score import Score

NUM_BINS = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MAX_GROUPS = 20
"""Sources, and kinds of damage, that are told apart: the largest."""
MAX_SHOWN = 6
"""Documents shown of each end."""
MAX_CHARS = 600
"""Of a shown document's text."""


@dataclass(frozen=True, kw_only=True)
class SourceScores:
    """The scores of one source's documents."""

    source: str
    documents: int
    tokens: int
    quantiles: tuple[float, ...]
    """At ``QUANTILES``."""
    kept: tuple[int, ...]
    """Documents in each bin that the shown arm keeps."""
    dropped: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """How often an untouched document scores above one of a kind that is not, with DeLong's 95% interval."""

    kind: str
    documents: int
    auc: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A document at one end of the order."""

    id: str
    source: str
    score: float
    tokens: int
    text: str
    """Its beginning."""
    num_chars: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What an arm keeps of the pool."""

    arm: str
    documents: int
    tokens: int
    share: float
    """Of the pool's tokens."""
    clean: float | None
    """Share of its tokens in documents that the oracle keeps; None without an oracle."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Everything that is told of the scores."""

    documents: int
    tokens: int
    edges: tuple[float, ...]
    """Of the bins, from the 1st to the 99th percentile; what lies beyond is in the outermost."""
    sources: tuple[SourceScores, ...]
    length_correlation: tuple[float, float, float]
    """Spearman's, of score and tokens, with its 95% interval: of what the oracle keeps, since noise takes more tokens
    to write than text does; of all where there is none."""
    told: tuple[Told, ...]
    """All kinds together first; empty without an oracle."""
    lowest: tuple[Shown, ...]
    highest: tuple[Shown, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True)
class Documents:
    """One entry a document, shard after shard."""

    ids: NDArray[np.object_]
    shards: NDArray[np.int64]
    sources: NDArray[np.object_]
    scores: NDArray[np.float64]
    """NaN where there is none."""
    tokens: NDArray[np.int64]
    spoiled: NDArray[np.bool_]
    kinds: NDArray[np.object_]


def read_documents(scored: Score, store: Store, oracle: str | None, kind: str | None) -> Documents:
    """The columns that the study looks at; ``oracle`` and ``kind`` are SQL over the documents' own."""
    documents, name = scored.documents, scored.name
    wanted = {
        "id": "documents.id",
        "source": "coalesce(documents.source, '')" if "source" in documents.schema().names else "''",
        "score": f"CAST({name}.score AS DOUBLE)",
        "tokens": f"CAST(coalesce({name}.num_tokens, 0) AS BIGINT)",
        "spoiled": f"coalesce({oracle or 'false'}, false)",
        "kind": f"coalesce(CAST(({kind or 'NULL'}) AS VARCHAR), '')",
    }
    shards = range(num_shards(documents, store))
    tables = [evaluate(read_columns(documents, (scored,), store, shard, wanted.values()), wanted) for shard in shards]
    rows = pa.concat_tables(tables)
    number = np.repeat(np.arange(len(tables)), [one.num_rows for one in tables])
    objects = {name: np.array(rows.column(name).to_pylist(), object) for name in ("id", "source", "kind")}
    scores = np.asarray(rows.column("score"), np.float64)
    tokens, spoiled = (np.asarray(rows.column(name)) for name in ("tokens", "spoiled"))
    return Documents(objects["id"], number, objects["source"], scores, tokens, spoiled.astype(bool), objects["kind"])


def decisions(arm: Rows, pool: Rows, store: Store) -> NDArray[np.bool_]:
    """Which of the pool's documents an arm keeps, in their order."""
    shards = range(num_shards(pool, store))
    if not isinstance(arm, Select):
        return np.ones(sum(store.table(pool).shard(shard, ["id"]).num_rows for shard in shards), bool)
    columns = [store.table(arm).shard(shard, ["kept"]).column("kept") for shard in shards]
    return np.concatenate([np.asarray(one, bool) for one in columns])


def look_at_pool(
    found: Documents,
    kept: Sequence[tuple[str, NDArray[np.bool_]]],
    shown: str,
    pool: Rows,
    store: Store,
    *,
    oracle: bool,
) -> Pool:
    """The pool; ``shown`` names the arm whose choice the histograms show."""
    there = ~np.isnan(found.scores)
    edges = _edges(found.scores[there])
    names, sizes = np.unique(found.sources.astype(str), return_counts=True)
    largest = names[np.argsort(-sizes, kind="stable")][:MAX_GROUPS]
    chosen = dict(kept)[shown]
    order = np.lexsort([found.ids.astype(str)[there], found.scores[there]])
    rows = np.flatnonzero(there)[order]
    low, high = rows[:MAX_SHOWN], rows[::-1][: min(MAX_SHOWN, max(0, len(rows) - MAX_SHOWN))]
    return Pool(
        documents=len(found.ids),
        tokens=int(found.tokens.sum()),
        edges=tuple(edges.tolist()),
        sources=tuple(_source(found, found.sources == name, str(name), edges, chosen) for name in largest),
        length_correlation=_with_length(found),
        told=tuple(_told(found)) if oracle else (),
        lowest=_shown(found, low, pool, store),
        highest=_shown(found, high, pool, store),
        kept=tuple(_kept(found, name, flags, oracle) for name, flags in kept),
    )


def _with_length(found: Documents) -> tuple[float, float, float]:
    asked = ~np.isnan(found.scores) & ~found.spoiled
    return spearman_interval(found.scores[asked], found.tokens[asked].astype(np.float64))


def _edges(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.quantile(scores, [0.01, 0.99]) if len(scores) else (0.0, 1.0)
    return np.linspace(low, high if high > low else low + 1, NUM_BINS + 1)


def _source(
    found: Documents, inside: NDArray[np.bool_], name: str, edges: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> SourceScores:
    there = inside & ~np.isnan(found.scores)
    clipped = np.clip(found.scores, edges[0], edges[-1])
    counts = [np.histogram(clipped[there & flags], edges)[0] for flags in (chosen, ~chosen)]
    kept, dropped = (tuple(map(int, one)) for one in counts)
    quantiles = np.quantile(found.scores[there], QUANTILES).tolist() if there.any() else []
    return SourceScores(
        source=name,
        documents=int(inside.sum()),
        tokens=int(found.tokens[inside].sum()),
        quantiles=tuple(quantiles),
        kept=kept,
        dropped=dropped,
    )


def _told(found: Documents) -> Iterator[Told]:
    """Of all spoiled documents, then of each kind, the commonest first; nothing where one of both sets is empty."""
    there = ~np.isnan(found.scores)
    kinds, sizes = np.unique(found.kinds[found.spoiled].astype(str), return_counts=True)
    named = [str(kind) for kind in kinds[np.argsort(-sizes, kind="stable")] if kind][:MAX_GROUPS]
    groups = [("all", found.spoiled), *((kind, found.spoiled & (found.kinds == kind)) for kind in named)]
    for name, group in groups:
        asked = there & (group | ~found.spoiled)
        if (there & group).any() and (there & ~found.spoiled).any():
            area = auc(found.scores[asked], ~found.spoiled[asked])
            yield Told(kind=name, documents=int((there & group).sum()), auc=area.value, low=area.low, high=area.high)


def _shown(found: Documents, rows: NDArray[np.intp], pool: Rows, store: Store) -> tuple[Shown, ...]:
    """Documents with the beginnings of their texts, in the order of the rows."""
    texts: dict[str, tuple[str, int]] = {}
    for shard in sorted(set(found.shards[rows].tolist())):
        wanted = pa.array(found.ids[rows][found.shards[rows] == shard].tolist(), pa.string())
        for batch in pool.open_shard(store, shard, ["id", "text"]):
            some = batch.filter(pc.is_in(batch.column("id"), wanted))
            texts |= {one["id"]: ((one["text"] or "")[:MAX_CHARS], len(one["text"] or "")) for one in some.to_pylist()}
    return tuple(
        Shown(
            id=found.ids[row],
            source=found.sources[row],
            score=float(found.scores[row]),
            tokens=int(found.tokens[row]),
            text=texts[found.ids[row]][0],
            num_chars=texts[found.ids[row]][1],
        )
        for row in rows
    )


def _kept(found: Documents, name: str, flags: NDArray[np.bool_], oracle: bool) -> Kept:
    tokens = int(found.tokens[flags].sum())
    clean = int(found.tokens[flags & ~found.spoiled].sum())
    return Kept(
        arm=name,
        documents=int(flags.sum()),
        tokens=tokens,
        share=tokens / max(1, int(found.tokens.sum())),
        clean=clean / max(1, tokens) if oracle else None,
    )
