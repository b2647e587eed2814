from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toys import Album, Doubled, Given, Length, Letters, Longest, Meeting

from winnow.core.errors import AlignmentError, FailureBudgetError, WorkerError
from winnow.core.executors import Died, Executor, Inline, Processes
from winnow.core.run import check_aligned, fresh, materialize, passes
from winnow.core.step import Aligned, Step
from winnow.core.table import Store
from winnow.core.task import Task, perform

EXECUTORS = [Inline(), Processes(1), Processes(3)]


def shard_bytes(step: Step, store: Path) -> dict[str, bytes]:
    directory = Store(store).directory(step) / "shards"
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def column(step: Step, store: Path, name: str) -> list[object]:
    table = Store(store).table(step)
    return [value for i in range(len(table.manifest.shards)) for value in table.shard(i)[name].to_pylist()]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_executor_gives_the_same_bytes(executor: Executor, tmp_path: Path) -> None:
    lengths = Length(documents=Letters(tasks=4))
    materialize(lengths, tmp_path / "here", executor)
    materialize(lengths, tmp_path / "reference", Inline())
    assert shard_bytes(lengths, tmp_path / "here") == shard_bytes(lengths, tmp_path / "reference")
    assert column(lengths, tmp_path / "here", "length") == list(range(20))


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lengths = Length(documents=Letters(), log=str(log))
    first = materialize(lengths, tmp_path / "store")
    made = (first / "manifest.json").stat().st_mtime_ns
    materialize(lengths, tmp_path / "store")
    assert (first / "manifest.json").stat().st_mtime_ns == made


def test_a_run_goes_on_after_the_tasks_that_are_done(tmp_path: Path) -> None:
    letters = Letters(tasks=3)
    store = Store(tmp_path)
    materialize(letters, store)
    directory = store.directory(letters)
    (directory / "manifest.json").unlink()
    (directory / "tasks" / "00001.json").unlink()
    untouched = (directory / "shards" / "00000-000.parquet").stat().st_mtime_ns
    materialize(letters, store)
    assert (directory / "shards" / "00000-000.parquet").stat().st_mtime_ns == untouched
    assert store.table(letters).manifest.rows == 15


def test_an_input_that_was_made_differently_makes_its_readers_stale(tmp_path: Path) -> None:
    letters = Letters()
    lengths = Length(documents=letters)
    store = Store(tmp_path)
    materialize(lengths, store)
    manifest = store.directory(letters) / "manifest.json"
    changed = json.loads(manifest.read_text()) | {"digest": "another"}
    manifest.write_text(json.dumps(changed))
    assert fresh(letters, store)
    assert not fresh(lengths, store)


def test_aligned_steps_over_the_same_documents_share_one_pass() -> None:
    letters = Letters()
    first, second = Length(documents=letters), Length(documents=letters, called="other")
    both = Longest(lengths=first)
    assert passes(first) == [[letters], [first]]
    pair = _Pair(first, second)
    assert [len(group) for group in pair.passes()] == [1, 2]
    assert passes(both)[-1] == [both]


def test_whole_steps_that_allow_it_are_made_at_the_same_time_each_once(tmp_path: Path) -> None:
    guests = tuple(
        Meeting(place=str(tmp_path), name=f"guest-{n}", documents=Letters(tasks=1, size=n + 1)) for n in range(2)
    )
    album = Album(meetings=guests)
    assert [len(group) for group in passes(album)] == [1, 1, 2, 1]
    store = Store(tmp_path / "store")
    materialize(album, store, Processes(2))
    assert store.table(album).file("names.txt").read_text() == "guest-0 guest-1"
    (store.directory(guests[0]) / "manifest.json").unlink()
    materialize(album, store, Processes(2))
    assert sorted((tmp_path / "visits").read_text().split()) == ["guest-0", "guest-1"]


class _Pair:
    """Two measures wanted at once, as a selection wants them."""

    def __init__(self, *lengths: Length) -> None:
        self.lengths = lengths

    def passes(self) -> list[list[Step]]:
        from winnow.choose.select import Select

        selection = Select(documents=self.lengths[0].documents, measures=self.lengths)
        return passes(selection)[:-1]


def test_a_document_that_raises_is_set_aside_and_its_neighbours_are_judged(tmp_path: Path) -> None:
    lengths = Length(documents=Letters(size=200, tasks=1), bad=("d77",))
    materialize(lengths, tmp_path)
    values = column(lengths, tmp_path, "length")
    assert values == [None if n == 77 else n for n in range(200)]
    assert column(lengths, tmp_path, "quarantined") == [n == 77 for n in range(200)]
    (entry,) = Store(tmp_path).table(lengths).quarantine()
    assert entry["id"] == "d77" and entry["kind"] == "error" and "a bad document" in entry["error"]


def test_a_document_that_kills_its_worker_twice_is_set_aside(tmp_path: Path) -> None:
    lengths = Length(documents=Letters(size=200, tasks=2), fatal=("d3", "d250"))
    materialize(lengths, tmp_path, Processes(2))
    assert column(lengths, tmp_path, "length") == [None if n in (3, 250) else n for n in range(400)]
    entries = list(Store(tmp_path).table(lengths).quarantine())
    assert [(entry["id"], entry["kind"]) for entry in entries] == [("d3", "crash"), ("d250", "crash")]


def test_a_worker_killed_from_outside_costs_no_document(tmp_path: Path) -> None:
    lengths = Length(documents=Letters(size=50), once=str(tmp_path / "killed"))
    materialize(lengths, tmp_path / "store", Processes(2))
    assert (tmp_path / "killed").exists()
    assert column(lengths, tmp_path / "store", "length") == list(range(100))
    assert not list(Store(tmp_path / "store").table(lengths).quarantine())


def test_a_task_that_kills_every_worker_ends_the_run(tmp_path: Path) -> None:
    everything = tuple(f"d{n}" for n in range(40))
    lengths = Length(documents=Letters(size=40, tasks=1), fatal=everything)
    with pytest.raises((WorkerError, FailureBudgetError)):
        materialize(lengths, tmp_path, Processes(1))


@dataclass
class LosingMachines:
    """Runs tasks here, after their machine has been lost so many times."""

    losses: int

    def run(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for index, item in enumerate(items):
            self.losses -= 1
            yield index, function(item) if self.losses < 0 else Died("the node is gone", with_its_machine=True)


def test_a_task_outlives_four_lost_machines_but_not_five(tmp_path: Path) -> None:
    letters = Letters(tasks=1)
    with pytest.raises(WorkerError, match=rf"task 0 of {letters.label} .* on 5 machines .*the node is gone.* again"):
        materialize(letters, tmp_path, LosingMachines(5))
    materialize(letters, tmp_path, LosingMachines(4))
    assert not list(Store(tmp_path).table(letters).quarantine())


def test_too_many_failures_stop_the_run_and_a_larger_budget_finishes_it(tmp_path: Path) -> None:
    doubled = Doubled(documents=Letters(size=10), bad=("d4", "d5"))
    with pytest.raises(FailureBudgetError, match=r"2 of 20 records \(10\.0%\).*cannot be doubled"):
        materialize(doubled, tmp_path, failure_budget=0)
    assert not Store(tmp_path).finished(doubled)
    materialize(doubled, tmp_path, failure_budget=0.2)
    assert Store(tmp_path).table(doubled).manifest.quarantined == 2
    assert column(doubled, tmp_path, "id") == [f"d{n}" for n in range(20) if n not in (4, 5)]


def test_a_few_failures_of_a_small_sample_do_not_stop_a_run(tmp_path: Path) -> None:
    few, many = ("d1", "d2", "d3"), ("d1", "d2", "d3", "d4")
    materialize(Doubled(documents=Letters(), bad=few), tmp_path, failure_budget=0.01)
    with pytest.raises(FailureBudgetError, match="4 of 10 records"):
        materialize(Doubled(documents=Letters(), bad=many), tmp_path, failure_budget=0.01)


def test_tables_that_do_not_describe_the_same_documents_are_refused() -> None:
    with pytest.raises(AlignmentError, match="row 1 is document b in left but c in right"):
        check_aligned("left", pa.array(["a", "b"]), "right", pa.array(["a", "c"]))
    with pytest.raises(AlignmentError, match="left has 2 rows and right has 1"):
        check_aligned("left", pa.array(["a", "b"]), "right", pa.array(["a"]))
    check_aligned("left", pa.array(["a"]), "right", pa.array(["a"]))


def test_a_whole_step_leaves_its_files_and_their_digests(tmp_path: Path) -> None:
    longest = Longest(lengths=Length(documents=Letters()))
    directory = materialize(longest, tmp_path)
    assert (directory / "files" / "longest.txt").read_text() == "9"
    manifest = Store(tmp_path).table(longest).manifest
    assert [shard.name for shard in manifest.shards] == ["longest.txt"]
    assert manifest.counts == {"lengths": 10}


def test_a_task_too_large_for_one_shard_writes_several(tmp_path: Path) -> None:
    letters = Letters(size=9000, tasks=1, shard_bytes=1 << 20)
    materialize(letters, tmp_path)
    names = [shard.name for shard in Store(tmp_path).table(letters).manifest.shards]
    assert names == [f"00000-{n:03d}.parquet" for n in range(len(names))]
    lengths = Length(documents=letters)
    materialize(lengths, tmp_path)
    assert column(lengths, tmp_path, "length") == list(range(9000))


def test_a_task_without_rows_leaves_an_empty_shard(tmp_path: Path) -> None:
    letters = Letters(size=0, tasks=2)
    materialize(Length(documents=letters), tmp_path)
    table = Store(tmp_path).table(letters)
    assert table.manifest.rows == 0 and len(table.manifest.shards) == 2
    assert pq.read_schema(table.path(0)).names == ["id", "text"]


KILLED_RUN = """
import sys
sys.path.insert(0, {tests!r})
from toys import Length, Letters
from winnow.core.executors import Processes
from winnow.core.run import materialize
if __name__ == "__main__":
    materialize(Length(documents=Letters(tasks=12, size=300, slow=0.05)), {store!r}, Processes(2))
"""


def test_a_run_killed_at_random_moments_ends_in_the_same_bytes(tmp_path: Path) -> None:
    lengths = Length(documents=Letters(tasks=12, size=300, slow=0.05))
    reference, store = tmp_path / "reference", tmp_path / "store"
    materialize(lengths, reference, Processes(2))
    code = KILLED_RUN.format(tests=str(Path(__file__).parents[1]), store=str(store))
    script = tmp_path / "killed.py"
    script.write_text(code)
    moments = random.Random(7)
    for _ in range(4):
        run = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
        time.sleep(moments.uniform(0.3, 1.2))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    materialize(lengths, store, Processes(2))
    for step in (lengths.documents, lengths):
        assert shard_bytes(step, store) == shard_bytes(step, reference)
        assert Store(store).table(step).manifest.digest == Store(reference).table(step).manifest.digest


def test_perform_gives_the_records_of_a_task_that_is_done_already(tmp_path: Path) -> None:

    letters = Letters()
    materialize(letters, tmp_path)
    before = shard_bytes(letters, tmp_path)
    (record,) = perform(Task((letters,), 0, 0, tmp_path))
    assert record.rows == 5
    assert shard_bytes(letters, tmp_path) == before


@dataclass(frozen=True, kw_only=True)
class OfText(Length):
    reads: ClassVar[tuple[str, ...] | None] = ("text",)


def test_a_document_is_named_by_id_and_url_whatever_its_measure_reads(tmp_path: Path) -> None:
    documents = Given(shards=((("a", "x", "https://a.example/1", None), ("b", "y", None, None)),))
    for bad in (OfText(documents=documents, bad=("a", "b")), Length(documents=documents, bad=("a", "b"))):
        materialize(bad, tmp_path)
        named = [(entry["id"], entry["url"]) for entry in Store(tmp_path).table(bad).quarantine()]
        assert named == [("a", "https://a.example/1"), ("b", None)]


def test_a_pass_reads_only_the_columns_that_its_steps_look_at(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    @dataclass(frozen=True, kw_only=True)
    class Columns(Aligned):
        reads: ClassVar[tuple[str, ...] | None] = ()

        @property
        def name(self) -> str:
            return "columns"

        def columns(self) -> pa.Schema:
            return pa.schema([("num_columns", pa.int64())])

        def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
            def judge(batch: pa.RecordBatch) -> pa.RecordBatch:
                seen.append(batch.schema.names)
                return pa.RecordBatch.from_pydict({"num_columns": [batch.num_columns] * batch.num_rows})

            return judge

    letters = Letters(tasks=1)
    materialize(Columns(documents=letters), tmp_path)
    assert seen == [["id"]]
    assert column(Columns(documents=letters), tmp_path, "num_columns") == [1] * 5
