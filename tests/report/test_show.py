"""What ``winnow show`` says of a step that fits a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from winnow.core.executors import Inline
from winnow.core.files import write_json
from winnow.core.run import materialize
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.report.show import Shown, show


@dataclass(frozen=True, kw_only=True)
class Fitted(Whole):
    """Writes a report such as those of the steps that fit a classifier."""

    reports: bool = True

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        report = {
            "num_heldout": 40,
            "auc": 0.987654321,
            "auc_interval": [0.97, 0.99],
            "calibration": [{"num": 40, "positive_fraction": 0.25}],
            "telling": [{"ngram": "the [bold]", "weight": 12.5}, {"ngram": "buy now", "weight": -3}],
            "nothing": [],
            "metrics": {"copa/accuracy": 0.5, "copa/centered_v2": 0.0, "core/centered_v2": 0.25, "core/num_tasks": 1},
        }
        if self.reports:
            write_json(directory / "report.json", report)
        (directory / "model.bin").write_bytes(b"")
        return {}


def shown_of(step: Whole, tmp_path: Path) -> Shown:
    materialize(step, tmp_path, Inline())
    shown = show(Path(str(Store(tmp_path).directory(step))), 3)
    assert isinstance(shown, Shown)
    return shown


def test_the_report_of_a_fitted_model_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = shown_of(Fitted(), tmp_path)
    shown.print()
    told = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "auc = 0.987654321" in lines
    assert "auc_interval = [0.97, 0.99]" in lines
    assert {"calibration", "num positive_fraction", "40 0.25"} <= set(lines)
    assert {"telling", "ngram weight", "the [bold] 12.5", "buy now -3"} <= set(lines)
    assert {"metrics", "accuracy v2 num_tasks", "copa 0.5 0", "core 0.25 1"} <= set(lines)
    assert shown.to_plain()["report"]["num_heldout"] == 40


def test_a_step_without_a_report_is_shown_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = shown_of(Fitted(reports=False), tmp_path)
    shown.print()
    assert shown.report == {}
    assert "=" not in capsys.readouterr().out
