from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.core.errors import InputError
from winnow.laws.inputs import check_runs, mismatched, noise_of, read_pools, read_runs
from winnow.laws.plans import Pool
from winnow.laws.setups import Runs

POOLS = (Pool("top", 100.0), Pool("rest", 300.0))
ROWS: list[dict[str, Any]] = [
    {"run": "007", "value": 3.5, "params": 10, "tokens:top": 50, "unique:top": 100, "tokens:rest": None, "seed": 1},
    {"run": "b", "value": 3.0, "params": 20, "tokens:top": 200, "unique:top": 50, "tokens:rest": 30, "seed": 1},
]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows as a file of the kind that its name says."""
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        lines = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]) + "\n")
    return path


def setup(run: str, value: float, top: float, rest: float = 0.0, *, size: float = 100.0) -> Runs:
    """A training on so many tokens of each pool, with ``size`` tokens of the first to draw from."""
    seen = np.array([[top, rest]])
    unique = np.where(seen > 0, [[size, 300.0]], 0.0)
    return Runs(("top", "rest"), unique, seen, np.ones(1), np.array([value]), np.array([run]))


def together(*runs: Runs) -> Runs:
    names = ("unique", "seen", "num_params", "value", "run")
    arrays: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in runs]) for name in names}
    return replace(runs[0], **arrays)


GOOD = together(setup("a", 4.0, 50), setup("b", 3.5, 100), setup("c", 3.2, 400), setup("d", 3.9, 0, 100))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_same_runs_are_read_from_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    runs = read_runs(written(tmp_path / f"runs.{ending}", ROWS), POOLS)
    assert runs.pools == ("top", "rest")
    assert runs.run.tolist() == ["007", "b"]
    assert runs.seen.tolist() == [[50, 0], [200, 30]]
    assert runs.unique.tolist() == [[100, 0], [50, 300]]  # of a pool without a column for it, all there is
    assert runs.num_params.tolist() == [10, 20]
    assert runs.value.tolist() == [3.5, 3.0]


def test_without_a_column_of_params_all_models_are_alike(tmp_path: Path) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "params"} for row in ROWS]
    assert read_runs(written(tmp_path / "runs.csv", rows), POOLS).num_params.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"value": None}, "value of run 007 is empty"),
        ({"value": float("nan")}, "value of run 007 is nan"),
        ({"value": float("inf")}, "value of run 007 is inf"),
        ({"params": None}, "params of run 007 is empty"),
        ({"params": 0}, "run 007 draws nothing from any pool, or has a model of no parameters"),
        ({"tokens:top": None}, "run 007 draws nothing from any pool"),
        ({"tokens:top": -1}, "tokens:top of run 007 is -1"),
        ({"tokens:top": float("nan")}, "tokens:top of run 007 is nan"),
    ],
)
def test_a_cell_that_teaches_no_law_is_refused_by_its_run(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = written(tmp_path / "runs.parquet", [{**ROWS[0], **change}, ROWS[1]])
    with pytest.raises(InputError, match=told):
        read_runs(path, POOLS)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "run,value,tokens:tip\n1,2,3\n", "column 'tokens:tip', and no pool is called so; did you mean top?"),
        ("a.csv", "run,tokens:top\n1,2\n", "no column 'value'; it has run, tokens:top"),
        ("a.csv", "run,value,tokens:top\n1,good,3\n", "column 'value' must hold numbers"),
        ("a.csv", "run,value\n1,2,3\n", "holds no table of runs"),
        ("a.jsonl", "{", "holds no table of runs"),
        ("a.parquet", "x", "holds no table of runs"),
        ("a.txt", "x", "runs come as .csv, .jsonl or .parquet"),
    ],
)
def test_a_file_that_is_no_table_of_runs_is_refused(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=told.replace("?", r"\?")):
        read_runs(tmp_path / name, POOLS)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_runs(tmp_path / "runs.csv", POOLS)


def test_pools_are_read_in_their_order(tmp_path: Path) -> None:
    told = '[{"name": "top", "unique_tokens": 100, "scoring_flops": 2}, {"name": "rest", "unique_tokens": 300}]'
    (tmp_path / "pools.json").write_text(told)
    assert read_pools(tmp_path / "pools.json") == (Pool("top", 100.0, 2.0), Pool("rest", 300.0))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[", "it is no JSON"),
        ("{}", "must be a list"),
        ("[]", "must be a list"),
        ('[{"name": "top"}]', "this is none: {'name': 'top'}"),
        ('[{"name": "top", "unique_tokens": 1, "scoring": 1}]', "no 'scoring': did you mean scoring_flops"),
        ('[{"name": "top", "unique_tokens": 0}]', "top has 0.0 unique tokens"),
        ('[{"name": "top", "unique_tokens": 1, "scoring_flops": -1}]', "scoring_flops of the pool top is -1"),
        ('[{"name": "top", "unique_tokens": 1}, {"name": "top", "unique_tokens": 2}]', "two pools are called top"),
    ],
)
def test_pools_that_cannot_be_are_refused(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "pools.json").write_text(content)
    with pytest.raises(InputError, match=told):
        read_pools(tmp_path / "pools.json")


def test_good_runs_pass_and_say_only_that_none_repeats_another() -> None:
    found = check_runs(GOOD, POOLS, chance=7.0)
    assert found.runs is GOOD
    assert found.noise is None
    assert [flag[:21] for flag in found.flags] == ["0 runs repeat the set"]


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        ([2.0, 4.0, 8.0], "see a pool 2, 4 and 8 times.*train on one of the pools for 0.5 epochs"),
        ([2.0, 2.05], "see a pool 2 times.*for 0.5 and 4 epochs"),
        ([0.5, 1.0], "see a pool 0.5 and 1 times.*for 2 epochs"),
    ],
)
def test_too_few_numbers_of_epochs_are_refused_with_those_to_add(epochs: list[float], told: str) -> None:
    runs = together(*(setup(str(one), 4 - one / 10, 100 * one) for one in epochs))
    with pytest.raises(InputError, match=told):
        check_runs(runs, POOLS)


def test_a_row_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="run a is there twice at 50 tokens"):
        check_runs(together(GOOD, GOOD.rows([0])), POOLS)


def test_one_name_for_two_trainings_is_refused() -> None:
    with pytest.raises(InputError, match="rows of run a have other pools, shares or models"):
        check_runs(together(GOOD, setup("a", 3.0, 0, 50)), POOLS)


def test_checkpoints_of_one_training_are_flagged() -> None:
    found = check_runs(together(GOOD, setup("a", 3.0, 700)), POOLS)
    assert "1 runs, a first, have several rows. Checkpoints" in found.flags[0]


def test_a_run_with_more_of_a_pool_than_there_is_is_refused() -> None:
    with pytest.raises(InputError, match="run e had 150 unique tokens of top, which has 100: pools overlap"):
        check_runs(together(GOOD, setup("e", 3.0, 700, size=150.0)), POOLS)


def test_pools_of_other_names_are_refused() -> None:
    with pytest.raises(InputError, match="runs are of the pools top, rest, and these are top, tail"):
        check_runs(GOOD, (POOLS[0], Pool("tail", 300.0)))


def test_values_no_better_than_guessing_are_refused_and_those_near_it_flagged() -> None:
    with pytest.raises(InputError, match="run a has the value 4, and guessing reaches 4:"):
        check_runs(GOOD, POOLS, chance=4.0)
    assert "1 runs, a first, lie within the noise of chance" in check_runs(GOOD, POOLS, chance=4.05).flags[-1]


def test_a_number_that_two_runs_share_to_the_last_digit_is_flagged() -> None:
    found = check_runs(together(GOOD, setup("again", 4.0, 50)), POOLS)
    assert "runs a and again have the same settings and the same value to the last digit, 4" in found.flags[0]


def test_more_different_data_that_does_worse_is_flagged() -> None:
    few, many = setup("few", 3.1, 400, size=50.0), setup("many", 4.0, 400)
    assert any("run c is 14.3% worse than few, which" in flag for flag in worse(together(GOOD, few, many)))
    assert not worse(together(GOOD, few, setup("many", 3.12, 400)))
    assert not worse(together(GOOD, setup("few", 3.6, 400, size=50.0), setup("many", 3.1, 400)))


def worse(runs: Runs) -> list[str]:
    return [flag for flag in check_runs(runs, POOLS).flags if " worse than " in flag]


def test_a_budget_that_repeats_a_pool_as_no_run_did_is_flagged() -> None:
    assert not list(mismatched(GOOD, POOLS, 100.0))
    often = list(mismatched(GOOD, POOLS, 4000.0))
    assert often[0].startswith("4e+03 tokens repeat top 10 times or more, and no run more than 4 times: shrink")
    assert len(often) == 2
    seldom = mismatched(together(GOOD.rows([0, 1, 2]), setup("d", 3.9, 0, 3000)), POOLS, 100.0)
    assert next(seldom).startswith("100 tokens repeat rest at most 0.25 times")
    assert next(mismatched(GOOD.rows([0, 1, 2]), POOLS, 100.0)).startswith("no run draws from rest")


def test_the_noise_is_that_of_runs_of_the_same_settings() -> None:
    random = np.random.default_rng(0)
    runs = [
        setup(f"{tokens} {seed}", 5 * tokens**-0.1 * np.exp(0.02 * random.standard_normal()), tokens)
        for tokens in np.geomspace(10, 1000, 100)
        for seed in range(3)
    ]
    assert noise_of(together(*runs)) == pytest.approx(0.02, rel=0.1)
    assert noise_of(together(*runs[:3])) is None  # two repeats
    assert check_runs(together(GOOD, *runs), POOLS).noise == pytest.approx(0.02, rel=0.1)
