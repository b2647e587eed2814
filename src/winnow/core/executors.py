"""Where tasks run. An executor is one method; everything else about a run is the same on all of them.

``Inline`` runs in the calling process: for tests, for debugging, for users' own tests. ``Processes`` runs on workers of
one machine, ``Ray`` (a file of its own) on those of a cluster. The standard library's process pool was rejected because
one dead worker breaks it for all and it cannot say which task died; a curation run must survive a segfault in a native
parser.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar

from winnow.core.errors import WorkerError

PRELOADED = ("winnow.core.run", "numba", "duckdb")
"""Imported once by the server that workers are forked from: each would spend half a second on them."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Died:
    """The worker ended without an answer."""

    reason: str
    with_its_machine: bool = False
    """Its whole machine went away: that is no record's fault."""


class Executor(Protocol):
    """Applies a function to items, somewhere."""

    def run(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R | Died]]:
        """Give ``(index, result)`` for every item, in any order; ``Died`` where its worker was killed.

        An exception that the function raises ends the run and is raised here.
        """


class Inline:
    """Runs every task in the calling process, in order."""

    def run(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R | Died]]:
        """Apply the function to one item after the other."""
        for index, item in enumerate(items):
            yield index, function(item)


class Processes:
    """Runs tasks on worker processes of this machine; a worker that dies is replaced and its task reported."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or num_cores()

    def run(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R | Died]]:
        """Apply the function to all items on at most ``workers`` processes."""
        queue = list(enumerate(items))[::-1]
        running: list[_Worker] = []
        try:
            while queue or running:
                while queue and len(running) < self.workers:
                    running.append(_Worker(function))
                    running[-1].take(*queue.pop())
                for worker in _ready(running):
                    index, outcome = worker.answer()
                    if isinstance(outcome, Died) or not queue:
                        running.remove(worker)
                        worker.stop()
                    else:
                        worker.take(*queue.pop())
                    yield index, outcome
        finally:
            for worker in running:
                worker.kill()


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_context() -> multiprocessing.context.ForkServerContext:
    """How child processes are started: clean, from a server that has the heavy imports already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def ending(exitcode: int | None) -> str:
    """Words for how a process ended."""
    if exitcode is not None and exitcode < 0:
        try:
            return f"killed by {signal.Signals(-exitcode).name}"
        except ValueError:
            return f"killed by signal {-exitcode}"
    return f"exit code {exitcode}"


class _Worker:
    """One process that answers one task at a time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        context = process_context()
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, function, dict(os.environ)))
        self.process.start()
        theirs.close()
        self.index = -1

    def take(self, index: int, item: object) -> None:
        self.index = index
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # dead while idle: ``answer`` will say so
            self.connection.send(item)

    def answer(self) -> tuple[int, Any]:
        try:
            succeeded, value = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return self.index, Died(ending(self.process.exitcode))
        return self.index, answer_of(succeeded, value)

    def stop(self) -> None:
        self.connection.close()
        self.process.join(timeout=10)
        self.kill()

    def kill(self) -> None:
        self.connection.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    by_connection = {worker.connection: worker for worker in workers}
    return [by_connection[connection] for connection in wait(list(by_connection)) if isinstance(connection, Connection)]


def _serve(connection: Connection, function: Callable[[Any], Any], environment: dict[str, str]) -> None:
    os.environ.update(environment)  # the server that workers are forked from may be older than a change of it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionResetError, BrokenPipeError):  # the parent is gone, and nobody waits any more
        while True:
            connection.send(attempt(function, connection.recv()))


def _end_with_parent() -> None:
    """A task may take hours, and nobody would read its result; what it has written so far is found again."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def attempt(function: Callable[[Any], Any], item: object) -> tuple[bool, Any]:
    """Apply the function in a worker: ``(True, result)``, or ``(False, exception)`` that the parent raises again."""
    try:
        return True, function(item)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the parent
        return False, _sendable(error)


def answer_of(succeeded: bool, value: Any) -> Any:
    """What an attempt gave, in the parent: its result, or its exception raised."""
    if not succeeded:
        raise value
    return value


def _sendable(error: BaseException) -> BaseException:
    """The error itself where it survives pickling, else its text; with the worker's traceback as a note."""
    import traceback

    note = "in a worker:\n" + "".join(traceback.format_exception(error))
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - any failure of pickling means the same
        copy = WorkerError(f"{type(error).__name__}: {error}")
    copy.add_note(note)
    result: BaseException = copy
    return result
