from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.core.errors import InputError
from winnow.core.guard import Guard, Suspects
from winnow.documents.parquet import passing_columns, read_parquet, unify
from winnow.documents.schema import Batch
from winnow.documents.source import Span

KEYS = ("text", "id", "url")


def read(
    path: Path, tmp_path: Path, keys: tuple[str, str, str] = KEYS, poison: frozenset[int] = frozenset(), **cut: int
) -> list[Batch]:
    guard = Guard(tmp_path / "note", Suspects(poison=poison))
    span = Span(path=str(path), kind="parquet", source="s", size=path.stat().st_size, **cut)
    batches = list(read_parquet(span, keys, guard, 0))
    guard.close()
    return batches


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def rows(batches: list[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.documents.to_pylist()]


def test_other_columns_pass_through_with_their_types(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["t"], "score": [0.5], "tags": [["a", "b"]]})
    (row,) = rows(read(path, tmp_path))
    assert row == {"id": None, "text": "t", "url": None, "source": None, "score": 0.5, "tags": ["a", "b"]}
    assert passing_columns(str(path), KEYS).names == ["score", "tags"]


def test_columns_are_mapped_by_name_and_by_dotted_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"content": ["t"], "key": [7], "meta": [{"link": "http://a/", "n": 1}]})
    (row,) = rows(read(path, tmp_path, ("content", "key", "meta.link")))
    assert (row["id"], row["text"], row["url"]) == ("7", "t", "http://a/")
    assert row["meta"] == {"link": "http://a/", "n": 1}
    assert "content" not in row and "key" not in row


def test_a_missing_text_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"content": ["t"]})
    with pytest.raises(InputError, match=r"no column 'text'; it has \['content'\]: name it with text_key"):
        read(path, tmp_path)


def test_rows_without_a_text_and_rows_that_are_not_utf8_are_set_aside(tmp_path: Path) -> None:
    text = pa.array([b"good", None, b"\xff\xfe", b"fine"], pa.binary())
    path = write(tmp_path / "a.parquet", {"text": text})
    batches = read(path, tmp_path)
    assert [row["text"] for row in rows(batches)] == ["good", "fine"]
    problems = [record.error for batch in batches for record in batch.quarantined]
    assert problems == ["its text is null", "its text is not UTF-8: invalid start byte at byte 0"]


def test_invalid_utf8_in_a_string_column_is_found(tmp_path: Path) -> None:
    offsets = pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00")
    text = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"ok\xff\xfe"))
    path = write(tmp_path / "a.parquet", {"text": text}, use_dictionary=False)
    batches = read(path, tmp_path)
    assert [row["text"] for row in rows(batches)] == ["ok"]


def test_row_groups_are_read_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": [str(n) for n in range(10)]}, row_group_size=2)
    assert [row["text"] for row in rows(read(path, tmp_path, start=1, end=3))] == ["2", "3", "4", "5"]


def test_a_file_that_is_no_parquet_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for data in (b"", b"PAR1 but not really PAR1", b"hello"):
        path.write_bytes(data)
        batches = read(path, tmp_path)
        assert rows(batches) == []
        assert "cannot be read as Parquet" in batches[0].quarantined[0].error
        assert passing_columns(str(path), KEYS).names == []


def test_a_row_that_killed_its_worker_twice_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a", "b", "c"]})
    batches = read(path, tmp_path, poison=frozenset({1}))
    assert [row["text"] for row in rows(batches)] == ["a", "c"]


def test_schemas_of_several_files_are_joined_or_refused_by_name() -> None:
    one, two = pa.schema([("n", pa.int32())]), pa.schema([("n", pa.int64()), ("m", pa.string())])
    assert unify([("a", one), ("b", two)]) == pa.schema([("n", pa.int64()), ("m", pa.string())])
    with pytest.raises(InputError, match="'n' is int32 in a but string in c"):
        unify([("a", one), ("c", pa.schema([("n", pa.string())]))])
