"""The choices of a recipe, one by one: every rule set, every cut by rank, and what each did with each document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from winnow.choose.comparison import Comparison
from winnow.choose.rank import ByScore
from winnow.choose.select import Select
from winnow.core.run import num_shards
from winnow.core.sql import columns_in
from winnow.core.step import Aligned, Rows, Step
from winnow.core.table import Store
from winnow.decontaminate.contamination import Contamination
from winnow.dedup.bloom import BloomDuplicates
from winnow.dedup.duplicates import Duplicates
from winnow.report.look import Look, look
from winnow.report.stages import describe, line

FINDERS = (Duplicates, BloomDuplicates, Contamination)
"""What finds duplicates and evaluation items, which are audited by cases of their own."""
RANK = "rank"
"""The reason for which a cut by rank drops."""


@dataclass
class Decided:
    """What a choice did with the documents that came to it, by id."""

    reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Why each is dropped: nothing for one that is kept."""
    distances: dict[str, float] = field(default_factory=dict)
    """For a cut by rank, how far each is from what is kept last, in shares of all; infinite without a score."""


class Choice(Protocol):
    """Something that drops documents."""

    @property
    def name(self) -> str:
        """What people call it."""

    def decided(self, store: Store) -> Decided:
        """What it did, once it is made."""


@dataclass(frozen=True)
class Rules:
    """One rule set of a selection."""

    name: str
    select: Select
    rule_set: str

    def decided(self, store: Store) -> Decided:
        """The rules of the set that reject each document of the selection."""
        found = Decided()
        for one in _looks(self.select, store):
            for id, reasons in zip(one.ids, one.rejected_by.to_pylist(), strict=True):
                found.reasons[id] = tuple(why for why in reasons if why.startswith(f"{self.rule_set}:"))
        return found


@dataclass(frozen=True)
class Cut:
    """The cut by rank of a selection; the documents that its rules reject do not come to it."""

    name: str
    select: Select
    keep: ByScore

    def decided(self, store: Store) -> Decided:
        """Who lies outside the window, and how far from its innermost point."""
        key, weight, group = self.select.order()
        found, ids = Decided(), []
        rows: list[Sequence[NDArray[Any]]] = [(np.zeros(0), np.zeros(0), np.zeros(0, str))]
        for one in _looks(self.select, store, key, weight, group):
            reasons = one.rejected_by.to_pylist()
            open_ = [place for place, each in enumerate(reasons) if set(each) <= {RANK}]
            found.reasons |= {one.ids[place]: tuple(reasons[place]) for place in open_}
            ids += [one.ids[place] for place in open_]
            rows.append((one.numbers(key)[open_], one.numbers(weight)[open_], _texts(one, group)[open_]))
        keys, weights, groups = (np.concatenate(part) for part in zip(*rows, strict=True))
        away = distances(keys, weights, groups, innermost(self.keep))
        found.distances = dict(zip(ids, away.tolist(), strict=True))
        return found


@dataclass(frozen=True)
class All:
    """All that a recipe does on the way from what it reads to what it gives."""

    name: str
    recipe: Rows

    def decided(self, store: Store) -> Decided:
        """What it reads, and whether it is still there at the end."""
        first, *_, last = line(self.recipe)
        kept = set(_ids(last, store))
        return Decided({id: () if id in kept else ("dropped on the way",) for id in _ids(first, store)})


def choices_of(recipe: Step) -> tuple[Choice, ...]:
    """The choices that read a measure, in the order in which documents meet them, and the recipe as a whole.

    Rules about duplicates and evaluation items are none of them.
    """
    documents = documents_of(recipe)
    steps = [] if documents is None else line(documents)
    found = [one for step in steps if isinstance(step, Select) for one in _parts(step)]
    if isinstance(recipe, Comparison):
        for name, select in recipe.choices:
            parts = _parts(select)
            alone = len(parts) == 1
            found += [dataclasses.replace(one, name=name if alone else f"{name}: {one.name}") for one in parts]
        return tuple(found)
    whole = [All("the whole recipe", documents)] if documents is not None and len(found) > 1 else []
    return (*found, *whole)


def documents_of(recipe: Step) -> Rows | None:
    """The documents that a recipe gives, or those that a comparison chooses from; None where it has none."""
    if isinstance(recipe, Comparison):
        return recipe.pool
    return recipe if isinstance(recipe, Rows) else None


def scores_of(choices: Sequence[Choice]) -> list[Aligned]:
    """The tables of numbers that choices can read, each once."""
    selects = [one.select for one in choices if isinstance(one, Rules | Cut)]
    found = [score for select in selects for score in select.scores() if not isinstance(score, FINDERS)]
    return list({score.key: score for score in found}.values())


def columns_read(choices: Sequence[Choice], score: Aligned) -> tuple[set[str], set[str]]:
    """The columns of a measure that any choice names, and those that a cut by rank does."""
    known = {score.name: score.schema()}
    ranked = " ".join(one.keep.key() for one in choices if isinstance(one, Cut))
    rules = " ".join(sql for one in choices if isinstance(one, Rules) for sql in one.select.rules().values())
    return {*columns_in(f"{ranked} {rules}", known)}, {*columns_in(ranked, known)}


def distances(
    keys: NDArray[np.float64], weights: NDArray[np.float64], groups: NDArray[np.str_], point: float
) -> NDArray[np.float64]:
    """How far each key stands from a point of the order of its group; infinite where it is not a number."""
    away = np.full(len(keys), np.inf)
    for name in np.unique(groups):
        inside = (groups == name) & ~np.isnan(keys)
        away[inside] = np.abs(positions(keys[inside], np.nan_to_num(weights[inside])) - point)
    return away


def positions(keys: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each key stands in the order, as a share of the summed weight; equal keys stand in their middle.

    >>> positions(np.array([3.0, 1.0, 1.0, 2.0]), np.ones(4)).tolist()
    [0.875, 0.25, 0.25, 0.625]
    """
    _, place = np.unique(keys, return_inverse=True)
    of_key = np.bincount(place, weights)
    middle: NDArray[np.float64] = (np.cumsum(of_key) - of_key / 2) / max(weights.sum(), np.finfo(float).tiny)
    return middle[place]


def innermost(keep: ByScore) -> float:
    """The point of the order that divides the kept as it divides the dropped: 0 for the top, a half for the middle."""
    low, high = keep.window()
    return low / (1 - (high - low)) if high - low < 1 else 0.0


def _parts(select: Select) -> list[Rules | Cut]:
    """A selection's rule sets and its cut by rank, where they read a measure."""
    others = [score.name for score in select.scores() if isinstance(score, FINDERS)]
    found: list[Rules | Cut] = [
        Rules(one.name, select, one.name)
        for one in select.rule_sets()
        if not all(any(f"{name}." in sql for name in others) for _, sql in one.rules)
    ]
    if isinstance(select.keep, ByScore):
        found.append(Cut(describe(dataclasses.replace(select, reject=())), select, select.keep))
    return found


def _looks(select: Select, store: Store, *expressions: str) -> Iterator[Look]:
    return (look(select, store, shard, expressions) for shard in range(num_shards(select, store)))


def _texts(one: Look, expression: str) -> NDArray[np.str_]:
    return np.array(one.values.column(expression).to_pylist(), str)


def _ids(step: Rows, store: Store) -> Iterator[str]:
    for shard in range(num_shards(step, store)):
        for batch in step.open_shard(store, shard, ["id"]):
            yield from batch.column("id").to_pylist()
