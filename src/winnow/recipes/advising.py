"""``winnow advise``: laws fitted to a user's runs, what to do with a budget, what to train next, a check of it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow.bench.ledger import read_ledger
from winnow.bench.scaling import POOLS, runs_of
from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.storage import place
from winnow.laws import chinchilla_golden, goyal_golden
from winnow.laws.advice import Advice, Switch, advise, switches, weights
from winnow.laws.chinchilla import PenalisedChinchilla, RepeatedChinchilla
from winnow.laws.fitted import Fitted, fit_all, open_fitted
from winnow.laws.golden import Golden
from winnow.laws.goyal import GoyalUtility
from winnow.laws.inputs import VALUE, check_runs, mismatched, read_pools, read_runs
from winnow.laws.law import Law
from winnow.laws.plans import Budget
from winnow.laws.setups import Runs
from winnow.laws.uncertainty import NUM_DRAWS
from winnow.report.advice_model import AdviceData, law_name
from winnow.report.advice_page import write_advice_page

ADVICE, PAGE = "advice.json", "advice.html"
REPETITION: tuple[Law, ...] = (PenalisedChinchilla(), RepeatedChinchilla(excess=False))
"""Laws with a price of repetition, for models of any size."""
NUM_BUDGETS = 60
"""Between which switches are looked for."""


def usual_laws(runs: Runs) -> list[Law]:
    """The laws that are fitted unless told otherwise: those of repetition, and Goyal's where all models are alike.

    Goyal's half-lives are fixed in one and grow with the distinct tokens in the other: runs on one pool each cannot
    tell the two apart, and advice is then averaged over both.
    """
    if runs.num_params.min() < runs.num_params.max():
        return [*REPETITION]
    return [GoyalUtility(), GoyalUtility(gamma=1.0, reference=float(np.median(runs.used))), *REPETITION]


@dataclass(frozen=True)
class FittedLaws:
    """What ``winnow advise fit`` leaves."""

    out: Path
    fitted: Fitted

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        forms = [
            {name: getattr(form, name) for name in ("name", "trained", "cross_validated", "extrapolated")}
            | {"law": law_name(form.fitted.law), "agreeing": form.fitted.agreeing, "num_starts": form.fitted.num_starts}
            for form in (*self.fitted.forms, *self.fitted.baselines)
        ]
        profiles = [
            {name: getattr(one, name) for name in ("name", "value", "interval", "identified")}
            for one in self.fitted.profiles
        ]
        return finite({"out": str(self.out), "forms": forms, "parameters": profiles, "flags": self.fitted.flags})

    def print(self) -> None:
        """For people: how near each law comes, and what the runs settle of the best one."""
        forms = table("law", "fitted", "held out", "largest held out", "starts that agree")
        for form in (*self.fitted.forms, *self.fitted.baselines):
            errors = [_off(error) for error in (form.trained, form.cross_validated, form.extrapolated)]
            name = escape(law_name(form.fitted.law)) + (" (baseline)" if form in self.fitted.baselines else "")
            forms.add_row(name, *errors, f"{form.fitted.agreeing} of {form.fitted.num_starts}")
        parameters = table(f"parameter of {self.fitted.forms[0].name}", "value", "95% interval", "settled")
        for one in self.fitted.profiles:
            low, high = one.interval
            parameters.add_row(escape(one.name), f"{one.value:.4g}", f"{low:.4g} to {high:.4g}", one.identified)
        print_parts(forms, parameters, *self.fitted.flags, f"kept in {self.out}")


def _off(error: float) -> str:
    return f"{100 * error:.2f}%" if np.isfinite(error) else "cannot be fitted"


def fit_runs(
    given: str,
    pools: str | None,
    out: Path,
    *,
    metric: str | None = None,
    num_draws: int = NUM_DRAWS,
    chance: float | None = None,
) -> FittedLaws:
    """Fit the usual laws to a ledger or a file of runs, and keep what that taught in a directory.

    A ledger is a directory; its pools are those beside it unless others are given, and its metric is its only loss
    unless one is named. RecipeError for a file of runs without pools.
    """
    if place(given).is_dir():
        known = read_pools(pools or str(place(given) / POOLS))
        runs, metric = runs_of(read_ledger(given), known, metric)
    elif pools is None:
        raise RecipeError(f"{given} is a file of runs: give --pools too, a JSON list of what there is of each")
    else:
        known, metric = read_pools(pools), metric or VALUE
        runs = read_runs(given, known, metric)
    checked = check_runs(runs, known, chance=chance)
    laws, flags = _affordable(usual_laws(checked.runs), checked.runs)
    fitted = fit_all(laws, checked.runs, known, (*checked.flags, *flags), checked.noise, num_draws, metric)
    fitted.save(out)
    return FittedLaws(out, fitted)


def _affordable(laws: Sequence[Law], runs: Runs) -> tuple[list[Law], list[str]]:
    """The laws with fewer parameters than four fifths of the runs, which are left when some are held out."""
    sizes = [len(law.parameters(runs)) + len(law.coefficients(runs)) for law in laws]
    most = int(0.8 * len(runs)) - 1
    kept = [law for law, size in zip(laws, sizes, strict=True) if size <= most]
    if not kept:
        raise InputError(
            f"there are {len(runs)} runs, and the smallest law has {min(sizes)} parameters: "
            f"{int(min(sizes) / 0.8) + 3} runs are needed to fit it and to hold some out"
        )
    left = [(law, size) for law, size in zip(laws, sizes, strict=True) if size > most]
    return kept, [
        f"{law_name(law)} was not fitted: it has {size} parameters for {len(runs)} runs" for law, size in left
    ]


@dataclass(frozen=True)
class Recommended:
    """What ``winnow advise recommend`` says."""

    out: Path
    fitted: Fitted
    advices: tuple[Advice, ...]
    switches: tuple[Switch, ...]

    def to_plain(self) -> dict[str, Any]:
        """For machines: each budget with its plans, the best first."""
        told = [
            asdict(advice) | {"weights": weights(self.fitted.pools, advice.recommended.plan)} for advice in self.advices
        ]
        return finite({"out": str(self.out), "advice": told, "switches": [asdict(one) for one in self.switches]})

    def print(self) -> None:
        """For people: a paragraph for each budget."""
        flags = dict.fromkeys(flag for advice in self.advices for flag in (*self.fitted.flags, *advice.flags))
        told = [_in_words(advice, [pool.name for pool in self.fitted.pools]) for advice in self.advices]
        ranking = self.fitted.ranking
        beside = [f"single-scale ranking, at any budget: {'; '.join(ranking.candidates)}"] if ranking else []
        print_parts(*told, *beside, *flags, f"{self.out / PAGE} shows why; weights for Mix are in {self.out}")


def _in_words(advice: Advice, pools: Sequence[str]) -> str:
    """What to do with a budget, and how sure that is."""
    best, other, (low, high) = advice.recommended, advice.runner_up, advice.keep_band
    used = [f"{name} {epochs:.3g}" for name, epochs in zip(pools, best.plan.epochs, strict=True) if epochs]
    words = [
        f"{amount(advice.budget).replace('-', ' ')}: keep {best.plan.keep_fraction:.3g} of the pools' tokens",
        f"({low:.3g} to {high:.3g} are as good); epochs {', '.join(used)};",
        *([f"a model of {best.plan.num_params:.3g} parameters;"] if best.plan.num_params > 1 else []),
        f"expect {best.value:.4g} (95%: {best.interval_95[0]:.4g} to {best.interval_95[1]:.4g});",
        f"best in {best.p_best:.0%} of what may be true, {best.expected_regret:.2g} behind the best on the mean",
        f"and at most {best.regret_90:.2g} in nine of ten",
    ]
    beside = f"; next best: keep {other.plan.keep_fraction:.3g}" if other else ""
    return " ".join(words) + beside


def recommend(directory: Path, budgets: Sequence[Budget]) -> Recommended:
    """Advise for each budget; write ``advice.json``, the weights of each recommendation and the page beside the fit."""
    fitted = open_fitted(directory)
    believed, pools = fitted.believed, fitted.pools
    advices = tuple(_advised(fitted, budget) for budget in for_model(budgets, believed.params[1]))
    num_params = advices[0].recommended.plan.num_params
    tokens = [advice.recommended.plan.tokens for advice in advices]
    least, most = float(fitted.runs.tokens.min()), max(*tokens, float(fitted.runs.tokens.max()))
    along = np.geomspace(min(least, *tokens), most, NUM_BUDGETS).tolist()
    found = Recommended(directory, fitted, advices, tuple(switches(believed, pools, along, num_params)))
    write_json(directory / ADVICE, found.to_plain())
    for advice in advices:
        write_json(directory / f"weights-{amount(advice.budget)}.json", weights(pools, advice.recommended.plan))
    given = AdviceData(
        metric=fitted.metric,
        believed=believed,
        pools=pools,
        runs=fitted.runs,
        forms=fitted.forms,
        profiles=fitted.profiles,
        advices=advices,
        switches=found.switches,
        num_params=num_params,
        baselines=fitted.baselines,
        ranking=fitted.ranking,
        flags=fitted.flags,
    )
    write_advice_page(directory / PAGE, given)
    return found


def _advised(fitted: Fitted, budget: Budget) -> Advice:
    """What to do with a budget, and what of it no run was like."""
    advice = advise(fitted.believed, fitted.pools, budget)
    unlike = mismatched(fitted.runs, fitted.pools, advice.recommended.plan.tokens)
    return replace(advice, flags=(*advice.flags, *unlike))


def finite(plain: dict[str, Any]) -> dict[str, Any]:
    """Plain data with None for what is infinite or no number: JSON has neither."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: cleaned(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [cleaned(one) for one in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return {name: cleaned(value) for name, value in plain.items()}


def for_model(budgets: Sequence[Budget], largest: float) -> list[Budget]:
    """Budgets of tokens alone are for the largest model of the runs."""
    return [
        replace(budget, num_params=largest) if budget.tokens and budget.num_params is None else budget
        for budget in budgets
    ]


@dataclass(frozen=True)
class Checked:
    """What ``winnow advise check`` found."""

    rows: tuple[Golden, ...]

    @property
    def wrong(self) -> list[Golden]:
        """Those that are not what was computed elsewhere."""
        return [row for row in self.rows if not abs(row.found - row.expected) <= row.tolerance]

    def to_plain(self) -> dict[str, Any]:
        """For machines."""
        return {"checks": [row._asdict() for row in self.rows], "wrong": len(self.wrong)}

    def print(self) -> None:
        """For people: what is wrong, or that nothing is."""
        rows = table("check", "expected", "found", "tolerance")
        for row in self.wrong:
            rows.add_row(escape(row.name), f"{row.expected:.12g}", f"{row.found:.12g}", f"{row.tolerance:.2g}")
        print_parts(
            *([rows] if self.wrong else []), f"{len(self.rows) - len(self.wrong)} of {len(self.rows)} checks hold"
        )


def check(data: Path | None = None) -> Checked:
    """Numbers that were published, computed again; with a directory of the studies' data, fits to it too."""
    rows = [*goyal_golden.golden_checks(), *chinchilla_golden.golden_checks()]
    return Checked((*rows, *(chinchilla_golden.data_checks(data) if data else ())))


def amount(budget: Budget) -> str:
    """A budget in words that are part of a file's name too."""
    amount = f"{budget.tokens:.3g}-tokens" if budget.tokens is not None else f"{budget.flops:.3g}-flops"
    return amount.replace("+", "")


def table(*columns: str) -> Table:
    """Without rows yet: names on the left, numbers on the right."""
    found = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        found.add_column(column, justify="right" if number else "left")
    return found


def print_parts(*parts: Table | str) -> None:
    """A paragraph or a table below the other."""
    console = Console()
    for part in parts:
        console.print(escape(part) if isinstance(part, str) else part, soft_wrap=True)
        console.print()
