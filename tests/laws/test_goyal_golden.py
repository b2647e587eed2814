from __future__ import annotations

import csv
import json
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from winnow.laws.fit import fit
from winnow.laws.golden import Golden
from winnow.laws.goyal import GoyalUtility
from winnow.laws.goyal_golden import (
    DATA,
    UTILITY,
    best_pools,
    errors,
    golden_checks,
)
from winnow.laws.goyal_repository import GoyalEffectiveData, GoyalEffectiveUtility
from winnow.laws.setups import Runs

CHECKS = list(golden_checks())
SETS = {
    "tmars_imagenet1k_utility": (UTILITY, GoyalEffectiveUtility),
    "tmars_imagenet1k_data": (DATA, GoyalEffectiveData),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_golden_number_is_reproduced(check: Golden) -> None:
    assert abs(check.found - check.expected) <= check.tolerance


def test_golden_checks_have_names_of_their_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_curves_of_single_pools_are_those_of_the_repositorys_code_and_of_equation_4(shared_data: Path) -> None:
    with (shared_data / "scaling/goyal2024/fitted_single_pool_errors.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 100
    for name, of_set in groupby(rows, key=lambda row: row["param_set"]):
        fitted, form = SETS[name]
        for pool, (_, group) in enumerate(groupby(of_set, key=lambda row: row["pool"])):
            curve = list(group)
            setups = best_pools([float(row["samples_seen"]) for row in curve], 1)
            assert setups.epochs[:, 0] == pytest.approx([float(row["epochs"]) for row in curve])
            for law, column in ((form, "err_code_formula_of_that_set"), (GoyalUtility, "err_paper_formula_eq4")):
                expected = np.array([float(row[column]) for row in curve])
                assert errors(law, fitted, setups, [pool]) == pytest.approx(expected, rel=1e-10)


def test_published_parameters_are_those_of_the_repository(shared_data: Path) -> None:
    lines = (shared_data / "scaling/goyal2024/parameter_values.jsonl").read_text().splitlines()
    found = {row["id"]: row for row in map(json.loads, lines)}
    for name, (fitted, _) in SETS.items():
        assert fitted.a == found[name]["best_a"]
        assert -np.array(fitted.utility) == pytest.approx(found[name]["b_values"], rel=1e-15)
        assert fitted.half_life == pytest.approx(found[name]["c_values"], rel=1e-15)


@pytest.mark.parametrize("arch", ["ViT-B-32", "ViT-B-16", "ViT-L-14"])
def test_decay_explains_openclips_errors_four_times_better_than_none(arch: str, shared_data: Path) -> None:
    sizes = {"LAION-80M": 80e6, "LAION-400M": 400e6, "LAION-2B": 2e9}
    with (shared_data / "scaling/openclip_scaling/zeroshot_results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["downstream_dataset"] == "imagenet1k"]
    rows = [row for row in rows if row["arch"] == arch and row["upstream_dataset"] in sizes]
    assert len(rows) == 9
    unique = np.array([[sizes[row["upstream_dataset"]]] for row in rows])
    seen = np.array([[float(row["samples_seen"])] for row in rows])
    error, names = 1 - np.array([float(row["acc1"]) for row in rows]), np.arange(9).astype(str)

    def misfit(gamma: float, pool: NDArray[np.float64]) -> float:
        runs = Runs(("LAION",), pool, seen, np.ones(9), error, names)
        found = fit(GoyalUtility(gamma=gamma, reference=4e8, pivot=1e9), runs, num_starts=8)
        return float(np.sqrt(np.mean((found.predict(runs) - error) ** 2)))

    endless = misfit(0.0, np.maximum(unique, seen))  # where all is seen once, nothing decays
    assert max(misfit(0.0, unique), misfit(1.0, unique)) < endless / 4
