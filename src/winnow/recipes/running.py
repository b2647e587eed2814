"""One run of a recipe: make it, export its documents, write the report, remember the run."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from winnow.choose.comparison import Comparison
from winnow.core.errors import RecipeError
from winnow.core.executors import Executor, Inline, Processes
from winnow.core.files import write_json
from winnow.core.plain import to_plain
from winnow.core.run import materialize, passes
from winnow.core.step import Aligned, Rows, Step
from winnow.core.table import Store
from winnow.documents.export import FORMATS, Export, ExportAttributes
from winnow.recipes.dclm_baseline import REFINEDWEB_REMOVED, REMOVED
from winnow.recipes.decontaminate import item_reports
from winnow.recipes.delivery import deliver, progress, remember
from winnow.report.collect import collect
from winnow.report.page import render

if TYPE_CHECKING:
    from winnow.report.model import ReportData

ExecutorName = Literal["processes", "ray"]
PUBLISHED = {"refinedweb": REFINEDWEB_REMOVED, "dclm_baseline": REMOVED}
"""What the steps of shipped recipes removed where they come from."""
ITEMS = "items"
"""Where a run leaves what a search for evaluation items says of them."""


@dataclass(frozen=True)
class Done:
    """What a run leaves: where its files are and what they hold."""

    recipe: str
    out: Path
    store: Path
    data: ReportData
    example: str | None
    """The id of a document that was dropped."""

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        places = {"out": str(self.out), "store": str(self.store)}
        return {**places, **json.loads(self.data.to_json())}

    def print(self) -> None:
        """For people: the funnel, where things are, what to try next."""
        from rich.console import Console
        from rich.markup import escape

        from winnow.report.terminal import funnel_table, removed_table

        console = Console()
        console.print(funnel_table(self.data))
        if self.data.removed:
            console.print(removed_table(self.data))
        for alarm in self.data.alarms():
            console.print(f"[bold red]alarm[/bold red] {escape(alarm)}", soft_wrap=True, highlight=False)
        if (self.out / "documents").exists():
            console.print(f"documents  {self.out / 'documents'}")
        if (self.out / ITEMS).exists():
            console.print(
                f"items      {self.out / ITEMS} (items.jsonl, tasks.json and the tasks without them in clean/)"
            )
        console.print(f"report     {self.out / 'report.html'}\n")
        console.print("Next:", style="bold")
        at = "" if str(self.store) == "winnow-store" else f" --store {self.store}"
        for command in self._next(at):
            console.print(f"  {command}", soft_wrap=True, highlight=False)

    def _next(self, at: str) -> list[str]:
        explain = [f"winnow explain {self.example}{at}"] if self.example else []
        return [*explain, f"winnow plan {self.out / 'recipe.json'}{at}", f"winnow show {self.store}"]


def run_recipe(
    name: str,
    step: Step,
    options: dict[str, Any],
    *,
    store: Path,
    out: Path,
    format: str = "parquet",
    attributes: bool = False,
    executor: Executor,
    failure_budget: float = 0.01,
    quiet: bool = False,
) -> Done:
    """Make the recipe's documents and leave them, a report and the resolved recipe in ``out``.

    A comparison has no documents of its own: it leaves a report, and the scores of its pool as attributes. A recipe
    that looks for evaluation items leaves a ``ContaminationReport`` too.
    """
    if not isinstance(step, Rows | Comparison):
        raise RecipeError(f"the recipe {name} gives {type(step).__name__}, which has no documents to export")
    if format not in FORMATS:
        raise RecipeError(f"the format {format!r} is unknown; known: {', '.join(FORMATS)}")
    documents = step.pool if isinstance(step, Comparison) else step
    export = step if isinstance(step, Comparison) else Export(documents=step, format=format)
    extra = [ExportAttributes(documents=documents, score=score) for score in _scores(step)] if attributes else []
    if not quiet:
        _say_if_kernels_must_be_compiled()
    reports = item_reports(step)
    for wanted in (export, *extra, *reports):
        materialize(wanted, store, executor, failure_budget=failure_budget, progress=progress(quiet))
    kept = Store(store)
    out.mkdir(parents=True, exist_ok=True)
    if isinstance(export, Export):
        deliver(kept.table(export), out / "documents")
    for attribute in extra:
        deliver(kept.table(attribute), out / "attributes" / attribute.score.name)
    for number, report in enumerate(reports, 1):
        deliver(kept.table(report), out / (ITEMS if number == 1 else f"{ITEMS}-{number}"), "files")
    data = collect(export, kept, recipe=name, options=options, published=PUBLISHED.get(name, ()))
    (out / "report.html").write_text(render(data), encoding="utf-8")
    (out / "report.json").write_text(data.to_json(), encoding="utf-8")
    write_json(out / "recipe.json", {"recipe": to_plain(step)})
    remember(name, export, kept, out)
    return Done(name, out, store, data, _example(data))


def find_executor(name: ExecutorName, address: str | None, workers: int | None) -> Executor:
    """What the command line asks for: processes (none at all for 0 workers) or a Ray cluster."""
    if workers is not None and workers < 0:
        raise RecipeError(f"--workers is {workers}; it must be 0 (this process) or more")
    if name == "ray":
        from winnow.core.ray import Ray

        return Ray(address, workers or None)
    if address is not None:
        raise RecipeError(f"--address {address} is that of a Ray cluster: add --executor ray")
    return Inline() if workers == 0 else Processes(workers)


def _say_if_kernels_must_be_compiled() -> None:
    from winnow.kernels.jit import cache_directory

    if not cache_directory().exists():
        print(f"compiling native kernels, once for this machine, into {cache_directory()}", file=sys.stderr)


def _scores(step: Step) -> list[Aligned]:
    return [needed for group in passes(step) for needed in group if isinstance(needed, Aligned)]


def _example(data: ReportData) -> str | None:
    """A dropped document to look at, the reason with the most rejections first."""
    rules = [rule for choice in data.choices for rule in choice.rules if rule.rejected]
    return max(rules, key=lambda rule: rule.first).rejected[0].id if rules else None
