"""The outer loop: members train on weighted chunks, and what that did to held-out text moves the rater.

What a meta-step draws follows from its number and the seed alone, so a run that is resumed goes on as if it had never
stopped.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from winnow.core.errors import InputError
from winnow.core.files import appearing
from winnow.lm.pace import Pace
from winnow.lm.scales import Shape
from winnow.meta.backends import Backend
from winnow.meta.models import Stateless, Tensors
from winnow.meta.optimizers import AdamW, norm
from winnow.meta.unroll import advance, score_gradients, unroll, weight_gradients
from winnow.rater.chunks import Chunks, ChunkTable
from winnow.rater.inner import Inner
from winnow.rater.network import Rater
from winnow.rater.population import Member, Nursery

CHECKPOINT = "fitting.pt"
NUM_PROBES = 256
"""Chunks of the pool whose scores are followed."""
STEPS_BETWEEN_LOOKS = 25
LOOKS_OF_ADVANTAGE = 4
"""Looks back over which the advantage is averaged: of a population, one member alone has a twin."""
LOW_SAMPLE = 0.1
"""The effective sample size, as a share of the batch, below which it is said that something is wrong."""
LEAST_EXAMPLES = 1.5
"""A softmax that weighs fewer examples than this, on the mean between two looks, has collapsed: it has no gradient."""
MOST_FAILURES = 10
"""Members in a row that may break before it is not chance any more."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a fitting does, but for its data."""

    label: str
    run: str
    """Digest of all that the result follows from: whose checkpoints may be taken up."""
    steps: int
    batch_size: int
    heldout_batch_size: int
    unroll: int
    free_steps: int
    population: int
    visited: int
    lifetime: int
    inner: Shape
    inner_update: AdamW
    rater: Shape
    rater_update: AdamW
    seed: int
    flops: int
    """Of a meta-step, on the mean."""
    checkpoint_seconds: float


@dataclass
class History:
    """What was measured along the way."""

    steps: list[dict[str, float]] = field(default_factory=list)
    """A row a visit to a member."""
    looks: list[dict[str, float]] = field(default_factory=list)
    """A row a look at the probes."""
    restarts: int = 0
    """Members that broke and began anew."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Visit:
    """What one member makes of a rater: its own next steps, and the rater's gradient."""

    def __init__(self, fitting: Fitting, member: Member, step: int) -> None:
        self.fitting, self.member, plan = fitting, member, fitting.plan
        random = np.random.default_rng([plan.seed, 1, step, member.number])
        number = plan.free_steps + plan.unroll
        self.batches = [fitting.draw(fitting.pool, plan.batch_size, random) for _ in range(number)]
        self.heldout = fitting.draw(fitting.heldout, plan.heldout_batch_size, random)

    def gradient(self, eta: Tensors) -> tuple[Tensors, dict[str, float]]:
        """Train the member by the rater's weights, the last steps differentiated; the gradient by the rater."""
        fitting, member, plan = self.fitting, self.member, self.fitting.plan
        scores = [fitting.rater.losses(eta, batch) for batch in self.batches]
        fitting.check_scores(torch.cat(scores))
        weights = [one.softmax(0) for one in scores]
        member.params, member.state = fitting.trained(
            member.params, member.state, self.batches[: plan.free_steps], weights[: plan.free_steps]
        )
        batches, shares = self.batches[plan.free_steps :], weights[plan.free_steps :]
        window = unroll(fitting.inner, plan.inner_update, member.params, member.state, batches, shares, fitting.backend)
        outer, losses = fitting.inner.gradient(window.params, self.heldout, equal(self.heldout))
        found = weight_gradients(fitting.inner, plan.inner_update, window, outer, fitting.backend)
        by_rater = [
            fitting.rater.gradient(eta, batch, score_gradients(share, one))[0]
            for batch, share, one in zip(batches, shares, found, strict=True)
        ]
        gradient = tuple(torch.stack(parts).sum(0) for parts in zip(*by_rater, strict=True))
        member.params, member.state = window.params, window.state
        told = {
            "age": member.age,
            "outer_loss": float(losses.mean()),
            "inner_loss": float(torch.cat([step.losses for step in window.steps]).mean()),
            "gradient_norm": float(norm(gradient)),
            "sample_size": float(np.mean([sample_size(one) for one in weights])),
            "score_spread": float(torch.cat(scores).std()),
        }
        return gradient, told


@dataclass
class Fitting:
    """A fitting at work."""

    plan: Plan
    pool: ChunkTable
    heldout: ChunkTable
    left_out: int
    """Documents of the pool that stand in the held-out set."""
    inner: Inner
    rater: Stateless[Chunks]
    backend: Backend
    work: Path
    peak: float
    device: torch.device

    def __post_init__(self) -> None:
        plan = self.plan
        self.eta = self.rater.params()
        self.nursery = Nursery(
            self.inner, plan.inner, plan.inner_update, plan.seed, plan.lifetime, plan.population, self.device
        )
        start = plan.rater_update.start(self.eta)
        self.members = [self.nursery.member(number, start) for number in range(plan.population)]
        self.twin = self.members[0].params, self.members[0].state
        self.history, self.done, self.failures = History(), 0, 0
        random = np.random.default_rng([plan.seed, 2])
        size = min(NUM_PROBES, len(self.pool))
        self.probes = self.pool.batch(np.sort(random.choice(len(self.pool), size, replace=False))).to(self.device)
        self.probed: Tensor | None = None

    def run(self) -> History:
        """Go on from the last checkpoint to the end."""
        plan = self.plan
        self._restore()
        tokens = plan.visited * (plan.free_steps + plan.unroll) * plan.batch_size * plan.inner.context
        pace = Pace(plan.label, plan.steps, tokens, plan.flops // tokens, self.peak)
        before, saved = self.history.seconds, time.monotonic()
        for step in range(self.done, plan.steps):
            began = time.perf_counter()
            self.step(step)
            self.done = step + 1
            if self.done % STEPS_BETWEEN_LOOKS == 0 or self.done == plan.steps:
                self._look()
            self.history.seconds += time.perf_counter() - began
            pace.tell(self.done, self._last_loss(), self.history.seconds - before)
            if time.monotonic() - saved >= plan.checkpoint_seconds and self.done < plan.steps:
                self.save()
                saved = time.monotonic()
        return self.history

    def step(self, step: int) -> None:
        """Visit members in turn, and take the mean of where each of them would move the rater (section 1.2)."""
        plan, reached = self.plan, []
        for place in range(plan.visited):
            member = self.members[(step * plan.visited + place) % plan.population]
            if (moved := self._visit(member, step)) is not None:
                reached.append(moved)
        if reached:
            self.eta = tuple(torch.stack(parts).mean(0) for parts in zip(*reached, strict=True))

    def _visit(self, member: Member, step: int) -> Tensors | None:
        """Where a member would move the rater; None where it broke and began anew."""
        if member.left <= 0:
            self._restart(member)
        visit = Visit(self, member, step)
        gradient, told = visit.gradient(self.eta)
        member.left -= len(visit.batches)
        if not (np.isfinite(told["outer_loss"]) and np.isfinite(told["gradient_norm"])):
            self._broke(member, step, told)
            return None
        self.failures = 0
        if member.number == 0:
            told["advantage"] = self._advantage(visit, told["outer_loss"])
        self.history.steps.append({"step": step, "member": member.number, **told})
        eta, member.moments = advance(self.plan.rater_update, self.eta, member.moments, gradient)
        return eta

    def _advantage(self, visit: Visit, loss: float) -> float:
        """How far the twin, which trained on the same chunks all alike, lies behind on the same held-out text."""
        self.twin = self.trained(*self.twin, visit.batches, [equal(batch) for batch in visit.batches])
        return float(self.inner.losses(self.twin[0], visit.heldout).mean()) - loss

    def _restart(self, member: Member) -> None:
        self.nursery.restart(member)
        if member.number == 0:
            self.twin = member.params, member.state

    def _broke(self, member: Member, step: int, told: dict[str, float]) -> None:
        """Let a member begin anew; InputError where one after the other breaks."""
        self.failures += 1
        self.history.restarts += 1
        text = (
            f"meta-step {step}: member {member.number} broke at age {member.age} (held-out loss "
            f"{told['outer_loss']:g}, gradient's norm {told['gradient_norm']:g}) and begins anew"
        )
        if self.failures >= MOST_FAILURES:
            raise InputError(
                f"{self.plan.label}: {text}, as did the {self.failures - 1} visits before: set inner_learning_rate "
                f"below {self.plan.inner_update.learning_rate:g}"
            )
        self._warn(text)
        self._restart(member)

    def trained(
        self, params: Tensors, state: Tensors, batches: list[Chunks], weights: list[Tensor]
    ) -> tuple[Tensors, Tensors]:
        """Parameters and state after a plain step on each batch."""
        for batch, shares in zip(batches, weights, strict=True):
            gradient, _ = self.inner.gradient(params, batch, shares)
            params, state = advance(self.plan.inner_update, params, state, gradient)
        return params, state

    def draw(self, chunks: ChunkTable, size: int, random: np.random.Generator) -> Chunks:
        """So many chunks by chance, with replacement."""
        return chunks.batch(random.integers(len(chunks), size=size)).to(self.device)

    def _look(self) -> None:
        """Follow the probes' scores; warn of a softmax that weighs too few."""
        scores = self.rater.losses(self.eta, self.probes)
        lengths = self.probes.lengths.to(scores.dtype)
        recent = [row["sample_size"] for row in self.history.steps if row["step"] >= self.done - STEPS_BETWEEN_LOOKS]
        further = self.history.steps[-LOOKS_OF_ADVANTAGE * len(recent) :]
        advantages = [row["advantage"] for row in further if "advantage" in row]
        size = float(np.mean(recent)) if recent else 1.0
        self.history.looks.append(
            {
                "step": self.done,
                "score_mean": float(scores.mean()),
                "score_spread": float(scores.std()),
                "autocorrelation": correlation(scores, self.probed) if self.probed is not None else float("nan"),
                "length_correlation": correlation(scores, lengths),
                "sample_size": size,
                "advantage": float(np.mean(advantages)) if advantages else float("nan"),
            }
        )
        self.probed = scores
        self._check_sample(size)

    def check_scores(self, scores: Tensor) -> None:
        """InputError where a score is not a number: the rater itself has broken."""
        if not bool(scores.isfinite().all()):
            raise self._hopeless(f"are not finite at meta-step {self.done}")

    def _check_sample(self, size: float) -> None:
        """Say it where the softmax weighs few examples; InputError where it weighs one."""
        batch = self.plan.batch_size
        if size * batch < LEAST_EXAMPLES:
            raise self._hopeless(
                f"have collapsed at meta-step {self.done}: of {batch} examples the softmax weighs {size * batch:.1f}, "
                "and there is no gradient left"
            )
        if size < LOW_SAMPLE:
            self._warn(f"meta-step {self.done}: the softmax weighs {size:.0%} of a batch: scores are too far apart")

    def _hopeless(self, what: str) -> InputError:
        rate = self.plan.rater_update.learning_rate
        return InputError(
            f"{self.plan.label}: the scores {what}; set learning_rate below {rate:g}, or a larger batch_size"
        )

    def _warn(self, text: str) -> None:
        self.history.warnings.append(text)
        print(f"{self.plan.label}: {text}", file=sys.stderr)  # noqa: T201 - as the pace is told

    def _last_loss(self) -> float:
        return self.history.steps[-1]["outer_loss"] if self.history.steps else float("nan")

    def save(self) -> None:
        """Leave a checkpoint in place of the last one."""
        state = {
            "run": self.plan.run,
            "done": self.done,
            "failures": self.failures,
            "eta": self.eta,
            "twin": self.twin,
            "probed": self.probed,
            "members": [dict(vars(member)) for member in self.members],
            "history": asdict(self.history),
        }
        with appearing(self.work / CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def _restore(self) -> None:
        """Take up where the run's checkpoint stands, if there is one."""
        path = self.work / CHECKPOINT
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        if state["run"] != self.plan.run:
            return
        self.done, self.failures, self.eta = state["done"], state["failures"], state["eta"]
        self.twin, self.probed = state["twin"], state["probed"]
        self.members = [Member(**member) for member in state["members"]]
        self.history = History(**state["history"])


def make_rater(shape: Shape, seed: int, device: torch.device) -> Stateless[Chunks]:
    """The rater as a function of its parameters."""
    return Stateless(Rater(shape, seed).to(device), lambda rater, chunks: rater(chunks))


def equal(chunks: Chunks) -> Tensor:
    """Weights that are all alike and sum to one."""
    size = len(chunks.lengths)
    return torch.full((size,), 1 / size, device=chunks.lengths.device)


def sample_size(weights: Tensor) -> float:
    """How many examples the weights amount to, as a share of the batch: 1 where all are alike (Kish 1965)."""
    return float(1 / (len(weights) * weights.square().sum()))


def correlation(left: Tensor, right: Tensor) -> float:
    """Pearson's; NaN where one has no spread."""
    pair = torch.stack([left.double(), right.double()])
    return float(torch.corrcoef(pair)[0, 1]) if bool((pair.std(1) > 0).all()) else float("nan")
