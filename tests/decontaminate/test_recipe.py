"""The recipe from the command line: contaminated documents are left out, and explained by their item."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from winnow.cli import main
from winnow.core.errors import RecipeError
from winnow.recipes.decontaminate import decontaminate

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


def test_a_threshold_below_what_is_kept_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"the threshold is 0\.5; overlaps are kept from 0\.8 on"):
        decontaminate("documents.jsonl", ("quiz.jsonl",), threshold=0.5)
    decontaminate("documents.jsonl", ("quiz.jsonl",), method="gpt3", threshold=0.5)
