"""The report: every item with its documents, and the tasks without what was seen."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from winnow import Read, Store, materialize
from winnow.decontaminate.contamination import contamination
from winnow.decontaminate.report import ContaminationReport

SEEN = "Which river did the expedition of the forgotten cartographer follow upstream?"
UNSEEN = "Why had the lighthouse keeper painted every second window a darker green?"
LINES = [
    b'{"question": "%s",  "answer": "the Volga"}\r\n' % SEEN.encode(),
    b"\n",
    b'{"question":"%s","answer":"for luck"}\n' % UNSEEN.encode(),
    b'{"question": "2 + 3 ="}\n',
    b'{"question": "%s", "answer": "the  VOLGA!"}' % SEEN.upper().encode(),
]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "plain.jsonl").write_bytes(b"".join(LINES))
    (tmp_path / "tasks" / "packed.jsonl.gz").write_bytes(gzip.compress(b"".join(LINES[2:4])))
    (tmp_path / "tasks" / "dense.jsonl.zst").write_bytes(zstandard.compress(b"".join(LINES[:3])))
    rows = [{"id": f"d{n}", "text": f"Page {n}. {SEEN} The Volga."} for n in range(8)] + [
        {"id": "other", "text": "Hm."}
    ]
    (tmp_path / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    documents = Read(source=str(tmp_path / "documents.jsonl"))
    step = ContaminationReport(contamination=contamination(documents, tasks=str(tmp_path / "tasks")))
    materialize(step, tmp_path / "store")
    return Store(tmp_path / "store").table(step).directory / "files"


def test_every_item_has_a_line_with_the_documents_that_hold_it(report: Path) -> None:
    lines = {line["item"]: line for line in map(json.loads, (report / "items.jsonl").read_text().splitlines())}
    assert len(lines) == 8
    seen = lines["plain#0"]
    assert seen["contaminated"]
    assert seen["overlap"] >= 0.8
    assert seen["same_as"] == "dense#0"
    assert seen["num_documents"] == 8
    assert [document["id"] for document in seen["documents"]] == ["d0", "d1", "d2", "d3", "d4"]
    assert seen["documents"][0]["matched"] == SEEN.rstrip("?")
    assert not lines["plain#2"]["contaminated"]
    assert lines["plain#3"]["not_looked_for"].startswith("its question has only 2 words")


def test_the_clean_subset_keeps_its_lines_byte_for_byte(report: Path) -> None:
    assert (report / "clean" / "plain.jsonl").read_bytes() == b"".join(LINES[1:4])
    assert gzip.decompress((report / "clean" / "packed.jsonl.gz").read_bytes()) == b"".join(LINES[2:4])
    packed = (report / "clean" / "dense.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().stream_reader(packed).read() == b"".join(LINES[1:3])


def test_counts_of_every_task(report: Path) -> None:
    assert json.loads((report / "tasks.json").read_text()) == {
        "dense": {"items": 2, "contaminated": 1, "not_looked_for": 0},
        "packed": {"items": 2, "contaminated": 0, "not_looked_for": 1},
        "plain": {"items": 4, "contaminated": 2, "not_looked_for": 1},
    }


def test_the_report_follows_its_task_files(report: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    (tasks / "plain.jsonl").write_bytes(b"".join(LINES[2:4]))  # what is found in the documents stays the same
    documents = Read(source=str(tmp_path / "documents.jsonl"))
    step = ContaminationReport(contamination=contamination(documents, tasks=str(tasks)))
    materialize(step, tmp_path / "store")
    assert (report / "clean" / "plain.jsonl").read_bytes() == b"".join(LINES[2:4])
