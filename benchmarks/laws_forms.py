"""Which form of law comes nearest to other people's runs: of many epochs (datablations), and of mixtures (RegMix).

The first table has the root mean square of log residuals on all runs, and on runs held out by size and unique tokens:
by the first of ten draws of what is held out, and by the ten. The second has Spearman's correlation of predicted
and measured losses on mixtures that were not fitted to, at three sizes, by two baselines fitted at the smallest.

    python benchmarks/laws_forms.py      # a minute on one core
"""

from __future__ import annotations

import numpy as np
from environment import DATA, write_results
from numpy.typing import NDArray

from winnow.laws.chinchilla_golden import (
    FORMS,
    FORMS_NOISE,
    LAWS,
    MIXTURES,
    NUM_STARTS,
    error,
    error_held_out,
    fit_mixing,
    mixing_runs,
    rank_correlation,
    repeated_runs,
)
from winnow.laws.fit import fit
from winnow.laws.law import Law
from winnow.laws.setups import Runs

NUM_DRAWS = 10
SCALING = DATA / "scaling"
DOMAINS = (
    *("arxiv", "freelaw", "pubmed_central", "wikipedia_en", "dm_mathematics", "github", "stackexchange"),
    *("gutenberg_pg_19", "pile_cc", "ubuntu_irc", "hackernews", "pubmed_abstracts", "uspto_backgrounds"),
)


def form_row(law: Law, runs: Runs, expected: tuple[float, float], num_draws: int = NUM_DRAWS) -> str:
    """A law's line: its errors beside those that other code found."""
    fitted = fit(law, runs, noise=FORMS_NOISE, num_starts=NUM_STARTS)
    held_out = [error_held_out(fitted, runs, seed) for seed in range(num_draws)]
    spread = f"{np.median(held_out):.4f} ({min(held_out):.4f} to {max(held_out):.4f})"
    return (
        f"| {law} | {len(runs)} | {error(fitted, runs):.4f} | {expected[0]:.3f} | {held_out[0]:.4f} | "
        f"{expected[1]:.3f} | {spread} |"
    )


def forms() -> list[str]:
    """The first table."""
    lines = [
        "| law | runs | fitted to them | other code | held out | other code | median of ten draws |",
        "|---|---|---|---|---|---|---|",
    ]
    for file, *known in FORMS:
        runs = repeated_runs(SCALING / "datablations" / file)
        lines += [form_row(law, runs, pair) for law, *pair in zip(LAWS, *known, strict=True)]  # type: ignore[arg-type]
    return lines


def mixing(domains: tuple[str, ...] = DOMAINS) -> list[str]:
    """The second table."""
    header = " | ".join(f"{baseline}, {size}" for baseline in ("log-linear", "linear") for size in MIXTURES)
    lines = [f"| loss on | {header} |", "|---" * (1 + 2 * len(MIXTURES)) + "|"]
    losses = [mixing_losses(domain) for domain in domains]
    whole = {size: np.mean([one[size] for one in losses], 0) for size in MIXTURES}
    for name, one in zip((*domains, "mean of these"), (*losses, whole), strict=True):
        found = [rank_correlation(one[size][baseline], one[size][2]) for baseline in (0, 1) for size in MIXTURES]
        lines.append(f"| {name} | {' | '.join(f'{value:.3f}' for value in found)} |")
    return lines


def mixing_losses(domain: str) -> dict[str, NDArray[np.float64]]:
    """[3, mixtures] for each size: predicted by log-linear mixing, by least squares on the shares, and measured."""
    directory = SCALING / "regmix"
    fitted, training = fit_mixing(directory, domain), mixing_runs(directory, "train_1m", domain)
    slopes = np.linalg.lstsq(training.shares, training.value)[0]
    tests = {size: mixing_runs(directory, f"test_{size}", domain) for size in MIXTURES}
    return {size: np.stack([fitted.predict(runs), runs.shares @ slopes, runs.value]) for size, runs in tests.items()}


def main() -> None:
    write_results("laws_forms", "\n".join([*forms(), "", *mixing()]))


if __name__ == "__main__":
    main()
