"""Learning rates by step, in closed form: a run that is resumed needs nothing but its step."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "wsd"]
"""``cosine``: warm-up, then half a cosine to the end rate (DCLM). ``wsd``: warm-up, then stable at the highest, then
linear to the end rate over the last fifth of the steps (Hu et al. 2024); runs of several lengths with one warm-up share
their beginnings, so checkpoints along the stable part can be compared."""

SCHEDULES: tuple[Schedule, ...] = ("cosine", "wsd")
DECAY_FRACTION = 0.2
"""Of the steps, at the end of ``wsd`` (Hägele et al. 2024: a fifth is as good as a cosine)."""


def learning_rate(schedule: Schedule, step: int, num_steps: int, warmup: int, peak: float, end: float) -> float:
    """The rate of a step in 0 to ``num_steps - 1``.

    The last step of ``warmup`` is at ``peak``; one step after the last would be at ``end``.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if schedule == "cosine":
        passed = (step - warmup) / max(1, num_steps - warmup)
        return end + (peak - end) * (1 + math.cos(math.pi * passed)) / 2
    decay = max(1, round(DECAY_FRACTION * num_steps))
    left = num_steps - step
    return peak if left >= decay else end + (peak - end) * left / decay
