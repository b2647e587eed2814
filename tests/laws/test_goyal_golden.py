from __future__ import annotations

import csv
import json
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from winnow.laws.goyal import GoyalUtility
from winnow.laws.goyal_golden import (
    DATA,
    UTILITY,
    Golden,
    best_pools,
    errors,
    golden_checks,
)
from winnow.laws.goyal_repository import GoyalEffectiveData, GoyalEffectiveUtility

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
    for fitted, of_set in groupby(rows, key=lambda row: row["param_set"]):
        published, form = SETS[fitted]
        for pool, (_, group) in enumerate(groupby(of_set, key=lambda row: row["pool"])):
            curve = list(group)
            setups = best_pools([float(row["samples_seen"]) for row in curve], 1)
            assert setups.epochs[:, 0] == pytest.approx([float(row["epochs"]) for row in curve])
            for law, column in ((form, "err_code_formula_of_that_set"), (GoyalUtility, "err_paper_formula_eq4")):
                expected = np.array([float(row[column]) for row in curve])
                assert errors(law, published, setups, [pool]) == pytest.approx(expected, rel=1e-10)


def test_published_parameters_are_those_of_the_repository(shared_data: Path) -> None:
    lines = (shared_data / "scaling/goyal2024/parameter_values.jsonl").read_text().splitlines()
    found = {row["id"]: row for row in map(json.loads, lines)}
    for name, (published, _) in SETS.items():
        assert published.a == found[name]["best_a"]
        assert -np.array(published.utility) == pytest.approx(found[name]["b_values"], rel=1e-15)
        assert published.half_life == pytest.approx(found[name]["c_values"], rel=1e-15)
