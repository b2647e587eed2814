from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from winnow.cli import COMMANDS, main

RECIPE = '''
from winnow import Function, Read, RuleSet, Select


def shouting(text: str) -> float:
    """Fraction of capital letters."""
    return sum(map(str.isupper, text)) / max(1, len(text))


def calm(source: str, limit: float = 0.3, names: tuple[str, ...] = (), strict: bool = False):
    """Documents that do not shout."""
    measure = Function(name="shouting", function=shouting)
    rules = RuleSet(name="calm", source="here", measures=(measure,), rules=(("shouts", f"shouting.value > {limit}"),))
    return Select(documents=Read(source=source), reject=rules)
'''


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a recipe and two documents, one of which shouts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calm_recipe.py").write_text(RECIPE)
    documents = [{"id": "loud", "text": "BUY NOW", "url": "http://loud.example/"}, {"id": "quiet", "text": "a word"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
    return tmp_path


RUN = ["run", "calm_recipe.py:calm", "--source", "in.jsonl", "--workers", "0"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return code, told.err


def test_a_run_leaves_documents_a_report_and_the_recipe(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys, *RUN, "--json", "--format", "jsonl.zst", "--attributes")
    assert found["stages"][-1]["total"]["documents"] == 1
    out = Path(found["out"])
    assert (out / "report.html").read_text().startswith("<!doctype html>")
    assert json.loads((out / "report.json").read_text())["recipe"]
    assert [p.name for p in (out / "documents").iterdir()] == ["00000-000.jsonl.zst"]
    assert [p.name for p in (out / "attributes").iterdir()] == ["shouting"]


def test_a_run_says_what_is_left_and_what_to_try_next(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(RUN) == 0
    told = capsys.readouterr().out
    assert "1 calm:shouts" in told
    assert "winnow explain loud" in told


def test_the_same_recipe_runs_from_what_was_written(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path(printed(capsys, *RUN, "--json")["out"])
    planned = printed(capsys, "plan", str(out / "recipe.json"), "--json")
    assert {step["status"] for step in planned["steps"]} == {"done"}


def test_a_plan_says_that_only_the_choice_runs_after_a_threshold_changed(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = printed(capsys, "plan", *RUN[1:4], "--json")
    assert [step["status"] for step in first["steps"]] == ["to do"] * 3
    printed(capsys, *RUN, "--json")
    changed = printed(capsys, "plan", *RUN[1:4], "--limit", "0.4", "--json")
    assert [(s["step"].split("-")[0], s["status"]) for s in changed["steps"]] == [
        ("read", "done"),
        ("score", "done"),
        ("select", "to do"),
    ]
    assert changed["steps"][2]["changes"] == ["reject.rules[0][1]: shouting.value > 0.3 -> shouting.value > 0.4"]


@pytest.mark.parametrize("wanted", ["loud", "http://loud.example/"])
def test_a_dropped_document_is_explained_by_id_and_by_url(
    work: Path, capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    printed(capsys, *RUN, "--json")
    found = printed(capsys, "explain", wanted, "--json")
    dropped = next(finding for finding in found["findings"] if finding["kept"] is False)
    (rule,) = dropped["rejected"]
    assert rule["reason"] == "calm:shouts"
    assert rule["condition"] == "shouting.value > 0.3"
    assert rule["numbers"] == {"shouting.value": pytest.approx(6 / 7)}
    assert main(["explain", wanted]) == 0
    assert "dropped by calm:shouts (shouting.value > 0.3; shouting.value = 0.8571)" in capsys.readouterr().out


def test_a_kept_document_is_explained_too(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, *RUN, "--json")
    assert main(["explain", "quiet"]) == 0
    assert "quiet: kept" in capsys.readouterr().out


def test_a_table_and_a_store_are_shown(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, *RUN, "--json")
    store = printed(capsys, "show", "winnow-store", "--json")
    assert [table["step"] for table in store["tables"]] == ["Read", "Score", "Select", "Export"]
    score = next(table["table"] for table in store["tables"] if table["step"] == "Score")
    shown = printed(capsys, "show", f"winnow-store/{score}", "--json")
    value = next(column for column in shown["columns"] if column["name"] == "value")
    assert (value["low"], value["high"]) == (0.0, pytest.approx(6 / 7))
    assert sum(value["histogram"]) == 2
    assert main(["show", f"winnow-store/{score}"]) == 0
    assert "2 rows" in capsys.readouterr().out
    assert main(["show", "winnow-store"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["rnu"], 2, "there is no command 'rnu'; did you mean run?"),
        (["run", "refinedwbe"], 2, "no recipe is called 'refinedwbe'; did you mean refinedweb?"),
        ([*RUN, "--limt", "0.2"], 2, "has an option --limt; did you mean --limit?"),
        ([*RUN, "--workerz", "2"], 2, "did you mean --workers"),
        ([*RUN, "--limit", "much"], 2, "invalid float value: 'much'"),
        (["run", "calm_recipe.py:calm"], 2, "required: --source"),
        (["run", "calm_recipe.py:clam", "--source", "in.jsonl"], 2, "has no attribute 'clam'"),
        (["run", "none.py:calm"], 2, "there is no file none.py"),
        (["run", "none.json"], 2, "there is no file none.json"),
        ([*RUN[:3], "nothing.jsonl"], 3, "the source 'nothing.jsonl' names no file"),
        ([*RUN, "--format", "csv"], 2, "the format 'csv' is unknown; known: parquet, jsonl.zst"),
        ([*RUN, "--workers", "-1"], 2, "--workers is -1"),
        (["show", "."], 3, "holds no manifest.json"),
        (["explain", "loud"], 3, "holds no run yet"),
        (["show"], 2, "required: path"),
    ],
)
def test_a_mistake_is_told_with_what_to_do_and_its_exit_code(
    work: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    found, told = refused(capsys, *arguments)
    assert message in told
    assert found == code


def test_an_unknown_document_says_where_to_look(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, *RUN, "--json")
    code, told = refused(capsys, "explain", "nobody")
    assert code == 3
    assert "no document of this run has the id or url 'nobody'" in told


def test_too_many_failures_have_their_own_exit_code(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "in.jsonl").write_text('{"id": "1", "text": "t"}\nnot json\n')
    code, told = refused(capsys, *RUN, "--failure-budget", "0")
    assert code == 4
    assert "--failure-budget" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_a_recipes_help_shows_its_own_options(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "calm_recipe.py:calm", "--help"])
    told = capsys.readouterr().out
    assert "Documents that do not shout." in told
    assert "--limit LIMIT" in told and "default: 0.3" in told
    assert "--strict" in told
