"""How alike two texts are by the definition that a method of deduplication goes by, counted in the plainest way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from winnow.audit.fates import Method
from winnow.dedup.bloom import BloomDuplicates
from winnow.dedup.minhash_pairs import NearDuplicates
from winnow.dedup.semantic import CloseVectors
from winnow.measure.minhash import MinHash
from winnow.report.similarity import Shingles, shingles

Sets = Callable[[str], Shingles]
"""From a text to the set of its shingles."""


def threshold_of(method: Method) -> float | None:
    """From which similarity, by its own definition, a method calls documents duplicates; None where equality counts."""
    value = getattr(method.found, "threshold", None)
    return float(value) if isinstance(value, int | float) else None


def sets_of(method: Method) -> Sets | None:
    """The sets whose Jaccard similarity a method compares with its threshold; None where it compares something else.

    A method that is not known here is taken to compare word 5-grams.
    """
    if isinstance(method, BloomDuplicates) or isinstance(method.found, CloseVectors):
        return None
    if not isinstance(method.found, NearDuplicates):
        return shingles
    measure = method.found.candidates.bands.signatures.measure
    assert isinstance(measure, MinHash)
    return partial(shingles, ngram=measure.ngram, of=measure.shingles) if method.found.similarity == "jaccard" else None
