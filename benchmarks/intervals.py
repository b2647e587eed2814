"""How often the interval of a comparison holds the truth: ``python benchmarks/intervals.py``, about ten minutes.

Two candidates, equal but for chance, are run with 1 to 5 seeds and asked the same 100 items, again and again, and
every way to make an interval says how far apart they are; the truth is zero. Four candidates more stand in the same
ledger, with three seeds each. What makes scores vary is set: seeds, items that one candidate finds easier than the
other, or answers that fall either way from run to run; or, in the last rows, right and wrong answers rather than normal
numbers.

The ways: ``winnow.bench.statistics``, with the noise of all candidates and with that of the two alone; Satterthwaite's
degrees of freedom for the sum of its variances; seeds in pairs; resampling seeds and items, each by itself (the
pigeonhole bootstrap, Owen 2007); and resampling items, which is what evaluation harnesses report.

A second table does the same for correlations and decision accuracy between two scales (``winnow.bench.transfer``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from environment import write_results

from winnow.bench.distributions import t_quantile
from winnow.bench.ledger import Ledger, Run
from winnow.bench.statistics import TAIL, Scores, Values, difference, noise_floor, ratio
from winnow.bench.transfer import transfer

ITEMS, OTHERS, OTHER_SEEDS, CASES, RESAMPLES = 100, 4, 3, 1000, 300
SHARES = {
    "seeds": (1.0, 0.02, 0.02),
    "items": (0.02, 1.0, 0.02),
    "single answers": (0.02, 0.02, 1.0),
    "all alike": (1.0, 1.0, 1.0),
}
"""Variances in one run's score: of the seed, of the candidate's taste in items, of both together."""

Half = float | None
"""Half an interval's width; None where the way makes none."""


def main() -> None:
    """Simulate every setting and write the tables."""
    lines = []
    for noisy in (1.0, 2.0):
        lines += [f"Noise of the one candidate {noisy:g} times that of the others:", ""] if noisy > 1 else []
        heads = " | ".join(WAYS)
        lines += [f"| varies by | seeds | {heads} |", f"| --- | --- |{' ---: |' * len(WAYS)}"]
        for name in (*SHARES, "right or wrong"):
            for seeds in (1, 2, 3, 5):
                rng = np.random.default_rng(seeds)
                cases = [draw(name, seeds, noisy, rng) for _ in range(CASES)]
                lines.append(f"| {name} | {seeds} | {' | '.join(judged(cases, rng))} |")
        lines.append("")
    lines.append(
        f"Share of {CASES:,} simulated comparisons whose 95% interval holds the truth, and the median half-width as a "
        "multiple of what the known variance would give (1.96 standard errors). 95% is right; less is a false promise, "
        "more is a wider interval than needed. – : this way makes no interval from one seed."
    )
    write_results("intervals", "\n".join([*lines, "", *between_scales()]))


def draw(name: str, seeds: int, noisy: float, rng: np.random.Generator) -> list[Values]:
    """Tables of seeds by items, one per candidate, the two that are compared first."""
    number = [seeds, seeds, *[OTHER_SEEDS] * OTHERS]
    deviations = [math.sqrt(one) for one in SHARES.get(name, (0.25, 0.25, 0.0))]
    hardness = rng.normal(0, 1, ITEMS) * math.sqrt(ITEMS)
    made = []
    for place, runs in enumerate(number):
        factor = noisy if place == 0 else 1.0
        taste = math.sqrt(ITEMS) * rng.normal(0, deviations[1], (1, ITEMS))
        table = factor * rng.normal(0, deviations[0], (runs, 1)) + taste + hardness
        table = table + factor * math.sqrt(ITEMS) * rng.normal(0, deviations[2], (runs, ITEMS))
        made.append(table)
    if name == "right or wrong":
        made = [(rng.random(one.shape) < 1 / (1 + np.exp(-one / 8))).astype(float) for one in made]
    return made


def judged(cases: list[list[Values]], rng: np.random.Generator) -> list[str]:
    """Of every way, how often it held the truth and how wide it was."""
    centres = np.array([tables[0].mean() - tables[1].mean() for tables in cases])
    known = 1.959964 * centres.std()
    cells = []
    for way in WAYS.values():
        halves = [half for tables in cases if (half := way(tables, rng)) is not None]
        if halves:
            held = np.mean(np.abs(centres) <= halves)
            cells.append(f"{100 * held:.1f} ({np.median(halves) / known:.2f})")
        else:
            cells.append("–")
    return cells


def scores(table: Values) -> Scores:
    """Of seeds by items, every item counting alike."""
    each = [ratio(one, np.ones(ITEMS), np.zeros(ITEMS, np.intp)) for one in table]
    return Scores(values=np.array([value for value, _ in each]), influences=np.stack([row for _, row in each]))


def of_all(tables: list[Values], rng: np.random.Generator) -> Half:
    """What winnow does: noise from every candidate."""
    made = [scores(table) for table in tables]
    return difference(made[0], made[1], noise_floor(made)).half()


def of_two(tables: list[Values], rng: np.random.Generator) -> Half:
    """The same in a ledger of two."""
    return None if len(tables[0]) < 2 else of_all(tables[:2], rng)


def items_alone(tables: list[Values], rng: np.random.Generator) -> Half:
    """Items drawn again, seeds as they are."""
    apart = tables[0].mean(axis=0) - tables[1].mean(axis=0)
    return quantile(apart[rng.integers(0, ITEMS, (RESAMPLES, ITEMS))].mean(axis=1))


def both_resampled(tables: list[Values], rng: np.random.Generator) -> Half:
    """Items and the seeds of each candidate drawn again, each by itself."""
    if len(tables[0]) < 2:
        return None
    items = rng.multinomial(ITEMS, np.full(ITEMS, 1 / ITEMS), RESAMPLES) / ITEMS
    means = [items @ table.T for table in tables[:2]]
    drawn = [
        np.take_along_axis(mean, rng.integers(0, len(table), (RESAMPLES, len(table))), axis=1).mean(axis=1)
        for mean, table in zip(means, tables, strict=False)
    ]
    return quantile(drawn[0] - drawn[1])


def quantile(drawn: Values) -> float:
    """Half of what holds 95 of 100 resamples."""
    low, high = np.quantile(drawn, [TAIL / 2, 1 - TAIL / 2])
    return float(high - low) / 2


def satterthwaite(tables: list[Values], rng: np.random.Generator) -> Half:
    """One quantile of Student's t for the sum of both variances, noise from every candidate."""
    made = [scores(table) for table in tables]
    noise = noise_floor(made)
    assert noise is not None
    found = difference(made[0], made[1], noise)
    of_seeds, of_items = found.seed_variance(), found.item_variance or 0.0
    degrees = (of_seeds + of_items) ** 2 / (of_seeds**2 / noise.degrees + of_items**2 / (ITEMS - 1))
    return t_quantile(TAIL, degrees) * math.sqrt(of_seeds + of_items)


def seeds_in_pairs(tables: list[Values], rng: np.random.Generator) -> Half:
    """Student's t of the differences, seed by seed; items as they are."""
    number = len(tables[0])
    if number < 2:
        return None
    apart = tables[0].mean(axis=1) - tables[1].mean(axis=1)
    return t_quantile(TAIL, number - 1) * float(apart.std(ddof=1)) / math.sqrt(number)


def between_scales() -> list[str]:
    """A table of how often the intervals between two scales hold the truth, whose correlation is 0.8."""
    truths = {"pearson": 0.8, "spearman": 6 / math.pi * math.asin(0.4), "kendall": 2 / math.pi * math.asin(0.8)}
    truths["accuracy_of_all"] = (1 + truths["kendall"]) / 2
    lines = [
        "| candidates | Pearson | Spearman | Kendall | decision accuracy |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for number in (6, 12, 30):
        rng = np.random.default_rng(number)
        held = dict.fromkeys(truths, 0)
        for _ in range(CASES):
            found = transfer(two_scales(number, rng), "small", "large", "score")
            for name, truth in truths.items():
                interval = getattr(found, name).interval
                held[name] += interval[0] <= truth <= interval[1]
        lines.append(f"| {number} | {' | '.join(f'{100 * hits / CASES:.1f}' for hits in held.values())} |")
    told = f"Share of {CASES:,} draws of so many candidates, normally distributed, whose 95% interval holds the truth."
    return [*lines, "", told]


def two_scales(number: int, rng: np.random.Generator) -> Ledger:
    """One run of each candidate at each scale."""
    large = rng.normal(size=number)
    small = 0.8 * large + 0.6 * rng.normal(size=number)
    runs = [
        Run(run=f"{scale}{place}", candidate=f"{place}", scale=scale, seed=0, metrics={"score": float(value)})
        for scale, scores in (("small", small), ("large", large))
        for place, value in enumerate(scores)
    ]
    return Ledger(tuple(runs))


WAYS: Mapping[str, Callable[[list[Values], np.random.Generator], Half]] = {
    "winnow": of_all,
    "winnow, two candidates": of_two,
    "Satterthwaite": satterthwaite,
    "seeds in pairs": seeds_in_pairs,
    "resampled seeds and items": both_resampled,
    "resampled items": items_alone,
}

if __name__ == "__main__":
    main()
