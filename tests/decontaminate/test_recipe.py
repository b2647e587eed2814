"""The recipe from the command line: contaminated documents are left out, and explained by their item."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.recipes.decontaminate import decontaminate, item_reports

QUESTION = "Which gas do submarines' scrubbers remove from the breathable atmosphere?"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": "held", "text": f"Quiz night. {QUESTION} Carbon dioxide."}, {"id": "clean", "text": "Nothing here."}]
    (tmp_path / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "quiz.jsonl").write_text(json.dumps({"ask": QUESTION, "answer": "carbon dioxide"}) + "\n")
    return ["--source", "documents.jsonl", "--tasks", "quiz.jsonl", "--question-field", "ask"]


def test_contaminated_documents_are_left_out_and_explained(
    sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "decontaminate", *sources, "--workers", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (tmp_path / told["out"] / "report.html").exists()
    assert main(["explain", "held", "--json"]) == 0
    explained = capsys.readouterr().out
    assert "quiz#0" in explained
    assert "contamination:evaluation_item" in explained
    assert main(["explain", "clean", "--json"]) == 0
    assert "quiz#0" not in capsys.readouterr().out


def test_the_items_and_the_tasks_without_those_that_were_seen_are_left_beside_the_documents(
    sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unseen = json.dumps({"ask": "Which river drains the highest lake of the Andes?", "answer": "Desaguadero"}) + "\n"
    with (tmp_path / "quiz.jsonl").open("a") as tasks:
        tasks.write(unseen)
    assert main(["run", "decontaminate", *sources, "--workers", "0"]) == 0
    out = tmp_path / "winnow-decontaminate" / "items"
    seen, other = map(json.loads, (out / "items.jsonl").read_text().splitlines())
    assert seen["contaminated"] and [one["id"] for one in seen["documents"]] == ["held"]
    assert not other["contaminated"]
    assert json.loads((out / "tasks.json").read_text())["quiz"]["contaminated"] == 1
    assert (out / "clean" / "quiz.jsonl").read_text() == unseen
    told = " ".join(capsys.readouterr().out.split())
    assert "items winnow-decontaminate/items (items.jsonl, tasks.json and the tasks without them in clean/)" in told


def test_an_item_counts_as_seen_from_the_overlap_that_leaves_a_document_out() -> None:
    for threshold in (None, 0.93):
        (report,) = item_reports(decontaminate("documents.jsonl", ("quiz.jsonl",), threshold=threshold))
        assert report.threshold == (threshold or 0.8)


def test_a_threshold_below_what_is_kept_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"the threshold is 0\.5; overlaps are kept from 0\.8 on"):
        decontaminate("documents.jsonl", ("quiz.jsonl",), threshold=0.5)
    decontaminate("documents.jsonl", ("quiz.jsonl",), method="gpt3", threshold=0.5)
