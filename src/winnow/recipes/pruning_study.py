"""The study of "When Less is More" (Marion et al. 2023): what does pruning by a model's own scores do, and when?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from winnow.bench.claims import EARLY, MIDWAY
from winnow.bench.pruning import SCORED, Arm, Reference, Scoring, Subset
from winnow.bench.study import PruningStudy, Scored
from winnow.bench.tracks import Bench, Candidate, Trial, bench
from winnow.choose.rank import Bottom, Middle, Rank, Sample, Top
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.step import Rows
from winnow.evaluate.evaluate import Evaluate
from winnow.evaluate.fine_tune import FineTune
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.kept import Checkpoint
from winnow.lm.mix import Mix
from winnow.lm.scales import find_scale
from winnow.lm.tokenize import Tokenize
from winnow.lm.train import Train
from winnow.loss.loss import Loss
from winnow.loss.memorization import Memorization
from winnow.measure.measure import Measure
from winnow.measure.model import Model
from winnow.measure.score import Score
from winnow.recipes.testbed import all_named, documents_of, heldout_mixes

METRICS = {
    "perplexity": "loss.perplexity",
    "el2n": "loss.el2n",
    "top_logit": "loss.top_logit",
    "top_mass": "loss.top_mass",
    "memorization": "coalesce(memorization.fraction, 0)",
}
"""What a pool can be pruned by. A document too short to be asked for its continuation counts as not memorised."""
MEMORIZATION = "memorization"
RANKS: dict[Subset, Callable[..., Rank]] = {"top": Top, "middle": Middle, "bottom": Bottom}
WEIGHT = "coalesce(loss.num_tokens, 1)"
"""Shares are of tokens, as those of the paper's sequences of equal length are."""
HALF = 0.5
"""The share that is kept where another thing than the share is compared."""
KEPT = (EARLY, MIDWAY)
"""Shares of the base reference's training at which it scores too: 250 and 1,000 of the paper's 1,812 steps an epoch."""


def pruning_study(
    pool: tuple[str, ...],
    reference: tuple[str, ...],
    heldout: tuple[str, ...],
    scale: tuple[str, ...] = ("0.3M", "1M"),
    reference_scale: tuple[str, ...] = ("1M", "0.3M"),
    metrics: tuple[str, ...] = ("perplexity", "el2n", "memorization"),
    fractions: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7),
    seeds: int = 3,
    tokens: int | None = None,
    reference_tokens: int | None = None,
    tasks: tuple[str, ...] = (),
    task_files: tuple[str, ...] = (),
    vocabulary: int = 4096,
) -> PruningStudy:
    """Which part of a pool is worth training on: the easy, the middle or the hard, by which score, of which model?

    Every ``NAME=SOURCE`` is files, a glob, or the recipe.json of an earlier run; the first of each kind is the base,
    and everything else differs from it in one thing. The first reference corpus is of the pools' kind, others are
    cleaner; no document of the pools should be in them. At the base each metric's top, middle and bottom is kept at
    every fraction, beside random parts and no pruning. Other references (the smaller scale, the other corpora, the
    base's model at 14% and 55% of its training) prune the base pool by perplexity; other pools and larger models are
    pruned by the base's perplexity. All train for equal steps. ``--tasks`` are classification tasks (sst2, rte...) that
    the models of the base are fine-tuned on; the first is judged.
    """
    pools, corpora = all_named(pool, "pool"), all_named(reference, "reference")
    _check(pools, corpora, metrics)
    plan = _Plan(
        pools={name: documents_of(text) for name, text in pools.items()},
        corpora={name: documents_of(text) for name, text in corpora.items()},
        reference_scales=reference_scale,
        reference_tokens=reference_tokens,
        metrics=metrics,
        fractions=fractions,
        vocabulary=vocabulary,
    )
    trial = Trial(
        scales=(), seeds=tuple(range(seeds)), num_tokens=tokens, heldout=heldout_mixes(heldout, plan.tokenizer)
    )
    arms = {name: plan.arms_at_base() if name == scale[0] else plan.few_arms(plan.pool) for name in scale}
    runs = [
        (name, (evaluation, *plan.fine_tuned(name, evaluation, tasks, task_files)) if at == scale[0] else (evaluation,))
        for at, some in arms.items()
        for name, (evaluation,) in bench(
            "filtering", [plan.candidate(arm) for arm in some], replace(trial, scales=(at,))
        ).entries
    ]
    return PruningStudy(
        bench=Bench(track="filtering", entries=tuple(runs)),
        arms=tuple(dict.fromkeys(arm for some in arms.values() for arm in some)),
        references=tuple(plan.references),
        pool=plan.pool,
        reference=plan.reference,
        scored=tuple(plan.scored()),
    )


def _check(pools: Mapping[str, str], corpora: Mapping[str, str], metrics: tuple[str, ...]) -> None:
    """Refuse metrics that there are not, and names that would stand for two things."""
    if unknown := [metric for metric in metrics if metric not in METRICS]:
        raise RecipeError(f"--metrics names {unknown[0]!r}; known: {', '.join(METRICS)}")
    if shared := [name for name in pools if name in corpora]:
        raise RecipeError(
            f"--pool and --reference both name {shared[0]!r}: a reference model is known by what it was trained on, "
            "and one has seen the pool; give two names"
        )


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What a study trains: the names of models and sets, and the steps that make them."""

    pools: Mapping[str, Rows]
    corpora: Mapping[str, Rows]
    reference_scales: tuple[str, ...]
    reference_tokens: int | None
    metrics: tuple[str, ...]
    fractions: tuple[float, ...]
    vocabulary: int

    @property
    def pool(self) -> str:
        """The base pool."""
        return next(iter(self.pools))

    @property
    def reference(self) -> str:
        """The base reference."""
        return f"{self.reference_scales[0]} {next(iter(self.corpora))}"

    @cached_property
    def tokenizer(self) -> FitTokenizer:
        """One for everything that is trained."""
        return FitTokenizer(documents=(self.pools[self.pool], *self.corpora.values()), vocab_size=self.vocabulary)

    @cached_property
    def trained(self) -> dict[str, tuple[Reference, Train]]:
        """The reference models by their names, the base first; the last has seen the pool and tells what it keeps."""
        scale, corpus = self.reference_scales[0], next(iter(self.corpora))
        asked = [(scale, corpus)]
        asked += [(other, corpus) for other in self.reference_scales[1:]]
        asked += [(scale, other) for other in self.corpora if other != corpus]
        asked += [(scale, self.pool)] if MEMORIZATION in self.metrics else []
        return {f"{scale} {corpus}": self._train(scale, corpus) for scale, corpus in asked}

    @property
    def references(self) -> list[Reference]:
        """The reference models."""
        return [about for about, _ in self.trained.values()]

    def _train(self, scale: str, corpus: str) -> tuple[Reference, Train]:
        first = next(iter(self.corpora))
        documents = self.corpora[corpus] if corpus in self.corpora else self.pools[corpus]
        tokens = find_scale(scale).num_tokens if self.reference_tokens is None else self.reference_tokens
        name = f"{scale} {corpus}"
        train = Train(
            tokens=Mix(sources=((corpus, self._tokens(documents)),), num_tokens=tokens),
            scale=scale,
            keep_checkpoints=KEPT if name == self.reference else (),
        )
        clean = corpus in self.corpora and corpus != first
        return Reference(name=name, num_params=find_scale(scale).num_params, corpus=corpus, clean=clean), train

    def arms_at_base(self) -> list[Arm]:
        """Everything that is trained at the base scale."""
        arms = [Arm(subset="all", pool=self.pool)]
        for fraction in self.fractions:
            arms.append(Arm(subset="random", pool=self.pool, fraction=fraction))
            for metric in self.metrics:
                arms += self._subsets(Scoring(metric=metric, reference=self._scorer(metric), pool=self.pool), fraction)
        for scoring in self._perplexities()[1:]:
            arms += self._subsets(scoring, HALF)
        for pool in list(self.pools)[1:]:
            arms += self.few_arms(pool)
        return list(dict.fromkeys(arms))

    def few_arms(self, pool: str) -> list[Arm]:
        """What is trained wherever the base's perplexity is looked at elsewhere."""
        scoring = Scoring(metric="perplexity", reference=self.reference, pool=pool)
        whole, random = Arm(subset="all", pool=pool), Arm(subset="random", pool=pool, fraction=HALF)
        return [whole, random, *self._subsets(scoring, HALF)]

    def candidate(self, arm: Arm) -> Candidate:
        """The documents that an arm trains on."""
        return Candidate(arm.name, (("documents", self._tokens(self._kept(arm))),))

    def fine_tuned(
        self, name: str, evaluation: Evaluate | FineTune, tasks: tuple[str, ...], task_files: tuple[str, ...]
    ) -> list[FineTune]:
        """The same model on classification tasks, where it is one of those that are looked at everywhere."""
        if not tasks or name not in {arm.name for arm in self.few_arms(self.pool)}:
            return []
        train = evaluation.model
        assert isinstance(train, Train)
        return [FineTune(model=train, tasks=tasks, task_files=task_files, seed=train.seed)]

    def scored(self) -> Iterator[Scored]:
        """The scorings of the base pool."""
        others = [
            Scoring(metric=metric, reference=self._scorer(metric), pool=self.pool)
            for metric in self.metrics
            if metric != "perplexity"
        ]
        for scoring in (*self._perplexities(), *others):
            yield Scored(scoring, self._table(scoring), METRICS[scoring.metric])

    def _perplexities(self) -> list[Scoring]:
        """Perplexity of the base pool to every model that has not seen it, and to the base's as it was early on."""
        unseen = [about.name for about in self.references if about.corpus != self.pool]
        named = [(name, 1.0) for name in unseen] + [(self.reference, share) for share in KEPT]
        return [Scoring(metric="perplexity", reference=name, checkpoint=share, pool=self.pool) for name, share in named]

    def _scorer(self, metric: str) -> str:
        """The base reference; for memorisation the one that has seen the pool."""
        return f"{self.reference_scales[0]} {self.pool}" if metric == MEMORIZATION else self.reference

    def _subsets(self, scoring: Scoring, fraction: float) -> list[Arm]:
        return [
            Arm(
                subset=subset,
                pool=scoring.pool,
                fraction=fraction,
                metric=scoring.metric,
                reference=scoring.reference,
                checkpoint=scoring.checkpoint,
            )
            for subset in SCORED
        ]

    def _kept(self, arm: Arm) -> Rows:
        documents, lengths = self.pools[arm.pool], Scoring(metric="perplexity", reference=self.reference, pool=arm.pool)
        if arm.subset == "all":
            return documents
        if arm.scoring is None:
            return Select(documents=documents, measures=(self._table(lengths),), keep=Sample(arm.fraction, by=WEIGHT))
        tables = [self._table(arm.scoring)] + ([self._table(lengths)] if arm.metric == MEMORIZATION else [])
        keep = RANKS[arm.subset](METRICS[arm.scoring.metric], arm.fraction, by=WEIGHT)
        return Select(documents=documents, measures=tuple(tables), keep=keep)

    def _table(self, scoring: Scoring) -> Score:
        model: Model = self.trained[scoring.reference][1]
        if scoring.checkpoint < 1:
            model = Checkpoint(trained=self.trained[scoring.reference][1], at=scoring.checkpoint)
        measure: Measure = Memorization(model=model) if scoring.metric == MEMORIZATION else Loss(model=model)
        return Score(documents=self.pools[scoring.pool], measure=measure)

    def _tokens(self, documents: Rows) -> Tokenize:
        return Tokenize(documents=documents, tokenizer=self.tokenizer)
