"""Everything a run knows about one document: where it came from, every number, every decision and its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.select import Select
from winnow.core.errors import InputError
from winnow.core.files import read_json
from winnow.core.plain import from_plain
from winnow.core.sql import columns_in, namespaces
from winnow.core.step import Aligned, Rows, Step, ordered
from winnow.core.table import Store
from winnow.decontaminate.contamination import Contamination
from winnow.dedup.duplicates import Duplicates
from winnow.documents.export import Export, ExportAttributes
from winnow.report.find import rows_with, written
from winnow.report.passages import SideBySide, side_by_side

EXCERPT = 500
EXCERPT_VALUES = 8


@dataclass(frozen=True)
class Condemned:
    """One rule that rejected a document, with the numbers it looked at."""

    reason: str
    condition: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What one step knows of the document."""

    step: str
    row: dict[str, Any] = field(default_factory=dict)
    """The document's columns or the measure's numbers."""
    kept: bool | None = None
    """What a choice decided; None where the step chooses nothing."""
    rejected: tuple[Condemned, ...] = ()
    """The rules that rejected it, the first one first."""
    quarantined: dict[str, Any] | None = None
    beside: SideBySide | None = None
    """The kept document that it repeats, or the evaluation item that it holds, on the left, and the document."""


@dataclass(frozen=True)
class Explanation:
    """Everything known about the documents that carry one id or url, step by step."""

    wanted: str
    findings: tuple[Finding, ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def verdict(self) -> str:
        """One sentence: what became of it."""
        dropped = next((finding for finding in self.findings if finding.kept is False), None)
        if dropped is not None:
            first = dropped.rejected[0]
            numbers = ", ".join(f"{name} = {_round(value)}" for name, value in first.numbers.items())
            return f"dropped by {first.reason} ({first.condition}; {numbers})"
        broken = next((finding for finding in self.findings if finding.quarantined), None)
        if broken is not None and broken.quarantined is not None:
            return f"quarantined by {broken.step}: {broken.quarantined['error']}"
        return "kept"

    def print(self) -> None:
        """For people."""
        from winnow.report.terminal import print_explanation

        print_explanation(self)


def explain(wanted: str, store_path: Path, run: Path | None = None) -> Explanation:
    """Look a document up by id or url in every table of a run; InputError where nothing carries it."""
    store = Store(store_path)
    step = _step_of_run(store, run)
    ids = _ids(wanted, step, store)
    findings = [found for needed in ordered(step) for found in _findings(needed, store, ids, wanted)]
    if not findings:
        raise InputError(
            f"no document of this run has the id or url {wanted!r}; `winnow show {store_path}` lists the tables, and "
            "a document of another run needs --run with that run's output directory"
        )
    return Explanation(wanted, tuple(findings))


def _step_of_run(store: Store, run: Path | None) -> Step:
    if run is not None:
        written = run / "recipe.json"
    else:
        runs = sorted((store.root / "runs").glob("*.json"))
        if not runs:
            raise InputError(f"{store.root} holds no run yet; make one with `winnow run`, or name its --store")
        written = runs[-1]
    if not written.is_file():
        raise InputError(f"{written} is not there; --run takes the output directory of a run")
    step = from_plain(read_json(written)["recipe"])
    assert isinstance(step, Step)
    return step


def _ids(wanted: str, step: Step, store: Store) -> set[str]:
    """The ids meant: the one given, and those of documents with that url."""
    ids = {wanted}
    for needed in ordered(step):
        if _holds_documents(needed) and store.finished(needed):
            for row in rows_with(store.table(needed), "url", {wanted}, ["id", "url"]):
                ids.add(row["id"])
    return ids


def _holds_documents(step: Step) -> bool:
    """Whether a step's table has documents with their text, other than copies for other tools."""
    if not isinstance(step, Rows) or isinstance(step, Aligned | Select | Export | ExportAttributes):
        return False
    return "text" in step.schema().names


def _findings(step: Step, store: Store, ids: set[str], wanted: str) -> Iterator[Finding]:
    if not store.finished(step):
        return
    table = store.table(step)
    for entry in table.quarantine():
        if entry["id"] in ids or wanted in (entry["url"], entry["where"]):
            yield Finding(step.label, quarantined=entry)
    if not (_holds_documents(step) or isinstance(step, Aligned | Select)) or not table.manifest.shards:
        return
    for row in rows_with(table, "id", ids, None):
        if isinstance(step, Select):
            yield _decision(step, row, store)
        elif isinstance(step, Duplicates):
            yield Finding(step.label, row=row, beside=_beside_kept(step, row, store))
        elif isinstance(step, Contamination):
            yield Finding(step.label, row=row, beside=_beside_item(step, row, store))
        else:
            yield Finding(step.label, row=_shortened(row))


def _beside_kept(step: Duplicates, row: dict[str, Any], store: Store) -> SideBySide | None:
    """The document beside the one that it repeats, as deduplication saw them."""
    if row["duplicate_of"] is None:
        return None
    kept = _text(step, row["duplicate_of"], store)
    text = _text(step, row["id"], store)
    return None if kept is None or text is None else side_by_side(kept, text, names=(row["duplicate_of"], row["id"]))


def _beside_item(step: Contamination, row: dict[str, Any], store: Store) -> SideBySide | None:
    """The question of the item that a document overlaps most with, and the text that matches it."""
    items = step.index.items(store)
    asked = (
        items.filter(pc.equal(items.column("id"), pa.scalar(row["item"], pa.string()))).column("question").to_pylist()
    )
    return side_by_side(asked[0], row["matched"] or "", names=(row["item"], row["id"])) if asked else None


def _text(step: Duplicates, id: str, store: Store) -> str | None:
    """The text of a document: of those that were compared first, then of any below them."""
    for documents in (written(step.documents), *filter(_holds_documents, reversed(ordered(step)))):
        table = store.table(documents)
        for row in rows_with(table, "id", {id}, ["text"]) if table.manifest.shards else ():
            return str(row["text"] or "")
    return None


def _decision(step: Select, row: dict[str, Any], store: Store) -> Finding:
    rules = step.rules()
    known = namespaces(step.documents, step.scores())
    numbers = _numbers(step, row["id"], store)
    reasons = row["rejected_by"] or []
    condemned = []
    for reason in sorted(reasons, key=lambda reason: reason != row["reason"]):
        condition = rules.get(reason) or _condition_of_rank(step, reason)
        condemned.append(Condemned(reason, condition, {n: numbers.get(n) for n in columns_in(condition, known)}))
    return Finding(step.label, kept=row["kept"], rejected=tuple(condemned))


def _condition_of_rank(step: Select, reason: str) -> str:
    if reason == "rank" and step.keep is not None:
        return f"{type(step.keep).__name__}: outside the kept {step.keep.fraction:.4g} by {step.keep.key()}"
    return f"{reason.removeprefix('quarantined:')}.quarantined"


def _numbers(step: Select, id: str, store: Store) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for score in step.scores():
        for row in rows_with(store.table(score), "id", {id}, None):
            numbers |= {f"{score.name}.{name}": value for name, value in row.items()}
    for below in ordered(step.documents):
        if isinstance(below, Rows) and not isinstance(below, Aligned | Select):
            for row in rows_with(store.table(below), "id", {id}, None):
                numbers |= {f"documents.{name}": value for name, value in row.items()}
    return numbers


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _excerpt(value) for name, value in row.items()}


def _excerpt(value: Any) -> Any:
    """A value short enough to read."""
    if isinstance(value, str) and len(value) > EXCERPT:
        return f"{value[:EXCERPT]}... ({len(value):,} characters)"
    if isinstance(value, list) and len(value) > EXCERPT_VALUES:
        return [*value[:EXCERPT_VALUES], f"... ({len(value):,} values)"]
    return value


def _round(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value
