"""The funnel's numbers: what was there before and after every step that documents went through.

Documents are counted from selections and words from whatever measure counted them (a column ``num_words``); bytes of
text are what the footers of Parquet files say. A stage where nobody knows has none. Costs one pass over columns of
numbers, never over text.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.rank import ByScore, Rank
from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Rows, Step, ordered
from winnow.core.table import Manifest, Store, Table
from winnow.documents.export import Export
from winnow.edit.cut import Cut
from winnow.edit.edit import Edit
from winnow.report.model import MAX_SKIPPED, MAX_SOURCES, Amount, Loss, Stage

WORDS = "num_words"
"""The column that counts words, whichever measure it belongs to."""
LENGTH_BYTES = 4
"""What Parquet writes before each text to say how long it is."""
OTHER = "other sources"
CHOSEN = "Chosen"
"""The last stage of a choice."""


def line(step: Step) -> list[Rows]:
    """The steps that documents went through, the first one first; an export is no step of its own."""
    found: list[Rows] = []
    current: object = step
    while isinstance(current, Rows):
        if not isinstance(current, Export):
            found.append(current)
        current = dict(_fields(current)).get("documents")
    return found[::-1]


def stages(step: Step, store: Store) -> tuple[Stage, ...]:
    """Every stage from the records of the source to the chosen documents."""
    steps = line(step)
    scores = [needed for needed in ordered(step) if isinstance(needed, Aligned)]
    found = _sources(store.table(steps[0]).manifest)
    for index, current in enumerate(steps):
        last = len(steps) > 1 and index == len(steps) - 1
        written = step if last else current
        sources = _amounts(current, scores, store)
        found.append(
            Stage(
                name=CHOSEN if last else _name(current),
                what=f"by {describe(current)}",
                total=dataclasses.replace(_sum(sources), bytes=text_bytes(store.table(written))),
                sources=sources,
                losses=_lost(current, store.table(current).manifest),
            )
        )
    return tuple(_with_sources(found))


def text_bytes(table: Table) -> int | None:
    """Bytes of text in a table's Parquet files, by their footers; None where it holds no text or other files.

    Page headers count too: some kB in 16 MB.
    """
    shards = table.manifest.shards
    if not all(shard.name.endswith(".parquet") for shard in shards) or "text" not in table.schema().names:
        return None
    return sum(table.column_bytes(index, "text") - LENGTH_BYTES * shard.rows for index, shard in enumerate(shards))


def describe(step: Rows) -> str:
    """What a step did, by the names of what it used."""
    names = [type(step).__name__]
    if isinstance(step, Select):
        names = [*(one.name for one in step.rule_sets()), *([_rank(step.keep)] if step.keep is not None else [])]
    elif isinstance(step, Edit):
        names = [type(editor).__name__ for editor in step.editors]
    return ", ".join(names)


def _rank(rank: Rank) -> str:
    """A rank in words: ``top 10% by fasttext.hq_logit``."""
    by = f" by {rank.score}" if isinstance(rank, ByScore) else ""
    return f"{type(rank).__name__.lower()} {100 * rank.fraction:.4g}%{by}"


def skipped(manifest: Manifest) -> dict[str, int]:
    """Records that are no documents by their nature, by reason, the most frequent first."""
    found = {name.removeprefix("skipped: "): n for name, n in manifest.counts.items() if name.startswith("skipped: ")}
    ranked = Counter(found).most_common()
    rest = ranked[MAX_SKIPPED:]
    return dict(ranked[:MAX_SKIPPED]) | ({f"{len(rest)} more reasons": sum(n for _, n in rest)} if rest else {})


def _sources(manifest: Manifest) -> list[Stage]:
    """The stages before there are documents: all records, and those that may be one."""
    losses = tuple(Loss(reason=reason, documents=number) for reason, number in skipped(manifest).items())
    pages = manifest.rows + manifest.quarantined
    records = Amount(documents=pages + sum(loss.documents for loss in losses), bytes=manifest.bytes)
    found = [Stage(name="Records", what="everything in the files of the source, as stored there", total=records)]
    if losses:
        what = "by type of record, HTTP status and type of content"
        found.append(Stage(name="Pages", what=what, total=Amount(documents=pages), losses=losses))
    return found


def _name(step: Rows) -> str:
    return "Selected" if isinstance(step, Select) else "Edited" if isinstance(step, Edit | Cut) else "Documents"


def _lost(step: Rows, manifest: Manifest) -> tuple[Loss, ...]:
    firsts = {name.removeprefix("first: "): n for name, n in manifest.counts.items() if name.startswith("first: ")}
    broken = {"quarantined": manifest.quarantined}
    return tuple(Loss(reason=reason, documents=number) for reason, number in {**firsts, **broken}.items() if number)


def _amounts(step: Rows, scores: Sequence[Aligned], store: Store) -> dict[str, Amount]:
    """What is there after the step, by source."""
    documents: Counter[str] = Counter()
    words: Counter[str] = Counter()
    measured = True
    for shard in range(num_shards(step, store)):
        rows = _sizes(step, scores, store, shard)
        measured = measured and "words" in rows.column_names
        sums = [("words", "sum")] if measured else []
        for row in rows.group_by("source").aggregate([([], "count_all"), *sums]).to_pylist():
            documents[row["source"] or ""] += row["count_all"]
            words[row["source"] or ""] += row.get("words_sum") or 0
    return {name: Amount(documents=n, words=words[name] if measured else None) for name, n in documents.items()}


def _sizes(step: Rows, scores: Sequence[Aligned], store: Store, shard: int) -> pa.Table:
    """One row per document that is there after the step: id, source and, where it was measured, words."""
    if isinstance(step, Select):
        kept = store.table(step).shard(shard, ["kept"]).column("kept")
        rows = _sizes(step.documents, scores, store, shard).filter(kept)
    else:
        rows = store.table(step).shard(shard, [name for name in ("id", "source") if name in step.schema().names])
        if "source" not in rows.column_names:
            rows = rows.append_column("source", pa.array([""] * rows.num_rows, pa.string()))
    counts = [score for score in scores if score.documents.key == step.key and WORDS in score.columns().names]
    if counts and "words" not in rows.column_names:
        rows = rows.append_column("words", store.table(counts[0]).shard(shard, [WORDS]).column(0).cast(pa.int64()))
    if isinstance(step, Edit) and "words" not in rows.column_names:
        rows = _with_words_left(rows, step, _sizes(step.documents, scores, store, shard), store, shard)
    return rows


def _with_words_left(rows: pa.Table, step: Edit, before: pa.Table, store: Store, shard: int) -> pa.Table:
    """The words that were there before an edit, less the fraction that it removed of each document."""
    if "words" not in before.column_names:
        return rows
    fraction = store.table(step).shard(shard, ["words_removed_fraction"]).column(0)
    words = before.filter(pc.is_in(before.column("id"), rows.column("id").combine_chunks())).column("words")
    left = pc.round(pc.multiply(words.cast(pa.float64()), pc.subtract(1.0, fraction)))
    return rows.append_column("words", left.cast(pa.int64()))


def _sum(sources: dict[str, Amount]) -> Amount:
    words = [amount.words for amount in sources.values() if amount.words is not None]
    documents = sum(amount.documents for amount in sources.values())
    return Amount(documents=documents, words=sum(words) if words else None)


def _with_sources(found: Sequence[Stage]) -> list[Stage]:
    """The stages with the largest sources named and the others summed."""
    first = next((stage.sources for stage in found if stage.sources), {})
    named = sorted(first, key=lambda name: (-first[name].documents, name))[:MAX_SOURCES]
    return [dataclasses.replace(stage, sources=_summed(stage.sources, named)) for stage in found]


def _summed(sources: dict[str, Amount], named: Sequence[str]) -> dict[str, Amount]:
    others = {name: amount for name, amount in sources.items() if name not in named}
    kept = {name: sources[name] for name in named if name in sources}
    return {**kept, OTHER: _sum(others)} if others else kept


def _fields(step: Step) -> list[tuple[str, object]]:
    return [(field.name, getattr(step, field.name)) for field in dataclasses.fields(step)]
