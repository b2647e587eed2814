from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from winnow.extract.f1 import extraction_scores

TEXT = "one two three four five six"


def rows(path: Path) -> Iterator[dict[str, str]]:
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True)
    yield from map(json.loads, io.TextIOWrapper(content, "utf-8"))


@pytest.mark.parametrize(
    ("pages", "scores"),
    [
        ([(TEXT, TEXT)], (1, 1, 1)),
        ([("", "")], (1, 1, 1)),
        ([(TEXT, "")], (0, 0, 0)),
        ([("", TEXT)], (0, 0, 0)),
        ([(TEXT, "seven eight nine ten eleven")], (0, 0, 0)),
        ([("one two three four five", TEXT)], (0.8, 2 / 3, 1)),
        ([(TEXT, TEXT + " " + TEXT)], (0.5, 1 / 3, 1)),
        ([("a b", "a b"), ("a b", "a c")], (0.5, 0.5, 0.5)),
        ([(TEXT, TEXT), (TEXT, "")], (2 / 3, 1, 0.5)),
        ([("Grüße, an alle!", "Grüße an\nalle")], (1, 1, 1)),
    ],
)
def test_scores_in_closed_form(pages: list[tuple[str, str]], scores: tuple[float, float, float]) -> None:
    assert extraction_scores(pages) == pytest.approx(scores)


def test_the_published_scores_of_nineteen_extractors_come_out(shared_data: Path) -> None:
    folder = shared_data / "html_gold"
    gold = {row["id"]: row["text"] for row in rows(folder / "scrapinghub_181.jsonl.zst")}
    outputs: dict[str, dict[str, str]] = {}
    for row in rows(folder / "scrapinghub_peer_outputs.jsonl.zst"):
        outputs.setdefault(row["extractor"], {})[row["id"]] = row["text"] or ""
    assert len(outputs) == 19
    table = (folder / "scrapinghub_published_results.txt").read_text()
    for name, texts in outputs.items():
        f1, precision, recall = extraction_scores((gold[id], texts[id]) for id in gold)
        published = re.findall(
            rf"^ +{_in_table(name)} +\S.*?([01]\.\d+) ± \S+ +([01]\.\d+) ± \S+ +([01]\.\d+) ±", table, re.M
        )
        assert (f"{f1:.3f}", f"{precision:.3f}", f"{recall:.3f}") in published, name


def _in_table(name: str) -> str:
    return {"newspaper": "newspaper4k"}.get(name, name)
