"""The outputs that Dolma's own tests expect, from the equivalent steps; each row that differs is named with its reason.

Dolma meets documents in the order of the file, so the documents carry their number in it as their source.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from toys import Given, rows_of

from winnow.core.run import materialize
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.lines import line_duplicates

Spans = list[tuple[int, int]]

FILE_ORDER = ["-CAST(documents.source AS INT)"]
SEED = 1
"""Of an order of ids in which the documents that repeat each other stand as in the file."""


@pytest.fixture
def fixtures(shared_data: Path) -> Path:
    return shared_data / "peer_fixtures" / "dolma"


def lines_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as opened:
        return [json.loads(line) for line in opened]


def documents_of(path: Path) -> Given:
    rows = [(d["id"], d["text"], d["metadata"]["url"], str(number)) for number, d in enumerate(lines_of(path))]
    return Given(shards=(tuple(rows),))


def expected_spans(path: Path) -> list[Spans]:
    rows = [row["attributes"]["bff_duplicate_paragraph_spans"] for row in lines_of(path)]
    return [[(start, end) for start, end, _ in spans] for spans in rows]


def spans_of(rows: list[dict[str, Any]]) -> list[Spans]:
    return [[(span["start"], span["end"]) for span in row["duplicate_spans"]] for row in rows]


def test_dedupe_by_url(fixtures: Path, tmp_path: Path) -> None:
    step = exact_duplicates(documents_of(fixtures / "provided/documents/000.json.gz"), of="url", prefer=FILE_ORDER)
    materialize(step, tmp_path)
    expected = lines_of(fixtures / "expected/dedupe-by-url.json.gz")
    found = [row["duplicate_of"] is not None for row in rows_of(step, tmp_path)]
    assert found == ["bff_duplicate_url" in row["attributes"] for row in expected]
    assert sum(found) == 1


def test_dedupe_paragraphs(fixtures: Path, tmp_path: Path) -> None:
    documents = documents_of(fixtures / "provided/documents/000.json.gz")
    step = line_duplicates(documents, min_length=0, prefer=FILE_ORDER)
    materialize(step, tmp_path)
    found, expected = (
        spans_of(rows_of(step, tmp_path)),
        expected_spans(fixtures / "expected/dedupe-paragraphs.json.gz"),
    )
    assert len(found[1]) == 43
    # Dolma holds the characters it has read against the bytes of the text, which has characters of several bytes: so it
    # adds a newline after the last line, and its last span ends one character after the text.
    length = len(documents.shards[0][1][1] or "")
    assert (found[1].pop(), expected[1].pop()) == ((5788, length), (5788, length + 1))
    assert found == expected


def test_dedupe_paragraph_ngrams(fixtures: Path, tmp_path: Path) -> None:
    documents = documents_of(fixtures / "provided/deduper/documents/000.json.gz")
    step = bloom_duplicates(
        documents, unit="paragraph", ngram=6, min_ngram=1, threshold=0.5, false_positive_rate=1e-5, seed=SEED
    )
    materialize(step, tmp_path)
    found = spans_of(rows_of(step, tmp_path))
    expected = expected_spans(fixtures / "expected/dedupe-paragraph-ngrams.json.gz")
    # BFF's line begins with the newline before it, Dolma's ends with the one after it.
    moved = [[(max(0, start - 1), end - 1) for start, end in spans] for spans in expected]
    # Dolma looks at every third n-gram, BFF at all of them: so Dolma passes over a line that says again, with two words
    # left out, what stood in the same document, and a list of months out of step with one before it.
    assert found[2] == [(2173, 2245)] and moved[2] == []
    assert found[9] == [(7649, 8376)] and moved[9] == []
    found[2], found[9] = [], []
    assert found == moved
