"""What a run would do and about how long it would take."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from winnow.core.executors import num_cores
from winnow.core.plan import Planned, plan
from winnow.core.run import materialize
from winnow.core.step import Step, ordered
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.documents.source import list_files

S = TypeVar("S")

SAMPLE_DOCUMENTS = 300


@dataclass(frozen=True)
class RecipePlan:
    """The plan of a recipe: every step with its state, and seconds for those to do where they were estimated."""

    steps: tuple[Planned, ...]
    seconds: dict[str, float]
    """Estimated seconds on one core, by the step's label."""

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return {
            "steps": [
                {
                    "step": planned.step.label,
                    "status": planned.status,
                    "reason": planned.reason,
                    "changes": list(planned.changes),
                    "seconds": self.seconds.get(planned.step.label),
                }
                for planned in self.steps
            ],
            "seconds": sum(self.seconds.values()),
            "cores": num_cores(),
        }

    def print(self) -> None:
        """For people."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        table.add_column("step", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("why", overflow="fold")
        table.add_column("about", no_wrap=True)
        for planned in self.steps:
            why = "; ".join([planned.reason, *planned.changes]) if planned.status != "done" else ""
            seconds = self.seconds.get(planned.step.label)
            table.add_row(planned.step.label, planned.status, escape(why), "" if seconds is None else duration(seconds))
        console = Console()
        console.print(table)
        if self.seconds:
            total = sum(self.seconds.values())
            console.print(
                f"about {duration(total)} on one core, {duration(total / num_cores())} on {num_cores()}; "
                f"estimated from about {SAMPLE_DOCUMENTS} documents of the first files"
            )


def plan_recipe(step: Step, store: Path, *, estimate: bool) -> RecipePlan:
    """Say what would run; with ``estimate``, run the recipe on a sample in a temporary store and scale its times."""
    steps = plan(step, Store(store))
    to_do = [planned.step for planned in steps if planned.status != "done"]
    seconds = _estimate(step, to_do) if estimate and to_do else {}
    return RecipePlan(tuple(steps), seconds)


def duration(seconds: float) -> str:
    """Words for a length of time.

    >>> duration(5400)
    '1.5 h'
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _estimate(step: Step, to_do: list[Step]) -> dict[str, float]:
    """Seconds per step: those of a run on a sample, times how much larger the sources are than the sample."""
    sampled = _sampled(step)
    with tempfile.TemporaryDirectory(prefix="winnow-sample-") as scratch:
        store = Store(scratch)
        materialize(sampled, store, failure_budget=1.0)
        pairs = list(zip(ordered(step), ordered(sampled), strict=True))
        scale = _scale(pairs, store)
        wanted = {needed.key for needed in to_do}
        return {whole.label: store.table(part).manifest.seconds * scale for whole, part in pairs if whole.key in wanted}


def _scale(pairs: list[tuple[Step, Step]], store: Store) -> float:
    total = sampled = 0
    for whole, part in pairs:
        if isinstance(whole, Read):
            sources = (whole.source,) if isinstance(whole.source, str) else whole.source
            total += sum(file.size for file in list_files(sources, whole.name))
            sampled += store.table(part).manifest.bytes
    return total / sampled if sampled else 1.0


def _sampled(value: S) -> S:
    """The step with every ``Read`` below it limited to a sample."""
    if isinstance(value, Read):
        limit = min(value.limit or SAMPLE_DOCUMENTS, SAMPLE_DOCUMENTS)
        return dataclasses.replace(value, limit=limit)
    if isinstance(value, Step):
        changed = {field.name: _sampled(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(_sampled(item) for item in value)  # type: ignore[return-value]
    return value
