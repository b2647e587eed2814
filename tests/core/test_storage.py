from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from object_store import Faulty, served
from toys import Doubled, Length, Letters, Longest

from winnow.core.errors import RecipeError, WinnowError
from winnow.core.executors import Inline, Processes
from winnow.core.files import appearing, copy, files_below, open_parquet, read_texts, remove
from winnow.core.run import finished_tasks, materialize
from winnow.core.step import Step, ordered
from winnow.core.storage import RemotePath, filesystem_of, place
from winnow.core.table import Store

LENGTHS = Length(documents=Letters(tasks=4, size=300))


@pytest.fixture
def memory() -> Iterator[str]:
    """A place in this process's memory."""
    yield "memory://pool/store"
    remove(place("memory://pool"))


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    """A server of S3's protocol that the environment points to, with an empty bucket ``pool``."""
    s3fs = pytest.importorskip("s3fs", reason="pip install 'winnow-data[s3]'")
    pytest.importorskip("moto", reason="pip install 'winnow-data[dev]'")
    with served(seed=3) as (application, url), pytest.MonkeyPatch.context() as patch:
        named = {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}
        for name, value in named.items():
            patch.setenv(f"AWS_{name}", value)
        s3fs.S3FileSystem.clear_instance_cache()
        filesystem_of("s3://pool")[0].mkdir("pool")
        yield application


@pytest.fixture
def s3(server: Faulty, request: pytest.FixtureRequest) -> Iterator[str]:
    """A place in the bucket of a well-behaved server."""
    server.rate = 0.0
    yield f"s3://pool/{request.node.name.split('[')[0]}"
    server.rate = 0.0


def digests(step: Step, store: str | Path) -> list[str]:
    return [Store(store).table(needed).manifest.digest for needed in ordered(step)]


def test_a_remote_path_is_used_as_a_path_is() -> None:
    path = place("s3://bucket/a/b.txt")
    assert isinstance(path, RemotePath)
    assert str(path) == "s3://bucket/a/b.txt"
    assert (path.name, path.stem, path.suffix) == ("b.txt", "b", ".txt")
    assert str(path.parent / "c") == "s3://bucket/a/c"
    assert str(path.with_name("d")) == "s3://bucket/a/d"
    assert path == place("s3://bucket/a/b.txt") != place("gs://bucket/a/b.txt")
    assert str(pickle.loads(pickle.dumps(path))) == str(path)


def test_what_is_no_url_lies_on_the_disk() -> None:
    assert type(place("a/b")) is type(Path("a/b"))
    assert place("file:///a/b") == Path("/a/b")


def test_a_remote_path_that_is_taken_for_a_file_of_the_disk_is_refused(memory: str) -> None:
    for take in (open, os.stat, os.listdir, pq.read_schema):
        with pytest.raises(WinnowError, match="memory://pool/store is not on a disk"):
            take(place(memory))


def test_a_protocol_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(RecipeError, match=r"pip install 'winnow-data\[gcs\]'"):
        Store("gs://bucket/store").finished(LENGTHS)


def test_files_appear_whole_or_not_at_all(memory: str) -> None:
    path = place(memory) / "file"
    with pytest.raises(KeyboardInterrupt), appearing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert not path.exists()
    with appearing(path) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"


@pytest.mark.parametrize("source", ["memory://pool/a/file", "here"])
@pytest.mark.parametrize("target", ["memory://pool/b/copy", "there/copy"])
def test_files_are_copied_between_places(
    source: str, target: str, memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place(source).write_text("text")
    copy(place(source), place(target))
    assert read_texts([place(target)]) == ["text"]


@pytest.mark.parametrize(
    "step",
    [
        Longest(lengths=Length(documents=Letters(tasks=3))),
        Length(documents=Letters(size=9000, tasks=1, shard_bytes=1 << 20)),
        Doubled(documents=Letters(size=10), bad=("d4",)),
        Letters(size=0),
    ],
)
def test_a_store_anywhere_holds_the_same_bytes(step: Step, memory: str, tmp_path: Path) -> None:
    materialize(step, memory)
    materialize(step, tmp_path)
    assert digests(step, memory) == digests(step, tmp_path)
    assert list(Store(memory).table(step).quarantine()) == list(Store(tmp_path).table(step).quarantine())
    directory = place(memory) / step.label
    for path in files_below(tmp_path / step.label / "shards"):
        with open_parquet(directory / "shards" / path.name) as remote, open_parquet(path) as local:
            assert remote.read().equals(local.read())


def test_a_run_goes_on_after_the_tasks_that_are_done(memory: str) -> None:
    store = Store(memory)
    materialize(LENGTHS, store)
    directory = store.directory(LENGTHS)
    (directory / "manifest.json").unlink()
    (directory / "tasks" / "00002.json").unlink()
    assert finished_tasks(LENGTHS, store) == {0, 1, 3}
    kept = directory / "shards" / "00000-000.parquet"
    filesystem, inner = filesystem_of(str(kept))
    made = filesystem.modified(inner)
    materialize(LENGTHS, store)
    assert filesystem.modified(inner) == made
    assert store.table(LENGTHS).manifest.rows == 1200


def test_a_worker_that_does_not_see_the_store_says_so(memory: str) -> None:
    with pytest.raises(WinnowError, match=f"finds nothing of this run in the store {memory}"):
        materialize(LENGTHS, memory, Processes(1))


def test_a_manifest_that_is_written_again_is_read_again(memory: str, tmp_path: Path) -> None:
    for root in (place(memory), tmp_path):
        for rows in (1, 22):
            letters = Letters(size=rows)
            remove(root / "table")
            for path in ("manifest.json", *(f"shards/{i:05d}-000.parquet" for i in range(2))):
                materialize(letters, root)
                copy(Store(root).directory(letters) / path, root / "table" / path)
            assert Store(root).table(letters).manifest.rows == 2 * rows


def test_an_object_store_holds_the_same_bytes_and_no_half_files(s3: str, tmp_path: Path) -> None:
    step = Longest(lengths=LENGTHS)
    materialize(step, s3, Processes(2))
    materialize(step, tmp_path)
    assert digests(step, s3) == digests(step, tmp_path)
    found = {str(path).removeprefix(s3) for path in (place(s3) / LENGTHS.label).glob("*/*")}
    assert found == {str(path).removeprefix(str(tmp_path)) for path in (tmp_path / LENGTHS.label).glob("*/*")}


def test_a_server_that_fails_now_and_then_changes_nothing(s3: str, server: Faulty, tmp_path: Path) -> None:
    step = Longest(lengths=LENGTHS)
    materialize(step, tmp_path)
    server.faults.clear()
    server.rate = 0.15
    materialize(step, s3, Inline())
    server.rate = 0.0
    assert digests(step, s3) == digests(step, tmp_path)
    assert sum(server.faults.values()) - server.faults["answer"] > 10


def test_an_error_of_the_server_is_never_taken_for_absence(s3: str, server: Faulty) -> None:
    materialize(LENGTHS, s3)
    server.rate = 1.0
    server.only = "fail"
    with pytest.raises(OSError, match="Internal Server Error"):
        Store(s3).finished(LENGTHS)
    server.only = None


def test_row_groups_are_read_in_ranges(s3: str, server: Faulty) -> None:
    numbers = pa.table({"a": random.Random(1).sample(range(1 << 60), 200_000), "b": range(200_000)})
    with appearing(place(s3) / "numbers.parquet") as temporary:
        pq.write_table(numbers, temporary, row_group_size=20_000)
        size = temporary.stat().st_size
    server.bytes_read = 0
    with open_parquet(place(s3) / "numbers.parquet") as opened:
        assert opened.read_row_group(3, ["a"]).column("a") == numbers.column("a").slice(60_000, 20_000)
    assert 150_000 < server.bytes_read < size / 5


def test_a_file_of_a_whole_step_is_fetched_once(s3: str, server: Faulty, tmp_path: Path) -> None:
    step = Longest(lengths=LENGTHS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINNOW_CACHE", str(tmp_path))
        materialize(step, s3)
        table = Store(s3).table(step)
        assert table.file("longest.txt").read_text() == "1199"
        asked = server.requests.total()
        assert table.file("longest.txt").read_text() == "1199"
        assert server.requests.total() == asked


def test_a_document_that_kills_its_worker_twice_is_set_aside_on_an_object_store(s3: str) -> None:
    lengths = Length(documents=Letters(size=50), fatal=("d77",))
    materialize(lengths, s3, Processes(2))
    (entry,) = Store(s3).table(lengths).quarantine()
    assert (entry["id"], entry["kind"]) == ("d77", "crash")
    assert not list((place(s3) / lengths.label / "tasks").glob("*.note"))


KILLED_RUN = """
import sys
sys.path.insert(0, {tests!r})
from toys import Length, Letters
from winnow.core.executors import Processes
from winnow.core.run import materialize
if __name__ == "__main__":
    materialize(Length(documents=Letters(tasks=8, size=300, slow=0.1)), {store!r}, Processes(2))
"""


def test_a_run_on_an_object_store_killed_at_random_moments_ends_in_the_same_bytes(s3: str, tmp_path: Path) -> None:
    lengths = Length(documents=Letters(tasks=8, size=300, slow=0.1))
    materialize(lengths, tmp_path / "reference")
    script = tmp_path / "killed.py"
    script.write_text(KILLED_RUN.format(tests=str(Path(__file__).parents[1]), store=s3))
    moments = random.Random(5)
    for _ in range(3):
        run = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
        time.sleep(moments.uniform(1.5, 4))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        for path in place(s3).glob("*/shards/*"):
            assert isinstance(path, RemotePath)
            with open_parquet(path) as opened:
                assert opened.read().num_rows == 300
    materialize(lengths, s3)
    assert digests(lengths, s3) == digests(lengths, tmp_path / "reference")
