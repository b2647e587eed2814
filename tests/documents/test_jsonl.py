from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.core.guard import Guard, Suspects
from winnow.documents import jsonl
from winnow.documents.jsonl import Keys, read_jsonl
from winnow.documents.schema import Batch
from winnow.documents.source import Span

KEYS = Keys("text", "id", "url")


def read(
    path: Path, tmp_path: Path, *, start: int = 0, end: int = -1, suspects: Suspects | None = None, keys: Keys = KEYS
) -> list[Batch]:
    guard = Guard(tmp_path / "note", suspects or Suspects())
    span = Span(path=str(path), kind="jsonl", source="s", size=path.stat().st_size, start=start, end=end)
    batches = list(read_jsonl(span, keys, guard, 0))
    guard.close()
    return batches


def rows(batches: list[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.documents.to_pylist()]


def problems(batches: list[Batch]) -> list[str]:
    return [record.error for batch in batches for record in batch.quarantined]


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_fields_become_columns_and_the_rest_becomes_metadata(tmp_path: Path) -> None:
    record = {"id": 7, "text": "t", "url": "http://a/", "source": "s1", "lang": "en", "metadata": {"deep": [1, None]}}
    (row,) = rows(read(write(tmp_path / "a.jsonl", [json.dumps(record).encode()]), tmp_path))
    assert (row["id"], row["text"], row["url"], row["source"]) == ("7", "t", "http://a/", "s1")
    assert json.loads(row["metadata"]) == {"lang": "en", "metadata": {"deep": [1, None]}}


def test_a_record_with_nothing_else_has_no_metadata(tmp_path: Path) -> None:
    (row,) = rows(read(write(tmp_path / "a.jsonl", [b'{"text": "t"}']), tmp_path))
    assert row == {"id": None, "text": "t", "url": None, "source": None, "metadata": None}


@pytest.mark.parametrize("key", ["WARC-Target-URI", "url", "warc_url"])
def test_urls_of_other_tools_are_found_in_metadata(tmp_path: Path, key: str) -> None:
    line = json.dumps({"text": "t", "metadata": {key: "http://a/"}}).encode()
    (row,) = rows(read(write(tmp_path / "a.jsonl", [line]), tmp_path))
    assert row["url"] == "http://a/"


def test_nested_keys_are_dotted_paths(tmp_path: Path) -> None:
    line = json.dumps({"doc": {"body": "t", "key": "k"}, "at": {"link": "http://a/"}}).encode()
    keys = Keys("doc.body", "doc.key", "at.link")
    (row,) = rows(read(write(tmp_path / "a.jsonl", [line]), tmp_path, keys=keys))
    assert (row["id"], row["text"], row["url"]) == ("k", "t", "http://a/")


def test_a_bad_line_is_set_aside_with_its_offset_and_its_neighbours_are_kept(tmp_path: Path) -> None:
    good = b'{"text": "good"}'
    bad = [b"not json", b"[1]", b'{"body": "x"}', b'{"text": 5}', b'{"text": "\xff\xfe"}', b'{"text": "half']
    lines = [line for pair in zip([good] * len(bad), bad, strict=True) for line in pair] + [good]
    batches = read(write(tmp_path / "a.jsonl", lines), tmp_path)
    assert [row["text"] for row in rows(batches)] == ["good"] * 7
    found = problems(batches)
    assert len(found) == 6
    assert "holds a list" in found[1]
    assert "the text field 'text' is missing; the record has ['body']" in found[2]
    assert "is a int" in found[3]
    first = batches[0].quarantined[0]
    assert first.where.endswith(f"a.jsonl:{len(good) + 1}")


def test_a_line_too_long_to_hold_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_BYTES", 1000)
    lines = [b'{"text": "a"}', b'{"text": "' + b"x" * 5000 + b'"}', b'{"text": "b"}']
    batches = read(write(tmp_path / "a.jsonl", lines), tmp_path)
    assert [row["text"] for row in rows(batches)] == ["a", "b"]
    (problem,) = problems(batches)
    assert "longer than" in problem


@pytest.mark.parametrize("size", [0, 1, 3])
def test_empty_files_and_blank_lines_hold_no_documents(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n" * size)
    assert rows(read(path, tmp_path)) == []


def test_compressed_files_are_read(tmp_path: Path) -> None:
    lines = b"".join(json.dumps({"id": str(n), "text": "t"}).encode() + b"\n" for n in range(5))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines[:60]) + gzip.compress(lines[60:]))
    compress = zstandard.ZstdCompressor().compress
    (tmp_path / "a.jsonl.zst").write_bytes(compress(lines[:60]) + compress(lines[60:]))
    for name in ("a.jsonl.gz", "a.jsonl.zst"):
        assert [row["id"] for row in rows(read(tmp_path / name, tmp_path))] == list("01234")


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_truncated_file_keeps_what_was_read_before(tmp_path: Path, ending: str) -> None:
    import random

    noise = random.Random(0)
    texts = ["".join(noise.choices("abcdefghij", k=400)) for _ in range(3000)]
    lines = b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)
    packed = gzip.compress(lines) if ending == "gz" else zstandard.ZstdCompressor().compress(lines)
    path = tmp_path / f"a.jsonl.{ending}"
    path.write_bytes(packed[: len(packed) // 2])
    batches = read(path, tmp_path)
    kept = [row["text"] for row in rows(batches)]
    assert 500 < len(kept) < 3000
    assert kept == texts[: len(kept)]


def test_a_file_that_is_not_compressed_as_its_name_says_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b'{"text": "plain"}\n')
    (tmp_path / "a.jsonl.zst").write_bytes(b'{"text": "plain"}\n')
    for name in ("a.jsonl.gz", "a.jsonl.zst"):
        batches = read(tmp_path / name, tmp_path)
        assert rows(batches) == []
        assert "cannot be decompressed" in problems(batches)[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=60)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12),
    cuts=st.lists(st.integers(0, 600), max_size=4),
)
def test_byte_ranges_give_every_line_once_wherever_they_cut(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cuts: list[int]
) -> None:
    tmp_path = tmp_path_factory.mktemp("ranges")
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(json.dumps({"text": t}, ensure_ascii=False).encode() + b"\n" for t in texts))
    size = path.stat().st_size
    edges = sorted({0, size, *(cut for cut in cuts if cut < size)})
    found = []
    for start, end in itertools.pairwise(edges):
        found += [row["text"] for row in rows(read(path, tmp_path, start=start, end=end))]
    assert found == texts


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["id", "text", "url", "source", "x", "metadata", "y.z"]), json_values))
def test_any_json_object_is_a_document_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]
) -> None:
    tmp_path = tmp_path_factory.mktemp("any")
    batches = read(write(tmp_path / "a.jsonl", [json.dumps(record).encode()]), tmp_path)
    assert len(rows(batches)) + len(problems(batches)) == 1
    for row in rows(batches):
        rest = json.loads(row["metadata"]) if row["metadata"] else {}
        assert row["text"] == record["text"]
        for name in ("x", "y.z", "metadata"):
            if name in record:
                assert rest[name] == record[name]


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_documents_or_quarantine(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    tmp_path = tmp_path_factory.mktemp("bytes")
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    batches = read(path, tmp_path)
    lines = [line for line in data.split(b"\n") if line.strip()]
    assert len(rows(batches)) + len(problems(batches)) == len(lines)


def test_a_line_that_killed_its_worker_twice_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [json.dumps({"text": str(n)}).encode() for n in range(5)])
    batches = read(path, tmp_path, suspects=Suspects(poison=frozenset({2})))
    assert [row["text"] for row in rows(batches)] == ["0", "1", "3", "4"]
    assert problems(batches) == ["it killed its worker twice"]
