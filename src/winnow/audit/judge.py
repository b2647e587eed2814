"""Whether planted duplicates were found, and where those that were not went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from winnow.audit.definition import threshold_of
from winnow.audit.fates import Fates
from winnow.audit.model import MAX_EXAMPLES, Cell, Example, Outcome, Subject, wilson
from winnow.audit.plants import Plant
from winnow.dedup.bloom import BloomDuplicates
from winnow.report.passages import side_by_side

BELOW = "its similarity is below the threshold"
"""The cause of a miss that the method means to miss."""


@dataclass(frozen=True)
class Verdict:
    """What became of a planted case."""

    outcome: Outcome
    cause: str
    other: str
    """What the case is shown beside."""


@dataclass(frozen=True)
class Pair:
    """Two planted documents as the last method of deduplication saw them."""

    similarity: float | None
    """By the method's own definition; None where that is not counted here."""
    are_candidates: bool | None
    """Whether their signatures have a band in common; None where the method has no candidates."""


Compare = Callable[[str, str], Pair]


def judge(plant: Plant, fates: Fates, compare: Compare) -> Verdict:
    """Say what became of one planted pair."""
    return _wanted(plant, fates, compare) if plant.wanted else _unwanted(plant, fates)


def _wanted(plant: Plant, fates: Fates, compare: Compare) -> Verdict:
    pair = (plant.id, plant.others[0])
    twin = plant.others[0]
    marked = [id for id in pair if fates.match(id)]
    if any(fates.is_dropped_as_duplicate(id) for id in marked):
        return Verdict("found", "one of the pair is dropped", twin)
    if marked:
        return Verdict("missed", "it is marked as a duplicate, but no rule drops it", twin)
    gone = [id for id in pair if not fates.judged(id)]
    if gone:
        whose = "it was" if gone[0] == plant.id else "its twin was"
        return Verdict("lost", f"{whose} removed before by {fates.remover(gone[0])}", twin)
    return Verdict("missed", _why_missed(plant, fates, compare), twin)


def _unwanted(plant: Plant, fates: Fates) -> Verdict:
    match = fates.match(plant.id)
    taken_for = (*plant.others, None)  # a method without twins does not say for what
    if match is not None and match.duplicate_of in taken_for and fates.is_dropped_as_duplicate(plant.id):
        other = match.duplicate_of or plant.others[0]
        return Verdict("false", f"taken for a duplicate, with a similarity of {match.similarity or 0:.1f}", other)
    if match is None and not fates.judged(plant.id):
        return Verdict("lost", f"it was removed before by {fates.remover(plant.id)}", plant.others[0])
    return Verdict("spared", "kept apart", plant.others[0])


def _why_missed(plant: Plant, fates: Fates, compare: Compare) -> str:
    method = fates.methods[-1]
    threshold = threshold_of(method)
    if threshold is None:
        return "the texts are not the same"
    if isinstance(method, BloomDuplicates):
        return f"no more than {threshold:g} of the n-grams of either were met before"
    pair = compare(plant.id, plant.others[0])
    if pair.similarity is not None and pair.similarity < threshold:
        compared = {None: "", True: "; it was compared", False: "; it was no candidate"}[pair.are_candidates]
        return f"{BELOW} of {threshold:g}{compared}"
    reaches = "it reaches the threshold" if pair.similarity is not None else "its similarity is not known"
    if pair.are_candidates is False:
        return f"{reaches}, but no band of the two signatures is equal: never a candidate"
    return f"{reaches}, and it was not found"


def cell(subject: Subject, about: str, cases: Sequence[tuple[Plant, Verdict]], texts: Callable[[str], str]) -> Cell:
    """Sum up the cases of one kind and rate."""
    outcomes = Counter[str](verdict.outcome for _, verdict in cases)
    first = cases[0][0]
    hit, other = ("found", "missed") if first.wanted else ("false", "spared")
    similarities = [plant.jaccard for plant, _ in cases if plant.jaccard is not None]
    causes = Counter(verdict.cause for _, verdict in cases if verdict.outcome in ("missed", "false", "lost"))
    return Cell(
        subject=subject,
        kind=first.kind,
        about=about,
        rate=first.rate,
        wanted=first.wanted,
        planted=len(cases),
        lost=outcomes["lost"],
        share=wilson(outcomes[hit], outcomes[hit] + outcomes[other]),
        similarity=round(median(similarities), 4) if similarities else None,
        causes=dict(causes.most_common()),
        examples=tuple(_examples(cases, texts)),
    )


def _examples(cases: Sequence[tuple[Plant, Verdict]], texts: Callable[[str], str]) -> Iterator[Example]:
    """The first cases of every outcome that somebody should look at."""
    told: Counter[str] = Counter()
    for plant, verdict in cases:
        told[verdict.outcome] += 1
        if verdict.outcome in ("missed", "false") and told[verdict.outcome] <= MAX_EXAMPLES:
            beside = side_by_side(texts(verdict.other), texts(plant.id), names=(verdict.other, plant.id))
            yield Example(
                id=plant.id,
                other=verdict.other,
                outcome=verdict.outcome,
                cause=verdict.cause,
                similarity=None if plant.jaccard is None else round(plant.jaccard, 4),
                beside=beside if verdict.other else None,
            )
