"""One run on several processes: started, joined into a group, the model spread over them.

Each process computes its part of every batch; gradients are averaged. A model is copied to each (DDP), or spread over
them (FSDP2, ``fully_shard``) where a copy with its gradients and moments takes more than half of a GPU's memory or
``WINNOW_SHARD=1`` asks. The losses are those of one process, but for rounding.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from winnow.core.errors import WinnowError, WorkerError
from winnow.core.executors import attempt, ending, process_context
from winnow.core.files import scratch

if TYPE_CHECKING:
    from winnow.lm.model import Transformer

BYTES_PER_PARAM = 16
"""Of a float32 weight, its gradient and its two moments."""
GRACE_SECONDS = 1.0
"""After one process has failed, for the others to say why."""


@dataclass(frozen=True)
class Group:
    """This process among those of a run."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a value over all processes, on each."""
        if self.size > 1:
            dist.all_reduce(value)
            value /= self.size
        return value

    def least(self, number: int) -> int:
        """The least of the processes' numbers, on each."""
        if self.size == 1:
            return number
        found = torch.tensor(number, device=self.device)
        dist.all_reduce(found, dist.ReduceOp.MIN)
        return int(found)


def run_on(devices: Sequence[torch.device], function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Call ``function(group, *arguments)`` on one process per device, the calling one where there is one device.

    An error in any process ends all and is raised here; processes end with the one that started them.
    """
    if len(devices) == 1:
        function(Group(device=devices[0]), *arguments)
        return
    context = process_context()
    with scratch() as directory:
        processes: dict[Connection, Any] = {}
        for rank, device in enumerate(devices):
            ours, theirs = context.Pipe()
            group = Group(rank, len(devices), device)
            work = (theirs, dict(os.environ), function, group, directory / "meeting", arguments)
            processes[ours] = context.Process(target=_join, args=work, daemon=True)
            processes[ours].start()
            theirs.close()
        try:
            _await(processes)
        finally:
            for process in processes.values():
                process.kill()
                process.join()


def _await(processes: Mapping[Connection, Any]) -> None:
    """Wait until every process is done. Where one fails, others fail for want of it: what says more is raised."""
    left = dict(processes)
    while left:
        ready = [end for end in left if end in wait(list(left))]
        failures = [found for found in (_failure(end, left.pop(end)) for end in ready) if found]
        if failures:
            late = [end for end in left if end.poll(GRACE_SECONDS)]
            failures += [found for found in (_failure(end, left[end]) for end in late) if found]
            raise max(failures, key=lambda failure: isinstance(failure, WinnowError))


def _failure(end: Connection, process: Any) -> BaseException | None:
    """Why a process that has ended or answered failed; None where it did not."""
    try:
        succeeded, value = end.recv()
    except EOFError:
        process.join()
        return WorkerError(
            f"a process of a training run ended ({ending(process.exitcode)}); if it was memory, use fewer "
            "(WINNOW_PROCESSES); run again: it goes on from its last checkpoint"
        )
    return None if succeeded else value


def _join(
    end: Connection,
    environment: Mapping[str, str],
    function: Callable[..., None],
    group: Group,
    meeting: Path,
    arguments: Any,
) -> None:
    """One process of a group, from its start to its end."""
    os.environ.update(environment)
    threading.Thread(target=_follow, args=(multiprocessing.parent_process(),), daemon=True).start()

    def work(_: object) -> None:
        backend = "nccl" if group.device.type == "cuda" else "gloo"
        dist.init_process_group(backend, init_method=f"file://{meeting}", rank=group.rank, world_size=group.size)
        function(group, *arguments)
        dist.destroy_process_group()

    end.send(attempt(work, None))


def _follow(parent: Any) -> None:
    """End with the process that started this one."""
    parent.join()
    os._exit(1)


def shards(model: Transformer, group: Group) -> bool:
    """Whether the model is spread over the processes rather than copied to each."""
    if group.size == 1 or os.environ.get("WINNOW_SHARD") == "1":
        return group.size > 1
    if group.device.type == "cpu":
        return False
    memory = torch.cuda.get_device_properties(group.device).total_memory
    return bool(BYTES_PER_PARAM * model.shape.num_params > memory / 2)


def spread(objective: nn.Module, model: Transformer, group: Group) -> nn.Module:
    """The objective of a model on this process's device, as part of the group; called as the objective is."""
    objective.to(group.device)
    if group.size == 1:
        return objective
    if not shards(model, group):
        return nn.parallel.DistributedDataParallel(objective)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(group.device.type, (group.size,))
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(objective, mesh=mesh)
    return objective


def averaging(objective: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Around the loss of a micro-batch and its backward pass: gradients are averaged with the last one's only."""
    if isinstance(objective, nn.parallel.DistributedDataParallel):
        skipped: AbstractContextManager[None] = nullcontext() if last else objective.no_sync()
        return skipped
    if hasattr(objective, "set_requires_gradient_sync"):
        objective.set_requires_gradient_sync(last)
    return nullcontext()
