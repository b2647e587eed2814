"""Is advice right where the truth is known? Coverage of intervals, decisions by design, decisions by a wrong form.

The truth has the four pools of T-MARS scores that Goyal et al. 2024 publish, of 12.8M samples each, in the paper's own
form, unless another is named; errors have a noise of 0.24 points, as far as the published fits lie from their data.
Replicates differ in that noise alone. A fit is from few starts and resampled few times, to keep many replicates cheap.

    python benchmarks/laws_synthetic.py [--replicates N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from environment import write_results

from winnow.core.errors import InputError
from winnow.laws.advice import Advice, advise, beliefs
from winnow.laws.chinchilla import PenalisedChinchilla, RepeatedChinchilla
from winnow.laws.design import alone, offers, trainings
from winnow.laws.fit import fit
from winnow.laws.goyal import GoyalUtility
from winnow.laws.plans import Budget, Pool, setups_of
from winnow.laws.setups import Runs, Setups
from winnow.laws.simulation import Truth, simulate
from winnow.laws.uncertainty import bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.law import Law

SIZE, PIVOT, FLOOR, NOISE = 12.8e6, 4e6, 0.1, 0.0024
POOLS = tuple(Pool(name, SIZE) for name in ("top 10%", "10-20%", "20-30%", "30-40%"))
UTILITY, HALF_LIFE = (0.16, 0.125, 0.10, 0.085), (6.72727, 8.54545, 5.27273, 2.27273)
PAPER, FIXED = GoyalUtility(gamma=1.0, reference=SIZE), GoyalUtility()
"""Half-lives that grow with the pool, and ones that do not."""
THETA, COEFFICIENTS = np.array([*UTILITY, *HALF_LIFE, PIVOT]), np.array([1.0, FLOOR])
BUDGETS = tuple(Budget(tokens=tokens, num_params=1.0) for tokens in (32e6, 64e6, 128e6, 256e6, 640e6, 1280e6))
DESIGNS = {"2, 4, 6, 8, 10 (the paper's)": (2, 4, 6, 8, 10), "0.5, 1, 2, 4, 8, 16": (0.5, 1, 2, 4, 8, 16)}
LOG_SPACED = trainings(POOLS, alone(4))
NUM_STARTS, NUM_DRAWS = 8, 60


class Floored(GoyalUtility):
    """The law with d known; A is found, and d in units of it is not."""

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        """A alone."""
        return ("A",)

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        """[n, 1] (y - d) / A and d."""
        found: NDArray[np.float64] = super().terms(theta, setups) @ np.array([[1.0], [FLOOR]])
        return found


KNOWN: dict[str, Law] = {
    "n0, d known": Floored(gamma=1.0, reference=SIZE, pivot=PIVOT),
    "d known": Floored(gamma=1.0, reference=SIZE),
    "nothing known": PAPER,
}
FORMS: dict[str, Law] = {
    "utility, half-lives growing": PAPER,
    "utility, half-lives fixed": FIXED,
    "decay of tokens": RepeatedChinchilla(excess=False),
    "penalty": PenalisedChinchilla(),
}


def paper_truth(setups: Setups) -> NDArray[np.float64]:
    """Errors by the paper's form and published parameters."""
    return PAPER.predict(THETA, COEFFICIENTS, setups)


def coverage(replicates: int) -> str:
    """How often intervals of the advice hold a new run of each plan."""
    random, inside, refused = np.random.default_rng(0), [], 0
    expected = paper_truth(LOG_SPACED)
    for _ in range(replicates):
        values = expected + NOISE * random.standard_normal(len(LOG_SPACED))
        runs = measured(LOG_SPACED, values)
        try:
            fitted = fit(PAPER, runs, num_starts=NUM_STARTS)
        except InputError:
            refused += 1
            continue
        believed = beliefs([bootstrap(fitted, runs, NUM_DRAWS)], runs)
        inside.append([held(advise(believed, POOLS, budget), random) for budget in BUDGETS])
    shares = np.mean(inside, axis=0)
    rows = ["| budget | plans | 80% interval | 95% interval |", "|---|---|---|---|"]
    for budget, share in zip(BUDGETS, shares, strict=True):
        rows.append(f"| {(budget.tokens or 0) / 1e6:.0f}M | all | {share[0]:.1%} | {share[1]:.1%} |")
    mean = shares.mean(0)
    rows.append(f"| all | all | {mean[0]:.1%} | {mean[1]:.1%} |")
    return "\n".join([*rows, "", f"{len(inside)} replicates; {refused} more were refused by `fit`."])


def held(advice: Advice, random: np.random.Generator) -> list[float]:
    """Shares of plans whose 80% and 95% intervals hold a new run."""
    plans = [choice.plan for choice in advice.choices]
    new = paper_truth(setups_of(POOLS, plans))
    new = new + NOISE * random.standard_normal(len(new))
    found = []
    for name in ("interval_80", "interval_95"):
        low, high = np.transpose([getattr(choice, name) for choice in advice.choices])
        found.append(float(((low <= new) & (new <= high)).mean()))
    return found


def decisions(replicates: int) -> str:
    """The table of designs: which epochs were run, and what is known beforehand."""
    rows = ["| epochs run | known | accuracy by budget | least | mean | mean regret, points | most |"]
    rows.append("|---|---|---|---|---|---|---|")
    for name, epochs in DESIGNS.items():
        for known, law in KNOWN.items():
            row = decided(paper_truth, trainings(POOLS, alone(4), epochs), [law], replicates)
            rows.append(f"| {name} | {known} | {row} |")
    return "\n".join(rows)


def wrong_forms(replicates: int) -> str:
    """Decisions where the truth is of another form than what is fitted, alone and with those that fit averaged."""
    rows = ["| truth | fitted | accuracy by budget | least | mean | mean regret, points | most |"]
    rows.append("|---|---|---|---|---|---|---|")
    setups = trainings(POOLS, offers(4))
    for name, truth in truths(setups):
        others = [form for other, form in FORMS.items() if other != name]
        fits = {f"{other} alone": [form] for other, form in FORMS.items()}
        for fitted, forms in {
            **fits,
            "all but the true form, averaged": others,
            "all, averaged": list(FORMS.values()),
        }.items():
            rows.append(f"| {name} | {fitted} | {decided(truth, setups, forms, replicates)} |")
    return "\n".join(rows)


def truths(setups: Setups) -> Iterator[tuple[str, Truth]]:
    """The paper's law, and each other form as near to it as it comes on these trainings."""
    yield "utility, half-lives growing", paper_truth
    runs = measured(setups, paper_truth(setups))
    for name in ("utility, half-lives fixed", "penalty"):
        found = fit(FORMS[name], runs, num_starts=NUM_STARTS)
        yield name, found.predict


def decided(truth: Truth, setups: Setups, forms: list[Law], replicates: int) -> str:
    """Cells of a row."""
    noise = NOISE / truth(setups)
    found = simulate(
        truth, setups, POOLS, BUDGETS, forms, noise=noise, replicates=replicates, num_draws=20, num_starts=NUM_STARTS
    )
    shares, regret = ", ".join(f"{share:.2f}" for share in found.accuracy), 100 * found.regret
    means = f"{found.accuracy.min():.2f} | {found.accuracy.mean():.3f} | {regret.mean():.3f} | {regret.max():.3f}"
    return f"{shares} | {means}"


def measured(setups: Setups, values: NDArray[np.float64]) -> Runs:
    """Every training with its value, a run each."""
    names = np.arange(len(setups)).astype(str)
    return Runs(setups.pools, setups.unique, setups.seen, setups.num_params, values, names)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--replicates", type=int, default=200)
    replicates, began = arguments.parse_args().replicates, time.process_time()
    parts = {
        "Coverage of intervals for a new run, 0.5 to 16 epochs, nothing known": partial(coverage, replicates),
        "Whole pools at equal epochs, by the epochs that were run": partial(decisions, replicates * 2 // 5),
        "The same by forms that are not the truth": partial(wrong_forms, replicates // 5),
    }
    told = [f"## {title}\n\n{made()}" for title, made in parts.items()]
    budgets = ", ".join(f"{(budget.tokens or 0) / 1e6:.0f}M" for budget in BUDGETS)
    minutes = (time.process_time() - began) / 60
    told.append(f"Budgets: {budgets}. {minutes:.0f} minutes of processor time.")
    write_results("laws_synthetic", "\n\n".join(told))


if __name__ == "__main__":
    main()
