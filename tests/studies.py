"""Studies of made-up runs whose truth is known: how many bits per byte each kind of arm costs or saves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from winnow.bench.ledger import Ledger, Run
from winnow.bench.pruning import Agreement, Arm, Reference, Scoring, Setting, Study, Subset, Ties

POOL_BITS, BOOKS_BITS, ACCURACY = "heldout/pool/bits_per_byte", "heldout/books/bits_per_byte", "glue/accuracy"
OWN = "1M clean"
REFERENCES = (
    Reference(name="0.3M clean", num_params=300_000, corpus="books", clean=True),
    Reference(name=OWN, num_params=1_000_000, corpus="books", clean=True),
    Reference(name="3M clean", num_params=3_000_000, corpus="books", clean=True),
    Reference(name="1M noisy", num_params=1_000_000, corpus="web", clean=False),
)
SUBSETS: tuple[Subset, ...] = ("bottom", "middle", "top")
SIZES = {"0.3M": 3e5, "1M": 1e6, "3M": 3e6}

Bits = Callable[[Arm, str], float]
"""What an arm at a scale truly comes to, beside no pruning."""


def every_arm(pool: str) -> Iterator[Arm]:
    """The arms that the claims speak of."""
    yield Arm(subset="all", pool=pool)
    for fraction in (0.3, 0.5, 0.7):
        yield Arm(subset="random", fraction=fraction, pool=pool)
        for metric in ("perplexity", "el2n", "memorization"):
            for subset in SUBSETS:
                yield Arm(subset=subset, fraction=fraction, pool=pool, metric=metric, reference=OWN)
    for name, checkpoint in (("0.3M clean", 1.0), ("3M clean", 1.0), ("1M noisy", 1.0), (OWN, 0.14), (OWN, 0.55)):
        for fraction in (0.3, 0.5):
            yield Arm(subset="middle", fraction=fraction, pool=pool, metric="perplexity", reference=name,
                      checkpoint=checkpoint)  # fmt: skip


def as_the_paper_says(arm: Arm, scale: str) -> float:
    """Bits per byte beside no pruning, in steps of 0.01: 2.8% of perplexity at 4 bytes per token."""
    if arm.subset in ("all", "random"):
        return 0.0
    easy = arm.subset == ("top" if arm.metric == "memorization" else "bottom")
    if arm.metric != "perplexity":
        return 0.05 if easy else 0.0
    if arm.subset != "middle":
        return 0.05 if easy else 0.01
    if arm.checkpoint == 0.14:
        return 0.0
    return {"0.3M clean": -0.01, OWN: -0.02, "3M clean": -0.03, "1M noisy": -0.01}[arm.reference or ""]


def the_other_way(arm: Arm, scale: str) -> float:
    """Every difference turned round, and a random part costs much."""
    if arm.metric is None:
        return 0.02 if arm.subset == "random" else 0.0
    if arm.subset == "middle" and arm.metric == "perplexity":
        return {0.14: -0.02, 0.55: -0.03}.get(arm.checkpoint, -as_the_paper_says(arm, scale) + 0.02)
    if arm.metric == "el2n" and arm.subset == "middle":
        return -0.03
    return -as_the_paper_says(arm, scale) - 0.02


def nothing(arm: Arm, scale: str) -> float:
    """All arms alike."""
    return 0.0


def make_study(
    bits: Bits = as_the_paper_says,
    *,
    pools: Sequence[str] = ("raw",),
    scales: Sequence[str] = ("1M",),
    seeds: int = 3,
    noise: float = 0.001,
    seed: int = 0,
    agreement: float = 0.9,
) -> Study:
    """A study of every arm in every pool at every scale."""
    rng = np.random.default_rng(seed)
    arms = tuple(arm for pool in pools for arm in every_arm(pool))
    runs = []
    for place, scale in enumerate(scales):
        for arm in arms:
            for number in range(seeds):
                value = 1.4 - 0.1 * place + bits(arm, scale) + rng.normal(0, noise)
                metrics = {POOL_BITS: value, BOOKS_BITS: value + 0.2 + rng.normal(0, noise),
                           ACCURACY: 0.6 - bits(arm, scale) + rng.normal(0, noise)}  # fmt: skip
                runs.append(Run(run=f"{arm.name}-{scale}-{number}", candidate=arm.name, scale=scale, seed=number,
                                num_params=int(SIZES[scale]), flops=SIZES[scale] ** 2, metrics=metrics,
                                epochs=1 / arm.fraction, num_tokens=1000, unique_tokens=round(1000 * arm.fraction),
                                made="2026-11-21T10:00:00+00:00"))  # fmt: skip
    return Study(
        ledger=Ledger(tuple(runs)),
        arms=arms,
        references=REFERENCES,
        base=Setting(pool=pools[0], scale=scales[0]),
        reference=OWN,
        heldout=(POOL_BITS, BOOKS_BITS),
        bytes_per_token=4.0,
        accuracies=(ACCURACY,),
        agreements=tuple(_agreements(pools[0], agreement)),
        ties=(Ties(scoring=scoring("memorization", pools[0]), num_values=33, largest=0.32),),
    )


def scoring(metric: str, pool: str, checkpoint: float = 1.0) -> Scoring:
    """By the study's own reference."""
    return Scoring(metric=metric, reference=OWN, pool=pool, checkpoint=checkpoint)


def _agreements(pool: str, alike: float) -> Iterator[Agreement]:
    """Perplexity's ranks beside those of early checkpoints and other metrics."""
    whole = scoring("perplexity", pool)
    others = {scoring("perplexity", pool, 0.14): 0.9 - alike / 2, scoring("perplexity", pool, 0.55): alike,
              scoring("el2n", pool): alike, scoring("memorization", pool): alike - 1.2}  # fmt: skip
    for other, value in others.items():
        yield Agreement(one=other, other=whole, value=value, low=value - 0.02, high=value + 0.02)


def without(study: Study, dropped: Callable[[Arm], bool]) -> Study:
    """The study without the runs of some arms."""
    names = {arm.name for arm in study.arms if dropped(arm)}
    kept = tuple(run for run in study.ledger if run.candidate not in names)
    return dataclasses.replace(study, ledger=Ledger(kept))
