from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

import tiny  # noqa: E402

from winnow.core.errors import InputError, RecipeError  # noqa: E402
from winnow.core.plain import from_plain, to_plain  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.core.table import Store  # noqa: E402
from winnow.lm import checkpoint, loop, pace  # noqa: E402
from winnow.lm.mix import Mix  # noqa: E402
from winnow.lm.model import Transformer  # noqa: E402
from winnow.lm.scales import SCALES  # noqa: E402
from winnow.lm.train import Train  # noqa: E402

TESTS = Path(__file__).resolve().parents[1]
CODE = f"""
import sys; sys.path.insert(0, {str(TESTS)!r})
import tiny, torch
from winnow import materialize
from winnow.lm.train import Train
tiny.install()
materialize(Train(tokens=tiny.mix(6000), scale="tiny", heldout=(("made", tiny.mix(150, 1, "held")),),
    checkpoint_seconds=0.0), sys.argv[1])
"""


@pytest.fixture(autouse=True)
def tiny_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCALES, "tiny", tiny.TINY)


def train(num_tokens: int = 6000, **fields: Any) -> Train:
    held = (("made", tiny.mix(150, 1, "held")),)
    return Train(**{"tokens": tiny.mix(num_tokens), "scale": "tiny", "heldout": held, **fields})


def rows(directory: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(directory / "files" / f"{name}.parquet").to_pylist())


def test_a_run_learns_and_says_what_it_was(tmp_path: Path) -> None:
    made = materialize(train(), tmp_path)
    losses, held = rows(made, "losses"), rows(made, "heldout")
    assert [row["step"] for row in losses] == list(range(1, 47))  # 46 whole batches of 128 in 6000
    assert losses[0]["loss"] == pytest.approx(math.log(320), rel=0.02)
    assert losses[-1]["loss"] < 2.5
    assert losses[0]["learning_rate"] < losses[4]["learning_rate"] > losses[-1]["learning_rate"]
    assert [(row["step"], row["tokens"]) for row in held] == [
        (round(46 * p / 20), 128 * round(46 * p / 20)) for p in range(1, 21)
    ]
    assert held[-1]["bits_per_byte"] < 0.7 * held[0]["bits_per_byte"]
    report = json.loads((made / "files" / "report.json").read_text())
    assert report["num_tokens"] == 46 * 128
    assert report["flops"] == 6 * tiny.TINY.num_params * 46 * 128
    assert report["bits_per_byte"] == {"made": held[-1]["bits_per_byte"]}
    assert report["epochs"] == 1.0
    assert {"seconds", "tokens_per_second", "mfu", "machine", "dataset", "unique_tokens"} <= set(report)
    assert not (made / "checkpoints").exists()


def test_large_heldout_sets_are_measured_less_often_and_at_the_end(tmp_path: Path) -> None:
    large = (("made", tiny.mix(1000, 1, "held")),)
    held = rows(materialize(train(heldout=large), tmp_path), "heldout")
    assert [row["step"] for row in held] == [15, 31, 46]  # a fifth of 5,888 tokens is 3 thirds of 1,000


def test_the_same_step_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    one, same, other = (
        materialize(train(1500, seed=seed), tmp_path / name) for seed, name in ((0, "a"), (0, "b"), (1, "a"))
    )
    weights = [(made / "files" / "model.safetensors").read_bytes() for made in (one, same, other)]
    assert weights[0] == weights[1] != weights[2]
    assert rows(one, "losses") == rows(same, "losses")


def test_a_run_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = materialize(train(), tmp_path / "whole")
    store = tmp_path / "killed"
    command = [sys.executable, "-c", CODE, str(store)]
    run = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    saved = Store(store).directory(train()) / "checkpoints" / checkpoint.FILE
    while not (saved.exists() and torch.load(saved, weights_only=True)["step"] >= 5):
        assert run.poll() is None, "it was to be killed before its end"
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    step = torch.load(saved, weights_only=True)["step"]
    assert 5 <= step < 46
    resumed = materialize(train(), store)
    for name in ("model.safetensors", "losses.parquet", "heldout.parquet"):
        assert (resumed / "files" / name).read_bytes() == (whole / "files" / name).read_bytes(), name


def test_it_goes_on_from_the_checkpoint_and_does_not_begin_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = train(2000, checkpoint_seconds=0.0)
    taken: list[int] = []
    real = loop.Training.step

    def stopping(self: loop.Training, number: int) -> None:
        taken.append(number)
        if number == 7 and taken.count(7) == 1:
            raise KeyboardInterrupt
        real(self, number)

    monkeypatch.setattr(loop.Training, "step", stopping)
    with pytest.raises(KeyboardInterrupt):
        materialize(step, tmp_path)
    materialize(step, tmp_path)
    assert taken == [*range(8), *range(7, 15)]


def test_a_checkpoint_of_other_data_is_not_taken_up(tmp_path: Path) -> None:
    objective = loop.Objective(Transformer(tiny.SHAPE), torch.device("cpu"))
    optimizer = loop.adamw(objective, 0.0)
    checkpoint.save(tmp_path, "this run", 3, objective, optimizer, checkpoint.Curves(), write=True)
    assert checkpoint.restore(tmp_path, "this run", objective, optimizer)[0] == 3
    assert checkpoint.restore(tmp_path, "another", objective, optimizer)[0] == 0


def test_micro_batches_change_the_rounding_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows(materialize(train(2000), tmp_path / "whole"), "losses")
    monkeypatch.setattr(loop, "CPU_TOKENS", 32)
    parts = rows(materialize(train(2000), tmp_path / "parts"), "losses")
    for one, other in zip(whole, parts, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    assert whole != parts


def test_models_are_kept_along_the_run(tmp_path: Path) -> None:
    made = materialize(train(2000, schedule="wsd", keep_checkpoints=(0.25, 0.5, 0.75)), tmp_path)
    kept = sorted((made / "files" / "checkpoints").iterdir())
    assert [path.name for path in kept] == ["0000004", "0000008", "0000011"]  # of 15 steps
    assert {path.name for path in kept[0].iterdir()} >= {"model.safetensors", "config.json", "tokenizer.json"}
    assert len({(path / "model.safetensors").read_bytes() for path in [*kept, made / "files"]}) == 4


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.5, 0.51), "0.51 of a run of 15 steps and 0.5 of it are both step 8: leave 0.51 out"),
        ((0.5, 0.99), "0.99 of a run of 15 steps and its end are both step 15: leave 0.99 out"),
        ((0.14, 0.14), "both step 2"),
    ],
)
def test_shares_of_the_run_that_are_one_step_or_its_end_are_refused(
    tmp_path: Path, shares: tuple[float, ...], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        materialize(train(2000, keep_checkpoints=shares), tmp_path)


def test_runs_of_two_lengths_share_their_beginning_under_wsd(tmp_path: Path) -> None:
    tiny.install(replace(tiny.TINY, warmup_steps=1))
    shared = tiny.mix(4000)
    short, long = (Mix(sources=shared.sources, num_tokens=number) for number in (2000, 4000))
    first, second = (
        rows(materialize(train(tokens=some, schedule="wsd"), tmp_path), "losses") for some in (short, long)
    )
    assert [row["loss"] for row in first[:11]] == [row["loss"] for row in second[:11]]  # 15 steps, the last 3 decay


def test_a_mix_smaller_than_a_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the mix has 128 tokens, and one batch of tiny takes 128"):
        materialize(train(128), tmp_path)
    assert rows(materialize(train(129), tmp_path), "losses")[0]["step"] == 1


def test_a_run_that_runs_off_stops_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = loop.Training.batch

    def broken(self: loop.Training, step: int) -> Any:
        if step == 4:
            with torch.no_grad():
                self.objective.model.head.weight[0] = float("nan")
        return real(self, step)

    monkeypatch.setattr(loop.Training, "batch", broken)
    with pytest.raises(InputError, match=r"the loss is nan .* at step 5 of 15 .* tokens 512 to 640 of the mix"):
        materialize(train(2000), tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scale": "2M"}, "no scale is called '2M'"),
        ({"schedule": "linear"}, "schedule is 'linear'; it must be one of cosine, wsd"),
        ({"learning_rate": 3.0}, "learning_rate is 3.0"),
        ({"keep_checkpoints": (0.0,)}, r"keep_checkpoints is \(0.0,\); shares of the run must lie in \(0, 1\)"),
        ({"keep_checkpoints": (0.14, 1.0)}, r"shares of the run must lie in \(0, 1\)"),
        ({"heldout": (("a", tiny.mix(50)), ("a", tiny.mix(60)))}, "repeat a name"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_runs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        train(**fields).check()


def test_a_vocabulary_that_a_scale_has_no_room_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(tiny.TINY, shape=replace(tiny.SHAPE, vocab_size=256), ladder=False)
    monkeypatch.setitem(SCALES, "tiny", small)
    with pytest.raises(RecipeError, match="the tokenizer has 257 tokens, and tiny has room for 256"):
        materialize(train(), tmp_path)


def test_a_run_whose_store_is_elsewhere_keeps_its_checkpoints_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path / "cache"))
    seen: list[Path] = []
    real = checkpoint.save

    def saving(directory: Path, *given: Any, **named: Any) -> None:
        seen.append(directory)
        real(directory, *given, **named)

    monkeypatch.setattr(loop, "save", saving)
    step = train(1500, checkpoint_seconds=0.0, keep_checkpoints=(0.5,))
    made = materialize(step, "memory://elsewhere")
    assert len(seen) == 10
    assert seen[0].is_relative_to(tmp_path / "cache")
    assert not seen[0].exists()
    here = materialize(step, tmp_path / "store")
    for name in ("model.safetensors", "checkpoints/0000006/model.safetensors"):
        assert Store("memory://elsewhere").table(step).file(name).read_bytes() == (here / "files" / name).read_bytes()
    assert (made / "manifest.json").is_file()


def test_how_often_checkpoints_are_written_does_not_tell_runs_apart() -> None:
    assert train(checkpoint_seconds=1.0).key == train().key != train(learning_rate=1e-2).key
    assert from_plain(to_plain(train(keep_checkpoints=(0.14, 0.55)))) == train(keep_checkpoints=(0.14, 0.55))


def test_constructing_and_checking_a_run_does_not_load_torch() -> None:
    code = CODE.replace("import tiny, torch", "import tiny").split("materialize(Train")[0]
    code += "Train(tokens=tiny.mix(6000), scale='tiny').check(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


class Log:
    def __init__(self, terminal: bool) -> None:
        self.text, self.terminal = "", terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self.terminal


def test_the_pace_is_told_once_a_minute_in_a_log_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("winnow.lm.pace.time.monotonic", lambda: clock[0])
    log: Any = Log(terminal=False)
    told = pace.Pace("run", 100, 1000, 10, 1e6, out=log, begun=0.0)
    for done in range(41, 101):  # a run that was resumed after step 40, two seconds a step
        clock[0] += 2
        told.tell(done, 3.25, 2.0 * (done - 40))
    lines = log.text.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("run: step 71 of 100, loss 3.2500, 500 tokens/s, MFU 0.5%, ends ")
    assert lines[1].startswith("run: step 100 of 100")
