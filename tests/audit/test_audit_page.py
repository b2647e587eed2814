from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from browser import open_page
from corpus import write

from winnow.audit.model import Audit, Bin, Cell, Example, Own, wilson
from winnow.audit.page import render
from winnow.audit.terminal import print_audit
from winnow.cli import main
from winnow.report.passages import side_by_side

HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'
BESIDE = side_by_side("one two three four", "one two three five", names=("left", "right"))


def cell(kind: str, rate: float | None, hits: int, *, wanted: bool = True, **fields: Any) -> Cell:
    example = Example(
        id="p1", other="d1", outcome="missed", cause="too far apart", similarity=0.5, beside=BESIDE
    )  # fmt: skip
    values: dict[str, Any] = {
        "subject": "duplicate",
        "about": f"about {kind}",
        "planted": 11,
        "lost": 1,
        "share": wilson(hits, 10),
        "similarity": 0.61,
        "causes": {"too far apart": 10 - hits} if hits < 10 else {},
        "examples": (example,) if hits < 10 else (),
    }
    return Cell(kind=kind, rate=rate, wanted=wanted, **values | fields)


def audit() -> Audit:
    return Audit(
        recipe="dedup",
        command="winnow audit dedup --source crawl",
        source="crawl",
        made="2026-11-21T12:00:00+00:00",
        seed=0,
        documents=4000,
        kept=3900,
        methods=("minhash",),
        notes=("a note",),
        cells=(
            cell("exact copy", None, 10),
            cell("words replaced", 0.01, 9),
            cell("words replaced", 0.4, 0, causes={"its similarity is below the threshold of 0.7": 10}),
            cell("shared licence", 0.9, 3, wanted=False),
            cell("item as published", None, 10, subject="contamination", similarity=None),
            cell("all lost", None, 0, share=wilson(0, 0), lost=11, causes={"it was removed before by x:y": 11}),
        ),
        threshold=0.7,
        above=wilson(99, 100),
        bins=(Bin(low=0.7, high=0.75, dropped=wilson(9, 10)), Bin(low=0.95, high=1.0, dropped=wilson(10, 10))),
        precision={"duplicate": wilson(19, 22)},
        num_own=7,
        own=(Own(id="a", duplicate_of="b", method="minhash", reported=0.9, similarity=0.8, beside=BESIDE),),
        libraries={"winnow-data": "0.1.0"},
    )


def poisoned(value: Any) -> Any:
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, tuple):
        return tuple(map(poisoned, value))
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: poisoned(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


def test_the_page_shows_shares_intervals_causes_and_both_texts() -> None:
    page = render(audit())
    assert "<b>100%</b>" in page and "72–100%" in page and "J 0.61" in page
    assert "recall of 100 pairs at or above 0.7" in page and "threshold 0.7" in page
    assert "too far apart" in page and "<mark>five</mark>" in page
    assert "11 removed before" in page and "a note" in page
    assert "drops 7 of the 4,000 documents" in page


def test_misses_below_the_threshold_are_folded_away() -> None:
    assert "1 kinds whose misses all lie below the threshold" in render(audit())


def test_hostile_documents_make_no_element() -> None:
    page = render(poisoned(audit()))
    assert page.count("<script") == 2 and "<img" not in page


def test_the_page_holds_the_same_as_json() -> None:
    page = render(audit())
    inside = page.split('id="report-data">')[1].split("</script>")[0]
    assert json.loads(inside) == json.loads(audit().to_json())


def test_a_browser_shows_an_audit_without_a_complaint(tmp_path: Path) -> None:
    dom, console = open_page(render(poisoned(audit())), tmp_path)
    assert console == "" and dom.count("<script") == 2 and "<img" not in dom
    dom, console = open_page(render(audit()), tmp_path)
    assert console == ""
    for section in ("copies-found", "kept-apart", "similarity", "items-found", "causes", "own-duplicates", "audit"):
        assert f'id="{section}"' in dom


def test_an_audit_without_anything_planted_is_a_page_too() -> None:
    bare = dataclasses.replace(audit(), cells=(), bins=(), above=None, threshold=None, precision={}, own=(), methods=())
    assert "winnow audit dedup" in render(bare)


def test_a_terminal_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_audit(audit())
    told = capsys.readouterr().out
    assert "recall at or above the threshold of 0.7: 99.0% (99 of 100" in told
    assert "words replaced" in told and "11 lost" in told
    assert "10: its similarity is below the threshold" in told


def test_the_command_leaves_a_page_and_tells_the_same_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.jsonl", 60)
    command = ["audit", "dedup", "--source", "in.jsonl", "--method", "exact", "--plants", "1"]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["out"] == "winnow-audit-dedup" and told["cells"][0]["share"]["hits"] == 1
    assert json.loads((tmp_path / "winnow-audit-dedup" / "audit.json").read_text())["cells"] == told["cells"]
    assert (tmp_path / "winnow-audit-dedup" / "audit.html").read_text().startswith("<!doctype html>")
    assert main(command) == 0
    assert "winnow-audit-dedup/audit.html" in capsys.readouterr().out


def test_a_recipe_with_nothing_to_audit_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "demo"]) == 2
    assert "nothing to audit" in capsys.readouterr().err
