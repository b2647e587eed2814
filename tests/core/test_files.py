"""What tells outside files from one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from winnow.core import files
from winnow.core.files import file_digest, fingerprint


def test_a_file_is_told_by_its_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("a")
    assert fingerprint(str(one)) == fingerprint(str(other)) == file_digest(one)
    other.write_text("b")
    assert fingerprint(str(one)) != fingerprint(str(other))
    assert fingerprint(str(tmp_path / "nothing")) == "absent"


def test_a_directory_is_told_by_the_names_and_contents_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "model" / "deep").mkdir(parents=True)
    (tmp_path / "model" / "deep" / "weights").write_text("1")
    before = fingerprint(str(tmp_path / "model"))
    (tmp_path / "model" / "deep" / "weights").write_text("22")
    changed = fingerprint(str(tmp_path / "model"))
    (tmp_path / "model" / "deep" / "weights").rename(tmp_path / "model" / "weights")
    assert len({before, changed, fingerprint(str(tmp_path / "model"))}) == 3


def test_a_file_that_stands_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = iter("12")
    monkeypatch.setattr(files, "file_digest", lambda path: next(read))
    given = tmp_path / "large.bin"
    given.write_text("a")
    assert fingerprint(str(given)) == fingerprint(str(given)) == "1"
    given.write_text("bb")
    assert fingerprint(str(given)) == "2"
