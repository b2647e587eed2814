"""What to do with a budget: the plan with the least expected regret, over resampled fits and over forms of law."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.laws.plans import Budget, Plan, Pool, check_pools, models_between, plan_for, plans, setups_of
from winnow.laws.setups import Runs, Setups
from winnow.laws.uncertainty import Draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR_TOKENS = 10.0
"""Times the most tokens of any run, beyond which advice is extrapolation."""
FAR_EPOCHS = 2.0
"""Times the most epochs of a pool in any run."""


@dataclass(frozen=True)
class Beliefs:
    """What runs have taught: draws of one or several laws, each law counting alike."""

    draws: tuple[Draws, ...]
    noise: float
    """Scale of a run's own relative noise."""
    most_tokens: float
    """Of any run."""
    most_epochs: tuple[float, ...]
    """Of each pool in any run."""
    params: tuple[float, float]
    """The smallest and the largest model of any run."""

    def predict(self, setups: Setups) -> NDArray[np.float64]:
        """[draws, n] values, the laws' below each other; as many of each law."""
        number = min(len(draws) for draws in self.draws)
        found: NDArray[np.float64] = np.concatenate([draws.predict(setups)[:number] for draws in self.draws])
        return found


def beliefs(draws: Sequence[Draws], runs: Runs) -> Beliefs:
    """With what the runs reached."""
    sizes = runs.num_params
    return Beliefs(
        draws=tuple(draws),
        noise=float(np.median([one.noise for one in draws])),
        most_tokens=float(runs.tokens.max()),
        most_epochs=tuple(runs.epochs.max(0).tolist()),
        params=(float(sizes.min()), float(sizes.max())),
    )


@dataclass(frozen=True)
class Choice:
    """A plan, and what is believed of it."""

    plan: Plan
    value: float
    """Median prediction."""
    interval_80: tuple[float, float]
    """Of a run, its own noise included."""
    interval_95: tuple[float, float]
    p_best: float
    """Share of the draws in which no other plan is better."""
    expected_regret: float
    """How much worse than the best plan of each draw, on the mean."""
    regret_90: float
    """The same at its 90th percentile."""


@dataclass(frozen=True)
class Advice:
    """What to do with one budget."""

    budget: Budget
    recommended: Choice
    runner_up: Choice | None
    """The best of the plans with another keep-fraction."""
    choices: tuple[Choice, ...]
    """All plans, the least expected regret first."""
    keep_band: tuple[float, float]
    """Keep-fractions that are as good, within the noise of a run."""
    flags: tuple[str, ...]
    """What the advice rests on that no run has seen."""


def advise(believed: Beliefs, pools: Sequence[Pool], budget: Budget) -> Advice:
    """The plan with the least expected regret for a budget, and those beside it."""
    check_pools(pools)
    candidates = plans(pools, budget, models_between(*believed.params))
    values = believed.predict(setups_of(pools, candidates))
    choices = sorted(_judged(candidates, values, believed.noise), key=lambda one: one.expected_regret)
    best = choices[0]
    others = [one for one in choices if one.plan.keep_fraction != best.plan.keep_fraction]
    within = best.expected_regret + believed.noise * best.value
    kept = [one.plan.keep_fraction for one in choices if one.expected_regret <= within]
    return Advice(
        budget=budget,
        recommended=best,
        runner_up=others[0] if others else None,
        choices=tuple(choices),
        keep_band=(min(kept), max(kept)),
        flags=tuple(flags(believed, pools, best.plan)),
    )


def _judged(candidates: Sequence[Plan], values: NDArray[np.float64], noise: float) -> Iterator[Choice]:
    """Every plan by its values [draws, plans]."""
    regrets = values - values.min(1, keepdims=True)
    best = np.bincount(values.argmin(1), minlength=len(candidates)) / len(values)
    random = np.random.default_rng(0)
    noisy = np.sort(values * np.exp(noise * random.standard_normal(values.shape)), axis=0)
    low_95, low_80, median, high_80, high_95 = np.quantile(noisy, [0.025, 0.1, 0.5, 0.9, 0.975], axis=0)
    for place, plan in enumerate(candidates):
        yield Choice(
            plan=plan,
            value=float(median[place]),
            interval_80=(float(low_80[place]), float(high_80[place])),
            interval_95=(float(low_95[place]), float(high_95[place])),
            p_best=float(best[place]),
            expected_regret=float(regrets[:, place].mean()),
            regret_90=float(np.quantile(regrets[:, place], 0.9)),
        )


def flags(believed: Beliefs, pools: Sequence[Pool], plan: Plan) -> Iterator[str]:
    """What of a plan lies beyond all runs."""
    if plan.tokens > FAR_TOKENS * believed.most_tokens:
        yield (
            f"{plan.tokens:.3g} tokens are {plan.tokens / believed.most_tokens:.0f} times those of any run: this is "
            "extrapolation, and another form of law may say otherwise"
        )
    low, high = believed.params
    if not low <= plan.num_params <= high:
        yield f"no run had a model of {plan.num_params:.3g} parameters; they had {low:.3g} to {high:.3g}"
    for pool, epochs, seen in zip(pools, plan.epochs, believed.most_epochs, strict=True):
        if epochs > 1 and seen <= 1:
            yield f"{pool.name} would be seen {epochs:.1f} times, and no run repeated it: what that costs is a guess"
        elif epochs > FAR_EPOCHS * seen:
            yield f"{pool.name} would be seen {epochs:.1f} times; the most of any run are {seen:.1f}"


@dataclass(frozen=True)
class Switch:
    """The budget from which a larger part of the pools is best."""

    keep_fraction: float
    """From here on, at equal epochs."""
    tokens: float
    """Median over the draws."""
    interval: tuple[float, float]
    """95%; infinite where a draw never switches within the budgets that were looked at."""


def switches(believed: Beliefs, pools: Sequence[Pool], tokens: Sequence[float], num_params: float) -> list[Switch]:
    """Where the best number of whole pools grows, along budgets of so many tokens on one model, at equal epochs."""
    prefixes = [tuple([1.0] * number + [0.0] * (len(pools) - number)) for number in range(1, len(pools) + 1)]
    budgets = [Budget(tokens=one, num_params=num_params) for one in tokens]
    equal = [plan_for(pools, budget, prefix, 1.0, num_params) for budget in budgets for prefix in prefixes]
    kept = [plan for plan in equal if plan is not None]  # all: no budget limits epochs
    values = believed.predict(setups_of(pools, kept)).reshape(-1, len(tokens), len(prefixes))
    logs, found = np.log(tokens), []
    for number in range(1, len(prefixes)):
        first = np.exp(_first_above(values[:, :, :number].min(2) - values[:, :, number:].min(2), logs))
        low, middle, high = np.quantile(first, [0.025, 0.5, 0.975], method="nearest")
        found.append(Switch(kept[number].keep_fraction, float(middle), (float(low), float(high))))
    return found


def _first_above(gains: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """[draws] where each row of gains [draws, n] first rises above zero, by straight lines; infinite where none."""
    after = (gains > 0).argmax(1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(gains))
    low, high = gains[rows, before], gains[rows, after]
    part = np.where(after > before, low / np.where(low < high, low - high, 1.0), 0.0)
    crossing = at[before] + part * (at[after] - at[before])
    return np.where((gains > 0).any(1), crossing, np.inf)


def weights(pools: Sequence[Pool], plan: Plan) -> dict[str, float]:
    """The share of each pool in what is drawn: weights that ``Mix`` takes. They sum to one."""
    drawn = [
        pool.unique_tokens * kept * epochs for pool, kept, epochs in zip(pools, plan.kept, plan.epochs, strict=True)
    ]
    return {pool.name: one / sum(drawn) for pool, one in zip(pools, drawn, strict=True) if one}
