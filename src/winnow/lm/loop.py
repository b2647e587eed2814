# mypy: allow-subclassing-any, allow-untyped-decorators
"""The training loop of one process of a run: steps, evaluations, checkpoints.

What a step does follows from its number alone: its tokens are a slice of the stream, its learning rate a formula. So a
run that is resumed from a checkpoint goes on as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from winnow.core.errors import InputError, RecipeError
from winnow.lm.checkpoint import Curves, restore, save, weights_of
from winnow.lm.distributed import BYTES_PER_PARAM, Group, averaging, spread
from winnow.lm.heldout import bits_per_byte, packed_bits
from winnow.lm.model import Transformer
from winnow.lm.pace import Pace
from winnow.lm.scales import Scale
from winnow.lm.schedule import Schedule, learning_rate
from winnow.lm.stream import TokenStream
from winnow.lm.trained import WEIGHTS, kept_directory, write_weights

BETAS, EPSILON, MAX_NORM = (0.9, 0.95), 1e-8, 1.0
"""AdamW's, and what gradients are clipped to (Li et al. 2024, appendix F)."""
CPU_TOKENS = 2048
"""Of a micro-batch on a processor: its activations stay in the cache."""
STEPS_BETWEEN_LOOKS = {"cpu": 1, "cuda": 10}
"""A look at the loss waits for the device, so a GPU gets some steps ahead of it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run does, but for its tokens."""

    label: str
    run: str
    """Digest of all that the result follows from: whose checkpoints may be taken up."""
    scale: Scale
    schedule: Schedule
    seed: int
    num_steps: int
    heldout_steps: frozenset[int]
    """After how many steps the held-out sets are measured, and below, a model is kept."""
    kept_steps: frozenset[int]
    checkpoint_seconds: float

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        scale, warmup = self.scale, self.scale.warmup(self.num_steps)
        peak, end = scale.learning_rate, scale.end_learning_rate
        return learning_rate(self.schedule, step, self.num_steps, warmup, peak, end)


class Objective(nn.Module):
    """What is called on every process: the loss of a micro-batch, or the nats of held-out tokens."""

    def __init__(self, model: Transformer, device: torch.device) -> None:
        super().__init__()
        self.model = model
        self.low = device.type == "cuda"

    def forward(self, tokens: Tensor, targets: Tensor, z_loss: float | None) -> tuple[Tensor, Tensor] | Tensor:
        """The losses with a gradient; the nats of each target [B, T] where ``z_loss`` is None."""
        with torch.autocast(tokens.device.type, torch.bfloat16, enabled=self.low):
            return self.model.nats(tokens, targets) if z_loss is None else self.model.loss(tokens, targets, z_loss)


@dataclass
class Training:
    """A run at work."""

    plan: Plan
    group: Group
    stream: TokenStream
    heldout: Mapping[str, TokenStream]
    work: Path
    """Where its checkpoints lie."""
    peak: float
    """FLOP/s of all devices of the run."""
    curves: Curves = field(default_factory=Curves)

    def __post_init__(self) -> None:
        shape = self.plan.scale.shape
        model = Transformer(shape, self.plan.seed).to(self.group.device)
        self.rows = self.plan.scale.batch_size // self.group.size
        self.micro = micro_batch(model, self.rows, self.group)
        if self.group.device.type == "cuda":
            for block in model.blocks:
                block.compile()
        self.objective = spread(Objective(model, self.group.device), model, self.group)
        self.optimizer = adamw(self.objective, self.plan.scale.weight_decay)
        self.unseen: list[tuple[int, float, Tensor, Tensor]] = []

    def run(self) -> Curves:
        """Go on from the last checkpoint to the end."""
        plan = self.plan
        begun, self.curves = restore(self.work, plan.run, self.objective, self.optimizer)
        shape = plan.scale.shape
        pace = Pace(plan.label, plan.num_steps, plan.scale.batch_tokens, shape.flops_per_token, self.peak)
        before, self.mark = self.curves.seconds, time.perf_counter()
        saved = time.monotonic()
        for step in range(begun, plan.num_steps):
            self.step(step)
            done = step + 1
            if done % STEPS_BETWEEN_LOOKS[self.group.device.type] and not self._stops_at(done):
                continue
            self._look()
            if self.group.first:
                pace.tell(done, self.curves.losses[-1][2], self.curves.seconds - before)
            self._evaluate(done)
            due = self.group.least(int(time.monotonic() - saved >= plan.checkpoint_seconds))
            if due and done < plan.num_steps:
                save(self.work, plan.run, done, self.objective, self.optimizer, self.curves, write=self.group.first)
                saved = time.monotonic()
            self.mark = time.perf_counter()
        return self.curves

    def _stops_at(self, done: int) -> bool:
        return done == self.plan.num_steps or done in self.plan.heldout_steps | self.plan.kept_steps

    def step(self, step: int) -> None:
        """Look at a batch and move the weights."""
        rate = self.plan.rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        tokens, targets = self.batch(step)
        num_micro = self.rows // self.micro
        loss = torch.zeros((), device=self.group.device)
        parts = zip(tokens.split(self.micro), targets.split(self.micro), strict=True)
        for number, (some, next_tokens) in enumerate(parts):
            with averaging(self.objective, last=number == num_micro - 1):
                total, plain = self.objective(some, next_tokens, self.plan.scale.z_loss)
                (total / num_micro).backward()
            loss += plain / num_micro
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), MAX_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.unseen.append((step, rate, self.group.mean(loss), _whole(norm)))

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """This process's rows of a step, and what follows each of their tokens."""
        context = self.plan.scale.shape.context
        start = step * self.plan.scale.batch_tokens + self.group.rank * self.rows * context
        tokens = torch.from_numpy(self.stream.slice(start, start + self.rows * context + 1)).to(self.group.device)
        return tokens[:-1].view(self.rows, context), tokens[1:].view(self.rows, context)

    def _look(self) -> None:
        """Write down the losses of the last steps; InputError where one is not a number."""
        scale = self.plan.scale
        for step, rate, loss, norm in self.unseen:
            found = (step + 1, (step + 1) * scale.batch_tokens, float(loss), rate, float(norm))
            self.curves.losses.append(found)
            if not (math.isfinite(found[2]) and math.isfinite(found[4])):
                raise InputError(
                    f"{self.plan.label}: the loss is {found[2]:g} and its gradient's norm {found[4]:g} at step "
                    f"{step + 1} of {self.plan.num_steps} (learning rate {rate:.2g}): train with a lower learning_rate "
                    f"than {scale.learning_rate:g}, or look at the documents of tokens {step * scale.batch_tokens} to "
                    f"{(step + 1) * scale.batch_tokens} of the mix"
                )
        self.unseen.clear()
        self.curves.seconds += time.perf_counter() - self.mark

    def _evaluate(self, done: int) -> None:
        """Measure the held-out sets and keep the model, where it is time to."""
        scale = self.plan.scale
        if done in self.plan.heldout_steps:
            self.objective.eval()
            for name, stream in self.heldout.items():
                bits, num_bytes = packed_bits(self._nats, stream, scale.shape.context, self.group.device.type)
                self.curves.heldout.append((done, done * scale.batch_tokens, name, bits_per_byte(bits, num_bytes)))
            self.objective.train()
        if done in self.plan.kept_steps:
            self.write_model(self.work / kept_directory(done))

    def write_model(self, directory: Path) -> None:
        """Write the weights as they are; all processes must call it, the first one writes."""
        weights = weights_of(self.objective)
        if self.group.first:
            directory.mkdir(parents=True, exist_ok=True)
            write_weights({name: weight.contiguous() for name, weight in weights.items()}, directory / WEIGHTS)

    @torch.no_grad()
    def _nats(self, tokens: Tensor, targets: Tensor) -> Tensor:
        found: Tensor = self.objective(tokens, targets, None)
        return found


def adamw(objective: nn.Module, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW that decays matrices and leaves gains alone."""
    weights = list(objective.parameters())
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=BETAS, eps=EPSILON, fused=True)


def micro_batch(model: Transformer, rows: int, group: Group) -> int:
    """Sequences that are computed together: the most that memory (or the cache) allows, and that divide ``rows``."""
    room = CPU_TOKENS // model.shape.context if group.device.type == "cpu" else _fitting(model)
    most = max(1, group.least(room))
    return max(size for size in range(1, rows + 1) if rows % size == 0 and size <= most)


def _fitting(model: Transformer) -> int:
    """Sequences whose loss fits into a GPU's memory, beside the weights and the moments: one and two are tried."""
    device = model.head.weight.device

    def peak(rows: int) -> int:
        torch.cuda.reset_peak_memory_stats(device)
        tokens = torch.zeros((rows, model.shape.context), dtype=torch.int64, device=device)
        with torch.autocast("cuda", torch.bfloat16):
            model.loss(tokens, tokens)[0].backward()
        model.zero_grad()
        return int(torch.cuda.max_memory_allocated(device))

    peak(1)
    one, two = peak(1), peak(2)
    free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    fixed = 2 * one - two + BYTES_PER_PARAM * model.shape.num_params
    fits = int((0.8 * free - fixed) // max(1, two - one))
    if fits < 1:
        raise RecipeError(
            f"a model of {model.shape.num_params:,} parameters and one sequence do not fit into {free / 2**30:.0f} GiB "
            "of GPU memory: take a smaller scale, or more GPUs with WINNOW_PROCESSES"
        )
    return fits


def _whole(norm: Tensor) -> Tensor:
    """A norm that is spread over processes, in one piece."""
    return norm.full_tensor() if hasattr(norm, "full_tensor") else norm
