from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

import tiny  # noqa: E402

from winnow.core.errors import RecipeError, WorkerError  # noqa: E402
from winnow.core.run import materialize  # noqa: E402
from winnow.lm import devices, loop  # noqa: E402
from winnow.lm.devices import num_processes, num_threads, taken  # noqa: E402
from winnow.lm.distributed import Group, run_on  # noqa: E402
from winnow.lm.scales import find_scale  # noqa: E402
from winnow.lm.train import Train  # noqa: E402

CPU = torch.device("cpu")


def curves(store: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    held = (("made", tiny.mix(200, 1, "held")),)
    step = Train(tokens=tiny.mix(1200), scale="tiny", heldout=held, checkpoint_seconds=0.0)
    with tiny.installed():
        made = materialize(step, store) / "files"
    losses, heldout = (pq.read_table(made / f"{name}.parquet").to_pylist() for name in ("losses", "heldout"))
    return losses, heldout


def interrupted(store: Path, monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """Leave a run of one process with a checkpoint before a step."""
    real = loop.Training.step

    def stopping(self: loop.Training, step: int) -> None:
        if step == before:
            raise KeyboardInterrupt
        real(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(loop.Training, "step", stopping)
        with pytest.raises(KeyboardInterrupt):
            curves(store)


@pytest.mark.parametrize(("sharded", "begun"), [("0", 0), ("1", 0), ("1", 4)])
def test_two_processes_give_the_losses_of_one_also_when_they_go_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharded: str, begun: int
) -> None:
    losses, heldout = curves(tmp_path / "one")
    if begun:
        interrupted(tmp_path / "two", monkeypatch, begun)
    monkeypatch.setenv("WINNOW_PROCESSES", "2")
    monkeypatch.setenv("WINNOW_SHARD", sharded)
    spread_losses, spread_heldout = curves(tmp_path / "two")
    assert losses[:begun] == spread_losses[:begun]
    assert losses[begun:] != spread_losses[begun:]  # rounding says that it ran on two
    for name in ("loss", "learning_rate", "gradient_norm"):
        assert [row[name] for row in spread_losses] == pytest.approx([row[name] for row in losses], rel=1e-4)
    found, expected = ([row["bits_per_byte"] for row in curve] for curve in (spread_heldout, heldout))
    assert found == pytest.approx(expected, rel=1e-4)


def fail(group: Group, how: str) -> None:
    if group.rank == 1:
        if how == "raise":
            raise RecipeError("this one failed")
        os._exit(3)
    torch.distributed.barrier()


def test_an_error_in_one_process_ends_all_and_is_raised() -> None:
    with pytest.raises(RecipeError, match="this one failed"):
        run_on([CPU, CPU], fail, ("raise",))


def test_a_process_that_dies_ends_all_and_is_reported() -> None:
    with pytest.raises(WorkerError, match=r"exit code 3.*WINNOW_PROCESSES"):
        run_on([CPU, CPU], fail, ("die",))


def test_processes_must_share_a_batch_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_PROCESSES", "3")
    with pytest.raises(RecipeError, match="3 processes cannot share a batch of 8 sequences evenly"):
        curves(tmp_path)


@pytest.mark.parametrize("asked", ["0", "two", "-1", ""])
def test_a_number_of_processes_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("WINNOW_PROCESSES", asked)
    with pytest.raises(RecipeError, match="WINNOW_PROCESSES is"):
        num_processes(find_scale("1M").shape)


def test_small_models_train_on_one_thread_and_larger_ones_on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "num_cores", lambda: 12)
    assert [num_threads(find_scale(name).num_params) for name in ("0.3M", "1M", "3M", "10M", "100M")] == [
        1,
        1,
        1,
        12,
        12,
    ]


def test_runs_side_by_side_take_different_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class About:
        def __init__(self, index: int) -> None:
            self.uuid = f"gpu-{index}"

    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", About)
    with taken(2) as first, taken(1) as second:
        assert [device.index for device in first + second] == [0, 1, 2]
    with taken(3) as all_again:
        assert len(all_again) == 3
