"""What a run would do and, if asked, about what it would take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.core.plan import Planned, plan
from winnow.core.step import Step
from winnow.core.table import Store
from winnow.recipes.estimate import Cost, Estimate, estimate, size


@dataclass(frozen=True)
class RecipePlan:
    """The plan of a recipe: every step with its state, and what those to do would take where that was estimated."""

    steps: tuple[Planned, ...]
    estimate: Estimate | None
    workers: int

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        found = self.estimate
        total = {"seconds": found.wall_seconds(self.workers), "core_seconds": found.seconds} if found else {}
        return {
            "steps": [
                {
                    "step": planned.step.label,
                    "status": planned.status,
                    "reason": planned.reason,
                    "changes": list(planned.changes),
                    **(asdict(cost) if (cost := self._cost(planned)) else {}),
                }
                for planned in self.steps
            ],
            **({**total, "workers": self.workers, "basis": found.basis} if found else {}),
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
        for name in ("core time", "memory", "disk", "shuffled") if self.estimate else ():
            table.add_column(name, no_wrap=True, justify="right")
        for planned in self.steps:
            why = "; ".join([planned.reason, *planned.changes]) if planned.status != "done" else ""
            table.add_row(planned.step.label, planned.status, escape(why), *_words(self._cost(planned)))
        console = Console()
        console.print(table)
        if self.estimate:
            wall, total = self.estimate.wall_seconds(self.workers), self.estimate.seconds
            console.print(
                f"about {duration(wall)} on {self.workers} workers ({duration(total)} on one core): "
                f"{self.estimate.basis}",
                soft_wrap=True,
                highlight=False,
            )

    def _cost(self, planned: Planned) -> Cost | None:
        return self.estimate.costs.get(planned.step.label) if self.estimate else None


def plan_recipe(step: Step, store: Path, *, workers: int, sample_bytes: int | None = None) -> RecipePlan:
    """Say what would run; with ``sample_bytes``, run the recipe on so much of its source and scale what that took."""
    steps = plan(step, Store(store))
    to_do = [planned.step for planned in steps if planned.status != "done"]
    found = estimate(step, to_do, sample_bytes) if sample_bytes and to_do else None
    return RecipePlan(tuple(steps), found, workers)


def duration(seconds: float) -> str:
    """Words for a length of time.

    >>> duration(5400)
    '1.5 h'
    """
    for unit_seconds, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit_seconds:
            return f"{seconds / unit_seconds:.1f} {unit}"
    return f"{seconds:.1f} s"


def _words(cost: Cost | None) -> list[str]:
    if cost is None:
        return []
    shuffled = size(cost.shuffled_bytes) if cost.shuffled_bytes else ""
    return [duration(cost.seconds), size(cost.memory_bytes), size(cost.disk_bytes), shuffled]
