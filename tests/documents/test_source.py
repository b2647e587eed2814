from __future__ import annotations

import gzip
import itertools
import os
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.core.errors import InputError, RecipeError
from winnow.documents.source import File, Kind, kind_of, list_files, remedy, sniff, spans


def put(path: Path, data: bytes = b"{}\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def test_a_directory_gives_the_files_it_knows_sorted_and_with_their_folder_as_source(tmp_path: Path) -> None:
    for name in ("b/2.jsonl.gz", "a/1.warc.gz", "top.parquet", "README.md", ".hidden/x.jsonl", "a/old.arc.gz"):
        put(tmp_path / name, b"# nothing")
    files = list_files([str(tmp_path)], None)
    assert [(Path(f.path).name, f.kind, f.source) for f in files] == [
        ("1.warc.gz", "warc", "a"),
        ("old.arc.gz", "unreadable", "a"),
        ("2.jsonl.gz", "jsonl", "b"),
        ("top.parquet", "parquet", tmp_path.name),
    ]


def test_a_glob_and_a_file_are_sources_too(tmp_path: Path) -> None:
    one, two = put(tmp_path / "x" / "1.jsonl"), put(tmp_path / "y" / "2.jsonl")
    assert [f.path for f in list_files([str(tmp_path / "*" / "*.jsonl")], None)] == [one, two]
    assert [(f.path, f.source) for f in list_files([two], None)] == [(two, "2")]
    assert [f.source for f in list_files([one, two, one], "mine")] == ["mine", "mine"]


def test_a_source_that_names_nothing_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing-here.*names no file"):
        list_files([str(tmp_path / "nothing-here")], None)


def test_an_fsspec_url_is_a_source() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/crawl/a/1.jsonl", b'{"text": "t"}\n')
    memory.pipe("/crawl/a/2.warc.gz", b"")
    (one, two) = list_files(["memory://crawl/a"], None)
    assert (one.path, one.kind, one.source, one.size) == ("memory:///crawl/a/1.jsonl", "jsonl", "a", 14)
    assert two.kind == "warc"
    assert [f.path for f in list_files(["memory://crawl/*/1.jsonl"], None)] == ["memory:///crawl/a/1.jsonl"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"WARC/1.0\r\n", "warc"),
        (gzip.compress(b"WARC/1.1\r\n", mtime=0), "warc"),
        (zstandard.ZstdCompressor().compress(b'{"a": 1}'), "jsonl"),
        (b"PAR1....", "parquet"),
        (b'\n {"a": 1}', "jsonl"),
        (b"<html>", None),
        (b"", None),
        (b"\x1f\x8bbroken", None),
    ],
)
def test_first_bytes_tell_the_kind_of_a_file_whose_name_does_not(
    tmp_path: Path, data: bytes, kind: Kind | None
) -> None:
    assert sniff(data) == kind
    path = put(tmp_path / "unnamed", data)
    assert list_files([path], None)[0].kind == (kind or "unreadable")


def test_known_formats_that_are_not_read_come_with_what_to_do() -> None:
    assert kind_of("x.arc.gz") == "unreadable"
    assert "warcio recompress" in remedy("x.arc.gz")
    assert "unpack" in remedy("x.wacz")


def test_a_changed_file_has_another_stamp(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl")
    before = list_files([path], None)[0].stamp
    os.utime(path, ns=(1, 1))
    assert list_files([path], None)[0].stamp != before


def a_file(name: str, size: int, kind: Kind = "jsonl") -> File:
    return File(path=name, kind=kind, size=size, source="s", stamp="")


def test_a_large_plain_file_is_cut_by_byte_range() -> None:
    tasks = spans([a_file("big.jsonl", 250)], 100)
    assert [[(s.start, s.end) for s in task] for task in tasks] == [[(0, 100)], [(100, 200)], [(200, 250)]]


def test_a_large_compressed_file_is_one_task() -> None:
    assert len(spans([a_file("big.jsonl.zst", 250)], 100)) == 1
    assert len(spans([a_file("big.warc.gz", 250, "warc")], 100)) == 1


def test_small_files_are_grouped() -> None:
    tasks = spans([a_file(f"{n}.jsonl", 30) for n in range(7)], 100)
    assert [len(task) for task in tasks] == [3, 3, 1]


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(1, 100))
def test_every_byte_is_in_one_task_in_order(sizes: list[int], task_bytes: int) -> None:
    files = [a_file(f"{n:03d}.jsonl", size) for n, size in enumerate(sizes)]
    pieces = [span for task in spans(files, task_bytes) for span in task]
    for file in files:
        mine = [(span.start, span.end) for span in pieces if span.path == file.path]
        if file.size > task_bytes:
            assert mine[0][0] == 0 and mine[-1][1] == file.size
            assert all(a[1] == b[0] for a, b in itertools.pairwise(mine))
        else:
            assert mine == [(0, -1)]


def test_a_large_parquet_file_is_cut_by_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [os.urandom(500).hex() for _ in range(100)]})
    pq.write_table(table, path, row_group_size=10)
    size = path.stat().st_size
    tasks = spans([a_file(str(path), size, "parquet")], size // 4)
    ranges = [(span.start, span.end) for task in tasks for span in task]
    assert len(ranges) >= 4
    assert ranges[0][0] == 0 and ranges[-1][1] == 10
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))


def test_a_protocol_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(url: str, **_: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(RecipeError, match=r"pip install 'winnow-data\[s3\]'"):
        list_files(["s3://bucket/crawl/*.warc.gz"], None)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(RecipeError, match="nowhere:// needs another package"):
        list_files(["nowhere://a"], None)
