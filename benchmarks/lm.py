"""Training speed beside nanoGPT-style eager PyTorch: the same function, weights, batch and threads, taking turns.

    python benchmarks/lm.py                  # a processor on one thread, or a GPU where there is one
    python benchmarks/lm.py --scales 400M-1x

Ours is what ``Train`` runs, step by step: slices of a stream, micro-batches, clipping, AdamW. Tokens per second of
process time on a processor (others may share it), of wall time on a GPU; medians. MFU is of the peak that is measured
in the same run on a processor, of the data sheet on a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from environment import write_results
from nanogpt import with_weights_of

from winnow.lm.devices import exact, peak_flops
from winnow.lm.distributed import Group
from winnow.lm.loop import BETAS, EPSILON, MAX_NORM, Plan, Training
from winnow.lm.scales import Scale, find_scale

RUNS = {
    "cpu": (("0.3M", 4096), ("1M", 4096), ("3M", 4096), ("10M", 4096), ("0.3M", 50_257)),
    "cuda": (("30M", 50_257), ("100M", 50_257), ("400M-1x", 50_257)),
}
"""Scales and vocabularies."""
MICRO = {"cpu": 10**9, "cuda": 16}
"""Sequences that the plain loop computes together: all, where memory allows."""


class Random:
    """A stream of random tokens."""

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size

    def slice(self, start: int, stop: int) -> Any:
        """Other tokens for another place."""
        return np.random.default_rng(start).integers(0, self.vocab_size, stop - start)


class Plain:
    """nanoGPT's training loop."""

    def __init__(self, training: Training) -> None:
        self.training, self.plan = training, training.plan
        self.model = with_weights_of(training.objective.model).to(training.group.device)
        decayed = [weight for weight in self.model.parameters() if weight.ndim > 1]
        gains = [weight for weight in self.model.parameters() if weight.ndim == 1]
        groups = [
            {"params": decayed, "weight_decay": self.plan.scale.weight_decay},
            {"params": gains, "weight_decay": 0},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=BETAS, eps=EPSILON, fused=training.group.device.type == "cuda")

    def step(self, number: int) -> float:
        """One step; gives its loss, z-loss included."""
        scale, device = self.plan.scale, self.training.group.device
        rate = self.plan.rate(number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        tokens, targets = self.training.batch(number)
        parts = list(zip(tokens.split(MICRO[device.type]), targets.split(MICRO[device.type]), strict=True))
        total = torch.zeros((), device=device)
        for some, following in parts:
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss = self.model(some, following, scale.z_loss) / len(parts)
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(total)


def plan_of(scale: Scale) -> Plan:
    return Plan(
        label=scale.name,
        run="benchmark",
        scale=scale,
        schedule="cosine",
        seed=0,
        num_steps=scale.num_steps,
        heldout_steps=frozenset(),
        kept_steps=frozenset(),
        checkpoint_seconds=1e9,
    )


def measured(scale: Scale, device: torch.device, steps: int) -> tuple[float, float]:
    """Seconds of a step: ours and the plain one's, taking turns after two that do not count."""
    with tempfile.TemporaryDirectory() as work:
        stream: Any = Random(scale.shape.vocab_size)
        training = Training(plan_of(scale), Group(device=device), stream, {}, Path(work), 1.0)
        plain = Plain(training)
        seconds: tuple[list[float], list[float]] = ([], [])
        for step in range(steps + 2):
            began = clock(device)
            training.step(step)
            between = clock(device)
            found = plain.step(step)
            seconds[1].append(clock(device) - between)
            seconds[0].append(between - began)
            ours = float(training.unseen.pop()[2])
            assert abs(found / ours - 1) < 0.02, f"the plain model's loss is {found}, ours {ours}"
    return statistics.median(seconds[0][2:]), statistics.median(seconds[1][2:])


def clock(device: torch.device) -> float:
    """Process time on a processor; on a GPU wall time, when it has done what it was asked."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def main() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", nargs="+", help="some of them only")
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    lines = [
        "| scale | vocabulary | tokens a step | ours, tokens/s | plain, tokens/s | ratio | MFU ours | MFU plain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with exact(device, 1):
        for name, vocabulary in RUNS[device.type]:
            if asked.scales and name not in asked.scales:
                continue
            scale = find_scale(name).with_vocabulary(vocabulary)
            ours, plain = (scale.batch_tokens / seconds for seconds in measured(scale, device, asked.steps))
            use = scale.shape.flops_per_token / peak_flops(device)
            columns = (
                name,
                f"{vocabulary:,}",
                f"{scale.batch_tokens:,}",
                f"{ours:,.0f}",
                f"{plain:,.0f}",
                f"{ours / plain:.2f}",
            )
            lines.append(f"| {' | '.join(columns)} | {ours * use:.0%} | {plain * use:.0%} |")
            print(lines[-1], flush=True)
    write_results("lm", "\n".join(lines))


if __name__ == "__main__":
    main()
