from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.cli import main

WORDS = [f"{first}{second}" for first in "bcdfghjklm" for second in ("an", "en", "in", "on", "un")]
NEAR = " ".join([*WORDS[:49], "changed"])


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = {"b": " ".join(WORDS), "a": " ".join(WORDS), "n": NEAR, "o": "something else altogether"}
    rows = [{"id": id, "text": text, "source": "web"} for id, text in texts.items()]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    assert main(["run", "dedup", "--source", "in.jsonl", "--workers", "0", "--format", "jsonl.zst", *options]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("method", "kept"), [("exact", ["n", "a", "o"]), ("minhash", ["a", "o"])])
def test_one_of_each_cluster_is_kept(
    work: Path, capsys: pytest.CaptureFixture[str], method: str, kept: list[str]
) -> None:
    data = json.loads(run(capsys, "--method", method, "--json"))
    assert data["stages"][-1]["total"]["documents"] == len(kept)
    (found,) = data["deduplications"]
    assert (found["name"], found["removed"], found["largest"][0]["kept"]["id"]) == (method, 4 - len(kept), "a")


def test_a_threshold_replaces_the_presets(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(run(capsys, "--threshold", "0.99", "--json"))
    assert data["deduplications"][0]["removed"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "minhsah"], "--method is 'minhsah'; did you mean minhash?"),
        (["--preset", "finewebb"], "did you mean fineweb?"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    work: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["run", "dedup", "--source", "in.jsonl", *options]) == 2
    assert message in capsys.readouterr().err


def test_an_alarm_is_told_at_the_end_and_in_json(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": f"d{n}", "text": "the same", "source": "mirror"} for n in range(25)]
    (work / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = run(capsys, "--method", "exact")
    message = "exact: the source mirror loses 24 of 25 documents (96%, more than 50%)"
    assert f"alarm {message}" in told
    assert json.loads(run(capsys, "--method", "exact", "--json"))["deduplications"][0]["alarms"] == [message]


def test_without_an_alarm_nothing_is_told_of_one(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "alarm" not in run(capsys, "--method", "exact")
