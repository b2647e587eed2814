"""One bench: candidates trained and evaluated, rows added to a ledger, the leaderboard drawn anew."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.bench.imported import ImportedRuns
from winnow.bench.ledger import Ledger, add_ledger, read_ledger
from winnow.bench.scaling import POOLS, ScalingBench
from winnow.bench.tracks import Bench
from winnow.core.errors import RecipeError
from winnow.core.executors import Executor
from winnow.core.files import copy, write_json
from winnow.core.plain import to_plain
from winnow.core.run import materialize
from winnow.core.step import Step
from winnow.core.table import Store
from winnow.recipes.delivery import progress, remember
from winnow.report.leaderboard import render


@dataclass(frozen=True)
class Benched:
    """What a bench leaves: a ledger with the runs of this bench and those that were there before."""

    out: Path
    ledger: Ledger
    new: Ledger

    def to_plain(self) -> dict[str, Any]:
        """For machines: the runs of this bench."""
        return {"out": str(self.out), "runs": [asdict(run) for run in self.new]}

    def print(self) -> None:
        """For people: a row for every candidate and scale, where things are, what to try next."""
        from rich.console import Console

        from winnow.bench.terminal import print_ledger

        print_ledger(self.new)
        console = Console()
        console.print(f"\nledger       {self.out / 'ledger.parquet'} ({len(self.ledger)} runs), ledger.json, items/")
        console.print(f"leaderboard  {self.out / 'leaderboard.html'}\n")
        if following := self._next():
            console.print("Next:", style="bold")
            console.print(f"  {following}", highlight=False, soft_wrap=True)

    def _next(self) -> str | None:
        """The command that the runs are for."""
        names = self.new.names("candidate")
        if "scaling" in self.new.names("track"):
            return f"winnow advise fit {self.out}"
        return f"winnow compare {names[0]} {names[1]} --ledger {self.out}" if len(names) > 1 else None


def run_bench(
    name: str, step: Step, *, store: Path, out: Path, executor: Executor, failure_budget: float, quiet: bool
) -> Benched:
    """Train and evaluate what is missing, add the rows to the ledger in ``out`` and draw its leaderboard."""
    if not isinstance(step, Bench | ImportedRuns):
        raise RecipeError(f"{name} makes {type(step).__name__}, not a bench: winnow run makes it")
    materialize(step, store, executor, failure_budget=failure_budget, progress=progress(quiet))
    made = read_ledger(Store(store).table(step).files())
    ledger = add_ledger(made, out)
    (out / "leaderboard.html").write_text(render(ledger), encoding="utf-8")
    if isinstance(step, ScalingBench):
        copy(Store(store).table(step).file(POOLS), out / POOLS)
    write_json(out / "recipe.json", {"recipe": to_plain(step)})
    remember(name, step, Store(store), out)
    return Benched(out, ledger, made)
