"""DataRater (Calian et al. 2025) in its three steps: meta-learn a rater, choose by it, train on what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from winnow.bench.rater import RaterArm
from winnow.bench.rater_study import RaterStudy
from winnow.bench.tracks import Candidate, Trial, bench
from winnow.choose.rank import Accept, BatchTop, Rank, Sample, Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Rows
from winnow.lm.fit_tokenizer import FitTokenizer
from winnow.lm.tokenize import Tokenize
from winnow.measure.score import Score
from winnow.rater.data_rater import DataRater
from winnow.rater.fit import SPLIT, FitDataRater
from winnow.recipes.testbed import all_named, documents_of, heldout_mixes

RULES: dict[str, Callable[..., Rank]] = {"top": Top, "batch": BatchTop, "accept": Accept}
"""The pool's best; the best of every batch; each by its chance of being among these: the paper's are the last two."""
SCORE, WEIGHT = "rater.score", "rater.num_tokens"
"""Shares are of tokens, as those of the paper's sequences of equal length are."""
RANDOM = 0.5
"""The share of the pool that a random choice keeps."""


def datarater(
    source: str,
    heldout: str,
    validation: tuple[str, ...],
    scale: tuple[str, ...] = ("0.3M", "1M"),
    seeds: int = 3,
    tokens: int | None = None,
    discard: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9),
    rule: str = "top",
    oracle: str | None = None,
    kind: str | None = None,
    steps: int = 1000,
    inner: str = "0.1M",
    length: int | None = None,
    rater_width: int = 64,
    rater_layers: int = 2,
    batch_size: int = 32,
    heldout_batch_size: int = 64,
    vocabulary: int = 4096,
) -> RaterStudy:
    """Learn what a pool's documents are worth for training, drop the least, and see whether models learn faster.

    ``--source`` is the pool: files, a glob, or the recipe.json of an earlier run. ``--heldout`` is what models are to
    be good at, likewise, or the word ``split``: a tenth of the pool, the paper's choice, under which junk that can be
    learnt is worth something too. ``--validation NAME=SOURCE ...`` are other documents, in bits per byte of which all
    models are measured along their training; the first judges. The rater's scores drop every share ``--discard`` of
    the pool's tokens, by ``--rule``: the pool's lowest (top), the lowest of every batch (batch), or document by
    document with the chance of that (accept). Models of every ``--scale`` train on what is left with every seed, for
    as many tokens as on the whole pool and on a random half. ``--oracle`` is SQL over the documents' own columns that
    is true of spoiled ones (``documents.metadata->>'noise' IS NOT NULL``), ``--kind`` SQL of what spoiled them: then a
    model trains on the others too, and it is told how well the scores tell them apart. The other options are those of
    ``FitDataRater``.
    """
    _check(seeds, scale, discard, rule, oracle, kind)
    sets = all_named(validation, "validation")
    _check_apart(source, heldout, sets)
    plan = _Plan(
        pool=documents_of(source),
        heldout=None if heldout == SPLIT else documents_of(heldout),
        rule=rule,
        oracle=oracle,
        kind=kind,
        vocabulary=vocabulary,
    )
    fitted = FitDataRater(
        documents=plan.tokens(plan.pool),
        heldout="split" if plan.heldout is None else plan.tokens(plan.heldout),
        steps=steps,
        inner=inner,
        length=length,
        rater_width=rater_width,
        rater_layers=rater_layers,
        batch_size=batch_size,
        heldout_batch_size=heldout_batch_size,
    )
    held = heldout_mixes(validation, plan.tokenizer)
    trial = Trial(scales=scale, seeds=tuple(range(seeds)), num_tokens=tokens, heldout=held)
    return plan.study(fitted, discard, trial, {name: documents_of(text) for name, text in sets.items()})


def _check(
    seeds: int, scale: tuple[str, ...], discard: tuple[float, ...], rule: str, oracle: str | None, kind: str | None
) -> None:
    """Refuse what makes no study."""
    if seeds < 1 or not scale:
        raise RecipeError(
            f"--seeds is {seeds} and --scale names {len(scale)}: at least one model of each arm is trained"
        )
    if wrong := [share for share in discard if not 0 < share < 1]:
        raise RecipeError(f"--discard has {wrong[0]:g}; shares of the pool that are dropped must lie in (0, 1)")
    if not discard or len({*discard}) < len(discard):
        raise RecipeError(f"--discard is {discard}; give at least one share, each once")
    if rule not in RULES:
        raise RecipeError(f"--rule is {rule!r}; {did_you_mean(rule, RULES)}")
    if kind is not None and oracle is None:
        raise RecipeError("--kind tells apart what --oracle drops, and there is no --oracle: give both")


def _check_apart(source: str, heldout: str, validation: Mapping[str, str]) -> None:
    """Refuse to judge by what the rater or the models have learnt from."""
    if not validation:
        raise RecipeError(
            "nothing is measured: give --validation NAME=SOURCE, documents of neither --source nor --heldout"
        )
    if source == heldout:
        raise RecipeError(f"--source and --heldout are both {source}: give other documents, or --heldout {SPLIT}")
    for name, text in validation.items():
        if text in (source, heldout):
            what = "--source" if text == source else "--heldout"
            raise RecipeError(f"--validation {name} is {text}, which is the {what} too: nothing may judge itself")


def _arms(discard: tuple[float, ...], oracle: str | None) -> list[RaterArm]:
    """The whole pool, a random part, the rater's choices, and that of one who knows."""
    rated = [RaterArm(kind="rater", discard=share) for share in sorted(discard)]
    knowing = [] if oracle is None else [RaterArm(kind="oracle")]
    return [RaterArm(kind="unfiltered"), RaterArm(kind="random", discard=1 - RANDOM), *rated, *knowing]


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """The pool, and what is made of it."""

    pool: Rows
    heldout: Rows | None
    rule: str
    oracle: str | None
    kind: str | None
    vocabulary: int

    @cached_property
    def tokenizer(self) -> FitTokenizer:
        """One for everything."""
        return FitTokenizer(documents=self.pool, vocab_size=self.vocabulary)

    def tokens(self, documents: Rows) -> Tokenize:
        """Documents as its tokens."""
        return Tokenize(documents=documents, tokenizer=self.tokenizer)

    def study(
        self, fitted: FitDataRater, discard: tuple[float, ...], trial: Trial, validation: Mapping[str, Rows]
    ) -> RaterStudy:
        """Every arm, trained and measured alike."""
        scored = Score(documents=self.pool, measure=DataRater(model=fitted))
        arms = tuple((arm, self.kept(arm, scored)) for arm in _arms(discard, self.oracle))
        candidates = [Candidate(arm.name, (("documents", self.tokens(rows)),)) for arm, rows in arms]
        return RaterStudy(
            bench=bench("filtering", candidates, trial),
            arms=arms,
            fitted=fitted,
            scored=scored,
            rule=self.rule,
            validation=tuple(validation.items()),
            heldout=self.heldout,
            oracle=self.oracle,
            kind=self.kind,
        )

    def kept(self, arm: RaterArm, scored: Score) -> Rows:
        """The documents of an arm."""
        share = round(1 - arm.discard, 12)  # 1 - 0.9 misses a tenth by a rounding
        if arm.kind == "unfiltered":
            return self.pool
        if arm.kind == "oracle":
            assert self.oracle is not None
            spoiled = RuleSet(
                name="oracle", source="the documents' labels", measures=(), rules=(("spoiled", self.oracle),)
            )
            return Select(documents=self.pool, reject=spoiled)
        keep = Sample(share, by=WEIGHT) if arm.kind == "random" else RULES[self.rule](SCORE, share, by=WEIGHT)
        return Select(documents=self.pool, measures=(scored,), keep=keep)
