"""How long do fits and advice take? 300 runs with noise of 1%, the usual laws, 1,000 resampled fits, all cores.

python benchmarks/laws_speed.py
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from environment import write_results
from laws_synthetic import POOLS, measured, paper_truth

from winnow.laws.design import EPOCHS
from winnow.laws.fitted import fit_all
from winnow.laws.plans import Budget
from winnow.laws.setups import Runs
from winnow.recipes.advising import recommend, usual_laws
from winnow.recipes.designing import RunPlan

NUM_RUNS, NOISE = 300, 0.01
MODELS = {"one model": (1.0,), "two models": (1e6, 3e6)}


def runs_of(models: tuple[float, ...]) -> Runs:
    """The usual trainings again and again: of one model by Goyal's law, of several by Chinchilla's."""
    plan = RunPlan(num_params=models, tokens=np.inf, epochs=EPOCHS, seeds=NUM_RUNS, noise=NOISE, quality=0.5)
    setups = plan.trainings(POOLS).rows(slice(NUM_RUNS))
    values = paper_truth(setups) if len(models) == 1 else plan.truth(POOLS)(setups)
    return measured(setups, values * np.exp(NOISE * np.random.default_rng(0).standard_normal(NUM_RUNS)))


def main() -> None:
    rows = ["| runs | laws | believed | fit, s | recommend, s |", "|---|---|---|---|---|"]
    for name, models in MODELS.items():
        runs = runs_of(models)
        laws, began = usual_laws(runs), time.perf_counter()
        fitted = fit_all(laws, runs, POOLS)
        done = time.perf_counter()
        with TemporaryDirectory() as directory:
            fitted.save(Path(directory))
            saved = time.perf_counter()
            recommend(Path(directory), [Budget(tokens=1e8, num_params=models[-1])])
            told = time.perf_counter() - saved
        rows.append(f"| {name} | {len(laws)} | {len(fitted.draws)} | {done - began:.0f} | {told:.1f} |")
    write_results("laws_speed", "\n".join([f"{NUM_RUNS} runs, 1,000 resampled fits.", "", *rows]))


if __name__ == "__main__":
    main()
