"""What a study's runs say of a claim: its contrasts with their intervals, and on which side these lie."""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from winnow.bench.claims import Claim, Contrast, Expected
from winnow.bench.distributions import bisect
from winnow.bench.metrics import lower_is_better
from winnow.bench.pruning import Arm, Setting, Study
from winnow.bench.scores import scores_of
from winnow.bench.statistics import Difference, Noise, Scores, contrast, noise_floor
from winnow.bench.verdict import MAX_SEEDS

Outcome = Literal["reproduced", "contradicted", "undecided", "not run"]
MIN_TAIL = 1e-9
"""No p-value is told below it."""


def outcome_of(expected: Expected, low: float, high: float, margin: float) -> Outcome:
    """Where the interval of a gain (more is better) lies beside what is claimed of it.

    >>> [outcome_of("better", *one, 0.0) for one in ((1, 2), (-2, -1), (-1, 1))]
    ['reproduced', 'contradicted', 'undecided']
    """
    holds, fails = {
        "better": (low > 0, high < 0),
        "no better": (high < margin, low > 0),  # a gain that is sure contradicts, however small
        "alike": (-margin < low and high < margin, low > margin or high < -margin),
        "little worse": (low > -margin, high < -margin),
    }[expected]
    if fails:
        return "contradicted"
    return "reproduced" if holds else "undecided"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A claim's contrasts at one setting in one metric; none where their arms were not run."""

    claim: Claim
    setting: Setting
    metric: str
    margin: float
    """In the metric's unit."""
    parts: tuple[tuple[Contrast, tuple[float, ...], Difference], ...]
    """Each with the shares of the pool that it is the mean over."""

    @property
    def sign(self) -> int:
        """Turns a difference so that more is better."""
        return -1 if lower_is_better(self.metric) else 1

    @functools.cached_property
    def p(self) -> float | None:
        """The smallest tail whose intervals decide the claim, either way; None where training noise is unknown."""
        if not self.parts or any(found.noise is None for _, _, found in self.parts):
            return None

        def undecided(log: float) -> float:
            return 1.0 if self.outcome(math.exp(log)) == "undecided" else -1.0

        return math.exp(bisect(undecided, math.log(MIN_TAIL), math.log(0.999), 1e-3))

    def outcome(self, tail: float, more_seeds: int = 0) -> Outcome:
        """Reproduced where every part is by its interval of this tail, contradicted where one is (Bonferroni)."""
        if all(self._part(found, tail, more_seeds) == "reproduced" for _, _, found in self.parts):
            return "reproduced"
        each = tail / len(self.parts)
        failed = any(self._part(found, each, more_seeds) == "contradicted" for _, _, found in self.parts)
        return "contradicted" if failed else "undecided"

    def _part(self, found: Difference, tail: float, more_seeds: int) -> Outcome:
        gain, half = self.sign * found.value, found.half(tail, more_seeds)
        return outcome_of(self.claim.expected, gain - half, gain + half, self.margin)

    def more_seeds(self, tail: float) -> int | None:
        """Seeds more of each arm that would decide, were the differences as large as they look."""
        numbers = range(1, MAX_SEEDS + 1)
        place = bisect_left(numbers, True, key=lambda more: self.outcome(tail, more) != "undecided")
        return numbers[place] if place < MAX_SEEDS else None

    def room(self, value: float) -> float:
        """How far a difference lies inside of what is claimed: least for the part that is nearest to failing."""
        gain = self.sign * value
        return {"no better": -gain, "alike": -abs(gain)}.get(self.claim.expected, gain)


class Evidence:
    """The scores of a study's arms and the noise of its scales, read once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._scores: dict[str, dict[str, dict[str, Scores]]] = {}
        self._noise: dict[tuple[str, str], Noise | None] = {}

    def scores(self, scale: str, metric: str) -> Mapping[str, Scores]:
        """By arm's name, what its runs at a scale got."""
        if scale not in self._scores:
            metrics = [*self.study.heldout, *self.study.accuracies]
            self._scores[scale] = scores_of(self.study.ledger.where(scale=scale), metrics)
        return self._scores[scale][metric]

    def noise(self, scale: str, metric: str) -> Noise | None:
        """Of one run's score, pooled over all arms at a scale."""
        if (scale, metric) not in self._noise:
            self._noise[scale, metric] = noise_floor(self.scores(scale, metric).values())
        return self._noise[scale, metric]

    def measured(self, claim: Claim, setting: Setting, metric: str) -> Measured:
        """The claim's contrasts, all of them or none."""
        found = [self._difference(one, setting, metric) for one in claim.contrasts]
        parts = tuple(one for one in found if one is not None)
        return Measured(
            claim=claim,
            setting=setting,
            metric=metric,
            margin=self.study.margin,
            parts=parts if len(parts) == len(claim.contrasts) else (),
        )

    def _difference(
        self, one: Contrast, setting: Setting, metric: str
    ) -> tuple[Contrast, tuple[float, ...], Difference] | None:
        """The mean over the pairs of arms that were run; None without any."""
        scores = self.scores(setting.scale, metric)
        every = one.pairs(self.study, setting.pool)
        pairs = [pair for pair in every if pair[1].name in scores and pair[2].name in scores]
        if not pairs:
            return None
        weights: dict[Arm, float] = {}
        for _, first, second in pairs:
            weights[first] = weights.get(first, 0.0) + 1 / len(pairs)
            weights[second] = weights.get(second, 0.0) - 1 / len(pairs)
        candidates = [scores[arm.name] for arm in weights]
        found = contrast(candidates, list(weights.values()), self.noise(setting.scale, metric))
        return one, tuple(fraction for fraction, _, _ in pairs), found
