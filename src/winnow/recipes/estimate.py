"""What a run would cost, from a run of the same recipe on a sample of the same source.

The sample is whole files, evenly spaced, so that tasks have the size that they will have; of a file that is larger than
the sample, its beginning. Seconds, disk and shuffled bytes grow with the source; memory does not, because a task's size
does not (a step that gathers holds at most a partition, ``shuffle.PARTITION_BYTES`` of rows, which a small sample
does not fill).
"""

from __future__ import annotations

import functools
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from winnow.core.errors import RecipeError
from winnow.core.executors import Died, Processes
from winnow.core.run import finished_tasks, materialize
from winnow.core.shuffle import ScatterWriter
from winnow.core.step import Reshaping, Step, ordered
from winnow.core.substitute import substitute
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.documents.source import File, list_files

PILOT_DOCUMENTS = 200
"""Documents that say how many of them a sample of so many bytes holds, where a file is larger than the sample."""
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one step would take."""

    seconds: float
    """On one core."""
    tasks: int
    memory_bytes: int
    """Peak of one worker, with all that it has loaded."""
    disk_bytes: int
    shuffled_bytes: int
    """What it writes for others to gather: on a cluster, what crosses the network once more."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a recipe would take, and from how much of its source that was estimated."""

    costs: dict[str, Cost]
    """By the label of each step that is to do."""
    sample_bytes: int
    source_bytes: int
    sample_seconds: float

    @property
    def seconds(self) -> float:
        """On one core."""
        return sum(cost.seconds for cost in self.costs.values())

    def wall_seconds(self, workers: int) -> float:
        """On so many workers, each step after the other; a step has no use for more workers than it has tasks."""
        return sum(cost.seconds / min(workers, cost.tasks) for cost in self.costs.values())

    @property
    def basis(self) -> str:
        """What the estimate rests on, in words."""
        share = self.sample_bytes / max(1, self.source_bytes)
        return (
            f"estimated from {size(self.sample_bytes)} of {size(self.source_bytes)} of source ({share:.2g} of it), "
            f"which took {self.sample_seconds:.0f} s here; time, disk and shuffle grow with the source, memory does not"
        )


def estimate(step: Step, wanted: Sequence[Step], sample_bytes: int) -> Estimate:
    """Run the recipe on about ``sample_bytes`` of each source in a temporary store; what the steps ``wanted`` cost."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="winnow-sample-") as scratch:
        store = Store(scratch)
        sampled = substitute(step, functools.partial(_sampled, sample_bytes=sample_bytes, store=store))
        weighing = _Weighing()
        materialize(sampled, store, weighing, failure_budget=1.0)
        pairs = list(zip(ordered(step), ordered(sampled), strict=True))
        source, read = _source_bytes(pairs, store)
        keys = {needed.key for needed in wanted}
        return Estimate(
            costs={
                whole.label: _cost(part, store, source / max(1, read), weighing.peaks.get(part.key, 0))
                for whole, part in pairs
                if whole.key in keys
            },
            sample_bytes=read,
            source_bytes=source,
            sample_seconds=time.perf_counter() - began,
        )


def _cost(step: Step, store: Store, scale: float, memory: int) -> Cost:
    manifest = store.table(step).manifest
    disk = int(scale * sum(shard.bytes for shard in manifest.shards))
    return Cost(
        seconds=manifest.seconds * scale,
        tasks=max(1, round(scale * len(finished_tasks(step, store)))),
        memory_bytes=memory,
        disk_bytes=disk,
        shuffled_bytes=disk if _scatters(step, store) else 0,
    )


def _scatters(step: Step, store: Store) -> bool:
    if not isinstance(step, Reshaping):
        return False
    parts = step.split(store)
    return bool(parts) and isinstance(step.writer(Path(), 0, parts[0]), ScatterWriter)


def _source_bytes(pairs: Sequence[tuple[Step, Step]], store: Store) -> tuple[int, int]:
    """Bytes of all sources, and how many of them the sample read."""
    whole_bytes = read_bytes = 0
    for whole, part in pairs:
        if isinstance(whole, Read):
            manifest = store.table(part).manifest
            there = sum(file.size for file in _files(whole))
            if whole.limit is not None:
                there = min(there, manifest.bytes * whole.limit // max(1, manifest.rows))
            whole_bytes += there
            read_bytes += manifest.bytes
    return whole_bytes, read_bytes


def _sampled(step: Step, sample_bytes: int, store: Store) -> Step:
    """A ``Read`` of evenly spaced files of about ``sample_bytes``; any other step as it is."""
    if not isinstance(step, Read):
        return step
    files = _spaced(_files(step), sample_bytes)
    read = replace(step, source=tuple(file.path for file in files))
    if sum(file.size for file in files) <= 2 * sample_bytes:
        return read
    pilot = replace(read, limit=PILOT_DOCUMENTS)
    materialize(pilot, store, failure_budget=1.0)
    manifest = store.table(pilot).manifest
    documents = sample_bytes * manifest.rows // max(1, manifest.bytes)
    return replace(read, limit=min(step.limit or documents, max(documents, PILOT_DOCUMENTS)))


def _spaced(files: Sequence[File], sample_bytes: int) -> list[File]:
    """Files at even distances, so many that they hold about ``sample_bytes``."""
    number = min(len(files), -(-sample_bytes * len(files) // max(1, sum(file.size for file in files))))
    return [files[(2 * place + 1) * len(files) // (2 * number)] for place in range(number)]


def _files(read: Read) -> list[File]:
    return list_files((read.source,) if isinstance(read.source, str) else read.source, read.name)


@dataclass
class _Weighing:
    """Runs one task at a time in a process of its own, and remembers the peak memory of each step's tasks."""

    peaks: dict[str, int] = field(default_factory=dict)

    def run(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Apply the function to one item after the other."""
        for index, outcome in Processes(1).run(functools.partial(weighed, function), items):
            if isinstance(outcome, Died):
                yield index, outcome
                continue
            result, peak = outcome
            for step in items[index].steps:
                self.peaks[step.key] = max(peak, self.peaks.get(step.key, 0))
            yield index, result


def weighed(function: Callable[[Any], Any], item: object) -> tuple[Any, int]:
    """The result, and the peak memory in bytes of this process, its children's besides."""
    _forget_peak()
    result = function(item)
    return result, _peak() + 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def _forget_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def num_bytes(text: str) -> int:
    """Bytes in words: ``64MiB``, ``1.5 GB``; RecipeError for what is no size.

    >>> num_bytes("64MiB")
    67108864
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?)b?\s*", text.lower())
    if found is None or found[2] not in _UNITS or not float(found[1]):
        raise RecipeError(f"--sample is {text!r}; it must be a size like 64MiB")
    return int(float(found[1]) * _UNITS[found[2]])


def size(num_bytes: float) -> str:
    """Bytes in words.

    >>> size(2_400_000)
    '2.4 MB'
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} PB"
