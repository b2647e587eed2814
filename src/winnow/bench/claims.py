"""What "When Less is More" (Marion et al. 2023) claims, as contrasts between arms of a study.

A claim about trained models says where a difference lies. *better*: the first arms beat the second. *no better*: they
do not. *alike*: the two lie within the margin of each other. *little worse*: the first lose no more than the margin.
Section numbers are the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from winnow.bench.pruning import Arm, Reference, Study, Subset

Expected = Literal["better", "no better", "alike", "little worse"]
Role = Literal["own", "smallest", "largest", "clean", "noisy"]

FRACTIONS = (0.5, 0.3)
"""Shares of the pool at which the paper prunes best."""
EARLY, MIDWAY = 0.14, 0.55
"""Checkpoints of the reference that the paper scores with, as shares of an epoch."""
ALIKE, APART = 0.8, 0.5
"""Two scorings rank alike above the one rank correlation, and tell different things within plus or minus the other."""


@dataclass(frozen=True)
class Pick:
    """A kind of arm: all but its pool and how much of it is kept."""

    subset: Subset
    metric: str | None = None
    role: Role = "own"
    """Which reference model scores."""
    checkpoint: float = 1.0

    def __str__(self) -> str:
        if self.metric is None:
            return "no pruning" if self.subset == "all" else "a random part"
        at = "" if self.checkpoint == 1 else f" at {self.checkpoint:.0%} of its training"
        by = f" by the {self.role} reference" if self.role != "own" else " by the reference" if at else ""
        return f"{self.subset} of {self.metric}{by}{at}"

    def arm(self, study: Study, pool: str, fraction: float) -> Arm | None:
        """The arm in a pool; None where the study has no reference model for the role."""
        kept = 1.0 if self.subset == "all" else fraction
        if self.metric is None:
            return Arm(subset=self.subset, fraction=kept, pool=pool)
        reference = find_reference(study, self.role)
        if reference is None:
            return None
        return Arm(
            subset=self.subset,
            fraction=kept,
            pool=pool,
            metric=self.metric,
            reference=study.scorer(self.metric) if self.role == "own" else reference.name,
            checkpoint=self.checkpoint,
        )


def find_reference(study: Study, role: Role) -> Reference | None:
    """The reference model of a role among those by whose perplexity the study prunes.

    The smallest and the largest are of the own one's corpus, the clean and the noisy one of its size. None where there
    are no two of them.
    """
    pruning = {arm.reference for arm in study.arms if arm.metric == "perplexity"}
    own = next(one for one in study.references if one.name == study.reference)
    others = [one for one in study.references if one.name in pruning and one != own]
    if role == "own":
        return own
    if role in ("smallest", "largest"):
        sizes = sorted([own, *(one for one in others if one.corpus == own.corpus)], key=lambda one: one.num_params)
        return None if sizes[0].num_params == sizes[-1].num_params else sizes[-1 if role == "largest" else 0]
    found = {one.clean: one for one in (*others, own) if one.num_params == own.num_params}
    return found[role == "clean"] if len(found) == 2 else None


@dataclass(frozen=True)
class Contrast:
    """The mean over some shares of a pool of the difference between two kinds of arms, first less second."""

    first: Pick
    second: Pick
    fractions: tuple[float, ...] = FRACTIONS

    def __str__(self) -> str:
        return f"{self.first} less {self.second}"

    def pairs(self, study: Study, pool: str) -> list[tuple[float, Arm, Arm]]:
        """Share, first and second arm; only pairs that the study could have."""
        found = [(f, self.first.arm(study, pool, f), self.second.arm(study, pool, f)) for f in self.fractions]
        return [(f, one, other) for f, one, other in found if one is not None and other is not None]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement about trained models; it holds where all of its contrasts do."""

    number: int
    """Claims of one number belong together."""
    statement: str
    section: str
    expected: Expected
    contrasts: tuple[Contrast, ...]
    published: str = ""
    """The effect that the paper gives."""
    at_largest: bool = False
    """Judged at the largest scale of trained models instead of the base."""
    of_accuracy: bool = False
    """Judged by accuracy after fine-tuning instead of held-out text."""


@dataclass(frozen=True, kw_only=True)
class RankClaim:
    """A statement about how two scorings by the study's own reference model rank the documents of a pool."""

    number: int
    statement: str
    section: str
    one: tuple[str, float]
    """Metric and checkpoint."""
    other: tuple[str, float]
    alike: bool
    """Whether they are said to rank alike (above ``ALIKE``) or to tell different things (within ±``APART``)."""
    published: str = ""


NONE, RANDOM, MIDDLE = Pick("all"), Pick("random"), Pick("middle", "perplexity")


def _easiest(metric: str, easy: Subset, hard: Subset) -> tuple[Contrast, ...]:
    """Random, middle and hard documents, each less the easy ones."""
    return tuple(Contrast(one, Pick(easy, metric)) for one in (RANDOM, Pick("middle", metric), Pick(hard, metric)))


CLAIMS: tuple[Claim | RankClaim, ...] = (
    Claim(
        number=1,
        statement="The middle of perplexity beats no pruning",
        section="4.1",
        expected="better",
        contrasts=(Contrast(MIDDLE, NONE),),
        published="0.97% of perplexity at 50%, 0.80% at 30%",
    ),
    Claim(
        number=2,
        statement="The middle of perplexity beats a random part of equal size",
        section="4.1",
        expected="better",
        contrasts=(Contrast(MIDDLE, RANDOM),),
    ),
    Claim(
        number=3,
        statement="Easy data is worst: the bottom of perplexity loses to random, middle and top",
        section="4.1",
        expected="better",
        contrasts=_easiest("perplexity", "bottom", "top"),
    ),
    Claim(
        number=3,
        statement="Easy data is worst: the bottom of EL2N loses to random, middle and top",
        section="4.1",
        expected="better",
        contrasts=_easiest("el2n", "bottom", "top"),
    ),
    Claim(
        number=3,
        statement="Easy data is worst: the top of memorization loses to random, middle and bottom",
        section="4.1",
        expected="better",
        contrasts=_easiest("memorization", "top", "bottom"),
    ),
    Claim(
        number=4,
        statement="Perplexity beats EL2N: middle against middle",
        section="4.2",
        expected="better",
        contrasts=(Contrast(MIDDLE, Pick("middle", "el2n")),),
        published="1.33% of perplexity at 50%, 2.1% at 30%",
    ),
    Claim(
        number=4,
        statement="Perplexity beats memorization: middle against bottom",
        section="4.2",
        expected="better",
        contrasts=(Contrast(MIDDLE, Pick("bottom", "memorization")),),
        published="1.77% of perplexity at 50%, 1.6% at 30%",
    ),
    Claim(
        number=5,
        statement="A larger reference model selects better",
        section="4.3",
        expected="better",
        contrasts=(
            Contrast(Pick("middle", "perplexity", role="largest"), Pick("middle", "perplexity", role="smallest")),
        ),
        published="2.2% of perplexity between 52B and 124M parameters",
    ),
    Claim(
        number=6,
        statement="A reference model trained on cleaner text selects better",
        section="4.4",
        expected="better",
        contrasts=(Contrast(Pick("middle", "perplexity", role="clean"), Pick("middle", "perplexity", role="noisy")),),
        published="0.69% of perplexity, Wikipedia against CommonCrawl",
    ),
    Claim(
        number=7,
        statement="A reference at 14% of its training selects as chance does",
        section="4.5",
        expected="alike",
        contrasts=(Contrast(Pick("middle", "perplexity", checkpoint=EARLY), RANDOM),),
    ),
    Claim(
        number=7,
        statement="A reference at 55% of its training selects as at its end",
        section="4.5",
        expected="alike",
        contrasts=(Contrast(Pick("middle", "perplexity", checkpoint=MIDWAY), MIDDLE),),
    ),
    RankClaim(
        number=7,
        statement="Perplexity at 14% of training has another order than at the end",
        section="4.5",
        one=("perplexity", EARLY),
        other=("perplexity", 1.0),
        alike=False,
    ),
    RankClaim(
        number=7,
        statement="Perplexity at 55% of training has the order of the end",
        section="4.5",
        one=("perplexity", MIDWAY),
        other=("perplexity", 1.0),
        alike=True,
    ),
    Claim(
        number=8,
        statement="EL2N's middle does not beat no pruning",
        section="4.2",
        expected="no better",
        contrasts=(Contrast(Pick("middle", "el2n"), NONE, (0.5,)),),
    ),
    Claim(
        number=8,
        statement="Memorization's bottom does not beat no pruning",
        section="4.2",
        expected="no better",
        contrasts=(Contrast(Pick("bottom", "memorization"), NONE, (0.7, 0.5)),),
    ),
    Claim(
        number=8,
        statement="EL2N's middle does as a random part does",
        section="4.2",
        expected="alike",
        contrasts=(Contrast(Pick("middle", "el2n"), RANDOM, (0.5,)),),
    ),
    Claim(
        number=8,
        statement="Memorization's bottom does as a random part does",
        section="4.2",
        expected="alike",
        contrasts=(Contrast(Pick("bottom", "memorization"), RANDOM, (0.7, 0.5)),),
    ),
    Claim(
        number=9,
        statement="The middle of perplexity beats no pruning for a larger model too",
        section="4.6",
        expected="better",
        contrasts=(Contrast(MIDDLE, NONE),),
        published="up to 1.5% of perplexity at 1.5B parameters",
        at_largest=True,
    ),
    Claim(
        number=10,
        statement="A random part costs little where epochs repeat",
        section="4.6",
        expected="little worse",
        contrasts=(Contrast(RANDOM, NONE),),
    ),
    RankClaim(
        number=11,
        statement="Perplexity and EL2N of one model rank alike",
        section="pilot",
        one=("perplexity", 1.0),
        other=("el2n", 1.0),
        alike=True,
    ),
    RankClaim(
        number=11,
        statement="Memorization tells something else than perplexity",
        section="pilot",
        one=("perplexity", 1.0),
        other=("memorization", 1.0),
        alike=False,
    ),
    Claim(
        number=12,
        statement="Pruning by perplexity gains accuracy after fine-tuning (GLUE)",
        section="4.7",
        expected="better",
        contrasts=(Contrast(MIDDLE, NONE),),
        of_accuracy=True,
    ),
)
