from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from toys import Given, Length

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.step import Step
from winnow.core.table import Store
from winnow.dedup.lines import line_duplicates
from winnow.documents.export import Export, ExportAttributes
from winnow.documents.read import Read


def lines(step: Step, store: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted((Store(store).directory(step) / "shards").glob("*.jsonl.zst")):
        text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes())
        found += [json.loads(line) for line in io.TextIOWrapper(text, "utf-8")]
    return found


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return [
        {"id": "a", "text": "one", "url": "http://a/", "source": "s", "extra": {"deep": [1, "x", None]}, "n": 0.5},
        {"id": "b", "text": "three\n\u2028 é", "source": "s"},
        {"id": "c", "text": "seven", "source": "t", "tags": []},
    ]


@pytest.fixture
def read(tmp_path: Path, records: list[dict[str, Any]]) -> Read:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return Read(source=str(path))


def test_json_lines_come_out_as_they_went_in(tmp_path: Path, read: Read, records: list[dict[str, Any]]) -> None:
    export = Export(documents=read, format="jsonl.zst")
    materialize(export, tmp_path / "store")
    assert lines(export, tmp_path / "store") == records


def test_parquet_holds_the_documents_of_a_selection(tmp_path: Path, read: Read) -> None:
    rules = RuleSet(name="r", source="", measures=(), rules=(("short", "length.length < 5"),))
    chosen = Select(documents=read, measures=(Length(documents=read),), reject=rules)
    export = Export(documents=chosen)
    directory = materialize(export, tmp_path / "store")
    (path,) = (directory / "shards").iterdir()
    assert pq.read_table(path)["id"].to_pylist() == ["b", "c"]


def test_attributes_stand_beside_the_documents_in_dolmas_form(tmp_path: Path, read: Read) -> None:
    rules = RuleSet(name="r", source="", measures=(), rules=(("short", "length.length < 5"),))
    length = Length(documents=read)
    chosen = Select(documents=read, measures=(length,), reject=rules)
    attributes = ExportAttributes(documents=chosen, score=length)
    materialize(attributes, tmp_path / "store")
    first, second = lines(attributes, tmp_path / "store")
    assert first == {"id": "b", "attributes": {"length__length": [[0, 9, 9]], "length__quarantined": [[0, 9, False]]}}
    assert second["id"] == "c"


def test_passages_become_spans_of_their_own(tmp_path: Path) -> None:
    documents = Given(shards=((("a", "x\ny\nx\nx"), ("b", "z")),))
    attributes = ExportAttributes(documents=documents, score=line_duplicates(documents))
    materialize(attributes, tmp_path)
    first, second = (line["attributes"] for line in lines(attributes, tmp_path))
    assert first["lines__duplicate_spans"] == [[4, 6, 1], [6, 7, 1]]
    assert first["lines__num_duplicate_chars"] == [[0, 7, 3]]
    assert second["lines__duplicate_spans"] == []


def test_an_unknown_format_is_refused(read: Read) -> None:
    with pytest.raises(RecipeError, match=r"'csv' is unknown; known: parquet, jsonl.zst"):
        Export(documents=read, format="csv").check()  # type: ignore[arg-type]
