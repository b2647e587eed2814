"""Numbers that others computed, to be computed again."""

from __future__ import annotations

from typing import NamedTuple


class Golden(NamedTuple):
    """A number computed elsewhere, and here."""

    name: str
    expected: float
    found: float
    tolerance: float
    """By how much they may differ; half a unit of the last digit where that is all that is known."""
