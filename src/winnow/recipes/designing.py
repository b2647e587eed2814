"""``winnow advise design``: what to train next, and whether runs that are thought of would decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape

from winnow.core.errors import RecipeError
from winnow.laws.chinchilla_golden import DECAY
from winnow.laws.design import NextRun, next_runs, offers, trainings
from winnow.laws.fitted import open_fitted
from winnow.laws.inputs import read_pools
from winnow.laws.plans import FLOPS_PER_TOKEN, Budget, Pool
from winnow.laws.setups import Setups
from winnow.laws.simulation import Simulated, Truth, simulate
from winnow.recipes.advising import REPETITION, amount, finite, for_model, print_parts, table

REPLICATES = 40
"""Of a simulated plan of runs."""
MOST_TOLD = 10
"""Next runs in the table."""


@dataclass(frozen=True)
class NextRuns:
    """What ``winnow advise design`` says."""

    runs: tuple[NextRun, ...]

    def to_plain(self) -> list[dict[str, Any]]:
        """For machines: the run that helps most first."""
        return [
            {"regret_now": one.regret_now, "regret_after": one.regret_after, "flops": one.flops, **_told(one)}
            for one in self.runs
        ]

    def print(self) -> None:
        """For people: the first few."""
        rows = table("train next", "epochs", "model", "expected regret now", "after it", "FLOPs")
        for one in self.runs[:MOST_TOLD]:
            told = _told(one)
            epochs = ", ".join(f"{name} {epochs:.2g}" for name, epochs in told["epochs"].items())
            regrets = f"{one.regret_now:.3g}", f"{one.regret_after:.3g}"
            rows.add_row(
                escape(" and ".join(told["epochs"])),
                escape(epochs),
                f"{told['num_params']:.3g}",
                *regrets,
                f"{one.flops:.2g}",
            )
        print_parts(rows)


def design(directory: Path, budgets: Sequence[Budget]) -> NextRuns:
    """The trainings that would take most off the regret that is still expected at these budgets."""
    fitted = open_fitted(directory)
    believed = fitted.believed
    return NextRuns(tuple(next_runs(believed, fitted.pools, for_model(budgets, believed.params[1]))))


def _told(run: NextRun) -> dict[str, Any]:
    """The training by its pools."""
    row = run.training
    used = {name: float(epochs) for name, epochs in zip(row.pools, row.epochs[0], strict=True) if epochs}
    return {"epochs": used, "tokens": float(row.tokens[0]), "num_params": float(row.num_params[0])}


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """Small runs that are thought of: every offer of pools, for every number of epochs, by every model and seed."""

    num_params: tuple[float, ...]
    """Of the models."""
    tokens: float
    """Of a run at most."""
    epochs: tuple[float, ...]
    seeds: int
    noise: float
    """Of one run, relative."""
    quality: float
    """What a token of a pool is taken to be worth in tokens of the pool before it."""

    def __post_init__(self) -> None:
        if self.seeds < 1 or not self.noise > 0 or not 0 < self.quality <= 1 or min(self.epochs) <= 0:
            raise RecipeError(
                f"runs of {self.seeds} seeds, a noise of {self.noise:g}, a quality of {self.quality:g} and epochs "
                f"{self.epochs}: give at least one seed, noise and epochs above 0, a quality in (0, 1]"
            )
        if not min(self.num_params) > 0 or not self.tokens > 0:
            raise RecipeError(f"runs of {self.tokens:g} tokens by models of {self.num_params}: give numbers above 0")

    def trainings(self, pools: Sequence[Pool]) -> Setups:
        """All runs; those that differ in a seed alone below each other."""
        once = trainings(pools, offers(len(pools)), self.epochs, self.num_params, self.tokens)
        return once.rows(np.tile(np.arange(len(once)), self.seeds))

    def truth(self, pools: Sequence[Pool]) -> Truth:
        """Chinchilla's law with decay as Muennighoff et al. 2023 published it, and pools of the assumed quality."""
        theta = np.concatenate([DECAY.theta, np.full(len(pools) - 1, self.quality)])
        return partial(DECAY.law.predict, theta, DECAY.coefficients)


@dataclass(frozen=True)
class SimulatedRuns:
    """What ``winnow advise design --pools`` says of runs that nobody has trained."""

    num_runs: int
    flops: float
    """Of training them all."""
    budgets: tuple[Budget, ...]
    found: Simulated

    def to_plain(self) -> dict[str, Any]:
        """For machines: how well they would decide, budget by budget."""
        rows = zip(self.budgets, self.found.best, self.found.accuracy, self.found.regret, strict=True)
        told = [
            {"budget": asdict(budget), "best": best, "accuracy": float(accuracy), "regret": float(regret)}
            for budget, best, accuracy, regret in rows
        ]
        return finite({"runs": self.num_runs, "flops": self.flops, "budgets": told, "refused": self.found.refused})

    def print(self) -> None:
        """For people: a row for each budget."""
        budgets = table("budget", "truly best to keep", "decided so", "regret of decisions")
        for row in zip(self.budgets, self.found.best, self.found.accuracy, self.found.regret, strict=True):
            budget, best, accuracy, regret = row
            budgets.add_row(amount(budget).replace("-", " "), f"{best:.3g}", f"{accuracy:.0%}", f"{regret:.2g}")
        about = f"{self.num_runs} runs, {self.flops:.2g} FLOPs, if pools were as assumed"
        refused = f"; {self.found.refused} simulations could not be fitted" if self.found.refused else ""
        print_parts(about + refused, budgets)


def simulate_runs(pools: str, plan: RunPlan, budgets: Sequence[Budget], replicates: int = REPLICATES) -> SimulatedRuns:
    """How well runs that are thought of would decide, were the truth as assumed; no compute is spent on training."""
    known = read_pools(pools)
    runs, sized = plan.trainings(known), for_model(budgets, max(plan.num_params))
    found = simulate(plan.truth(known), runs, known, sized, REPETITION, noise=plan.noise, replicates=replicates)
    flops = float(FLOPS_PER_TOKEN * (runs.num_params * runs.tokens).sum())
    return SimulatedRuns(len(runs), flops, tuple(sized), found)
