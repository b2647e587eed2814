"""Documents spoiled in place, and what a recipe's scores and choices make of them beside the untouched ones.

Which documents are spoiled is drawn by chance from all of a certain length, not only from those that the recipe keeps:
so the spoiled and the untouched differ in nothing but the noise, and noise that changes nothing has an AUC of a half.
The original is left out, or it would be a near-duplicate; the run without plants knows what became of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from winnow.audit.changes import pieces
from winnow.audit.choices import Choice, Decided, choices_of, columns_read, scores_of
from winnow.audit.model import Chosen, Noise, NoiseKind, NoisyChoice, NoisyScore, Ordered, Share, difference, wilson
from winnow.audit.noise import NOISE, about
from winnow.audit.plants import MAX_WORDS, MIN_WORDS, Document
from winnow.core.errors import InputError
from winnow.core.step import Aligned, Step
from winnow.core.table import Store
from winnow.measure.examples import Auc, auc
from winnow.report.look import numbers
from winnow.report.passages import side_by_side

MOST_SPOILED = 0.25
"""Share of the documents that is spoiled at most: the cuts by rank should be those of the untouched."""


@dataclass
class Spoiled:
    """Which documents are spoiled, and which they are compared with."""

    texts: dict[str, str] = field(default_factory=dict)
    """The spoiled texts, by id."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """The documents of each kind."""
    untouched: list[str] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)
    """The texts as they were, by id."""


def spoil(documents: pa.Table, number: int, seed: int) -> Spoiled:
    """Spoil so many documents by each kind of noise, or as many as a quarter of them suffices for.

    InputError where that is not one of each kind. A document that a kind of noise leaves as it is, is not taken for it.
    """
    chance = Random(seed)
    usable = [
        Document(id=id, text=text)
        for id, text in zip(*(documents.column(name).to_pylist() for name in ("id", "text")), strict=True)
        if text and MIN_WORDS <= len(pieces(text)) <= MAX_WORDS
    ]
    each = min(number, int(len(usable) * MOST_SPOILED) // len(NOISE))
    if each < 1:
        raise InputError(
            f"{len(usable)} of the documents that were read have {MIN_WORDS} to {MAX_WORDS} words, of which a quarter "
            f"may be spoiled; one of each kind of noise takes {int(len(NOISE) / MOST_SPOILED)}: read more "
            "(--documents) or audit a larger source"
        )
    chance.shuffle(usable)
    found = Spoiled()
    for kind, spoil_ in NOISE.items():
        spoiled = ((one, spoil_(one.text, chance)) for one in usable if one.id not in found.texts)
        taken = list(islice(((one, text) for one, text in spoiled if text != one.text), each))
        found.ids[kind] = [one.id for one, _ in taken]
        found.texts |= {one.id: text for one, text in taken}
        found.originals |= {one.id: one.text for one, _ in taken}
    found.untouched = [one.id for one in usable if one.id not in found.texts]
    return found


def judge_noise(spoiled: Spoiled, clean: Step, noisy: Step, store: Store) -> Noise:
    """Compare a recipe over the documents as they were with the same over those of which some are spoiled."""
    before, after = choices_of(clean), choices_of(noisy)
    scores = zip(scores_of(before), scores_of(after), strict=True)
    return Noise(
        untouched=len(spoiled.untouched),
        kinds=tuple(_kind(kind, ids, spoiled) for kind, ids in spoiled.ids.items()),
        choices=tuple(_choice(one, other, spoiled, store) for one, other in zip(before, after, strict=True)),
        scores=tuple(found for one, other in scores for found in _columns(one, other, after, spoiled, store)),
    )


def _kind(kind: str, ids: Sequence[str], spoiled: Spoiled) -> NoiseKind:
    _, shown = min(((len(spoiled.originals[id]), id) for id in ids), default=(0, ""))
    beside = side_by_side(spoiled.originals.get(shown, ""), spoiled.texts.get(shown, ""), names=(shown, kind))
    return NoiseKind(name=kind, about=about(kind), planted=len(ids), example=beside)


def _choice(before: Choice, after: Choice, spoiled: Spoiled, store: Store) -> NoisyChoice:
    was, found = before.decided(store), after.decided(store)
    untouched = _dropped(found, spoiled.untouched)
    kinds = {kind: _chosen(was, found, ids, spoiled.untouched, untouched) for kind, ids in spoiled.ids.items()}
    return NoisyChoice(name=after.name, untouched=untouched, kinds=kinds)


def _chosen(was: Decided, found: Decided, ids: Sequence[str], others: Sequence[str], untouched: Share) -> Chosen:
    dropped = _dropped(found, ids)
    kept_before = [id for id in ids if was.reasons.get(id) == ()]
    dropped_before = [id for id in ids if was.reasons.get(id)]
    again = _dropped(found, dropped_before)
    reasons = Counter(why for id in ids for why in found.reasons.get(id, ()))
    return Chosen(
        dropped=dropped,
        more=difference(dropped, untouched),
        auc=_auc(found.distances, ids, others) if found.distances else None,
        newly_dropped=_dropped(found, kept_before),
        newly_kept=wilson(again.of - again.hits, again.of),
        reasons=dict(reasons.most_common()),
    )


def _dropped(found: Decided, ids: Sequence[str]) -> Share:
    """Of those that came to the choice, those that it drops."""
    came = [found.reasons[id] for id in ids if id in found.reasons]
    return wilson(sum(map(bool, came)), len(came))


def _columns(
    before: Aligned, after: Aligned, choices: Sequence[Choice], spoiled: Spoiled, store: Store
) -> Iterator[NoisyScore]:
    """The numeric columns of a measure."""
    read, ranked = columns_read(choices, after)
    fields = [one for one in after.columns() if pa.types.is_integer(one.type) or pa.types.is_floating(one.type)]
    names = [one.name for one in fields]
    was, found = _numbers(before, names, store), _numbers(after, names, store)
    for one in fields:
        column = f"{after.name}.{one.name}"
        pairs = {
            kind: _ordered(was[one.name], found[one.name], ids, spoiled.untouched) for kind, ids in spoiled.ids.items()
        }
        yield NoisyScore(
            column=column,
            description=(one.metadata or {}).get(b"description", b"").decode(),
            is_read=column in read,
            is_ranked_by=column in ranked,
            kinds=pairs,
        )


def _numbers(score: Aligned, names: Sequence[str], store: Store) -> dict[str, dict[str, float]]:
    """Every column's numbers by the documents' ids, NaN where there is none."""
    table = store.table(score)
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for shard in range(len(table.manifest.shards)):
        rows = table.shard(shard, ["id", *names])
        ids = rows.column("id").to_pylist()
        for name in names:
            found[name].update(zip(ids, numbers(rows.column(name)).tolist(), strict=True))
    return found


def _ordered(
    was: Mapping[str, float], found: Mapping[str, float], ids: Sequence[str], others: Sequence[str]
) -> Ordered:
    came = [id for id in ids if id in found]
    moves = [found[id] - was[id] for id in came if id in was and found[id] != was[id]]
    moves = [move for move in moves if move == move]
    return Ordered(
        auc=_auc(found, ids, others),
        raised=wilson(sum(move > 0 for move in moves), len(moves)),
        missing=sum(found[id] != found[id] for id in came),
    )


def _auc(found: Mapping[str, float], ids: Sequence[str], others: Sequence[str]) -> Auc | None:
    """How often a spoiled document's number is the higher one; those without a number are left out."""
    spoiled, untouched = _there(found, ids), _there(found, others)
    if not len(spoiled) or not len(untouched):
        return None
    return auc(np.concatenate([spoiled, untouched]), np.arange(len(spoiled) + len(untouched)) < len(spoiled))


def _there(found: Mapping[str, float], ids: Sequence[str]) -> NDArray[np.float64]:
    values = np.array([found[id] for id in ids if id in found], np.float64)
    return values[~np.isnan(values)]
