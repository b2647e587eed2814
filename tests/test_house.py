"""The house's own rules: who imports whom, what is public, what a command loads, how large things may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import winnow
from winnow.cli import COMMANDS

SOURCE = Path(winnow.__file__).parent
FLOORS = [
    "core",
    "kernels",
    "documents",
    "measure",
    "choose",
    "lm",
    "evaluate",
    "bench",
    "report",
    "audit",
    "recipes",
    "cli",
]
BESIDE = {
    "extract": "documents",
    "edit": "documents",
    "dedup": "measure",
    "decontaminate": "measure",
    "laws": "lm",
    "loss": "evaluate",
    "rater": "evaluate",
    "meta": "kernels",
}
MAX_FILE_LINES = 420
MAX_FUNCTION_LINES = 60


def floor(module: str) -> int:
    """How high a module stands; it may import from its own floor and from below."""
    room = module.removeprefix("winnow.").split(".")[0]
    return FLOORS.index(BESIDE.get(room, room))


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(["winnow", *path.relative_to(SOURCE).with_suffix("").parts])


@pytest.mark.parametrize("path", [p for p in modules() if p.parent != SOURCE or p.name == "cli.py"], ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    here = floor(name_of(path))
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("winnow."):
                assert floor(name) <= here, f"{name_of(path)} imports {name}, which lies above it"


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    assert list(winnow._HOMES) == winnow.__all__ == sorted(winnow.__all__)
    for name in winnow.__all__:
        assert getattr(winnow, name).__doc__, f"{name} has no docstring"


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["--version"]])
def test_a_command_that_only_tells_loads_nothing_heavy(command: list[str]) -> None:
    code = f"import sys; from winnow.cli import main; main({command!r}); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = set(run.stdout.split())
    assert loaded, run.stderr
    assert not loaded & {"torch", "ray", "duckdb", "numba", "pyarrow", "numpy"}


def test_importing_winnow_loads_nothing_heavy() -> None:
    code = "import sys, winnow; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"torch", "ray", "duckdb", "numba", "pyarrow", "numpy"}


def test_the_commands_are_these() -> None:
    assert list(COMMANDS) == ["run", "plan", "show", "explain", "audit", "bench", "compare", "advise"]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{node.name} is too long"
