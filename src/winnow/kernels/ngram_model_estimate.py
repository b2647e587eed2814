"""Interpolated modified Kneser-Ney smoothing, as KenLM's ``lmplz`` does it.

Chen & Goodman 1999 (An Empirical Study of Smoothing Techniques for Language Modeling, equations 21 to 27); Heafield et
al. 2013 (Scalable Modified Kneser-Ney Language Model Estimation). With c the adjusted count of an n-gram (how often it
occurs, for the longest and for those that begin a sentence; else the number of different words before it)::

    p(w | context) = (c - D(c)) / sum of c over the context + backoff(context) * p(w | context less its first word)

and at the bottom a share for every word of the vocabulary, the unknown one among them and BEGIN not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.ngram_model_counts import Counts, count_longer, count_words
from winnow.kernels.ngram_model_file import Ngrams
from winnow.kernels.ngram_model_words import BEGIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where the counts allow no estimate, which small or repetitive text does (``lmplz --discount_fallback``)."""
BYTES_PER_TOKEN_AND_ORDER = 40
"""Memory that fitting takes at its peak, with some to spare: 10 million tokens of English took 160 bytes each for order
5 and 47 for order 3; more text repeats more and takes less."""


@dataclass(frozen=True)
class Discount:
    """What is taken from counts of 1, 2, and 3 or more."""

    amounts: tuple[float, float, float]
    is_fallback: bool = False


@dataclass(frozen=True)
class Estimate:
    """A model's n-grams by order, and the discounts that made them."""

    ngrams: list[Ngrams]
    discounts: list[Discount]


def estimate(tokens: NDArray[np.int32], num_words: int, order: int, prune: Sequence[int] = ()) -> Estimate:
    """Fit a model to sentences of numbers, each with BEGIN before and END behind it.

    ``prune``: for orders 1, 2, ... n-grams that occur at most so often are left out, the last number for all longer
    ones; the first is 0, and none is lower than the one before it.
    """
    counts, ending = [count_words(tokens, num_words)], tokens
    for _ in range(order - 1):
        longer, ending = count_longer(tokens, ending)
        counts.append(longer)
    limits = [*prune, *[prune[-1] if prune else 0] * order][:order]
    return _smoothed(counts, limits)


def _smoothed(counts: list[Counts], limits: list[int]) -> Estimate:
    discounts: list[Discount] = []
    ngrams: list[Ngrams] = []
    words = np.zeros((1, 0), np.uint32)
    probability = np.full(1, 1 / (len(counts[0].word) - 1))
    begins = np.zeros(1, np.bool_)
    for each, longer, limit in zip(counts, [*counts[1:], None], limits, strict=True):
        begins = begins[each.context] if ngrams else each.word == BEGIN
        adjusted = _adjusted(each, longer, begins)
        discounts.append(_discount(adjusted))
        own, left = _shares(adjusted, each.count > limit, each.context, len(probability), discounts[-1])
        probability = own + left[each.context] * probability[each.suffix]
        if ngrams:
            ngrams[-1] = ngrams[-1]._replace(backoff=np.log10(left).astype(np.float32))
        else:
            probability[BEGIN] = 1.0
        words = np.column_stack([words[each.context], each.word.astype(np.uint32)])
        ngrams.append(Ngrams(words, np.log10(probability).astype(np.float32), np.zeros(len(words), np.float32)))
    return Estimate([ngrams[0], *map(_pruned, ngrams[1:], counts[1:], limits[1:])], discounts)


def _adjusted(counts: Counts, longer: Counts | None, begins: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The number of different words before an n-gram, or how often it occurs where there can be none."""
    if longer is None:
        return counts.count.copy()
    return np.where(begins, counts.count, np.bincount(longer.suffix, minlength=len(counts.word)))


def _discount(adjusted: NDArray[np.int64]) -> Discount:
    """Chen & Goodman, equation 26; the fallback where a count of 1, 2 or 3 does not occur, or a discount is absurd."""
    times = [int((adjusted == count).sum()) for count in range(5)]
    if 0 in times[1:4]:
        return Discount(FALLBACK, is_fallback=True)
    share = times[1] / (times[1] + 2 * times[2])
    one, two, three = (count - (count + 1) * share * times[count + 1] / times[count] for count in (1, 2, 3))
    if not (0 < one <= 1 and 0 < two <= 2 and 0 < three <= 3):
        return Discount(FALLBACK, is_fallback=True)
    return Discount((one, two, three))


def _shares(
    adjusted: NDArray[np.int64], kept: NDArray[np.bool_], context: NDArray[np.int32], num: int, discount: Discount
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What an n-gram's own count gives it, and for each context the share that is left to the order below.

    What n-grams that are left out had goes there too, as does all of a context that none follows.
    """
    amounts = np.array([0.0, *discount.amounts])[np.minimum(adjusted, 3)]
    taken = np.where(kept, amounts, adjusted)
    totals = np.bincount(context, adjusted, num)
    safe = np.where(totals == 0, 1, totals)
    left = np.where(totals == 0, 1.0, np.bincount(context, taken, num) / safe)
    return (adjusted - amounts) / safe[context], left


def _pruned(ngrams: Ngrams, counts: Counts, limit: int) -> Ngrams:
    return Ngrams(*(column[counts.count > limit] for column in ngrams)) if limit else ngrams
