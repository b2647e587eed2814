"""One run of a study: everything is made, what it says is told, the page is drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.bench.findings import Finding, judge_study
from winnow.bench.pruning import Study, read_study
from winnow.bench.rater import RaterResult, read_result
from winnow.bench.rater_study import RaterStudy
from winnow.bench.study import PruningStudy
from winnow.choose.select import Select
from winnow.core.executors import Executor
from winnow.core.table import Store
from winnow.recipes.making import make_recipe
from winnow.report import pruning_page, rater_page
from winnow.report.mixture import Shift, mixture_shift

PAGE = "study.html"


@dataclass(frozen=True)
class Studied:
    """What a study of pruning leaves: a ledger of its runs, and what they say of each claim."""

    out: Path
    study: Study
    findings: tuple[Finding, ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        findings = [finding.to_plain() for finding in self.findings]
        return {"out": str(self.out), "runs": len(self.study.ledger), "findings": findings}

    def print(self) -> None:
        """For people: a row for every claim, and where things are."""
        from winnow.bench.terminal import print_findings

        print_findings(self.findings)
        _print_places(self.out, len(self.study.ledger))


@dataclass(frozen=True)
class StudiedRater:
    """What a study of a rater leaves: a ledger of its runs, what they say, and what each choice does to the mixture."""

    out: Path
    result: RaterResult
    shifts: dict[str, tuple[Shift, ...]]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        shifts = {name: [asdict(shift) for shift in some] for name, some in self.shifts.items()}
        return {"out": str(self.out), "runs": len(self.result.ledger), **self.result.to_plain(), "mixture": shifts}

    def print(self) -> None:
        """For people: what the rater's choice is worth at every scale, and where things are."""
        from winnow.bench.terminal import print_rater

        print_rater(self.result)
        _print_places(self.out, len(self.result.ledger))


def run_study(
    name: str,
    step: PruningStudy | RaterStudy,
    *,
    store: Path,
    out: Path,
    executor: Executor,
    failure_budget: float,
    quiet: bool,
) -> Studied | StudiedRater:
    """Make the study's files, find what they say, and leave both and a page in ``out``."""
    make_recipe(name, step, store=store, out=out, executor=executor, failure_budget=failure_budget, quiet=quiet)
    if isinstance(step, RaterStudy):
        return _rater(step, store, out)
    study = read_study(out / "files")
    findings = judge_study(study)
    (out / PAGE).write_text(pruning_page.render(study, findings), encoding="utf-8")
    return Studied(out, study, findings)


def _rater(step: RaterStudy, store: Path, out: Path) -> StudiedRater:
    result = read_result(out / "files")
    choices = {arm.name: rows for arm, rows in step.arms if isinstance(rows, Select)}
    sources = "source" in step.scored.documents.schema().names
    shifts = {name: mixture_shift(rows, Store(store)) for name, rows in choices.items()} if sources else {}
    (out / PAGE).write_text(rater_page.render(result, shifts), encoding="utf-8")
    return StudiedRater(out, result, shifts)


def _print_places(out: Path, runs: int) -> None:
    from rich.console import Console

    console = Console()
    for line in (f"\nledger  {out / 'files'} ({runs} runs)", f"study   {out / PAGE}"):
        console.print(line, highlight=False, soft_wrap=True)
