from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import unrolled  # noqa: F401 - as all tests here begin

PAGE = Path(__file__).resolve().parents[2] / "docs" / "meta-gradients.md"


def test_the_examples_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    example, _, descent = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(example, names)
    assert capsys.readouterr().out == "tensor(True)\n"
    worth = names["worth"]
    assert worth[:16].max() < worth[16:].min()  # every spoiled one is worth less than every other
    with_own = re.sub(r"update = AdamW\(.*\)", f"{descent}\nupdate = Descent()", example)
    exec(with_own, {"__name__": "example"})
    assert capsys.readouterr().out == "tensor(True)\n"
