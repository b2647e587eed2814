"""The Ray executor on real clusters of several nodes, all on this machine."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from toys import Length, Letters, Longest, square_or_die

from winnow.core import run
from winnow.core.errors import RecipeError, WinnowError, WorkerError
from winnow.core.executors import Died, Processes
from winnow.core.guard import Guard
from winnow.core.ray import Ray
from winnow.core.run import finished_tasks, materialize
from winnow.core.step import Part, Step, ordered
from winnow.core.table import ShardWriter, Store

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own


def test_ray_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RecipeError, match=r"pip install 'winnow-data\[ray\]'"):
        next(Ray().run(square_or_die, [1]))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with two cores each."""
    ray = pytest.importorskip("ray", reason="pip install 'winnow-data[ray]'")
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    nodes.add_node(num_cpus=2)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture
def executor(cluster: Any) -> Ray:
    return Ray(cluster.address)


def digests(step: Step, store: Path) -> list[str]:
    return [Store(store).table(needed).manifest.digest for needed in ordered(step)]


def test_every_item_has_its_result_and_a_dead_worker_is_reported(executor: Ray) -> None:
    found: dict[int, Any] = dict(executor.run(square_or_die, [1, 3, 4, 6]))
    died = found.pop(1)
    assert isinstance(died, Died) and not died.with_its_machine
    assert found == {0: 1, 2: 16, 3: 36}
    assert dict(executor.run(square_or_die, [])) == {}


def test_an_exception_is_raised_where_the_run_was_asked_for(executor: Ray) -> None:
    with pytest.raises(ValueError, match="five") as caught:
        list(executor.run(square_or_die, [2, 5]))
    assert any("square_or_die" in note for note in caught.value.__notes__)


def test_a_cluster_gives_the_same_bytes(executor: Ray, tmp_path: Path) -> None:
    step = Longest(lengths=Length(documents=Letters(tasks=6, size=50)))
    materialize(step, tmp_path / "cluster", executor)
    materialize(step, tmp_path / "here")
    assert digests(step, tmp_path / "cluster") == digests(step, tmp_path / "here")


def test_a_document_that_kills_its_worker_twice_is_set_aside(executor: Ray, tmp_path: Path) -> None:
    lengths = Length(documents=Letters(size=50), fatal=("d77",))
    materialize(lengths, tmp_path, executor)
    (entry,) = Store(tmp_path).table(lengths).quarantine()
    assert (entry["id"], entry["kind"]) == ("d77", "crash")


def test_a_machine_that_sees_another_disk_is_told(executor: Ray) -> None:
    with pytest.raises(WinnowError, match="finds nothing of this run in the store memory://pool"):
        materialize(Letters(), "memory://pool", executor)


def test_a_run_that_is_given_up_leaves_no_task_running(executor: Ray, tmp_path: Path) -> None:
    marks = executor.run(leave_marks, [str(tmp_path / str(index)) for index in range(4)])
    next(marks)
    marks.close()  # type: ignore[attr-defined]
    time.sleep(1)
    before = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    time.sleep(1)
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == before


def leave_marks(path: str) -> None:
    """Write a byte ten times a second: for half a second in the first task, for a minute in others."""
    for _ in range(5 if path.endswith("0") else 600):
        with Path(path).open("a") as marks:
            marks.write(".")
        time.sleep(0.1)


def test_an_interrupted_run_goes_on_after_the_tasks_that_are_done(executor: Ray, tmp_path: Path) -> None:
    letters = Letters(tasks=8, size=300, slow=0.2)
    materialize(letters, tmp_path / "here")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize(letters, tmp_path / "cluster", Killing(executor, interrupt))
    assert finished_tasks(letters, Store(tmp_path / "cluster"))
    materialize(letters, tmp_path / "cluster", executor)
    assert digests(letters, tmp_path / "cluster") == digests(letters, tmp_path / "here")


def test_a_node_killed_in_the_middle_costs_its_shards_alone(cluster: Any, executor: Ray, tmp_path: Path) -> None:
    lengths = Length(documents=Letters(tasks=16, size=300, slow=3.0))  # workers outlive their node by a second
    materialize(lengths, tmp_path / "here", Processes(16))
    doomed = cluster.add_node(num_cpus=2)
    warm_up(doomed.node_id)
    wait_until(doomed.node_id, busy=False)

    def kill() -> None:
        wait_until(doomed.node_id, busy=True)
        cluster.remove_node(doomed, allow_graceful=False)

    killing = Killing(executor, kill)
    materialize(lengths, tmp_path / "cluster", killing)
    assert 0 < killing.lost < 16
    assert digests(lengths, tmp_path / "cluster") == digests(lengths, tmp_path / "here")
    assert not list(Store(tmp_path / "cluster").table(lengths).quarantine())


def test_a_task_that_takes_every_machine_down_ends_the_run(
    cluster: Any, executor: Ray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MAX_MACHINES", 2)
    step = Felling(tasks=1)
    doomed = [cluster.add_node(num_cpus=1) for _ in range(2)]
    with occupied(cluster), pytest.raises(WorkerError, match=rf"task 0 of {step.label} was at work on 2 machines that"):
        materialize(step, tmp_path, executor)
    for node in doomed:
        assert node.all_processes["raylet"][0].process.poll() == -signal.SIGKILL  # each was lost once
        cluster.remove_node(node, allow_graceful=False)


@dataclass(frozen=True, kw_only=True)
class Felling(Letters):
    """Documents whose making takes the node down: the process that its workers are children of."""

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def occupied(cluster: Any) -> Iterator[None]:
    """Leave no core free on the nodes of two cores."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU") == 2]
    there = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
    sleep = ray.remote(max_retries=0, num_cpus=2)(lambda: time.sleep(600))
    sleeping = [sleep.options(scheduling_strategy=strategy).remote() for strategy in there]
    for node in nodes:
        wait_until(node, busy=True)
    yield
    for task in sleeping:
        ray.cancel(task, force=True)


def warm_up(node: str) -> None:
    """Let a node start its workers, so that it takes its share of what comes."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    task = ray.remote(max_retries=0, num_cpus=1, scheduling_strategy=there)(lambda: time.sleep(0.5))
    ray.get([task.remote(), task.remote()])


def wait_until(node: str, *, busy: bool) -> None:
    """Wait, for half a minute at most, until a node of two cores works on something, or on nothing."""
    import ray

    for _ in range(300):
        free = ray._private.state.available_resources_per_node().get(node, {}).get("CPU", 0)
        if (free < 2) == busy:
            return
        time.sleep(0.1)


class Killing:
    """An executor during whose second wave of tasks something is killed."""

    def __init__(self, executor: Ray, kill: Callable[[], None]) -> None:
        self.executor = executor
        self.kill: Callable[[], None] | None = kill
        self.lost = 0

    def run(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for index, outcome in self.executor.run(function, items):
            if self.kill is not None:
                time.sleep(0.4)
                self.kill()
                self.kill = None
            if isinstance(outcome, Died):
                assert outcome.with_its_machine
                self.lost += 1
            yield index, outcome
