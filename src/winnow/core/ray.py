"""Tasks on a Ray cluster: one Ray Core task per item, each on one core.

Ray Data was rejected: it cost 3.5 times the processor time for the same work, and what it adds (blocks, a shuffle)
steps have already as files. Results are records of some hundred bytes; rows go through the store, never through Ray, so
every machine must reach the store and the sources, and must have winnow and the recipe's own modules installed.

A task whose worker or machine dies comes back as ``Died``; Ray itself retries nothing, so that a record that kills is
found on a cluster as it is on one machine, and a task that takes machines down is given a bounded number of them.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from winnow.core.errors import RecipeError, WinnowError
from winnow.core.executors import Died, answer_of, attempt

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Tasks handed to Ray per core that it has: enough to keep them busy, and for an autoscaler to see that more waits."""


class Ray:
    """Runs tasks on a Ray cluster, an existing one or one that is started on this machine."""

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        """``address``: of a cluster (``auto``, ``host:6379``); ``workers``: tasks at once, None for all that fit."""
        self.address = address
        self.workers = workers

    def run(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R | Died]]:
        """Apply the function to all items, wherever Ray has room."""
        ray = self._connected()
        task = ray.remote(max_retries=0, num_cpus=1)(_serve)
        queue = list(enumerate(items))[::-1]
        running: dict[Any, int] = {}
        try:
            while queue or running:
                while queue and len(running) < self._room(ray):
                    index, item = queue.pop()
                    running[task.remote(sys.path, ray.cloudpickle.dumps((function, item)))] = index
                finished, _ = ray.wait(list(running), num_returns=1)
                for reference in finished:
                    yield running.pop(reference), _outcome(ray, reference)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _connected(self) -> Any:
        """Ray, connected; RecipeError where it is not installed, WinnowError where no cluster answers."""
        try:
            import ray
        except ImportError as error:
            raise RecipeError("the executor ray needs another package: run pip install 'winnow-data[ray]'") from error
        if ray.is_initialized():
            return ray
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        started_here = {"num_cpus": self.workers, "include_dashboard": False} if self.address is None else {}
        try:
            ray.init(address=self.address or "local", log_to_driver=False, logging_level="ERROR", **started_here)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise WinnowError(
                f"no Ray cluster answers at {self.address or 'this machine'}: {error}. Start one with "
                "`ray start --head` and give its address, or leave --address out to use this machine's cores"
            ) from error
        return ray

    def _room(self, ray: Any) -> int:
        """How many tasks may be with Ray; clusters grow and shrink."""
        return self.workers or AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))


def _serve(paths: Sequence[str], work: bytes) -> tuple[bool, Any]:
    """Do one task in a worker of Ray, which can import what the parent could if its disk is shared."""
    sys.path.extend(path for path in paths if path not in sys.path)
    return attempt(_work, work)


def _work(work: bytes) -> Any:
    function, item = pickle.loads(work)
    return function(item)


def _outcome(ray: Any, reference: Any) -> Any:
    errors = ray.exceptions
    try:
        answer = ray.get(reference)
    except errors.NodeDiedError as error:
        return Died(_first_sentence(error), with_its_machine=True)
    except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError) as error:
        return Died(_first_sentence(error))
    return answer_of(*answer)


def _first_sentence(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].partition(". ")[0]
