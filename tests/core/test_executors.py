from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import square_or_die

from winnow.core.errors import WinnowError
from winnow.core.executors import Died, Executor, Inline, Processes, ending, process_context

EXECUTORS = [Inline(), Processes(1), Processes(3)]


def outcomes(executor: Executor, items: list[int]) -> dict[int, Any]:
    return dict(executor.run(square_or_die, items))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_item_has_its_result(executor: Executor) -> None:
    assert outcomes(executor, [2, 4, 6, 7, 8]) == {0: 4, 1: 16, 2: 36, 3: 49, 4: 64}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_no_items_are_no_work(executor: Executor) -> None:
    assert outcomes(executor, []) == {}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_exception_is_raised_where_the_run_was_asked_for(executor: Executor) -> None:
    with pytest.raises(ValueError, match="five"):
        outcomes(executor, [2, 5])


def test_a_killed_worker_is_replaced_and_only_its_task_reported() -> None:
    found = outcomes(Processes(2), [1, 3, 4, 3, 6])
    assert found[1] == found[3] == Died("killed by SIGKILL")
    assert (found[0], found[2], found[4]) == (1, 16, 36)


def test_a_workers_exception_carries_its_traceback() -> None:
    with pytest.raises(ValueError) as caught:
        outcomes(Processes(1), [5])
    assert any("square_or_die" in note for note in caught.value.__notes__)


class UnpicklableError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raise_unpicklable(item: int) -> None:
    raise UnpicklableError("cannot", "travel")


def test_an_exception_that_cannot_travel_still_tells_its_text() -> None:
    with pytest.raises(WinnowError, match="UnpicklableError: cannot travel"):
        list(Processes(1).run(raise_unpicklable, [1]))


def test_workers_are_gone_when_a_run_is_given_up() -> None:
    run = Processes(2).run(process_id, [0, 1, 2, 3])
    _, worker = next(run)
    run.close()  # type: ignore[attr-defined]
    assert isinstance(worker, int)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def write_process_id_and_sleep(path: str) -> None:
    Path(path).with_suffix(".written").write_text(str(os.getpid()))
    Path(path).with_suffix(".written").rename(path)
    time.sleep(60)


def test_a_worker_ends_with_a_parent_that_was_killed_while_it_works(tmp_path: Path) -> None:
    written = tmp_path / "worker"
    parent = process_context().Process(target=run_in_processes, args=(write_process_id_and_sleep, [str(written)]))
    parent.start()
    while not written.exists():
        time.sleep(0.02)
    parent.kill()
    parent.join()
    worker = int(written.read_text())
    for _ in range(500):
        if not is_running(worker):
            return
        time.sleep(0.02)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker goes on after its parent was killed")


def run_in_processes(function: Callable[[Any], Any], items: list[Any]) -> None:
    list(Processes(1).run(function, items))


def is_running(process: int) -> bool:
    """Whether there is such a process and it is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_see_the_environment_as_it_is_when_they_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("one", "two"):
        monkeypatch.setenv("WINNOW_TEST", value)
        assert dict(Processes(1).run(os.getenv, ["WINNOW_TEST"])) == {0: value}


def process_id(item: int) -> int:
    return os.getpid()


def test_endings_are_told_in_words() -> None:
    assert ending(-11) == "killed by SIGSEGV"
    assert ending(3) == "exit code 3"
