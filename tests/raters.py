"""Studies of a rater made of runs whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from winnow.bench.ledger import Ledger, Run
from winnow.bench.rated_pool import NUM_BINS, QUANTILES, Kept, Pool, Shown, SourceScores, Told
from winnow.bench.rater import Learnt, RaterArm, RaterResult
from winnow.bench.rater_cost import Prices, amortised, gains
from winnow.bench.rater_gaps import gaps
from winnow.lm.scales import find_scale

BITS = "heldout/news/bits_per_byte"
WHOLE = RaterArm(kind="unfiltered")
RANDOM = RaterArm(kind="random", discard=0.5)
ARMS = (WHOLE, RANDOM, RaterArm(kind="rater", discard=0.25), RaterArm(kind="rater", discard=0.5))
ORACLE = RaterArm(kind="oracle")
SIZES = {"0.3M": (300_000, 6_000_000), "1M": (1_000_000, 20_000_000)}
"""Parameters and tokens."""
PRICES = Prices(meta={"inner models": 4 * 10**12, "the rater": 10**12}, rating=60_000, scored=10**6, training={})


def ledger(
    ends: Mapping[str, float], scales: Sequence[str] = ("0.3M",), seeds: int = 3, noise: float = 0.001
) -> Ledger:
    """Runs whose bits per byte fall on a straight line from 3 to their arm's end."""
    rng = np.random.default_rng(0)
    runs = []
    for scale in scales:
        params, tokens = SIZES[scale]
        for name, end in ends.items():
            for seed in range(seeds):
                last = end + rng.normal(0, noise)
                curve = tuple((tokens * at // 10, 3 - (3 - last) * at / 10) for at in range(1, 11))
                runs.append(Run(run=f"{name}-{scale}-{seed}", candidate=name, track="filtering", scale=scale, seed=seed,
                                num_params=params, num_tokens=tokens, unique_tokens=tokens // 2, epochs=2.0,
                                flops=6.0 * params * tokens, metrics={BITS: last}, curves={BITS: curve},
                                made="2026-11-21T10:00:00+00:00"))  # fmt: skip
    return Ledger(tuple(runs))


def result(
    ends: Mapping[str, float], *, scales: Sequence[str] = ("0.3M", "1M"), oracle: bool = True, noise: float = 0.001
) -> RaterResult:
    """A study of the arms that end somewhere."""
    arms = tuple(arm for arm in (*ARMS, ORACLE) if arm.name in ends)
    made = ledger(ends, scales, noise=noise)
    rated = [arm for arm in arms if arm.kind == "rater"]
    best = min(rated, key=lambda arm: ends[arm.name])
    training = {arm.name: sum(run.flops or 0 for run in made.where(candidate=arm.name)) for arm in arms}
    prices = Prices(meta=PRICES.meta, rating=PRICES.rating, scored=PRICES.scored, training=training)
    found = gains(made, BITS, {arm.name: arm.discard if arm in rated else None for arm in arms}, WHOLE.name, prices)
    share = next(one.share for one in found if (one.arm, one.scale) == (best.name, scales[-1]))
    pairs = [(arm.name, WHOLE.name) for arm in arms[1:]]
    pairs += [(arm.name, other.name) for arm in rated for other in arms if other in (RANDOM, ORACLE)]
    return RaterResult(
        ledger=made,
        arms=arms,
        rule="top",
        metrics=(BITS,),
        optimal=dict.fromkeys(scales, best.discard),
        gaps=tuple(gaps(made, [BITS], pairs)),
        gains=tuple(found),
        prices=prices,
        amortised=() if share is None else tuple(amortised(share, best.discard, prices, [find_scale("1B-1x")])),
        learnt=LEARNT,
        pool=pool([arm.name for arm in arms], oracle=oracle),
        overlaps={"news": 0},
    )


LEARNT = Learnt(
    steps=1000,
    chunks=500,
    heldout_chunks=100,
    heldout="documents",
    left_out=3,
    seconds=75.0,
    backend="exact",
    warnings=("meta-step 25: the softmax weighs 9% of a batch",),
    curves={"outer_loss": ((0, 4.0), (500, 3.0), (999, 2.5)), "autocorrelation": ((50, 0.8), (1000, 0.97)),
            "advantage": ()},
)  # fmt: skip


def pool(arms: Sequence[str], *, oracle: bool, text: str = "A beginning.") -> Pool:
    """A pool of two sources, of which a fourth is spoiled."""

    def source(name: str, number: int) -> SourceScores:
        bins = (number,) + (0,) * (NUM_BINS - 1)
        return SourceScores(source=name, documents=2 * number, tokens=100 * number, kept=bins, dropped=bins[::-1],
                            quantiles=tuple(float(one) for one in QUANTILES))  # fmt: skip

    shown = Shown(id="one", source="web", score=-1.5, tokens=12, text=text, num_chars=len(text))
    return Pool(
        documents=60,
        tokens=3000,
        edges=tuple(np.linspace(-1, 1, NUM_BINS + 1).tolist()),
        sources=(source("web", 20), source("mail", 10)),
        length_correlation=(0.1, -0.1, 0.3),
        told=(Told(kind="all", documents=15, auc=0.9, low=0.85, high=0.95),) if oracle else (),
        lowest=(shown,),
        highest=(shown,),
        kept=tuple(
            Kept(arm=name, documents=30, tokens=1500, share=0.5, clean=0.75 if oracle else None) for name in arms
        ),
    )
