"""One run of a recipe that makes files rather than documents: a model, an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.bench.imported import ImportedRuns
from winnow.bench.tracks import Bench
from winnow.core.errors import RecipeError
from winnow.core.executors import Executor
from winnow.core.files import write_json
from winnow.core.plain import to_plain
from winnow.core.run import materialize
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.recipes.delivery import deliver, progress, remember
from winnow.report.show import Shown, show


@dataclass(frozen=True)
class Made:
    """What a run leaves: where its files are, and what the step says of them."""

    out: Path
    files: tuple[str, ...]
    shown: Shown

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return {"out": str(self.out), "files": list(self.files), "report": self.shown.report}

    def print(self) -> None:
        """For people."""
        from rich.console import Console

        self.shown.print()
        Console().print(f"\nfiles  {self.out / 'files'} ({', '.join(self.files)})", highlight=False, soft_wrap=True)


def make_recipe(
    name: str, step: Whole, *, store: Path, out: Path, executor: Executor, failure_budget: float, quiet: bool
) -> Made:
    """Make the recipe's files and leave them in ``out/files``."""
    if isinstance(step, Bench | ImportedRuns):
        raise RecipeError(f"{name} makes a bench, whose ledger grows with every run: winnow bench {name}")
    materialize(step, store, executor, failure_budget=failure_budget, progress=progress(quiet))
    table = Store(store).table(step)
    deliver(table, out / "files", "files")
    write_json(out / "recipe.json", {"recipe": to_plain(step)})
    remember(name, step, Store(store), out)
    shown = show(table.directory, 0)
    assert isinstance(shown, Shown)
    return Made(out, tuple(shard.name for shard in table.manifest.shards), shown)
