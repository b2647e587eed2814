from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from letters import documents, fit, table  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tiny import installed  # noqa: E402

from winnow.core.errors import InputError, RecipeError  # noqa: E402
from winnow.core.plain import from_plain, to_plain  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.rater import fitting  # noqa: E402
from winnow.rater.fit import FitDataRater  # noqa: E402

HERE = Path(__file__).resolve().parent
CODE = f"""
import sys; sys.path[:0] = [{str(HERE.parent)!r}, {str(HERE)!r}]
import tiny, letters
from winnow import materialize
tiny.install()
materialize(letters.fit(steps=12, checkpoint_seconds=0.0), sys.argv[1])
"""


@pytest.fixture(autouse=True)
def tiny_scale() -> Iterator[None]:
    with installed():
        yield


def weights(directory: Path) -> dict[str, Any]:
    return dict(load_file(directory / "files" / "model.safetensors"))


def rows(directory: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(directory / "files" / f"{name}.parquet").to_pylist())


def report(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "files" / "report.json").read_text())
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_fitting_says_what_it_was(tmp_path: Path) -> None:
    made = materialize(fit(steps=30), tmp_path)
    steps, looks, said = rows(made, "steps"), rows(made, "looks"), report(made)
    assert [row["step"] for row in steps] == list(range(30))
    assert [row["member"] for row in steps[:5]] == [0, 1, 2, 3, 0]  # one in turn
    assert [row["step"] for row in looks] == [25, 30]
    assert all(0 < row["sample_size"] <= 1 for row in (*steps, *looks))
    assert all((row["advantage"] is not None) == (row["member"] == 0) for row in steps)
    assert steps[0]["sample_size"] == pytest.approx(1)  # all weigh alike before anything is learnt
    assert steps[0]["advantage"] == pytest.approx(0, abs=1e-5)
    assert np.isnan(looks[0]["autocorrelation"]) and -1 <= looks[1]["autocorrelation"] <= 1
    assert said["backend"] == "exact" and said["restarts"] == 0
    assert any(weights(made)["head.weight"].flatten() != 0)


def test_it_says_what_it_will_cost_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    materialize(fit(), tmp_path)
    said = capsys.readouterr().err
    assert said.index("6 meta-steps: ") < said.index("step 6 of 6")
    assert "FLOPs" in said and "GiB" in said and "hours" in said


def test_members_are_of_staggered_ages_and_begin_anew(tmp_path: Path) -> None:
    steps = rows(materialize(fit(steps=16, lifetime=8), tmp_path), "steps")
    ages = {member: [row["age"] for row in steps if row["member"] == member] for member in range(4)}
    assert ages == {0: [4, 4, 8, 4], 1: [4, 4, 8, 4], 2: [4, 8, 4, 8], 3: [4, 8, 4, 8]}  # lives of 2, 4, 6 and 8


def test_documents_in_order_are_worth_more_than_chance(tmp_path: Path) -> None:
    from winnow.rater.chunks import open_chunks
    from winnow.rater.opened import open_rater

    step = fit(steps=150, learning_rate=5e-3, inner_learning_rate=1e-2, rater_width=32, lifetime=80)
    made = materialize(step, tmp_path)
    from winnow.core.table import Store

    rater = open_rater(str(made / "files"))
    chunks = open_chunks(step.documents, Store(tmp_path), rater.length, 256)
    scores, in_order = rater.scores(chunks), chunks.places.document % 2 == 0
    above = scores[in_order][:, None] > scores[~in_order][None]
    assert above.mean() > 0.9
    assert np.mean([row["advantage"] for row in rows(made, "steps")[60:] if row["advantage"] is not None]) > 0


def test_a_fitting_that_was_killed_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = materialize(fit(steps=12), tmp_path / "whole")
    work = tmp_path / "killed"
    run = subprocess.Popen([sys.executable, "-c", CODE, str(work)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(work)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert not list(work.glob("fitdatarater-*/manifest.json"))
    resumed = materialize(fit(steps=12), work)
    assert same(weights(whole), weights(resumed))
    assert rows(whole, "steps") == rows(resumed, "steps")
    assert str(rows(whole, "looks")) == str(rows(resumed, "looks"))
    assert not list(work.glob("fitdatarater-*/checkpoints"))


def _wait_for(work: Path) -> None:
    """Until a fitting has left a checkpoint after some steps."""
    for _ in range(6000):
        found = list(work.glob(f"fitdatarater-*/checkpoints/{fitting.CHECKPOINT}"))
        if found and torch.load(found[0], weights_only=True)["done"] >= 3:
            return
        time.sleep(0.01)
    raise AssertionError("no checkpoint was left")


def test_a_checkpoint_of_another_run_is_not_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: fitting.Fitting) -> None:
        raise KeyboardInterrupt

    step = fit(steps=8, checkpoint_seconds=0.0)
    monkeypatch.setattr(fitting.Fitting, "_look", stop)
    with pytest.raises(KeyboardInterrupt):
        materialize(step, tmp_path)
    monkeypatch.undo()
    (path,) = tmp_path.glob(f"fitdatarater-*/checkpoints/{fitting.CHECKPOINT}")
    state = torch.load(path, weights_only=True)
    assert state["done"] > 0
    torch.save({**state, "run": "another", "eta": tuple(1 + part for part in state["eta"])}, path)
    assert same(weights(materialize(step, tmp_path)), weights(materialize(step, tmp_path / "fresh")))


def test_the_backends_learn_the_same(tmp_path: Path) -> None:
    exact, near = (weights(materialize(fit(backend=name), tmp_path / name)) for name in ("exact", "differences"))
    moved = {name: float((exact[name] - near[name]).abs().max()) for name in exact}
    assert 0 < max(moved.values()) < 2e-3, moved


def test_a_member_that_breaks_begins_anew_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    visit = fitting.Visit.gradient
    told: list[int] = []

    def breaking(self: fitting.Visit, eta: Any) -> Any:
        if self.member.number == 1 and not told:
            told.append(self.member.age)
            self.member.params = tuple(part * float("nan") for part in self.member.params)
        return visit(self, eta)

    monkeypatch.setattr(fitting.Visit, "gradient", breaking)
    made = materialize(fit(steps=8), tmp_path)
    said = report(made)
    assert told == [0] and said["restarts"] == 1
    assert [row["step"] for row in rows(made, "steps")] == [0, 2, 3, 4, 5, 6, 7]  # step 1 taught nothing
    assert "member 1 broke" in said["warnings"][0] and "begins anew" in capsys.readouterr().err
    assert all(bool(part.isfinite().all()) for part in weights(made).values())


def test_members_that_all_break_end_the_run_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = fitting.Visit.gradient

    def breaking(self: fitting.Visit, eta: Any) -> Any:
        self.member.params = tuple(part * float("nan") for part in self.member.params)
        return visit(self, eta)

    monkeypatch.setattr(fitting.Visit, "gradient", breaking)
    with pytest.raises(InputError, match=r"as did the 9 visits before: set inner_learning_rate below 0.002"):
        materialize(fit(steps=60), tmp_path)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (1e5, r"have collapsed at meta-step \d+: of 8 examples the softmax weighs 1\.\d"),
        (float("inf"), "are not finite at"),
    ],
)
def test_scores_that_collapse_end_the_run_with_what_to_do(
    times: float, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = fitting.Fitting.step

    def exploding(self: fitting.Fitting, number: int) -> None:
        step(self, number)
        if number == 2:
            self.rater.named(self.eta)["head.weight"].mul_(times)

    monkeypatch.setattr(fitting.Fitting, "step", exploding)
    with pytest.raises(InputError, match=rf"the scores {told}.* set learning_rate below 0.001"):
        materialize(fit(steps=60), tmp_path)


def test_a_softmax_that_weighs_few_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "LOW_SAMPLE", 1.1)
    said = report(materialize(fit(steps=5), tmp_path))
    assert "the softmax weighs 100% of a batch" in said["warnings"][0]


def test_documents_that_stand_in_the_held_out_set_are_left_out_and_counted(tmp_path: Path) -> None:
    shared, pool, held = (documents(number, seed, order=0.0) for seed, number in enumerate((20, 60, 60)))
    step = fit(documents=table("pool", [*pool, *shared]), heldout=table("held", [*held, *shared]))
    said = report(materialize(step, tmp_path))
    assert said["left_out"] == 20


def test_a_pool_that_is_its_own_held_out_set_is_refused(tmp_path: Path) -> None:
    pool = documents(60, 0)
    with pytest.raises(InputError, match="60 of 60 documents of the pool were left out"):
        materialize(fit(documents=table("pool", pool), heldout=table("held", pool)), tmp_path)


def test_a_pool_too_small_for_two_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the held-out set has .* fewer than one batch of 16"):
        materialize(fit(documents=table("pool", documents(12, 0)), heldout="split"), tmp_path)


def test_split_holds_out_documents_of_the_pool_itself(tmp_path: Path) -> None:
    pool = table("pool", documents(300, 0, order=0.0))
    said = report(materialize(fit(documents=pool, heldout="split"), tmp_path))
    assert said["left_out"] == 0
    assert 0.05 < said["heldout_chunks"] / (said["chunks"] + said["heldout_chunks"]) < 0.2


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"heldout": "rest"}, "heldout is 'rest'"),
        ({"backend": "exakt"}, "did you mean"),
        ({"unroll": 0}, "unroll is 0; it must be at least 1"),
        ({"visited": 5}, "visited is 5, and the population has 4"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"rater_width": 20}, "a multiple of 16"),
        ({"inner": "0.2M"}, "no scale is called '0.2M'"),
    ],
)
def test_what_cannot_be_learnt_is_refused_before_anything_runs(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        fit(**fields).check()


def test_a_fitting_comes_back_from_plain_data() -> None:
    step = fit()
    assert from_plain(to_plain(step)) == step
    assert isinstance(step, FitDataRater)
    assert step.key == fit(checkpoint_seconds=1.0).key != fit(seed=1).key
