"""What a sandbox promises: the record that hangs, explodes or crashes is lost alone, and nothing is left behind."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import PickleBuffer
from typing import Any

import pytest

from winnow.core.errors import WorkerError
from winnow.core.sandbox import Failure, Sandbox

Act = tuple[str, int]


class Panic(BaseException):
    """What a Rust panic looks like from Python: no Exception."""


def double(number: int) -> int:
    return 2 * number


def load_double() -> Callable[[int], int]:
    return double


def load_broken() -> Callable[[int], int]:
    raise FileNotFoundError("model.bin")


def load_crash() -> Callable[[int], int]:
    os.abort()


def size(view: memoryview) -> tuple[str, int, int]:
    return type(view).__name__, len(view), view[-1]


def load_size() -> Callable[[Any], tuple[str, int, int]]:
    return size


def load_act() -> Callable[[Act], str]:
    return Actor()


class Actor:
    """Does what the record says; remembers how many it has done, as native libraries do."""

    def __init__(self) -> None:
        self.num_done = 0
        self.heap: list[bytearray] = []

    def __call__(self, record: Act) -> str:
        act, number = record
        self.num_done += 1
        result = ACTS[act](self, number) if act in ACTS else None
        return f"{act} {number}" if result is None else result


def fail(error: BaseException) -> None:
    raise error


def run_out_of_memory_in_rust() -> None:
    os.write(2, b"memory allocation of 8589934592 bytes failed\nnote: run with RUST_BACKTRACE=1\n")
    os.abort()


ACTS: dict[str, Callable[[Actor, int], Any]] = {
    "backtrack": lambda actor, number: fail(AssertionError(re.match(r"(a+)+$", "a" * 64 + "b"))),
    "work": lambda actor, number: sum(range(number)) and None,
    "sleep": lambda actor, number: ctypes.CDLL(None).sleep(number),
    "allocate": lambda actor, number: str(len(bytearray(number))),
    "grow": lambda actor, number: actor.heap.append(bytearray(number)),
    "abort": lambda actor, number: os.abort(),
    "abort unless first": lambda actor, number: os.abort() if actor.num_done > 1 else None,
    "out of memory in Rust": lambda actor, number: run_out_of_memory_in_rust(),
    "segfault": lambda actor, number: ctypes.string_at(0),
    "exit": lambda actor, number: os._exit(number),
    "killed": lambda actor, number: os.kill(os.getpid(), signal.SIGKILL),
    "raise": lambda actor, number: fail(ValueError(f"no {number}")),
    "panic": lambda actor, number: fail(Panic("called `Option::unwrap()` on a `None` value")),
    "print": lambda actor, number: os.write(1, b"x" * number) and None,
    "unpicklable": lambda actor, number: lambda: None,
    "processes": lambda actor, number: f"{os.getpid()} {os.getppid()}",
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox[Act, str]]:
    with Sandbox(load_act, time_limit=0.5, memory_limit=256 << 20) as opened:
        yield opened


def num_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_results_come_in_order_and_the_child_serves_many_calls() -> None:
    with Sandbox(load_double, time_limit=5, memory_limit=1 << 30) as sandbox:
        assert sandbox.map([]) == []
        assert [sandbox.map(range(start, start + 3)) for start in (0, 10)] == [[0, 2, 4], [20, 22, 24]]
        assert len(multiprocessing.active_children()) == 1


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (("backtrack", 0), "time", "0.5 s of CPU time"),
        (("allocate", 1 << 40), "memory", "256 MiB"),
        (("allocate", 300 << 20), "memory", "256 MiB"),
        (("out of memory in Rust", 0), "memory", "256 MiB"),
        (("killed", 0), "memory", "killed by the system"),
        (("abort", 0), "crash", "SIGABRT"),
        (("segfault", 0), "crash", "SIGSEGV"),
        (("exit", 3), "crash", "exit status 3"),
        (("raise", 7), "error", "ValueError: no 7"),
        (("panic", 0), "error", "Panic: called `Option::unwrap()`"),
        (("unpicklable", 0), "error", "local object"),
    ],
)
def test_a_bad_record_is_lost_alone_and_says_why(sandbox: Sandbox[Act, str], act: Act, kind: str, words: str) -> None:
    results = sandbox.map([("fine", 1), act, ("fine", 2), ("allocate", 64 << 20)])
    failure = results.pop(1)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert words in failure.message
    assert results == ["fine 1", "fine 2", str(64 << 20)]


def test_a_record_that_waits_in_native_code_is_stopped_by_the_clock_on_the_wall() -> None:
    with Sandbox(load_act, time_limit=0.1, memory_limit=1 << 30) as sandbox:
        failure, fine = sandbox.map([("sleep", 60), ("fine", 1)])
    assert failure == Failure("time", "was not done after 0.6 s, although it took less than 0.1 s of CPU time")
    assert fine == "fine 1"


def test_the_time_limit_is_each_record_s_own() -> None:
    with Sandbox(load_act, time_limit=0.5, memory_limit=1 << 30) as sandbox:
        number = 1
        while True:  # until a record takes a fifth of the limit
            start = time.process_time()
            sum(range(number))
            if time.process_time() - start > 0.1:
                break
            number *= 2
        assert sandbox.map([("work", number)] * 20) == [f"work {number}"] * 20


def test_buffers_arrive_as_views_and_calls_of_any_size_follow_each_other() -> None:
    with Sandbox(load_size, time_limit=5, memory_limit=1 << 30) as sandbox:
        for sizes in ((1, 70_000), (3_000_000, 5), (40_000_000,), (2,)):
            records = [PickleBuffer(bytes(size - 1) + b"\x07") for size in sizes]
            assert sandbox.map(records) == [("memoryview", size, 7) for size in sizes]


def test_many_bad_records_in_one_call(sandbox: Sandbox[Act, str]) -> None:
    acts: list[Act] = [("abort", 0), ("fine", 1), ("allocate", 1 << 40), ("segfault", 0), ("raise", 0), ("fine", 2)]
    results = sandbox.map(acts)
    kinds = [result.kind if isinstance(result, Failure) else result for result in results]
    assert kinds == ["crash", "fine 1", "memory", "crash", "error", "fine 2"]


def test_memory_that_earlier_records_left_behind_is_not_blamed_on_a_later_one(sandbox: Sandbox[Act, str]) -> None:
    assert sandbox.map([("grow", 100 << 20)] * 5) == [f"grow {100 << 20}"] * 5


def test_a_crash_is_blamed_only_on_a_record_that_crashes_a_fresh_child(sandbox: Sandbox[Act, str]) -> None:
    assert sandbox.map([("fine", 1), ("abort unless first", 2), ("fine", 3)]) == [
        "fine 1",
        "abort unless first 2",
        "fine 3",
    ]


def test_what_the_function_prints_does_not_reach_the_user(
    sandbox: Sandbox[Act, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert sandbox.map([("print", 10), ("segfault", 0)])[0] == "print 10"
    assert capfd.readouterr() == ("", "")


def test_records_far_larger_than_a_pipe_pass(sandbox: Sandbox[Act, str]) -> None:
    large = "x" * (40 << 20)
    assert sandbox.map([(large, 1)]) == [f"{large} 1"]
    assert sandbox.map([("fine", 2)]) == ["fine 2"]


@pytest.mark.parametrize(("load", "words"), [(load_broken, "FileNotFoundError: model.bin"), (load_crash, "SIGABRT")])
def test_a_function_that_cannot_be_loaded_is_an_error_of_the_run(load: Callable[[], object], words: str) -> None:
    sandbox: Sandbox[int, int] = Sandbox(load)  # type: ignore[arg-type]
    with pytest.raises(WorkerError, match=words):
        sandbox.map([1])
    assert multiprocessing.active_children() == []


def test_records_that_cannot_be_sent_leave_the_sandbox_usable(sandbox: Sandbox[Act, str]) -> None:
    with pytest.raises(Exception, match="local object"):
        sandbox.map([("fine", lambda: None)])  # type: ignore[list-item]
    assert sandbox.map([("fine", 2)]) == ["fine 2"]


def test_close_leaves_no_process_and_no_open_file(sandbox: Sandbox[Act, str]) -> None:
    sandbox.map([("fine", 1)])
    sandbox.close()
    before = num_open_files()
    for act in ("fine", "abort", "backtrack"):
        sandbox.map([(act, 1), ("fine", 2)])
        sandbox.close()
    assert num_open_files() == before
    assert multiprocessing.active_children() == []


def test_an_exception_inside_the_with_block_leaves_no_process() -> None:
    with pytest.raises(KeyError), Sandbox(load_double) as sandbox:
        sandbox.map([1])
        raise KeyError
    assert multiprocessing.active_children() == []


_SCRIPT = """
    import sys, time
    sys.path.insert(0, {tests!r})
    from test_sandbox import load_act
    from winnow.core.sandbox import Sandbox
    if __name__ == "__main__":
        sandbox = Sandbox(load_act, time_limit=1)
        print(*sandbox.map([("processes", 0)]), flush=True)
        {then}
"""


def _run(tmp_path: Path, then: str) -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(_SCRIPT).format(tests=str(Path(__file__).parent), then=then))
    return subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "then", ["time.sleep(60)", "sandbox.map([('backtrack', 0)] * 100)", "sandbox.map([('sleep', 60)])"]
)
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path, then: str) -> None:
    with _run(tmp_path, then) as parent:
        assert parent.stdout is not None
        family = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(family) == 2
        assert all(is_running(pid) for pid in family)
        time.sleep(0.2)
        parent.kill()
        parent.communicate()
        for _ in range(200):
            if not any(is_running(pid) for pid in family):
                break
            time.sleep(0.1)
    assert not any(is_running(pid) for pid in family)


def test_a_parent_that_forgets_to_close_still_ends(tmp_path: Path) -> None:
    with _run(tmp_path, "pass") as parent:
        _, err = parent.communicate(timeout=30)
    assert (err, parent.returncode) == ("", 0)
