"""The readable twin of ``hashed_ngrams``, one text at a time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from winnow.kernels.hashed_ngrams import JOINT, OFFSET, PRIME
from winnow.kernels.hashing import mix

_TOKEN = re.compile(r"\w+|[^\w\s]+")
_WORD = (1 << 64) - 1


def tokens(text: str) -> list[str]:
    """Runs of word characters and runs of marks, in small letters."""
    return _TOKEN.findall("".join(character.lower()[0] for character in text))


def ngrams(text: str, ngram: int) -> Iterator[tuple[str, ...]]:
    """The n-grams of one to ``ngram`` tokens, by where they end and then by their length."""
    found = tokens(text)
    for last in range(len(found)):
        for length in range(1, min(ngram, last + 1) + 1):
            yield tuple(found[last + 1 - length : last + 1])


def bucket(tokens: tuple[str, ...], num_buckets: int) -> int:
    """The bucket of an n-gram."""
    hashed = _hashed(tokens[-1])
    for token in tokens[-2::-1]:
        hashed = int(mix(np.uint64(hashed * int(JOINT) & _WORD), np.uint64(_hashed(token))))
    return (hashed >> 32) * num_buckets >> 32


def count_buckets(text: str, ngram: int, num_buckets: int) -> Counter[int]:
    """How many n-grams fall into each bucket."""
    return Counter(bucket(found, num_buckets) for found in ngrams(text, ngram))


def _hashed(token: str) -> int:
    state = int(OFFSET)
    for character in token:
        state = (state ^ ord(character)) * int(PRIME) & _WORD
    return int(mix(np.uint64(state), JOINT))
