"""Every filter on one small pool, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.cli import main

GOOD = "The {n}th experiment measures how water moves through the membrane of a cell, and what pressure it takes."
BAD = "buy {n} cheap pills now!!! click here, free offer, limited time only, best price {n} dollars"


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compare")
    pool = [{"id": f"b{n}", "text": BAD.format(n=n), "source": "spam", "url": "http://b.example/"} for n in range(80)]
    pool += [{"id": f"g{n}", "text": GOOD.format(n=n), "source": "science"} for n in range(20)]
    write(root / "pool.jsonl", pool)
    write(root / "wanted.jsonl", [{"id": f"w{n}", "text": GOOD.format(n=n + 50)} for n in range(40)])
    write(root / "tasks.jsonl", [{"question": "What moves water through a membrane?", "answer": "osmotic pressure"}])
    return root


def run(work: Path, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    places = ["--store", str(work / "store"), "--out", str(work / "out"), "--workers", "0"]
    inputs = ["--source", str(work / "pool.jsonl"), "--positives", str(work / "wanted.jsonl")]
    assert main(["run", "compare_filters", *inputs, "--keep", "0.2", *places, "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_filter_keeps_the_same_share_and_is_compared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = run(work, capsys, "--benchmarks", str(work / "tasks.jsonl"))
    (found,) = data["scores"]
    names = [one["name"] for one in found["scores"]]
    assert names == ["fasttext", "ngram", "dsir", "linear", "perplexity", "mean", "max", "betr"]
    assert {one["kept"] for one in found["scores"]} == {20}
    science = next(one for one in found["sources"] if one["source"] == "science")
    told_apart = dict(zip(names, science["kept_fractions"], strict=True))
    assert {name for name, share in told_apart.items() if share == 1.0} >= {"ngram", "dsir", "linear", "mean"}
    assert (work / "out" / "report.html").exists()
    assert not (work / "out" / "documents").exists()


def test_one_of_them_can_be_chosen_from_scores_that_are_there(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(work, capsys)
    before = {path.name for path in (work / "store").iterdir()}
    data = run(work, capsys, "--choose", "ngram")
    made = {path.name.rpartition("-")[0] for path in (work / "store").iterdir() if path.name not in before}
    assert made == {"export"}
    assert data["stages"][-1]["what"] == "by top 20% by ngram_classifier.logit"
    assert len(list((work / "out" / "documents").iterdir())) == 1


def test_a_filter_that_is_not_there_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "compare_filters", "--source", "p", "--positives", "w", "--choose", "fastext"]) == 2
    assert "did you mean fasttext?" in capsys.readouterr().err
