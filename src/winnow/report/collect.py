"""From the tables of a run to what its report shows: reads manifests, numbers and a few texts, makes nothing new."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.comparison import Comparison
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.plain import to_plain
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Step, ordered
from winnow.core.table import Store
from winnow.edit.edit import Edit
from winnow.report.choices import examine
from winnow.report.deduplication import deduplications
from winnow.report.distributions import Distribution
from winnow.report.model import (
    MAX_BROKEN,
    MAX_ERROR_CHARS,
    MAX_FAILURES,
    MAX_HISTOGRAMS,
    MAX_SAMPLES,
    MAX_URL_CHARS,
    Broken,
    Choice,
    EditSummary,
    Failure,
    Histogram,
    Node,
    ReportData,
    StepTime,
)
from winnow.report.published import Published, removed
from winnow.report.scores import scores
from winnow.report.stages import describe, line, skipped, stages

FRACTION = "words_removed_fraction"


def collect(
    step: Step,
    store: Store,
    *,
    recipe: str,
    options: Mapping[str, Any] | None = None,
    published: Sequence[Published] = (),
) -> ReportData:
    """What a report on the materialized step shows; ``recipe`` and ``options`` are what the user typed."""
    shown = step.pool if isinstance(step, Comparison) else step
    steps = line(shown)
    first = store.table(steps[0]).manifest
    selects = [one for one in steps if isinstance(one, Select)]
    choices, histograms = _choices(selects, store)
    found = stages(shown, store)
    ranked = [step.choices] if isinstance(step, Comparison) else [((describe(one), one),) for one in selects]
    return ReportData(
        recipe=recipe,
        command=_command(recipe, options or {}),
        source=_source(steps[0]),
        made=store.table(step).manifest.made,
        stages=found,
        removed=removed(published, found),
        choices=choices,
        histograms=histograms,
        edits=tuple(_edit(one, store) for one in steps if isinstance(one, Edit)),
        deduplications=deduplications(step, store),
        scores=tuple(seen for one in ranked if (seen := scores(one, store)) is not None),
        steps=tuple(_time(one, store) for one in ordered(step)),
        failures=_failures(ordered(step), store),
        skipped=skipped(first),
        tree=tuple(_node(type(one).__name__, one) for one in ordered(step)),
        libraries=store.table(step).manifest.libraries,
    )


def _command(recipe: str, options: Mapping[str, Any]) -> str:
    """What to type to make the result again; options that were left to their defaults are not said."""
    words = ["winnow", "run", recipe]
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, str | int | float | list | tuple):
            words += [f"--{flag}", *map(str, value if isinstance(value, list | tuple) else [value])]
    return shlex.join(words)


def _source(step: Step) -> str:
    """What the first step reads, as the recipe says it."""
    value = {field.name: getattr(step, field.name) for field in dataclasses.fields(step)}.get("source", "")
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _choices(selects: Sequence[Select], store: Store) -> tuple[tuple[Choice, ...], tuple[Histogram, ...]]:
    """All choices; they share the room for samples and histograms."""
    choices: list[Choice] = []
    histograms: list[Histogram] = []
    for index, select in enumerate(selects):
        left = len(selects) - index
        samples = MAX_SAMPLES - sum(len(r.rejected) + len(r.nearest) for one in choices for r in one.rules)
        room = (MAX_HISTOGRAMS - len(histograms)) // left
        choice, found = examine(select, store, samples // left, room)
        choices.append(choice)
        histograms += found
    return tuple(choices), tuple(histograms)


def _edit(step: Edit, store: Store) -> EditSummary:
    """Sums of what the editors counted, and the fraction of words that they removed."""
    counted = [field for editor in step.editors for field in editor.columns()]
    removed = dict.fromkeys((_described(field) for field in counted), 0)
    fractions = [np.zeros(0)]
    for shard in range(num_shards(step, store)):
        columns = store.table(step).shard(shard, [FRACTION, *(field.name for field in counted)])
        for field in counted:
            removed[_described(field)] += pc.sum(columns.column(field.name)).as_py() or 0
        fractions.append(columns.column(FRACTION).to_numpy())
    values = np.concatenate(fractions)
    distribution = Distribution(f"documents.{FRACTION}", values, ())
    distribution.add(values, np.ones(len(values), bool))
    return EditSummary(
        name=describe(step),
        label=step.label,
        documents=len(values),
        changed=int((values > 0).sum()),
        removed=removed,
        fraction=distribution.histogram(step.label),
    )


def _described(field: pa.Field) -> str:
    description: bytes = (field.metadata or {}).get(b"description", field.name.encode())
    return description.decode()


def _time(step: Step, store: Store) -> StepTime:
    manifest = store.table(step).manifest
    kind = f"{type(step).__name__} {step.name}" if isinstance(step, Aligned) else type(step).__name__
    return StepTime(
        label=step.label,
        kind=kind,
        documents=manifest.rows,
        quarantined=manifest.quarantined,
        bytes=manifest.bytes,
        seconds=manifest.seconds,
    )


def _failures(steps: Sequence[Step], store: Store) -> tuple[Failure, ...]:
    """The quarantine of all steps; errors that differ in numbers and names alone count as one kind."""
    found: dict[tuple[str, str, str], tuple[Counter[str], list[Broken]]] = {}
    for step in steps:
        for entry in store.table(step).quarantine():
            counted, examples = found.setdefault((step.label, entry["kind"], _family(entry["error"])), (Counter(), []))
            counted["records"] += 1
            if len(examples) < MAX_BROKEN:
                examples.append(_broken(entry))
    failures = [
        Failure(step=label, kind=kind, error=error, count=counted["records"], examples=tuple(examples))
        for (label, kind, error), (counted, examples) in found.items()
    ]
    return tuple(sorted(failures, key=lambda failure: -failure.count)[:MAX_FAILURES])


def _family(error: str) -> str:
    line_ = error.strip().partition("\n")[0]
    return re.sub(r"'[^']*'|\"[^\"]*\"|\b0x[0-9a-f]+\b|\d+", "…", line_)[:120]


def _broken(entry: Mapping[str, Any]) -> Broken:
    where, url = str(entry["where"])[:MAX_URL_CHARS], (entry["url"] or "")[:MAX_URL_CHARS]
    return Broken(where=where, url=url, error=entry["error"][:MAX_ERROR_CHARS])


def _node(name: str, value: object) -> Node:
    """A step with its fields; steps among them by their labels."""
    if isinstance(value, RuleSet):
        return Node(name=name, value=value.name)
    if isinstance(value, Step):
        return Node(name=name, value=value.label, children=tuple(_child(*field) for field in _fields(value)))
    if dataclasses.is_dataclass(value):
        return Node(name=name, value=type(value).__name__, children=tuple(_child(*field) for field in _fields(value)))
    if isinstance(value, tuple | list) and value:
        return Node(name=name, children=tuple(_child(str(index + 1), item) for index, item in enumerate(value)))
    if callable(value):
        return Node(name=name, value=to_plain(value)["callable"])
    return Node(name=name, value=json.dumps(to_plain(value), ensure_ascii=False)[:MAX_ERROR_CHARS])


def _child(name: str, value: object) -> Node:
    return Node(name=name, value=value.label) if isinstance(value, Step) else _node(name, value)


def _fields(value: Any) -> list[tuple[str, object]]:
    return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
