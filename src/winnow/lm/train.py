"""A language model trained on a mix by the fixed recipe of a scale: what a set of documents is judged by.

The recipe is DCLM's (Li et al. 2024, appendix F): AdamW, gradients clipped to 1, warm-up and a cosine, z-loss. Nothing
of it is an option but the schedule and the learning rate, because runs that differ in more than their data say nothing
of it. On a processor the same step gives the same weights to the bit, resumed or not.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import cache_root, read_json, remove, write_json
from winnow.core.plain import digest
from winnow.core.step import Step, Whole, unique
from winnow.core.storage import RemotePath
from winnow.core.table import Store
from winnow.lm.mix import ABOUT, Mix
from winnow.lm.scales import find_scale
from winnow.lm.schedule import SCHEDULES, Schedule
from winnow.lm.stream import TokenStream
from winnow.lm.tokenizer import needs_torch, open_tokenizer
from winnow.lm.trained import CHECKPOINTS, CONFIG, REPORT

if TYPE_CHECKING:
    from winnow.lm.checkpoint import Curves
    from winnow.lm.distributed import Group
    from winnow.lm.loop import Plan

NUM_HELDOUT_POINTS = 20
HELDOUT_SHARE = 0.2
"""Points on the curve of a held-out set at most, and what share of training's own work measuring them may take."""
LOSSES = {"step": "int64", "tokens": "int64", "loss": "double", "learning_rate": "double", "gradient_norm": "double"}
HELDOUT = {"step": "int64", "tokens": "int64", "name": "string", "bits_per_byte": "double"}
"""The columns of the two curves; losses are nats per token, without z-loss."""


@dataclass(frozen=True, kw_only=True)
class Train(Whole):
    """Trains one model of a scale on the tokens of a mix, all of them, in their order.

    The mix's length is the budget, whatever the scale's own; the last tokens, fewer than a batch, are left out. Writes
    ``model.safetensors``, ``config.json``, the tokenizer, ``losses.parquet`` (a row per step), ``heldout.parquet``
    (bits per byte of each held-out set at 20 points along the run, fewer where they would cost more than a fifth of
    training) and ``report.json``; ``open_trained`` opens them.
    """

    side_by_side: ClassVar[bool] = True

    tokens: Mix
    scale: str
    """A name of ``SCALES``, with a multiplier or without."""
    seed: int = 0
    """Of the first weights; the order of the data has its own, in the mix."""
    heldout: tuple[tuple[str, Mix], ...] = ()
    """Sets to measure along the run, by name."""
    schedule: Schedule = "cosine"
    learning_rate: float | None = None
    """At its highest; None for the scale's own."""
    keep_checkpoints: tuple[float, ...] = ()
    """Shares of the run, in (0, 1), at which the model is kept as it is then; ``Checkpoint`` makes it one to use."""
    checkpoint_seconds: float = field(default=300.0, compare=False)
    """Between two checkpoints to resume from."""

    def inputs(self) -> tuple[Step, ...]:
        """The mixes, and the step that fits their tokenizer."""
        tokenizer = self.tokens.tokenizer
        fitted = [tokenizer] if isinstance(tokenizer, Step) else []
        return tuple(unique(iter([*super().inputs(), *fitted])))

    def check(self) -> None:
        """Refuse what cannot be trained."""
        find_scale(self.scale)
        if self.schedule not in SCHEDULES:
            raise RecipeError(f"schedule is {self.schedule!r}; it must be one of {', '.join(SCHEDULES)}")
        if self.learning_rate is not None and not 0 < self.learning_rate < 1:
            raise RecipeError(f"learning_rate is {self.learning_rate}; it must lie in (0, 1)")
        if not all(0 < share < 1 for share in self.keep_checkpoints):
            raise RecipeError(f"keep_checkpoints is {self.keep_checkpoints}; shares of the run must lie in (0, 1)")
        names = [name for name, _ in self.heldout]
        if len({*names}) < len(names):
            raise RecipeError(f"the held-out sets {', '.join(names)} repeat a name: give each once")
        for name, mix in self.heldout:
            if mix.tokenizer != self.tokens.tokenizer:
                raise RecipeError(f"the held-out set {name} has another tokenizer than the mix: tokenize both with one")
        needs_torch("training")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Train, on as many processes as the machine and the scale ask for; go on where an earlier try stopped."""
        from winnow.lm.devices import num_processes, taken
        from winnow.lm.distributed import run_on

        plan = self._plan(store)
        work = work_directory(self, plan.run, store)
        processes = num_processes(plan.scale.shape)
        if plan.scale.batch_size % processes:
            raise RecipeError(f"{processes} processes cannot share a batch of {plan.scale.batch_size} sequences evenly")
        with taken(processes) as devices:
            run_on(devices, _train, (self, store.root, plan, work, directory))
        if plan.kept_steps:
            shutil.copytree(work / CHECKPOINTS, directory / CHECKPOINTS)
        for place in [directory, *(directory / CHECKPOINTS).glob("*")]:
            write_json(place / CONFIG, self._config(plan, store))
            open_tokenizer(self.tokens.tokenizer, store).save(place)
        remove(work)
        return {"steps": plan.num_steps, "tokens": plan.num_steps * plan.scale.batch_tokens}

    def _plan(self, store: Store) -> Plan:
        """The run's numbers; InputError where the mix has not the tokens of one batch."""
        from winnow.lm.loop import Plan

        about = read_json(store.table(self.tokens).file(ABOUT))
        scale = find_scale(self.scale).with_vocabulary(about["vocab_size"])
        if self.learning_rate is not None:
            end = scale.end_learning_rate / scale.learning_rate * self.learning_rate
            scale = replace(scale, learning_rate=self.learning_rate, end_learning_rate=end)
        num_steps = (about["num_tokens"] - 1) // scale.batch_tokens
        if num_steps < 1:
            raise InputError(
                f"the mix has {about['num_tokens']} tokens, and one batch of {self.scale} takes {scale.batch_tokens} "
                "and one more: give the mix num_tokens to pass over it more often, more text, or take a smaller scale"
            )
        made = [store.table(needed).manifest.digest for needed in self.inputs()]
        return Plan(
            label=self.label,
            run=digest([self.key, made]),
            scale=scale,
            schedule=self.schedule,
            seed=self.seed,
            num_steps=num_steps,
            heldout_steps=_points(num_steps, self._num_points(num_steps * scale.batch_tokens, store)),
            kept_steps=self._kept_steps(num_steps),
            checkpoint_seconds=self.checkpoint_seconds,
        )

    def _num_points(self, num_tokens: int, store: Store) -> int:
        """How often the held-out sets are measured in a run of so many tokens, the last time at its end."""
        if not self.heldout:
            return 0
        measured = sum(read_json(store.table(mix).file(ABOUT))["num_tokens"] for _, mix in self.heldout)
        affordable = int(HELDOUT_SHARE * 3 * num_tokens / measured)  # reading a token is a third of learning from it
        return max(1, min(NUM_HELDOUT_POINTS, affordable))

    def _kept_steps(self, num_steps: int) -> frozenset[int]:
        """The steps after which the model is kept; RecipeError where two shares are one step, or one is the end."""
        found = {num_steps: "its end"}
        for share in self.keep_checkpoints:
            step = kept_step(share, num_steps)
            if step in found:
                raise RecipeError(
                    f"keep_checkpoints: {share:g} of a run of {num_steps} steps and {found[step]} are both step "
                    f"{step}: leave {share:g} out, or give the run more tokens"
                )
            found[step] = f"{share:g} of it"
        return frozenset(found) - {num_steps}

    def _config(self, plan: Plan, store: Store) -> dict[str, Any]:
        """What a model must know of itself to be opened, and what it was made by."""
        tokenizer = open_tokenizer(self.tokens.tokenizer, store)
        return {
            "shape": asdict(plan.scale.shape),
            "vocab_size": tokenizer.vocab_size,
            "end_of_text": tokenizer.end_of_text,
            "recipe": _recipe(plan),
        }


def work_directory(step: Step, run: str, store: Store) -> Path:
    """Where a run's checkpoints lie: beside its step's result, or on this machine where the store is elsewhere."""
    beside = store.directory(step) / "checkpoints"
    work = cache_root() / "training" / run if isinstance(beside, RemotePath) else beside
    work.mkdir(parents=True, exist_ok=True)
    return work


def kept_step(share: float, num_steps: int) -> int:
    """After how many of a run's steps the model at a share of it is kept."""
    return max(1, round(share * num_steps))


def _points(num_steps: int, number: int) -> frozenset[int]:
    """Numbers of steps done, evenly spaced, the last one ``num_steps``."""
    return frozenset(max(1, round(point * num_steps / number)) for point in range(1, number + 1))


def _recipe(plan: Plan) -> dict[str, Any]:
    """The numbers of a run that are not its shape's."""
    scale = plan.scale
    return {
        "scale": scale.name,
        "schedule": plan.schedule,
        "seed": plan.seed,
        "num_steps": plan.num_steps,
        "batch_size": scale.batch_size,
        "warmup_steps": scale.warmup(plan.num_steps),
        "learning_rate": scale.learning_rate,
        "end_learning_rate": scale.end_learning_rate,
        "weight_decay": scale.weight_decay,
        "z_loss": scale.z_loss,
    }


def _train(group: Group, step: Train, root: Path, plan: Plan, work: Path, directory: Path) -> None:
    """What each process of a run does; the first one writes what it leaves."""
    from winnow.lm.devices import exact, num_threads, peak_flops
    from winnow.lm.loop import Training

    store = Store(root)
    stream = TokenStream.open(step.tokens, store)
    heldout = {name: TokenStream.open(mix, store) for name, mix in step.heldout}
    with exact(group.device, max(1, num_threads(plan.scale.num_params) // group.size)):
        peak = peak_flops(group.device) * group.size
        training = Training(plan, group, stream, heldout, work, peak)
        curves = training.run()
        training.write_model(directory)
        if group.first:
            _write_curves(curves, directory)
            about = read_json(store.table(step.tokens).file(ABOUT))
            write_json(directory / REPORT, _report(plan, about, curves, group, peak))


def _write_curves(curves: Curves, directory: Path) -> None:
    """Write what was measured along the run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, schema, rows in (("losses", LOSSES, curves.losses), ("heldout", HELDOUT, curves.heldout)):
        fields = {name: pa.type_for_alias(kind) for name, kind in schema.items()}
        columns = zip(*rows, strict=True) if rows else [[] for _ in fields]
        arrays = [pa.array(values, kind) for values, kind in zip(columns, fields.values(), strict=True)]
        pq.write_table(pa.table(dict(zip(fields, arrays, strict=True))), directory / f"{name}.parquet")


def _report(plan: Plan, about: Mapping[str, Any], curves: Curves, group: Group, peak: float) -> dict[str, Any]:
    """What the run was, cost and reached."""
    from winnow.lm.devices import name_of
    from winnow.lm.pace import mfu, tokens_per_second

    shape, num_tokens = plan.scale.shape, plan.num_steps * plan.scale.batch_tokens
    speed = tokens_per_second(num_tokens, curves.seconds)
    return {
        "scale": plan.scale.name,
        "seed": plan.seed,
        "num_params": shape.num_params,
        "num_params_no_embedding": shape.num_params_no_embedding,
        "num_tokens": num_tokens,
        "unique_tokens": min(about["unique_tokens"], num_tokens),
        "epochs": about["epochs"],
        "dataset": about["dataset"],
        "flops": 6 * shape.num_params * num_tokens,
        "seconds": curves.seconds,
        "tokens_per_second": speed,
        "mfu": mfu(speed, shape.flops_per_token, peak),
        "machine": f"{group.size} x {name_of(group.device)}",
        "loss": curves.losses[-1][2],
        "bits_per_byte": {name: bits for done, _, name, bits in curves.heldout if done == plan.num_steps},
    }
