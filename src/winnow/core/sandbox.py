"""Runs a function on records that may hang it, take all memory or crash it, so that only the bad record is lost.

One child process works through the records of a call one after the other. Before each it sets two kernel timers whose
signals keep their default action, death, so the limit holds inside native code and when the parent is gone. Its
address space is limited, so that a runaway allocation fails in the child instead of calling the kernel's out-of-memory
killer on the machine. When it dies, the number of its results says which record did it; another child goes on with the
next.

Time is the CPU time of the child, because a limit in wall time judges the same page differently on a busy machine.
Memory and crashes are blamed on a record only in a fresh child: what earlier records left behind (a grown heap, a
corrupted one) is not its fault, and which records those were depends on how the input was cut.

Cost: about 0.05 ms to move a page of 184 KB there and its text back, where extraction takes 1.1 ms. Records are written
into memory that both processes share, and a ``pickle.PickleBuffer`` in them is read there without another copy; results
go into a file in memory, so that what the child has finished outlives it. Pipes cost 0.3 ms, files alone 0.1. Calls of
about 2 MB fit the caches; smaller ones wake the processes more often. Starting a child takes 50 ms and the imports of
the main script.

Rejected: a thread with a timeout (native code cannot be stopped), a process per record (10 ms each), a handler for the
alarm (it runs between byte codes, that is never), ``fork`` (the parents hold threads), limits in the parent (they go
with it).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import mmap
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any, Generic, Literal, Self, TypeVar

from winnow.core.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")

TIME_LIMIT = 10.0
"""Seconds of CPU: ten thousand times what an ordinary page takes."""
MEMORY_LIMIT = 2 << 30
"""Bytes above what the loaded child takes: twenty times the largest record that readers let through."""
_WALL_FACTOR = 6
_OUT_OF_MEMORY = 75
"""Exit status of a child whose function raised MemoryError."""
_OUT_OF_MEMORY_SIGNS = ("memory allocation of", "std::bad_alloc")
"""What Rust and C++ print before they abort."""
_KEPT_BYTES = 16 << 20
"""Memory of earlier records that is kept for later ones: asking the kernel for it again costs 4% of a run."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


@dataclass(frozen=True)
class Failure:
    """Why a record has no result."""

    kind: Literal["time", "memory", "crash", "error"]
    message: str


class Sandbox(Generic[T, R]):
    """Applies a function to records in a child process, within limits of time and memory for each record.

    ``load`` is called once in each child and gives the function; it must be picklable, and so must records and results.
    ``time_limit`` is in seconds of CPU; a record that waits instead of working is stopped after six times that on the
    wall clock. ``memory_limit`` is in bytes, beyond what the child takes once the function is loaded; it holds on
    Linux. A context manager; the child starts at the first ``map``. Not for several threads at once.
    """

    def __init__(
        self,
        load: Callable[[], Callable[[T], R]],
        *,
        time_limit: float = TIME_LIMIT,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self._load = load
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._child: _Child | None = None

    def map(self, records: Sequence[T]) -> list[R | Failure]:
        """One result or Failure per record, in order; keep a call to about 2 MB of records.

        An exception of the function is a Failure of kind ``error``. WorkerError if ``load`` itself fails.
        """
        results: list[R | Failure] = []
        try:
            while len(results) < len(records):
                results += self._map(records[len(results) :])
        except BaseException:
            self.close()  # answers may be left in its pipe
            raise
        return results

    def close(self) -> None:
        """End the child, if there is one; another ``map`` starts another."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _map(self, records: Sequence[T]) -> list[R | Failure]:
        """Results up to the first record that kills the child, and its Failure once the blame is certain."""
        if self._child is None:
            self._child = _Child()
            self._child.start(self._load, self._time_limit, self._memory_limit)
        was_fresh = self._child.is_fresh
        results = self._child.map(records)
        if len(results) < len(records):
            failure = self._blame(*self._child.epitaph())
            self.close()
            if failure.kind == "time" or (was_fresh and not results):
                results.append(failure)
        return results

    def _blame(self, exitcode: int, said: str) -> Failure:
        memory = f"{self._memory_limit / 2**20:,.0f} MiB of memory"
        time = f"{self._time_limit:g} s of CPU time"
        if exitcode == -signal.SIGPROF:
            return Failure("time", f"took more than {time}")
        if exitcode == -signal.SIGALRM:
            wall = self._time_limit * _WALL_FACTOR
            return Failure("time", f"was not done after {wall:g} s, although it took less than {time}")
        if exitcode == -signal.SIGKILL:
            return Failure("memory", f"was killed by the system, most likely for want of memory (its limit: {memory})")
        if exitcode == _OUT_OF_MEMORY or any(sign in said for sign in _OUT_OF_MEMORY_SIGNS):
            return Failure("memory", f"took more than {memory}")
        return Failure("crash", f"killed its process: {_ending(exitcode)}" + (f", {said}" if said else ""))


class _Child:
    """A process, the pipe to it, and three files without names: for records, for results, for what it prints."""

    def __init__(self) -> None:
        self.is_fresh = True
        self._records, self._results, self._printed = (_memory_file() for _ in range(3))
        self._memory: mmap.mmap | None = None
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def start(self, load: Callable[[], Callable[[Any], Any]], time_limit: float, memory_limit: int) -> None:
        context = multiprocessing.get_context("forkserver")
        self._connection, theirs = context.Pipe()
        with theirs:
            files = [_Shared(descriptor) for descriptor in (self._records, self._results, self._printed)]
            arguments = (theirs, *files, load, time_limit, memory_limit)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            self._process = process
        try:
            problem = self._connection.recv()
        except (EOFError, ConnectionResetError):
            exitcode, said = self.epitaph()
            problem = f"{_ending(exitcode)} {said}".rstrip()
        if problem is not None:
            raise WorkerError(f"{load!r} could not be loaded in a sandbox: {problem}")

    def map(self, records: Sequence[Any]) -> list[Any]:
        """The results of the first records: of all of them unless the child dies."""
        assert self._connection is not None
        sizes = self._write(records)
        with contextlib.suppress(EOFError, ConnectionResetError, BrokenPipeError):
            self._connection.send(sizes)
            self._connection.recv_bytes()
        results: list[Any] = []
        with _opened(self._results, "rb") as file, contextlib.suppress(EOFError, pickle.UnpicklingError):
            for _ in records:
                results.append(pickle.load(file))
                self.is_fresh = False
        return results

    def epitaph(self) -> tuple[int, str]:
        """Exit status of a child that has died, and the last line that it printed."""
        assert self._process is not None
        self._process.join()
        with _opened(self._printed, "rb") as file:
            file.seek(max(0, os.fstat(self._printed).st_size - 2000))
            printed = file.read().decode("utf-8", "replace")
        lines = [line.strip() for line in printed.splitlines() if line.strip() and not line.startswith("note:")]
        return self._process.exitcode or 0, lines[-1][:300] if lines else ""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        for descriptor in (self._records, self._results, self._printed):
            os.close(descriptor)

    def _write(self, records: Sequence[Any]) -> list[int]:
        """Put the records and the buffers that they hold into their file; gives the size of each part."""
        os.truncate(self._results, 0)
        os.truncate(self._printed, 0)
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(records, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(pickled), *(buffer.raw() for buffer in buffers)]
        sizes = [part.nbytes for part in parts]
        memory = self._memory_of(sum(sizes))
        for part, end in zip(parts, itertools.accumulate(sizes), strict=True):
            memory[end - part.nbytes : end] = part
        return sizes

    def _memory_of(self, size: int) -> mmap.mmap:
        """The file of records as memory: large enough, and no larger than ``_KEPT_BYTES`` if that is enough."""
        if self._memory is None or len(self._memory) < size or len(self._memory) > max(size, _KEPT_BYTES):
            os.truncate(self._records, max(size, 1 << 20))
            self._memory = mmap.mmap(self._records, 0)
        return self._memory


class _Shared:
    """A descriptor as an argument of a process: arrives there as another descriptor of the same file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _detach, (reduction.DupFd(self._descriptor),)


def _detach(duplicate: Any) -> int:
    descriptor: int = duplicate.detach()
    return descriptor


def _opened(descriptor: int, mode: Literal["rb", "wb"]) -> IO[bytes]:
    """The file of a descriptor, from its beginning; the descriptor stays open."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    return open(descriptor, mode, closefd=False)


def _memory_file() -> int:
    """The descriptor of a file without a name, which is gone with the last process that has it open."""
    if sys.platform == "linux":
        return os.memfd_create("winnow-sandbox")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _ending(exitcode: int) -> str:
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit status {exitcode}"


def _serve(
    connection: Connection,
    records_file: int,
    results_file: int,
    printed: int,
    load: Callable[[], Callable[[Any], Any]],
    time_limit: float,
    memory_limit: int,
) -> None:
    """The child: answers calls until the parent is gone."""
    _prepare(printed)
    try:
        function = load()
    except Exception as error:  # noqa: BLE001 - told to the parent, which raises
        connection.send(f"{type(error).__name__}: {error}")
        return
    _limit_memory(memory_limit)
    with contextlib.suppress(EOFError, ConnectionResetError, BrokenPipeError):
        connection.send(None)
        memory = mmap.mmap(-1, 1)
        while True:
            sizes = connection.recv()
            if len(memory) < sum(sizes):
                memory = mmap.mmap(records_file, sum(sizes), access=mmap.ACCESS_READ)
            records = _unpickle(memoryview(memory), sizes)
            with _opened(results_file, "wb") as file:
                for record in records:
                    _set_timers(time_limit)
                    file.write(_apply(function, record))
                    file.flush()
                    _set_timers(0)
            connection.send_bytes(b"")


def _unpickle(memory: memoryview, sizes: Sequence[int]) -> list[Any]:
    """The records, whose buffers are views of this memory."""
    ends = list(itertools.accumulate(sizes))
    pickled, *buffers = (memory[end - size : end] for end, size in zip(ends, sizes, strict=True))
    records: list[Any] = pickle.loads(pickled, buffers=buffers)
    return records


def _apply(function: Callable[[Any], Any], record: Any) -> bytes:
    """The pickled result. MemoryError ends the child; a panic of Rust code, which is no Exception, is an error."""
    try:
        return pickle.dumps(function(record), protocol=5)
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001 - whatever the function raises is the record's failure
        message = f"{type(error).__name__}: {error}"
        return pickle.dumps(Failure("error", message[:1000]), protocol=5)


def _set_timers(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WALL_FACTOR)


def _prepare(printed: int) -> None:
    """Deadly timers; deaf to interrupts; prints into a file; no core dumps; first to go when the machine is full."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fcntl.fcntl(printed, fcntl.F_SETFL, os.O_APPEND)
    for standard in (1, 2):
        os.dup2(printed, standard)
    if sys.platform == "linux":
        Path("/proc/self/oom_score_adj").write_text("1000")
    with contextlib.suppress(AttributeError):  # glibc alone has it
        for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(option, _KEPT_BYTES)


def _limit_memory(size: int) -> None:
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + size
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
