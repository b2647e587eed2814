"""One run of a study: everything is made, the claims are judged, the page is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.bench.findings import Finding, judge_study
from winnow.bench.pruning import Study, read_study
from winnow.bench.study import PruningStudy
from winnow.core.executors import Executor
from winnow.recipes.making import make_recipe
from winnow.report.pruning_page import render

PAGE = "study.html"


@dataclass(frozen=True)
class Studied:
    """What a study leaves: a ledger of its runs, and what they say of each claim."""

    out: Path
    study: Study
    findings: tuple[Finding, ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        findings = [finding.to_plain() for finding in self.findings]
        return {"out": str(self.out), "runs": len(self.study.ledger), "findings": findings}

    def print(self) -> None:
        """For people: a row for every claim, and where things are."""
        from rich.console import Console

        from winnow.bench.terminal import print_findings

        print_findings(self.findings)
        console = Console()
        for line in (f"\nledger  {self.out / 'files'} ({len(self.study.ledger)} runs)", f"study   {self.out / PAGE}"):
            console.print(line, highlight=False, soft_wrap=True)


def run_study(
    name: str, step: PruningStudy, *, store: Path, out: Path, executor: Executor, failure_budget: float, quiet: bool
) -> Studied:
    """Make the study's files, judge the claims from them, and leave both and a page in ``out``."""
    make_recipe(name, step, store=store, out=out, executor=executor, failure_budget=failure_budget, quiet=quiet)
    study = read_study(out / "files")
    findings = judge_study(study)
    (out / PAGE).write_text(render(study, findings), encoding="utf-8")
    return Studied(out, study, findings)
