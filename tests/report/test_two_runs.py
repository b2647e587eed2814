"""What differs between the documents of two runs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from winnow.core.errors import InputError
from winnow.report.two_runs import Amount, OfSource, compare_documents

Document = tuple[str, str, str]


def run(out: Path, documents: list[Document]) -> Path:
    names = ("id", "text", "source")
    (out / "documents").mkdir(parents=True)
    columns = {name: [document[place] for document in documents] for place, name in enumerate(names)}
    pq.write_table(pa.table(columns), out / "documents" / "00000-000.parquet")
    return out


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    a = run(tmp_path / "a", [("1", "one", "web"), ("2", "two", "web"), ("3", "three", "books")])
    b = run(tmp_path / "b", [("2", "two", "web"), ("3", "three, edited", "books"), ("4", "four", "mail")])
    return a, b


def test_documents_are_counted_in_both_and_in_one_only(runs: tuple[Path, Path]) -> None:
    found = compare_documents(*runs)
    assert (found.in_a, found.in_b) == (Amount(3, 11), Amount(3, 20))
    assert (found.both, found.only_a, found.only_b) == (Amount(2, 8), Amount(1, 3), Amount(1, 4))
    assert found.changed == 1
    assert (found.examples_a, found.examples_b) == (("1",), ("4",))


def test_every_source_is_counted(runs: tuple[Path, Path]) -> None:
    assert compare_documents(*runs).sources == (
        OfSource("web", 2, 1, 1),
        OfSource("books", 1, 1, 1),
        OfSource("mail", 0, 1, 0),
    )


def test_jsonl_is_read_as_parquet_is(runs: tuple[Path, Path], tmp_path: Path) -> None:
    lines = b'{"id": "1", "text": "one"}\n{"id": "9", "text": "nine"}\n'
    (tmp_path / "c" / "documents").mkdir(parents=True)
    (tmp_path / "c" / "documents" / "0.jsonl.zst").write_bytes(zstandard.compress(lines))
    found = compare_documents(runs[0], tmp_path / "c")
    assert (found.both.documents, found.only_b.documents) == (1, 1)


def test_a_directory_without_documents_is_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither Parquet nor JSONL"):
        compare_documents(runs[0], tmp_path / "nothing")


def test_what_is_printed_names_a_document_to_explain(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    compare_documents(*runs).print()
    printed = capsys.readouterr().out
    assert (
        "only in a" in printed and "winnow explain 1" in printed and "1 of those in both have another text" in printed
    )
