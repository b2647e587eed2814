"""Task files: found, named, read line by line, refused with a reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from winnow.core.errors import InputError
from winnow.decontaminate.tasks import task_files


def test_files_are_named_by_their_place_below_the_directory(tmp_path: Path) -> None:
    for name in ("mmlu/test.jsonl", "mmlu/dev.jsonl.gz", "arc.v2.jsonl.zst", "notes.txt", "mmlu/config.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [file.task for file in task_files([str(tmp_path)])] == ["arc.v2", "mmlu/dev", "mmlu/test"]
    assert [file.task for file in task_files([str(tmp_path / "mmlu" / "test.jsonl")])] == ["test"]
    assert [file.task for file in task_files([f"{tmp_path}/mmlu/*.jsonl*"])] == ["dev", "test"]
    assert [file.task for file in task_files([str(tmp_path / "mmlu/config.json")])] == ["config"]


def test_lines_are_the_same_however_they_are_compressed(tmp_path: Path) -> None:
    content = b'{"a": 1}\r\n\n{"a": 2}'
    (tmp_path / "a.jsonl").write_bytes(content)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(content))
    frames = zstandard.compress(content[:7]) + zstandard.compress(content[7:])
    (tmp_path / "c.jsonl.zst").write_bytes(frames)
    for file in task_files([str(tmp_path)]):
        assert b"".join(file.lines()) == content
        assert list(file.rows()) == [(0, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"a": 1}\n{"a": ', "line 1 of .* is not JSON"), (b"[1]\n", "holds a list"), (b"\xff{}\n", "is not JSON")],
)
def test_a_line_that_is_no_object_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(task_files([str(tmp_path)])[0].rows())


def test_a_file_that_ends_too_soon_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-20])
    with pytest.raises(InputError, match="cannot be read to its end"):
        list(task_files([str(tmp_path)])[0].rows())


def test_a_place_without_tasks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="no JSONL file"):
        task_files([str(tmp_path)])
    with pytest.raises(InputError, match="names no file"):
        task_files([str(tmp_path / "absent")])


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="would both be the task 'test'"):
        task_files([str(tmp_path / "one"), str(tmp_path / "two")])
