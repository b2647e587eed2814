"""The testbed end to end, in miniature: real text, models that are trained, and what their ledger decides."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")

from winnow.bench.ledger import Ledger, read_ledger
from winnow.cli import main

SEEDS = 2
METRIC = "heldout/brown/bits_per_byte"


class Bench(NamedTuple):
    """A bench that was run: its options, its directory, its ledger."""

    options: list[str]
    out: Path
    ledger: Ledger


def shuffled(text: str, draws: random.Random) -> str:
    """The characters of a text in random order."""
    return "".join(draws.sample(text, len(text)))


def write(path: Path, documents: list[str]) -> str:
    rows = [{"id": f"{path.stem}-{number}", "text": text} for number, text in enumerate(documents)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"{path.stem}={path}"


@pytest.fixture(scope="module")
def bench(
    shared_data: Path, real_texts: Callable[[str, int], list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    """Clean text, the same with two thirds of its characters in disorder, and two halves of the clean one."""
    where, draws = tmp_path_factory.mktemp("bench"), random.Random(0)
    clean = [text[:1500] for text in real_texts("bbc_news", 200)]
    spoiled = [text if number % 3 == 0 else shuffled(text, draws) for number, text in enumerate(clean)]
    sets = {"clean": clean, "spoiled": spoiled, "half_a": clean[::2], "half_b": clean[1::2]}
    heldout = write(where / "brown.jsonl", [text[:400] for text in real_texts("brown", 100)])
    options = [
        *(
            "bench",
            "filtering",
            "--candidate",
            *(write(where / f"{name}.jsonl", found) for name, found in sets.items()),
        ),
        *("--scale", "0.3M", "--seeds", str(SEEDS), "--tokens", "90000", "--vocabulary", "512", "--heldout", heldout),
        *("--tasks", "basic_skills_pattern", "--task-files", str(shared_data / "eval_tasks"), "--max-items", "8"),
        *("--store", str(where / "store"), "--out", str(where / "out"), "--workers", "2"),
    ]
    assert main([*options, "--json"]) == 0
    return Bench(options, where / "out", read_ledger(where / "out"))


def compared(bench: Bench, a: str, b: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["compare", a, b, "--ledger", str(bench.out), "--metric", METRIC, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    found: dict[str, Any] = row
    return found


def test_models_show_that_the_clean_set_is_better(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    row = compared(bench, "clean", "spoiled", capsys)
    assert row["verdict"]["better"] == "clean"
    assert row["interval"][1] < 0


def test_two_halves_of_one_set_are_not_decided(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    row = compared(bench, "half_a", "half_b", capsys)
    assert row["verdict"]["better"] is None and row["verdict"]["words"].startswith("not decided")
    assert row["interval"][0] < 0 < row["interval"][1]


def test_every_run_is_a_row_that_says_what_it_was_trained_on(bench: Bench) -> None:
    assert len(bench.ledger) == 4 * SEEDS
    for run in bench.ledger:
        assert run.track == "filtering" and run.scale is not None and run.scale.startswith("0.3M-")
        assert run.num_tokens is not None and run.num_tokens <= 90_000
        assert run.num_params is not None and run.flops == 6 * run.num_params * run.num_tokens
        assert {METRIC, "basic_skills_pattern/accuracy"} <= set(run.metrics)
        assert run.curves[METRIC][-1][1] == pytest.approx(run.metrics[METRIC], rel=1e-5)
        assert run.curves["train/loss"][-1][1] < run.curves["train/loss"][0][1]
    halves = [run for run in bench.ledger if run.candidate.startswith("half")]
    whole = [run for run in bench.ledger if run.candidate == "clean"]
    assert min(run.epochs or 0 for run in halves) > max(run.epochs or 0 for run in whole)


def test_the_seeds_of_a_candidate_are_different_runs_on_the_same_set(bench: Bench) -> None:
    runs = [run for run in bench.ledger if run.candidate == "half_a"]
    assert len({run.metrics[METRIC] for run in runs}) == SEEDS
    assert {run.seed for run in runs} == set(range(SEEDS))


def test_the_leaderboard_shows_the_candidates(bench: Bench) -> None:
    page = (bench.out / "leaderboard.html").read_text()
    assert all(name in page for name in ("clean", "spoiled", "half_a", "half_b"))


def test_the_same_bench_again_trains_nothing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    models = sorted(bench.out.parent.glob("store/train-*/files/model.safetensors"))
    assert len(models) == 4 * SEEDS
    before = [path.stat().st_mtime_ns for path in models]
    assert main(bench.options) == 0
    assert [path.stat().st_mtime_ns for path in models] == before
    assert len(read_ledger(bench.out)) == 4 * SEEDS
    printed = capsys.readouterr().out
    assert "winnow compare" in printed and "leaderboard.html" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--candidate", "clean"], "must be NAME=VALUE"),
        (["--candidate", "a=a.jsonl", "a=b.jsonl"], "names 'a' twice: a.jsonl and b.jsonl"),
        (["--candidate", "a=a.jsonl", "--heldout"], "expected at least one argument"),
        (["--candidate", "a=a.jsonl", "--seeds", "0"], "--seeds is 0"),
        (["--candidate", "a=a.jsonl", "--scale", "2M"], "no scale is called '2M'"),
    ],
)
def test_a_bench_that_compares_nothing_is_refused_before_anything_runs(
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "h"):
        write(tmp_path / f"{name}.jsonl", [name])
    heldout = [] if "--heldout" in options else ["--heldout", "h=h.jsonl"]
    assert main(["bench", "filtering", *options, *heldout]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("winnow-*"))


def test_a_bench_that_measures_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "filtering", "--candidate", "a=a.jsonl"]) == 2
    assert "nothing is measured" in capsys.readouterr().err


def test_a_track_is_no_recipe_of_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    results = tmp_path / "results.csv"
    results.write_text("candidate,scale,core\na,1B-1x,0.3\n")
    assert main(["run", "imported", "--results", str(results), "--store", str(tmp_path / "store")]) == 2
    assert "winnow bench imported" in capsys.readouterr().err


def test_published_results_become_rows_beside_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, out = tmp_path / "results.csv", tmp_path / "out"
    results.write_text("candidate,scale,core\na,1B-1x,0.30\nb,1B-1x,0.31\n")
    imported = ["bench", "imported", "--store", str(tmp_path / "store"), "--out", str(out)]
    assert main([*imported, "--results", str(results)]) == 0
    results.write_text("name,scale,core\nc,1B-1x,0.33\n")
    assert main([*imported, "--results", str(results), "--columns", "name=candidate"]) == 0
    assert {run.candidate: run.metrics["core"] for run in read_ledger(out)} == {"a": 0.30, "b": 0.31, "c": 0.33}
    assert (out / "leaderboard.html").exists()
