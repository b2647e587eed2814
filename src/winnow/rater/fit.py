"""A DataRater fitted to a pool: which of its chunks make models better at held-out text, learnt by meta-gradients."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

import numpy as np

from winnow.core.errors import InputError, RecipeError, did_you_mean
from winnow.core.files import remove, write_json
from winnow.core.plain import digest
from winnow.core.step import Step, Whole, unique
from winnow.core.table import Store
from winnow.lm.scales import Shape, find_scale, hidden_width
from winnow.lm.token_table import TokenTable, document_sizes
from winnow.lm.tokenizer import Tokenizer, needs_torch, open_tokenizer
from winnow.lm.train import work_directory
from winnow.lm.trained import CONFIG, REPORT, WEIGHTS, write_weights
from winnow.rater.cost import Cost, fitting_cost

if TYPE_CHECKING:
    import torch

    from winnow.rater.chunks import ChunkTable
    from winnow.rater.fitting import Fitting, Plan

BackendName = Literal["auto", "exact", "compiled", "differences"]
STEPS, LOOKS = "steps.parquet", "looks.parquet"
SPLIT = "split"
SPLIT_SHARE = 0.1
"""Of the pool's documents, held out where nothing else is given."""
WARMUP = 100
MAX_NORM = 0.01
WEIGHT_DECAY = 0.1
META_BETAS = (0.9, 0.99)
"""Of the rater's optimiser; the paper gives warm-up, norm and decay, and not the betas."""
INNER_BETAS = (0.9, 0.99)


@dataclass(frozen=True, kw_only=True)
class FitDataRater(Whole):
    """Meta-learns a rater: a small transformer whose scores, as weights, make models better at held-out text.

    Calian et al. 2025 (arXiv 2505.17895), algorithm 1. A population of inner models trains on chunks of the pool,
    weighted by a softmax of the rater's scores over the batch; every ``unroll`` steps the loss on held-out chunks is
    differentiated through them, and the rater moves. Writes ``model.safetensors``, ``config.json``, the tokenizer,
    ``steps.parquet`` (a row a visit to an inner model), ``looks.parquet`` (a row every 25 meta-steps) and
    ``report.json``; ``DataRater`` scores with it.

    Documents of the pool of which half stands in the held-out set are left out, and counted.
    """

    side_by_side: ClassVar[bool] = True

    documents: TokenTable
    """The pool: documents as tokens, of any quality."""
    heldout: TokenTable | Literal["split"]
    """What models are to be good at, as tokens of the same tokenizer. ``split``: a tenth of the pool itself, the
    paper's choice. It asks which documents make the rest of the same pool easier, and junk that can be learnt counts as
    a part of that. Give clean text where that is what is wanted."""
    steps: int = 1000
    """Meta-steps."""
    inner: str = "0.1M"
    """The scale whose shape the inner models have."""
    length: int | None = None
    """Tokens of a chunk at most; None for the inner scale's context."""
    rater_width: int = 64
    rater_layers: int = 2
    batch_size: int = 32
    """Chunks of an inner step, over which the softmax weighs."""
    heldout_batch_size: int = 64
    unroll: int = 2
    """Inner steps that are differentiated through; the paper's is 2, and more did no better."""
    free_steps: int = 2
    """Weighted inner steps before those, so that inner models grow older at the price of a plain step."""
    population: int = 4
    """Inner models, at staggered ages."""
    visited: int = 1
    """Inner models of a meta-step, in turn; the paper visits all."""
    lifetime: int = 240
    """Inner steps until an inner model begins anew."""
    learning_rate: float = 1e-3
    """Of the rater."""
    inner_learning_rate: float = 2e-3
    backend: BackendName = "auto"
    """How Hessians are multiplied with; see docs/meta-gradients.md."""
    seed: int = 0
    checkpoint_seconds: float = field(default=120.0, compare=False)
    """Between two checkpoints to resume from."""

    def inputs(self) -> tuple[Step, ...]:
        """The tokens, and the step that fits their tokenizer."""
        tokenizer = self.documents.tokenizer
        return tuple(unique(iter([*super().inputs(), *([tokenizer] if isinstance(tokenizer, Step) else [])])))

    def check(self) -> None:
        """Refuse what cannot be learnt."""
        find_scale(self.inner)
        if self.backend not in get_args(BackendName):
            raise RecipeError(f"backend is {self.backend!r}; {did_you_mean(self.backend, get_args(BackendName))}")
        if isinstance(self.heldout, str):
            if self.heldout != SPLIT:
                raise RecipeError(f"heldout is {self.heldout!r}; give tokens of held-out documents, or 'split'")
        elif self.heldout.tokenizer != self.documents.tokenizer:
            raise RecipeError("the held-out set has another tokenizer than the pool: tokenize both with one")
        for name, least in _LEAST.items():
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise RecipeError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if self.visited > self.population:
            raise RecipeError(f"visited is {self.visited}, and the population has {self.population} inner models")
        for name in ("learning_rate", "inner_learning_rate"):
            if not 0 < getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}; it must lie in (0, 1)")
        if self.rater_width % _HEAD:
            raise RecipeError(f"rater_width is {self.rater_width}; it must be a multiple of {_HEAD}")
        needs_torch("meta-learning")

    def announce(self, store: Store) -> None:
        """Say FLOPs, memory and hours."""
        from winnow.lm.devices import peak_flops, preferred

        peak = peak_flops(preferred())
        cost = self.estimate(open_tokenizer(self.documents.tokenizer, store).vocab_size)
        print(f"{self.label}: {self.steps:,} meta-steps: {cost.told(peak)}", file=sys.stderr)  # noqa: T201

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Meta-learn; go on where an earlier try stopped."""
        from winnow.lm.devices import exact, num_threads, taken

        tokenizer = open_tokenizer(self.documents.tokenizer, store)
        inner, _ = self.shapes(tokenizer.vocab_size)
        with taken(1) as (device,), exact(device, num_threads(inner.num_params)):
            fitting = self.open(store, device)
            fitting.run()
            self._write(fitting, directory)
        tokenizer.save(directory)
        remove(fitting.work)
        return {"steps": self.steps, "chunks": len(fitting.pool), "heldout_chunks": len(fitting.heldout)}

    def open(self, store: Store, device: torch.device) -> Fitting:
        """A fitting that has not begun, its data opened: for those who want to look at it between its steps."""
        from winnow.lm.devices import peak_flops
        from winnow.rater.fitting import Fitting, make_rater
        from winnow.rater.inner import Inner

        tokenizer = open_tokenizer(self.documents.tokenizer, store)
        plan = self._plan(store, tokenizer)
        pool, heldout, left_out = self._chunks(store, tokenizer)
        inner = Inner(plan.inner, device)
        return Fitting(
            plan=plan,
            pool=pool,
            heldout=heldout,
            left_out=left_out,
            inner=inner,
            rater=make_rater(plan.rater, plan.seed, device),
            backend=self._backend(inner, pool, device),
            work=work_directory(self, plan.run, store),
            peak=peak_flops(device),
            device=device,
        )

    def shapes(self, vocab_size: int) -> tuple[Shape, Shape]:
        """Of the inner models and of the rater."""
        scale = find_scale(self.inner).with_vocabulary(vocab_size)
        inner = replace(scale.shape, context=self.length or scale.shape.context)
        width, hidden = self.rater_width, hidden_width(self.rater_width)
        rater = replace(inner, width=width, hidden=hidden, num_layers=self.rater_layers, num_heads=width // _HEAD)
        return inner, rater

    def estimate(self, vocab_size: int = 4096) -> Cost:
        """What it costs with a tokenizer of so many tokens: FLOPs and memory, before anything starts."""
        from winnow.lm.devices import preferred
        from winnow.meta.backends import exact_at_once

        inner, rater = self.shapes(vocab_size)
        at_once = exact_at_once(preferred(), inner.num_params)
        return fitting_cost(
            inner=inner,
            rater=rater,
            steps=self.steps,
            visited=self.visited,
            population=self.population,
            unroll=self.unroll,
            free_steps=self.free_steps,
            batch_size=self.batch_size,
            heldout_batch_size=self.heldout_batch_size,
            exact=self.backend in ("exact", "compiled") or (self.backend == "auto" and at_once),
        )

    def _plan(self, store: Store, tokenizer: Tokenizer) -> Plan:
        from winnow.meta.optimizers import AdamW
        from winnow.rater.fitting import Plan

        inner, rater = self.shapes(tokenizer.vocab_size)
        made = [store.table(needed).manifest.digest for needed in self.inputs()]
        decayed = (True, False)
        return Plan(
            label=self.label,
            run=digest([self.key, made]),
            steps=self.steps,
            batch_size=self.batch_size,
            heldout_batch_size=self.heldout_batch_size,
            unroll=self.unroll,
            free_steps=self.free_steps,
            population=self.population,
            visited=self.visited,
            lifetime=self.lifetime,
            inner=inner,
            inner_update=AdamW(learning_rate=self.inner_learning_rate, betas=INNER_BETAS, decayed=decayed),
            rater=rater,
            rater_update=AdamW(
                learning_rate=self.learning_rate,
                betas=META_BETAS,
                weight_decay=WEIGHT_DECAY,
                decayed=decayed,
                max_norm=MAX_NORM,
                warmup=min(WARMUP, max(1, self.steps // 5)),
            ),
            seed=self.seed,
            flops=self.estimate(tokenizer.vocab_size).flops // self.steps,
            checkpoint_seconds=self.checkpoint_seconds,
        )

    def _chunks(self, store: Store, tokenizer: Tokenizer) -> tuple[ChunkTable, ChunkTable, int]:
        """The pool's chunks, the held-out ones, and how many documents were left out; InputError where one is small."""
        from winnow.rater.chunks import open_chunks
        from winnow.rater.near import near_duplicates, window_for

        length, end = self.shapes(tokenizer.vocab_size)[0].context, tokenizer.end_of_text
        pool = open_chunks(self.documents, store, length, end)
        if isinstance(self.heldout, str):
            held = np.unique(pool.places.document)
            random = np.random.default_rng([self.seed, 3])
            chosen = random.choice(held, round(SPLIT_SHARE * len(held)), replace=False)
            inside = np.isin(pool.places.document, chosen)
            pool, heldout = pool.where(~inside), pool.where(inside)
        else:
            heldout = open_chunks(self.heldout, store, length, end)
        sizes = document_sizes(self.documents, store)
        alike = near_duplicates(pool, heldout, window_for(sizes.num_tokens, int(sizes.num_bytes.sum())))
        num_documents = len(np.unique(pool.places.document))
        pool = pool.where(~np.isin(pool.places.document, alike))
        for chunks, name, least in (
            (pool, "pool", self.batch_size),
            (heldout, "held-out set", self.heldout_batch_size),
        ):
            if len(chunks) < least:
                raise InputError(
                    f"{self.label}: the {name} has {len(chunks)} chunks of {length} tokens, fewer than one batch of "
                    f"{least}; {len(alike)} of {num_documents} documents of the pool were left out, because they stand "
                    "in the held-out set too: give more documents, or a held-out set of others"
                )
        return pool, heldout, len(alike)

    def _backend(self, inner: Any, pool: ChunkTable, device: Any) -> Any:
        from winnow.meta.backends import Compiled, Differences, Exact, auto
        from winnow.meta.models import check_model
        from winnow.rater.fitting import equal

        some = pool.batch(np.arange(min(len(pool), self.batch_size))).to(device)
        params = inner.params()
        check_model(inner, params, some)
        if self.backend == "auto":
            return auto(inner, params, some, equal(some))
        return {"exact": Exact, "compiled": Compiled, "differences": Differences}[self.backend]()

    def _write(self, fitting: Fitting, directory: Path) -> None:
        """Write the rater and what was measured on the way."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        named, history = fitting.rater.named(fitting.eta), fitting.history
        weights = {name: weight.cpu().contiguous() for name, weight in named.items()}
        write_weights(weights, directory / WEIGHTS)
        for name, rows in ((STEPS, history.steps), (LOOKS, history.looks)):
            columns = dict.fromkeys(key for row in rows for key in row)
            pq.write_table(pa.table({key: [row.get(key) for row in rows] for key in columns}), directory / name)
        plan, backend = fitting.plan, cast(BackendName, type(fitting.backend).__name__.lower())
        write_json(directory / CONFIG, {"rater": asdict(plan.rater), "inner": asdict(plan.inner)})
        write_json(
            directory / REPORT,
            {
                "steps": plan.steps,
                "cost": asdict(replace(self, backend=backend).estimate(plan.inner.vocab_size)),
                "seconds": history.seconds,
                "chunks": len(fitting.pool),
                "heldout_chunks": len(fitting.heldout),
                "left_out": fitting.left_out,
                "restarts": history.restarts,
                "warnings": history.warnings,
                "backend": backend,
                "last": history.looks[-1] if history.looks else {},
            },
        )


_HEAD = 16
"""Width of a head of the rater at least."""
_LEAST = {
    "steps": 1,
    "length": 2,
    "rater_layers": 0,
    "rater_width": _HEAD,
    "batch_size": 2,
    "heldout_batch_size": 1,
    "unroll": 1,
    "free_steps": 0,
    "population": 1,
    "visited": 1,
    "lifetime": 1,
}
