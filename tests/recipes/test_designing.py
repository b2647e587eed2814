"""Runs that are thought of: what they would cost and decide."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.laws.plans import Budget, Pool
from winnow.recipes.designing import RunPlan, simulate_runs

POOLS = [{"name": "good", "unique_tokens": 1e9}, {"name": "poor", "unique_tokens": 1e9}]


def plan(**changed: object) -> RunPlan:
    usual = {"num_params": (2e7, 7e7), "tokens": 4e8, "epochs": (0.5, 2, 8), "seeds": 2, "noise": 0.003, "quality": 0.5}
    return RunPlan(**(usual | changed))  # type: ignore[arg-type]


@pytest.fixture
def pools(tmp_path: Path) -> str:
    (tmp_path / "pools.json").write_text(json.dumps(POOLS))
    return str(tmp_path / "pools.json")


def test_runs_are_every_offer_of_pools_for_every_model_and_seed_and_none_too_long() -> None:
    runs = plan().trainings([Pool("good", 1e9), Pool("poor", 1e9)])
    assert len(runs) == 3 * 3 * 2 * 2
    assert runs.tokens.max() <= 4e8 * (1 + 1e-9)
    np.testing.assert_array_equal(runs.seen[:18], runs.seen[18:])


def test_many_runs_with_little_noise_decide_what_is_clear(pools: str) -> None:
    budgets = [Budget(tokens=tokens) for tokens in (1e9, 1e12)]
    found = simulate_runs(pools, plan(), budgets, replicates=3)
    told = found.to_plain()
    assert [one["best"] for one in told["budgets"]] == [0.5, 1.0]
    assert [one["accuracy"] for one in told["budgets"]] == [1.0, 1.0]
    runs = plan().trainings([Pool("good", 1e9), Pool("poor", 1e9)])
    assert told["runs"] == 36 and told["flops"] == pytest.approx(6 * float(runs.num_params @ runs.tokens))
    assert found.budgets[0].num_params == 7e7


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"seeds": 0}, "runs of 0 seeds"),
        ({"noise": 0.0}, "a noise of 0"),
        ({"quality": 1.5}, "a quality of 1.5"),
        ({"epochs": (0.0, 1.0)}, r"epochs \(0.0, 1.0\)"),
        ({"tokens": -1.0}, "runs of -1 tokens"),
    ],
)
def test_runs_that_there_cannot_be_are_refused(changed: dict[str, object], complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        plan(**changed)


def test_a_simulation_needs_to_know_the_runs(pools: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "design", "--pools", pools, "--tokens", "1e9"]) == 2
    assert "give --run-params and --run-tokens, the runs thought of" in capsys.readouterr().err
