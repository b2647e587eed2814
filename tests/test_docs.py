"""The documentation says what is so: its commands run, its names exist, its tables are complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import winnow
from winnow.choose.presets import RULE_SETS
from winnow.cli import COMMANDS, main
from winnow.recipes.catalog import SHIPPED, find_recipe

ROOT = Path(__file__).resolve().parents[1]
RECIPE_COMMANDS = ("run", "plan", "audit", "bench")
ADVISE_ACTIONS = ("fit", "recommend", "design", "check")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def code_blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def test_every_command_and_recipe_is_in_the_command_page() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    for name in COMMANDS:
        assert f"## winnow {name}" in page
    for name in SHIPPED:
        assert f"`{name}`" in page
        assert (find_recipe(name).__doc__ or "").strip()


def test_every_rule_set_is_in_the_presets_page() -> None:
    page = (ROOT / "docs" / "presets.md").read_text()
    for name in RULE_SETS:
        assert f"`{name}`" in page, name


def test_every_column_of_documents_and_editors_is_described() -> None:
    from winnow.documents.schema import CORE
    from winnow.documents.warc import SCHEMA
    from winnow.edit.editor import chain

    page = (ROOT / "docs" / "data-format.md").read_text()
    for name in (*(field.name for field in CORE), *SCHEMA.names):
        assert f"| `{name}` |" in page, name
    page = (ROOT / "docs" / "editing.md").read_text()
    editors = (winnow.UrlRemoval(), winnow.NewlineRemoval(), winnow.RefinedWebLines(), winnow.C4Lines())
    for name in chain(editors).columns().names:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_imported_in_the_docs_exist(page: Path) -> None:
    for block in code_blocks(page, "python"):
        for names in re.findall(r"^from winnow import (.+)$", block, flags=re.MULTILINE):
            for name in names.split(","):
                assert hasattr(winnow, name.strip()), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def shell_commands(page: Path) -> list[str]:
    """Every ``winnow`` command line in a page's shell blocks."""
    lines = [
        line
        for language in ("", "sh", "console")
        for block in code_blocks(page, language)
        for line in block.splitlines()
    ]
    stripped = [line.removeprefix("$ ").split("   #")[0].strip() for line in lines]
    return [line for line in stripped if line.startswith("winnow ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_used_in_the_docs_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in shell_commands(page):
        _, command, *arguments = shlex.split(line)
        assert command in COMMANDS, line
        options = [argument.split("=")[0] for argument in arguments if argument.startswith("--")]
        known = SHIPPED if command in RECIPE_COMMANDS else ADVISE_ACTIONS if command == "advise" else ()
        recipe = [argument for argument in arguments[:1] if argument in known]
        with pytest.raises(SystemExit):
            main([command, *recipe, "--help"])
        told = capsys.readouterr().out
        if recipe or command not in RECIPE_COMMANDS:
            for option in options:
                assert option in told, f"{line}: {option}"


def test_the_functions_of_the_measure_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = code_blocks(ROOT / "docs" / "adding-a-measure.md", "python")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calm.py").write_text(first)
    (tmp_path / "in.jsonl").write_text('{"id": "1", "text": "LOUD"}\n{"id": "2", "text": "quiet"}\n')
    assert main(["run", "calm.py:calm", "--source", "in.jsonl", "--limit", "0.2", "--workers", "0", "--json"]) == 0


def test_the_measure_of_the_measure_page_measures() -> None:
    import pyarrow as pa

    names: dict[str, object] = {"__name__": "__main__"}
    exec(code_blocks(ROOT / "docs" / "adding-a-measure.md", "python")[1], names)
    measure = names["Questions"]()  # type: ignore[operator]
    judged = measure.load()(pa.RecordBatch.from_pydict({"id": ["a"], "text": ["who? what?"]}))
    assert judged.column("num_marks").to_pylist() == [2]
