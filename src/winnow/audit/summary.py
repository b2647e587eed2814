"""Two runs summed up: shares with intervals, by kind and by similarity, and what the documents had of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from winnow.audit.changes import CHANGES
from winnow.audit.definition import threshold_of
from winnow.audit.items import ABOUT as ABOUT_ITEMS
from winnow.audit.judge import Verdict, cell
from winnow.audit.model import MAX_OWN, Audit, Bin, Cell, Noise, Own, Setting, Share, Subject, wilson
from winnow.audit.passages import ABOUT as ABOUT_PASSAGES
from winnow.audit.passages import last_cut
from winnow.audit.plants import CHAIN_STEP, FAR, Plant, Planted
from winnow.audit.run import Run
from winnow.core.run import libraries
from winnow.core.step import ordered
from winnow.dedup.passages import Passages
from winnow.documents.read import Read
from winnow.report.passages import side_by_side
from winnow.report.samples import chance
from winnow.report.similarity import jaccard, shingles

MAX_COMPARED = 200
"""The user's own duplicates that are compared, to show the least alike of them."""
BIN = 0.05
"""Width of a bin of similarities."""

ABOUT = {
    "exact copy": "the same text under another id and URL",
    **{kind: (change.__doc__ or "").split("\n")[0] for kind, change in CHANGES.items()},
    "chain": f"windows along one text, each {CHAIN_STEP:.0%} further than the one before",
    "chain ends": f"windows of such a chain, {FAR} or more steps apart",
    "shared licence": "different documents of the same length before one long text, by its share of the words",
}


def summarize(
    setting: Setting,
    read: Read,
    subjects: Sequence[Subject],
    planted: Planted,
    bare: Run,
    run: Run,
    noise: Noise | None = None,
) -> Audit:
    """Sum up a run without plants and one with them."""
    verdicts = [(plant, run.judge(plant, planted)) for plant in planted.plants]
    cells = _cells(verdicts, run, planted)
    similar = _similarities([one for one in verdicts if one[0].id not in planted.inserted], run)
    threshold = threshold_of(run.fates.methods[-1]) if similar else None
    return Audit(
        recipe=setting.name,
        command=setting.command,
        source=read.source if isinstance(read.source, str) else ", ".join(read.source),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=setting.seed,
        documents=bare.documents.num_rows,
        kept=bare.documents.num_rows - len({*bare.fates.dropped} | bare.fates.quarantined),
        methods=tuple(step.name for step in run.fates.methods),
        notes=tuple(_notes(run, noise)),
        cells=tuple(cells),
        threshold=threshold,
        above=_above(similar, threshold),
        bins=_bins(similar),
        precision={subject: _precision(subject, cells) for subject in subjects},
        num_own=sum(map(bare.fates.is_dropped_as_duplicate, bare.fates.dropped)),
        own=tuple(_own(bare)),
        libraries=libraries(),
        noise=noise,
    )


def _notes(run: Run, noise: Noise | None) -> Iterator[str]:
    """What was not audited, and why."""
    cut = last_cut(run.recipe) is not None
    for step in ordered(run.recipe):
        if isinstance(step, Passages) and not cut:
            yield f"{step.name} marks parts of documents, and no Cut takes them out: it was not audited by itself"
    if not run.fates.methods:
        yield "the recipe looks for no duplicate documents: none were planted"
    if run.decontamination is None:
        yield "the recipe looks for no evaluation items: none were planted"
    if noise is None:
        yield "the recipe chooses by no measure: no documents were spoiled"


def _cells(verdicts: Sequence[tuple[Plant, Verdict]], run: Run, planted: Planted) -> list[Cell]:
    groups: dict[tuple[str, float | None], list[tuple[Plant, Verdict]]] = {}
    for plant, verdict in verdicts:
        groups.setdefault((plant.kind, plant.rate), []).append((plant, verdict))
    about = ABOUT | ABOUT_PASSAGES | ABOUT_ITEMS
    ranks = {kind: place for place, kind in enumerate(about)}

    def text(id: str) -> str:
        known = (planted.inserted.get(id), planted.items.get(id), run.questions.get(id))
        return next((text for text in known if text is not None), run.text(id))

    cells = []
    for kind, rate in sorted(groups, key=lambda one: (ranks[one[0]], one[1] or 0)):
        cells.append(cell(_subject(kind), about[kind], groups[kind, rate], text))
    return cells


def _subject(kind: str) -> Subject:
    if kind in ABOUT_PASSAGES:
        return "repeated passage"
    return "contamination" if kind in ABOUT_ITEMS else "duplicate"


def _similarities(verdicts: Sequence[tuple[Plant, Verdict]], run: Run) -> list[tuple[float, Plant, Verdict]]:
    """What was judged, with its similarity by the method's definition; nothing where that is not counted here."""
    found = []
    for plant, verdict in verdicts:
        pair = run.compare(plant.id, plant.others[0]) if verdict.outcome != "lost" and plant.others else None
        if pair is not None and pair.similarity is not None:
            found.append((pair.similarity, plant, verdict))
    return found


def _above(similar: Sequence[tuple[float, Plant, Verdict]], threshold: float | None) -> Share | None:
    """Recall among the pairs that the method means to find."""
    if threshold is None or not similar:
        return None
    judged = [verdict.outcome for alike, plant, verdict in similar if plant.wanted and alike >= threshold]
    return wilson(judged.count("found"), len(judged))


def _bins(similar: Sequence[tuple[float, Plant, Verdict]]) -> tuple[Bin, ...]:
    edges = [round(BIN * step, 2) for step in range(round(1 / BIN) + 1)]
    bins = []
    for low, high in itertools.pairwise(edges):
        inside = [verdict.outcome for alike, _, verdict in similar if low <= alike < high or alike == high == 1.0]
        if inside:
            hits = inside.count("found") + inside.count("false")
            bins.append(Bin(low=low, high=high, dropped=wilson(hits, len(inside))))
    return tuple(bins)


def _precision(subject: Subject, cells: Sequence[Cell]) -> Share:
    hits = sum(one.share.hits for one in cells if one.subject == subject and one.wanted)
    wrong = sum(one.share.hits for one in cells if one.subject == subject and not one.wanted)
    return wilson(hits, hits + wrong)


def _own(run: Run) -> list[Own]:
    """Some of what the recipe calls duplicates among the user's documents, the least alike first."""
    drawn = sorted(filter(run.fates.is_dropped_as_duplicate, run.fates.dropped), key=chance)[:MAX_COMPARED]
    found = []
    for id in drawn:
        match = run.fates.match(id)
        if match is not None and match.duplicate_of is not None:
            method = next(one.name for one in run.fates.methods if run.fates.matches[one.label].get(id) == match)
            alike = round(jaccard(shingles(run.text(id)), shingles(run.text(match.duplicate_of))), 4)
            found.append((alike, id, match.duplicate_of, match.similarity, method))
    return [
        Own(
            id=id,
            duplicate_of=kept,
            method=method,
            reported=reported,
            similarity=alike,
            beside=side_by_side(run.text(kept), run.text(id), names=(kept, id)),
        )
        for alike, id, kept, reported, method in sorted(found)[:MAX_OWN]
    ]
