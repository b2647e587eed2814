"""What became of every document of a run: which rules dropped it, and what deduplication took it for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from winnow.choose.select import Select
from winnow.core.step import Rows, Step, ordered
from winnow.core.table import Store
from winnow.dedup.bloom import BloomDuplicates
from winnow.dedup.duplicates import Duplicates
from winnow.report.find import rows_with, written
from winnow.report.stages import line

Method = Duplicates | BloomDuplicates
"""A step that finds whole documents to be duplicates."""


def finds_documents(step: Step) -> TypeGuard[Method]:
    """Whether a step does; a Bloom pass may look at paragraphs alone."""
    return isinstance(step, Duplicates) or (isinstance(step, BloomDuplicates) and step.found.whole_documents)


@dataclass(frozen=True)
class Match:
    """What one method of deduplication says of a document."""

    is_duplicate: bool
    duplicate_of: str | None
    """None also for a duplicate where the method does not say of what."""
    similarity: float | None


@dataclass(frozen=True)
class Dropped:
    """The choice that dropped a document, and every rule of it that rejects."""

    step: str
    reasons: tuple[str, ...]
    namespaces: frozenset[str]
    """The measures that those rules read."""


@dataclass
class Fates:
    """A run, looked at document by document."""

    methods: tuple[Method, ...]
    """Methods of deduplication in the order in which documents meet them."""
    matches: dict[str, dict[str, Match]] = field(default_factory=dict)
    """Every document that a method judged, by the label of its step and by id."""
    dropped: dict[str, Dropped] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)

    def match(self, id: str) -> Match | None:
        """The first method's word for what is a duplicate."""
        found = (self.matches[one.label].get(id) for one in self.methods)
        return next((match for match in found if match is not None and match.is_duplicate), None)

    def judged(self, id: str) -> bool:
        """Whether the document came as far as the last method of deduplication."""
        return id in self.matches[self.methods[-1].label]

    def remover(self, id: str) -> str:
        """What took a document away, in words."""
        if id in self.dropped:
            return self.dropped[id].reasons[0]
        return "quarantine" if id in self.quarantined else "a step that makes new rows"

    def is_dropped_by(self, id: str, namespaces: set[str]) -> bool:
        """Whether a rule about one of these measures is among those that dropped it."""
        return id in self.dropped and bool(namespaces & self.dropped[id].namespaces)

    def is_dropped_as_duplicate(self, id: str) -> bool:
        """Whether a rule about duplicates is among those that dropped it."""
        return self.is_dropped_by(id, {one.name for one in self.methods})


def fates(recipe: Rows, store: Store) -> Fates:
    """Read what a materialized recipe decided about each of its documents."""
    steps = line(recipe)
    keys = {step.key: place for place, step in enumerate(steps)}
    found = [one for one in ordered(recipe) if finds_documents(one) and one.documents.key in keys]
    found.sort(key=lambda one: keys[one.documents.key])
    seen = Fates(tuple(found))
    for one in found:
        seen.matches[one.label] = dict(_matches(one, store))
    for step in steps:
        if isinstance(step, Select):
            seen.dropped |= _dropped(step, store)
        seen.quarantined |= {entry["id"] for entry in store.table(step).quarantine() if entry["id"]}
    return seen


def texts_of(documents: Rows, ids: Sequence[str], store: Store) -> dict[str, str]:
    """The texts of some documents as a step saw them."""
    rows = rows_with(store.table(written(documents)), "id", ids, ["id", "text"])
    return {row["id"]: row["text"] or "" for row in rows}


def _matches(step: Method, store: Store) -> Iterator[tuple[str, Match]]:
    table = store.table(step)
    for shard in range(len(table.manifest.shards)):
        for row in table.shard(shard).to_pylist():
            if isinstance(step, Duplicates):
                yield row["id"], Match(row["duplicate_of"] is not None, row["duplicate_of"], row["similarity"])
            else:
                yield row["id"], Match(bool(row["is_duplicate"]), None, row["duplicate_fraction"])


def _dropped(step: Select, store: Store) -> dict[str, Dropped]:
    rules = step.rules()
    names = {score.name for score in step.scores()}
    read = {reason: {name for name in names if f"{name}." in sql} for reason, sql in rules.items()}
    dropped = {}
    table = store.table(step)
    for shard in range(len(table.manifest.shards)):
        for row in table.shard(shard).to_pylist():
            if not row["kept"]:
                reasons = (row["reason"], *(one for one in row["rejected_by"] if one != row["reason"]))
                namespaces = frozenset(name for one in reasons for name in read.get(one, ()))
                dropped[row["id"]] = Dropped(step.label, reasons, namespaces)
    return dropped
