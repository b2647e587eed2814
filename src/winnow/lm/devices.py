"""What a run computes on: threads of this machine, or GPUs that nobody else has taken; and how fast they could be."""

from __future__ import annotations

import fcntl
import functools
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path

import torch

from winnow.core.errors import RecipeError
from winnow.core.executors import num_cores
from winnow.core.files import cache_root
from winnow.lm.scales import Shape

SMALL = 10_000_000
"""Models with fewer parameters run on one thread: two are no faster, and two runs side by side are."""
LARGE = 400_000_000
"""Models with as many parameters train on all GPUs of the machine."""
PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "RTX 4090": 165e12,
}
"""FLOP/s of dense bfloat16 with float32 sums, by NVIDIA's data sheets; the first name that the device's contains."""


def num_processes(shape: Shape) -> int:
    """How many processes train a model: ``$WINNOW_PROCESSES``, else all GPUs for a large one, else one."""
    asked = os.environ.get("WINNOW_PROCESSES")
    if asked is None:
        return max(1, torch.cuda.device_count()) if shape.num_params >= LARGE else 1
    if not asked.isdecimal() or asked == "0":
        raise RecipeError(f"WINNOW_PROCESSES is {asked!r}; it must be a number of processes, 1 or more")
    if torch.cuda.is_available() and int(asked) > torch.cuda.device_count():
        raise RecipeError(f"WINNOW_PROCESSES is {asked}, and this machine has {torch.cuda.device_count()} GPUs")
    return int(asked)


def num_threads(num_params: int) -> int:
    """Threads of a model on a processor: settled by its size, since sums depend on how many add them up."""
    return 1 if num_params < SMALL else num_cores()


def preferred() -> torch.device:
    """A GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def taken(number: int) -> Iterator[list[torch.device]]:
    """So many devices, held until the block ends: GPUs that no other run holds, waited for; else the processor.

    A GPU is held by a lock on a file, which ends with the process, however that ends.
    """
    if not torch.cuda.is_available():
        yield [torch.device("cpu")] * number
        return
    while True:
        with ExitStack() as held:
            free = (index for index in range(torch.cuda.device_count()) if _locked(index, held))
            devices = [torch.device("cuda", index) for index in islice(free, number)]
            if len(devices) == number:
                yield devices
                return
        time.sleep(1)  # with none held: two runs that each hold a part would wait for each other for ever


def _locked(index: int, held: ExitStack) -> bool:
    """Lock a GPU by what names it on this machine; False where another run holds it."""
    path = cache_root() / "devices" / f"{torch.cuda.get_device_properties(index).uuid}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = Path(path).open("w")  # noqa: SIM115 - closed when the devices are given back
    with suppress(BlockingIOError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.callback(opened.close)
        return True
    opened.close()
    return False


@contextmanager
def exact(device: torch.device, threads: int) -> Iterator[None]:
    """On a processor the same bits every time, on so many threads; on a GPU what is fast, which is not."""
    filling = torch.utils.deterministic
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), filling.fill_uninitialized_memory
    if device.type == "cpu":
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        filling.fill_uninitialized_memory = False  # every new tensor would be written twice
    else:
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        filling.fill_uninitialized_memory = before[2]


def name_of(device: torch.device) -> str:
    """What the device is called."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "processor")
    return f"{model}, {torch.get_num_threads()} of {num_cores()} cores"


def peak_flops(device: torch.device) -> float:
    """FLOP/s that a device can do at best: of its data sheet, else of large multiplications on it, measured once."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    known = next((peak for part, peak in PEAKS.items() if part in name), None)
    return known or _measured_peak(device, torch.get_num_threads())


@functools.cache
def _measured_peak(device: torch.device, threads: int) -> float:
    """The best of many short multiplications in what the device trains with: one at least is not interrupted."""
    size, dtype = (512, torch.float32) if device.type == "cpu" else (8192, torch.bfloat16)
    left, right = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(50):
        began = time.perf_counter()
        float((left @ right)[0, 0])
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds)
