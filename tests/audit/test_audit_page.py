from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from browser import open_page
from corpus import write

from winnow.audit.model import (
    Audit,
    Bin,
    Cell,
    Chosen,
    Example,
    Noise,
    NoiseKind,
    NoisyChoice,
    NoisyScore,
    Ordered,
    Own,
    difference,
    wilson,
)
from winnow.audit.page import render
from winnow.audit.terminal import print_audit
from winnow.cli import main
from winnow.measure.examples import Auc
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


def chosen(dropped: int) -> Chosen:
    share = wilson(dropped, 40)
    return Chosen(
        dropped=share,
        more=difference(share, wilson(500, 1000)),
        auc=Auc(0.87, 0.8, 0.94),
        newly_dropped=wilson(11, 20),
        newly_kept=wilson(2, 20),
        reasons={"gopher:short": dropped},
    )


def noise() -> Noise:
    nobody = Chosen(
        dropped=wilson(0, 0),
        more=None,
        auc=None,
        newly_dropped=wilson(0, 0),
        newly_kept=wilson(0, 0),
        reasons={},
    )
    seen = Ordered(auc=Auc(0.91, 0.85, 0.97), raised=wilson(38, 40), missing=0)
    kinds = {"menu": chosen(40), "teasers": chosen(0), "keywords": chosen(21), "mojibake": nobody}
    return Noise(
        untouched=1000,
        kinds=tuple(NoiseKind(name=kind, about=f"about {kind}", planted=40, example=BESIDE) for kind in kinds),
        choices=(NoisyChoice(name="lowest half", untouched=wilson(500, 1000), kinds=kinds),),
        scores=tuple(
            NoisyScore(
                column=column,
                description="what it is",
                is_read=column == "loss.nats",
                is_ranked_by=column == "loss.nats",
                kinds={**dict.fromkeys(kinds, seen), "mojibake": Ordered(auc=None, raised=wilson(0, 0), missing=7)},
            )
            for column in ("loss.nats", "loss.el2n")
        ),
    )


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
        noise=noise(),
    )


def poisoned(value: Any) -> Any:
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, tuple):
        return tuple(map(poisoned, value))
    if isinstance(value, dict):
        return {poisoned(key): poisoned(item) for key, item in value.items()}
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


def test_the_page_shows_what_choices_and_scores_make_of_noise() -> None:
    page = render(audit())
    assert "<b>52%</b>" in page and "AUC 0.87" in page and "none came to it" in page
    assert "11 of the 20 that it keeps unspoiled are dropped, 2 of the 20 that it drops unspoiled are kept" in page
    assert "keeps rather than untouched text: teasers; does not tell from untouched text: keywords</li>" in page
    assert "<b>0.91</b>" in page and "↑ 95" in page and "7 without a number" in page
    assert "1 more measured columns, which no choice names" in page


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
    sections = ["copies-found", "kept-apart", "similarity", "items-found", "causes", "own-duplicates", "audit"]
    for section in [*sections, "noise-dropped", "noise-by-score", "kinds-of-noise"]:
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
    assert "52% 37-67 A 0.87" in told and "lowest half keeps rather than untouched text: teasers" in told
    assert "0.91 0.85-0.97" in told and "loss.el2n" not in told


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
    lines = "from winnow.documents.read import Read\n\n\ndef pages() -> Read:\n    return Read(source='in.jsonl')\n"
    (tmp_path / "mine.py").write_text(lines)
    assert main(["audit", "mine.py:pages"]) == 2
    assert "nothing to audit" in capsys.readouterr().err
