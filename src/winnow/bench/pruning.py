"""A study of pruning as data: which models were trained on what part of which pool, and how scores agree.

"When Less is More" (Marion et al. 2023, arXiv 2309.04564) scores a pool by what a reference model makes of it, keeps
the top, the middle or the bottom of the score, and trains models on that with equal steps. An ``Arm`` is one such
choice; the runs of all arms are a ledger whose candidates are the arms' names. ``winnow.bench.findings`` judges the
paper's claims from it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from winnow.bench.ledger import Ledger, read_ledger
from winnow.core.errors import InputError, did_you_mean
from winnow.core.files import read_json, write_json

Subset = Literal["top", "middle", "bottom", "random", "all"]
SCORED: tuple[Subset, ...] = ("top", "middle", "bottom")
"""Subsets that need a score; "random" and "all" have none."""
STUDY = "study.json"
PAPER_EFFECT = 0.01
"""What the paper gains at best over no pruning, as a share of perplexity (0.97%, section 4.1)."""


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """One number per document of a pool: a metric under a reference model."""

    metric: str
    """``perplexity``, ``el2n``, ``memorization``, ``top_logit``, ..."""
    reference: str
    """Name of the reference model."""
    pool: str
    checkpoint: float = 1.0
    """Share of the reference's training, in (0, 1]."""

    @property
    def name(self) -> str:
        """The metric and the model, as people read them: ``perplexity (1M clean at 14%)``."""
        at = "" if self.checkpoint == 1 else f" at {self.checkpoint:.0%}"
        return f"{self.metric} ({self.reference}{at})"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What a model is trained on: part of a pool."""

    subset: Subset
    pool: str
    """``raw``, ``filtered``, ``scarce``, ..."""
    fraction: float = 1.0
    """Share of the pool that is kept, in (0, 1]."""
    metric: str | None = None
    """None for a random part and for no pruning."""
    reference: str | None = None
    checkpoint: float = 1.0
    """Share of the reference's training, in (0, 1]."""

    def __post_init__(self) -> None:
        if self.scored != (self.subset in SCORED):
            raise InputError(
                f"the {self.subset} of a pool by {self.metric} under {self.reference}: top, middle and bottom need a "
                "metric and a reference, random and all have none"
            )
        if not 0 < self.fraction <= 1 or (self.subset == "all") != (self.fraction == 1):
            raise InputError(
                f"{self.fraction} of a pool as {self.subset!r}: no pruning is 1, a part is between 0 and 1"
            )

    @property
    def scored(self) -> bool:
        """Whether the part was chosen by a score."""
        return self.metric is not None and self.reference is not None

    @property
    def scoring(self) -> Scoring | None:
        """What the part was chosen by."""
        if self.metric is None or self.reference is None:
            return None
        return Scoring(metric=self.metric, reference=self.reference, pool=self.pool, checkpoint=self.checkpoint)

    @property
    def name(self) -> str:
        """The candidate's name in the ledger: ``raw: middle 50% of perplexity (1M clean)``."""
        if self.subset == "all":
            return f"{self.pool}: no pruning"
        of = f" of {self.scoring.name}" if self.scoring else ""
        return f"{self.pool}: {self.subset} {self.fraction:.0%}{of}"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A model that scores."""

    name: str
    num_params: int
    corpus: str
    """What it was trained on."""
    clean: bool
    """Whether that is cleaner than the pools that it scores."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where models are compared: trained at one scale on parts of one pool."""

    pool: str
    scale: str

    def __str__(self) -> str:
        return f"{self.pool}, {self.scale}"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Rank correlation (Spearman) of two scorings of one pool, with the interval that holds it in 95 of 100 cases."""

    one: Scoring
    other: Scoring
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Ties:
    """How finely a scoring tells documents apart."""

    scoring: Scoring
    num_values: int
    """Different values that it has."""
    largest: float
    """Share of the documents at the commonest value."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything that was measured."""

    ledger: Ledger
    """Candidates are arms' names; scales are those of the trained models."""
    arms: tuple[Arm, ...]
    references: tuple[Reference, ...]
    base: Setting
    """Where the paper's claims are judged; every other setting shows how the order moves."""
    reference: str
    """Name of the reference model that scores unless a claim is about references: the own one."""
    heldout: tuple[str, ...]
    """Held-out metrics in bits per byte, the yardstick first: text of the same distribution as the pool."""
    bytes_per_token: float
    """Of the yardstick's text: turns bits per byte into perplexity per token."""
    accuracies: tuple[str, ...] = ()
    """Metrics of accuracy after fine-tuning (GLUE), the yardstick first; empty where nothing was tuned."""
    agreements: tuple[Agreement, ...] = ()
    ties: tuple[Ties, ...] = ()

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if twice := {name for name in names if names.count(name) > 1}:
            raise InputError(f"two arms are called {min(twice)!r}: arms must differ")
        if not self.heldout:
            raise InputError("the study has no held-out metric: give at least the one of the pool's own distribution")
        for what, name, known in (
            ("reference", self.reference, [one.name for one in self.references]),
            ("pool", self.base.pool, [arm.pool for arm in self.arms]),
            ("scale", self.base.scale, self.ledger.names("scale")),
        ):
            if name not in known:
                raise InputError(f"the study has no {what} {name!r}; {did_you_mean(name, set(known))}")
        if strays := sorted(set(self.ledger.names("candidate")) - set(names)):
            raise InputError(f"the ledger has runs of {strays[0]!r}, which is no arm of the study")

    @property
    def yardstick(self) -> str:
        """The metric that claims are judged by."""
        return self.heldout[0]

    @property
    def margin(self) -> float:
        """What counts as little, in bits per byte: the paper's own effect of 1% of perplexity."""
        return math.log2(1 + PAPER_EFFECT) / self.bytes_per_token

    def scorer(self, metric: str) -> str:
        """Name of the reference model that a metric is asked of: the study's own where it prunes by it.

        Memorization needs a model that has seen the pool, so it may have another.
        """
        used = [arm.reference for arm in self.arms if arm.metric == metric and arm.reference is not None]
        return used[0] if used and self.reference not in used else self.reference

    def settings(self) -> tuple[Setting, ...]:
        """Pools and scales with runs: the base first, then its pool and the others, scales from small to large."""
        pools = {arm.name: arm.pool for arm in self.arms}
        there = {(pools[run.candidate], run.scale) for run in self.ledger}
        order = [self.base.pool, *sorted({*pools.values()} - {self.base.pool})]
        scales = self.ledger.names("scale")
        every = [Setting(pool=pool, scale=scale) for pool in order for scale in scales if (pool, scale) in there]
        return self.base, *(one for one in every if one != self.base)

    def of_perplexity(self, bits: float) -> float:
        """A difference in bits per byte as a share of perplexity per token: 0.01 is one percent more."""
        return math.expm1(bits * self.bytes_per_token * math.log(2))

    def to_plain(self) -> dict[str, Any]:
        """Everything but the ledger, as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "ledger"}


def write_study(study: Study, directory: Path) -> None:
    """Write ``study.json`` beside the ledger's files."""
    write_json(directory / STUDY, study.to_plain())


def read_study(directory: Path) -> Study:
    """The study in a directory that holds ``study.json`` and a ledger; InputError where it does not."""
    if not (directory / STUDY).is_file():
        raise InputError(f"{directory} holds no {STUDY}: give the files of a pruning study")
    plain = read_json(directory / STUDY)
    return Study(
        **{
            **plain,
            "ledger": read_ledger(directory),
            "base": Setting(**plain["base"]),
            "heldout": tuple(plain["heldout"]),
            "accuracies": tuple(plain["accuracies"]),
            "arms": tuple(Arm(**one) for one in plain["arms"]),
            "references": tuple(Reference(**one) for one in plain["references"]),
            "agreements": tuple(_agreement(one) for one in plain["agreements"]),
            "ties": tuple(Ties(**{**one, "scoring": Scoring(**one["scoring"])}) for one in plain["ties"]),
        }
    )


def _agreement(plain: dict[str, Any]) -> Agreement:
    return Agreement(**{**plain, "one": Scoring(**plain["one"]), "other": Scoring(**plain["other"])})
