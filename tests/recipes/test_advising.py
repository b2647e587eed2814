from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from winnow.bench.ledger import Drawn, Run, write_ledger
from winnow.cli import main
from winnow.laws.chinchilla import RepeatedChinchilla
from winnow.laws.fitted import open_fitted
from winnow.laws.setups import Setups
from winnow.recipes import advising

POOLS = ("good", "poor")
UNIQUE = 1e6
LOSS = "heldout/web/bits_per_byte"
LAW = RepeatedChinchilla(excess=False)


def setups() -> Setups:
    """Each pool and both, from half an epoch to sixteen."""
    rows = [(row, epochs) for row in ((1, 0), (0, 1), (1, 1)) for epochs in (0.5, 1, 2, 4, 8, 16)]
    unique = UNIQUE * np.array([row for row, _ in rows], np.float64)
    return Setups(POOLS, unique, unique * np.array([[epochs] for _, epochs in rows]), np.ones(len(rows)))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of runs and pools, and a fit to them."""
    directory, trained, random = tmp_path_factory.mktemp("advice"), setups(), np.random.default_rng(0)
    names = [one.name for one in LAW.parameters(trained)]
    known = {"alpha": 0.3, "beta": 0.4}
    theta = np.array([known.get(name, 4.0 if "repetitions" in name else 0.3) for name in names])
    values = LAW.predict(theta, np.array([1.5, 0.5, 300.0]), trained) * np.exp(
        0.002 * random.standard_normal(len(trained))
    )
    write_ledger(in_a_ledger(trained, values), directory / "ledger")
    with (directory / "runs.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "value", *(f"tokens:{name}" for name in POOLS)])
        writer.writerows([number, values[number], *row] for number, row in enumerate(trained.seen))
    (directory / "pools.json").write_text(json.dumps([{"name": name, "unique_tokens": UNIQUE} for name in POOLS]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(advising, "usual_laws", lambda runs: [LAW])
        pools, draws = ["--pools", str(directory / "pools.json")], ["--draws", "30"]
        for name, given in {"fit": "runs.csv", "by_ledger": "ledger"}.items():
            out = ["--out", str(directory / name)]
            assert main(["advise", "fit", str(directory / given), *pools, *draws, *out]) == 0
    return directory


def in_a_ledger(trained: Setups, values: NDArray[np.float64]) -> list[Run]:
    """Rows as a bench writes them."""
    return [
        Run(
            run=str(number),
            candidate=str(number),
            num_params=1,
            sources={
                name: Drawn(round(seen), round(unique))
                for name, seen, unique in zip(POOLS, trained.seen[number], trained.unique[number], strict=True)
                if seen
            },
            metrics={LOSS: value},
        )
        for number, value in enumerate(values.tolist())
    ]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["advise", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_ledger_teaches_what_the_same_runs_in_a_file_do(given: Path) -> None:
    one, other = (open_fitted(given / name) for name in ("fit", "by_ledger"))
    assert (one.metric, other.metric) == ("value", LOSS)
    order = np.argsort(other.runs.run.astype(int))
    np.testing.assert_array_equal(one.runs.seen, other.runs.seen[order])
    mine, theirs = (found.forms[0].fitted.predict(one.runs) for found in (one, other))
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_baselines_are_fitted_beside_and_shown(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted = open_fitted(given / "fit")
    assert [form.name for form in fitted.baselines] == ["LogLinearMixing"]
    assert fitted.baselines[0].trained > fitted.forms[0].trained
    assert main(["advise", "recommend", str(given / "fit"), "--tokens", "4e7"]) == 0
    assert "LogLinearMixing" in (given / "fit" / "advice.html").read_text()
    ranked = "single-scale ranking, at any budget: good 50%, poor 50%; good; poor"  # of 1.6e7 tokens
    assert ranked in capsys.readouterr().out


def test_a_small_budget_keeps_less_than_a_large_one(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "recommend", str(given / "fit"), "--tokens", "2e5", "4e7")
    small, large = (one["recommended"]["plan"]["keep_fraction"] for one in found["advice"])
    assert small <= 0.5
    assert large == 1


def test_json_for_machines_has_null_for_what_has_no_end(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "recommend", str(given / "fit"), "--tokens", "2e5")
    assert found["advice"][0]["budget"] == {"tokens": 2e5, "flops": None, "num_params": 1.0, "max_epochs": None}
    assert "Infinity" not in (given / "fit" / "advice.json").read_text()


def test_a_recommendation_leaves_weights_that_a_mix_takes_and_a_page(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "recommend", str(given / "fit"), "--tokens", "4e7")
    written = json.loads((given / "fit" / "weights-4e07-tokens.json").read_text())
    assert written == found["advice"][0]["weights"]
    assert sum(written.values()) == pytest.approx(1)
    assert "<html" in (given / "fit" / "advice.html").read_text()
    assert json.loads((given / "fit" / "advice.json").read_text())["advice"]


def test_people_are_told_in_a_paragraph(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "recommend", str(given / "fit"), "--tokens", "4e7", "--max-epochs", "30"]) == 0
    out = capsys.readouterr().out
    assert "4e07 tokens: keep 1 of the pools' tokens" in out
    assert "epochs good" in out


def test_next_runs_are_told_the_most_useful_first(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys, "design", str(given / "fit"), "--tokens", "4e7")
    after = [row["regret_after"] for row in rows]
    assert after == sorted(after)
    assert set(rows[0]["epochs"]) <= set(POOLS)


def test_published_numbers_are_met_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "check")
    assert found["wrong"] == 0
    assert len(found["checks"]) > 100


def test_a_law_with_too_many_parameters_is_left_out_and_that_is_said(given: Path) -> None:
    runs = open_fitted(given / "fit").runs
    kept, flags = advising._affordable(advising.usual_laws(runs), runs.rows(np.arange(11)))
    assert len(kept) + len(flags) == len(advising.usual_laws(runs))
    assert all("was not fitted: it has" in flag for flag in flags) and flags


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["recommend", "nowhere", "--tokens", "1e6"], 3, "nowhere holds no fit.json: winnow advise fit makes it"),
        (["recommend", "nowhere"], 2, "give --tokens or --flops"),
        (["ponder"], 2, "invalid choice: 'ponder'"),
        (["fit", "nothing.csv"], 2, "nothing.csv is a file of runs: give --pools too"),
        (["fit", "nothing.csv", "--pools", "nothing.json"], 3, "there is no file nothing.json"),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advise", *arguments]) == code
    assert message in capsys.readouterr().err
