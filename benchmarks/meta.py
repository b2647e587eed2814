"""What does a meta-step cost, beside the training steps that it differentiates through? In time and in memory.

    python benchmarks/meta.py [--repetitions 4] [--without-torchopt]

The model is of the scale 1M (five layers of 128), with vocabularies of 1,024 and 4,096; a batch is 8 sequences of 128
tokens, the outer one too. A meta-step is K training steps on weighted examples, the gradient of the outer loss, and its
gradient by every weight, as ``FitDataRater`` takes it: what is differentiated once goes through the loss that never
holds all logits. Beside it stand K plain training steps: attention as PyTorch chooses, ``clip_grad_norm_``, AdamW with
``fused=True``, and that same loss, or all logits written out. Naive unrolling is reverse over reverse through the same
model, its logits written out; TorchOpt's is that with its own optimiser, in its own environment, beside plain steps of
its own run.

One thread, everything in turn, the least of all processor times: where other work shares the machine, ratios count.
Memory is what each needs at most beyond the opened model, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from environment import CACHE, ROOT, peak_memory, peer_python, write_results
from meta_training import Plain, Setting, best_seconds, setting
from torch import Tensor

from winnow.meta.backends import Compiled, Differences, Exact

VOCABULARIES = (1024, 4096)
WINDOWS = (1, 2, 4)
MEMORY_WINDOWS = (1, 2, 4, 8)
SUPPORT = Path(__file__).with_suffix("")
Work = Callable[[], object]
MetaStep = Callable[[Setting, int], list[Tensor]]
META_STEPS: dict[str, MetaStep] = {
    "differences": lambda given, steps: given.meta_step(steps, Differences()),
    "exact": lambda given, steps: given.meta_step(steps, Exact()),
    "naive unrolling": Setting.naive,
}


def speed(vocabulary: int, repetitions: int) -> list[str]:
    """Lines of the table of one model; compiled for the smallest only, since that takes minutes."""
    given, found, meta_steps = setting(vocabulary), [], dict(META_STEPS)
    if vocabulary == VOCABULARIES[0]:
        backend, began = Compiled(), time.process_time()
        given.meta_step(2, backend)
        found.append(f"| {vocabulary:,} | | compiling | {time.process_time() - began:.0f} | | | |")
        meta_steps["compiled"] = lambda given, steps: given.meta_step(steps, backend)
    trained = {own_loss: Plain(vocabulary, own_loss=own_loss) for own_loss in (False, True)}
    for steps in WINDOWS:
        plain: dict[str, Work] = {str(own): partial(trained[own].steps, given, steps) for own in (False, True)}
        works: dict[str, Work] = {name: partial(work, given, steps) for name, work in meta_steps.items()}
        seconds = best_seconds(plain | works, repetitions)
        expected = given.naive(steps)
        for name, work in meta_steps.items():
            error = distance(work(given, steps), expected)
            row = (f"{vocabulary:,}", steps, name, f"{seconds[name]:.2f}", *ratios(seconds, name), f"{error:.0e}")
            found.append(f"| {' | '.join(map(str, row))} |")
            print(found[-1], flush=True)
    return found


def ratios(seconds: Mapping[str, float], name: str) -> tuple[str, str]:
    """To plain steps with all logits written out, and with the model's own loss."""
    return f"{seconds[name] / seconds['False']:.2f}", f"{seconds[name] / seconds['True']:.2f}"


def distance(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The norm of the difference over that of what is expected."""
    return float((torch.cat([*found]) - torch.cat([*expected])).norm() / torch.cat([*expected]).norm())


def by_torchopt(vocabulary: int, repetitions: int) -> list[str]:
    """Its lines of the table, or a line that says why there are none."""
    try:
        python = peer_python(CACHE, SUPPORT / "torchopt.txt")
        command = [str(python), str(SUPPORT / "with_torchopt.py"), str(vocabulary), str(repetitions)]
        paths = {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'benchmarks'}"}
        run = subprocess.run(
            [*command, *map(str, WINDOWS)], check=True, capture_output=True, text=True, env=os.environ | paths
        )
    except subprocess.CalledProcessError as error:
        return [f"| {vocabulary:,} | | TorchOpt does not run here: {error.stderr.strip().splitlines()[-1]} | | | | |"]
    found = [json.loads(line) for line in run.stdout.splitlines()]
    return [
        f"| {vocabulary:,} | {steps} | TorchOpt | {one['torchopt']:.2f} | {one['torchopt'] / one['plain']:.2f} | | |"
        for steps, one in zip(WINDOWS, found, strict=True)
    ]


def memory(name: str, vocabulary: int, steps: int) -> float:
    """MB that a contender needs beyond the opened model."""
    command = [sys.executable, __file__, "--memory", name, str(vocabulary), str(steps)]
    at_once = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed goes back
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=at_once)
    return float(run.stdout.splitlines()[-1])


def measure_memory(name: str, vocabulary: int, steps: int) -> None:
    """Print the MB of one contender; run in a process of its own."""
    given = setting(vocabulary)
    work: Work = partial(Plain(vocabulary, own_loss=False).steps, given, steps)
    if name in META_STEPS:
        work = partial(META_STEPS[name], given, steps)
    work()  # what is loaded once
    print(peak_memory(work))


def memory_lines(vocabulary: int) -> list[str]:
    gradient = 4 * sum(one.numel() for one in setting(vocabulary).params) / 2**20
    lines = [
        f"Memory beyond the opened model, MB, with a vocabulary of {vocabulary:,}; a gradient has {gradient:.1f} MB:",
        "",
        f"| | {' | '.join(f'K = {steps}' for steps in MEMORY_WINDOWS)} |",
        f"|---|{'---|' * len(MEMORY_WINDOWS)}",
    ]
    for name in ("plain training", *META_STEPS):
        numbers = [memory(name, vocabulary, steps) for steps in MEMORY_WINDOWS]
        lines.append(f"| {name} | {' | '.join(f'{number:,.0f}' for number in numbers)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=4)
    parser.add_argument("--without-torchopt", action="store_true")
    parser.add_argument("--memory", nargs=3, metavar=("CONTENDER", "VOCABULARY", "STEPS"), help=argparse.SUPPRESS)
    own = parser.parse_args()
    torch.set_num_threads(1)
    if own.memory:
        measure_memory(own.memory[0], *map(int, own.memory[1:]))
        return
    rows = []
    for vocabulary in VOCABULARIES:
        rows += speed(vocabulary, own.repetitions)
        rows += [] if own.without_torchopt else by_torchopt(vocabulary, own.repetitions)
    lines = [
        "Seconds of a meta-step over K training steps, and their ratio to those of K plain ones, with all logits",
        "written out and with the loss that never holds them:",
        "",
        "| vocabulary | K | | seconds | over plain, all logits | over plain, own loss | difference from naive |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        *memory_lines(VOCABULARIES[0]),
    ]
    write_results("meta", "\n".join(lines))


if __name__ == "__main__":
    main()
