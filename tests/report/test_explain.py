"""A document beside what it repeats."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from winnow.choose.unique import unique
from winnow.cli import main
from winnow.core.files import write_json
from winnow.core.plain import to_plain
from winnow.core.run import materialize
from winnow.dedup.exact import exact_duplicates
from winnow.documents.read import Read
from winnow.report.explain import explain
from winnow.report.terminal import print_explanation

WORDS = " ".join(f"{first}{second}" for first in "bcdfghjklm" for second in ("an", "en", "in", "on", "un"))
KEPT = f"Header of one site. {WORDS}."
COPY = f"{WORDS.upper()} and a footer of another"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two near-copies and another document."""
    monkeypatch.chdir(tmp_path)
    rows = [{"id": "a", "text": KEPT}, {"id": "b", "text": COPY}, {"id": "c", "text": "quite another text"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def test_a_duplicate_is_shown_beside_the_document_that_is_kept(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "dedup", "--source", "in.jsonl", "--threshold", "0.6", "--workers", "0"]
    printed(capsys, *run, "--json")
    found = printed(capsys, "explain", "b", "--json")
    beside = next(finding["beside"] for finding in found["findings"] if finding["beside"])
    assert (beside["left"], beside["right"], beside["shared_words"]) == ("a", "b", 50)
    assert [(one["shared"], one["left"].split()[0] if one["left"] else "") for one in beside["stretches"]] == [
        (False, "Header"),
        (True, "ban"),
        (False, ""),
    ]
    assert beside["stretches"][1]["right"].startswith("BAN BEN") and beside["stretches"][2]["right"].startswith("and a")
    assert main(["explain", "b"]) == 0
    told = capsys.readouterr().out
    assert "dropped by minhash:duplicate" in told and "minhash.duplicate_of = a" in told
    assert "50 words shared in order" in told and "Header of one site." in told


def test_a_run_that_exported_json_lines_is_explained_too(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "run", "dedup", "--source", "in.jsonl", "--format", "jsonl.zst", "--workers", "0", "--json")
    steps = [finding["step"].split("-")[0] for finding in printed(capsys, "explain", "a", "--json")["findings"]]
    assert steps == ["read", "score", "duplicates", "select"]


def test_a_document_that_repeats_nothing_stands_alone(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "run", "dedup", "--source", "in.jsonl", "--method", "exact", "--workers", "0", "--json")
    found = printed(capsys, "explain", "a", "--json")
    assert not any(finding["beside"] for finding in found["findings"])


def test_the_kept_document_may_be_one_of_another_corpus(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "new.jsonl").write_text(json.dumps({"id": "n", "text": KEPT}) + "\n")
    old = exact_duplicates(Read(source="in.jsonl"))
    step = unique(exact_duplicates(Read(source="new.jsonl"), against=(old,)))
    materialize(step, work / "store")
    (work / "run").mkdir()
    write_json(work / "run" / "recipe.json", {"recipe": to_plain(step)})
    found = explain("n", work / "store", work / "run")
    beside = next(finding.beside for finding in found.findings if finding.beside)
    assert (beside.left, beside.right) == ("a", "n") and all(stretch.shared for stretch in beside.stretches)


def test_a_contaminated_document_is_shown_beside_the_item(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = "Which gas do submarines' scrubbers remove from the breathable atmosphere aboard vessels?"
    task = {"question": question, "choices": ["helium", "carbon dioxide"], "answer": "carbon dioxide"}
    (work / "gases.jsonl").write_text(json.dumps(task) + "\n")
    text = f"A quiz. {question.upper()} A. helium B. carbon dioxide. Answer: carbon dioxide. The end."
    (work / "in.jsonl").write_text(json.dumps({"id": "q", "text": text}) + "\n")
    run = ["run", "decontaminate", "--source", "in.jsonl", "--tasks", "gases.jsonl", "--workers", "0"]
    printed(capsys, *run, "--json")
    found = printed(capsys, "explain", "q", "--json")
    beside = next(finding["beside"] for finding in found["findings"] if finding["beside"])
    assert (beside["left"], beside["right"]) == ("gases#0", "q")
    (shared,) = [one for one in beside["stretches"] if one["shared"]]
    assert shared["left"].startswith("Which gas") and shared["right"].startswith("WHICH GAS")


def test_texts_begin_a_row_together_again_after_a_long_shared_stretch(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "run", "dedup", "--source", "in.jsonl", "--threshold", "0.6", "--workers", "0", "--json")
    print_explanation(explain("b", work / "winnow-store"))
    told = capsys.readouterr().out
    assert re.search(r"│ +│ and a footer of another", told)
