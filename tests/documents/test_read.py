from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import winnow.documents.read
from winnow.core.errors import DuplicateIdError, InputError
from winnow.core.executors import Processes
from winnow.core.run import fresh, materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.documents.schema import document_id


def documents(read: Read, store: Path) -> list[dict[str, Any]]:
    materialize(read, store, failure_budget=1.0)
    table = Store(store).table(read)
    return [row for i in range(len(table.manifest.shards)) for row in table.shard(i).to_pylist()]


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_kinds_of_file_are_read_together_under_one_schema(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.jsonl", {"id": "j", "text": "json", "lang": "en"})
    pq.write_table(pa.table({"id": ["p"], "text": ["parquet"], "score": [0.5]}), tmp_path / "in" / "b.parquet")
    rows = documents(Read(source=str(tmp_path / "in")), tmp_path / "store")
    assert [(row["id"], row["text"], row["metadata"], row["score"]) for row in rows] == [
        ("j", "json", '{"lang":"en"}', None),
        ("p", "parquet", None, 0.5),
    ]
    assert {row["source"] for row in rows} == {"in"}


def test_a_missing_id_is_a_hash_of_url_and_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"text": "t", "url": "http://a/"}, {"text": "t"}, {"id": "own", "text": "t"})
    ids = [row["id"] for row in documents(Read(source=str(path)), tmp_path / "store")]
    assert ids == [document_id("http://a/", "t"), document_id(None, "t"), "own"]
    assert len(ids[0]) == 32
    assert document_id("ab", "c") != document_id("a", "bc")


def test_repeats_without_an_id_are_numbered_across_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winnow.documents.read, "TASK_BYTES", 1)
    for name in ("a", "b", "c"):
        write(tmp_path / "in" / f"{name}.jsonl", {"text": "same"}, {"text": f"only {name}"}, {"text": "same"})
    read = Read(source=str(tmp_path / "in"))
    rows = documents(read, tmp_path / "store")
    base = document_id(None, "same")
    assert [row["id"] for row in rows if row["text"] == "same"] == [base, *(f"{base}-{n}" for n in range(2, 7))]
    assert len({row["id"] for row in rows}) == 9
    table = Store(tmp_path / "store").table(read)
    from winnow.core.files import file_digest

    assert [shard.digest for shard in table.manifest.shards] == [
        file_digest(table.path(i)) for i in range(len(table.manifest.shards))
    ]
    again = documents(Read(source=str(tmp_path / "in")), tmp_path / "other")
    assert again == rows


def test_given_ids_that_repeat_are_refused_showing_both(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "x", "text": "first"}, {"id": "x", "text": "second", "url": "http://b/"})
    with pytest.raises(DuplicateIdError, match=r"'x' is carried by 2 documents.*'first'.*http://b/.*'second'"):
        documents(Read(source=str(path)), tmp_path / "store")


def test_two_sources_may_carry_the_same_id(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a" / "1.jsonl", {"id": "x", "text": "first"})
    write(tmp_path / "in" / "b" / "1.jsonl", {"id": "x", "text": "second"})
    rows = documents(Read(source=str(tmp_path / "in")), tmp_path / "store")
    assert [(row["source"], row["id"]) for row in rows] == [("a", "x"), ("b", "x")]


def test_one_large_file_is_shared_among_tasks_and_workers_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.jsonl", *({"id": str(n), "text": "word " * (n % 50)} for n in range(500)))
    digests = []
    monkeypatch.setattr(winnow.documents.read, "TASK_BYTES", 5000)
    for workers in (1, 2, 4):
        store = tmp_path / f"store{workers}"
        read = Read(source=str(path))
        materialize(read, store, Processes(workers))
        manifest = Store(store).table(read).manifest
        assert len(manifest.shards) > 5
        assert manifest.rows == 500
        digests.append(manifest.digest)
    assert len(set(digests)) == 1


def test_a_limit_is_the_runs(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / "in" / f"{name}.jsonl", *({"id": f"{name}{n}", "text": "t"} for n in range(10)))
    rows = documents(Read(source=str(tmp_path / "in"), limit=13), tmp_path / "store")
    assert [row["id"] for row in rows] == [f"a{n}" for n in range(10)] + ["b0", "b1", "b2"]


def test_a_source_that_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "1", "text": "before"})
    read, store = Read(source=str(path)), Store(tmp_path / "store")
    documents(read, store.root)
    assert fresh(read, store)
    write(path, {"id": "1", "text": "after, and longer"})
    assert not fresh(read, store)
    assert documents(read, store.root)[0]["text"] == "after, and longer"


def test_files_that_cannot_be_read_are_set_aside_and_say_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.jsonl", {"id": "1", "text": "t"})
    (tmp_path / "in" / "old.arc.gz").write_bytes(b"filedesc://")
    (tmp_path / "in" / "broken.parquet").write_bytes(b"no")
    read = Read(source=str(tmp_path / "in"))
    rows = documents(read, tmp_path / "store")
    assert [row["id"] for row in rows] == ["1"]
    errors = sorted(entry["error"] for entry in Store(tmp_path / "store").table(read).quarantine())
    assert "cannot be read as Parquet" in errors[0]
    assert "warcio recompress" in errors[1]


def test_a_source_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no file"):
        materialize(Read(source=str(tmp_path / "none*.jsonl")), tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_documents_are_read_from_an_fsspec_url(tmp_path: Path) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/readtest/a.jsonl", b'{"id": "m", "text": "from memory"}\n')
    assert [row["text"] for row in documents(Read(source="memory://readtest/a.jsonl"), tmp_path / "store")] == [
        "from memory"
    ]
