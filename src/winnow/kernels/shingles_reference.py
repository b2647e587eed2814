"""The readable twin of ``shingles``, one text at a time."""

from __future__ import annotations

import numpy as np

from winnow.kernels.hashing import hash_bytes, mix
from winnow.kernels.shingles import _BASE
from winnow.kernels.strings import as_buffer

_WORD = (1 << 64) - 1


def tokens(normalized: str, of: str) -> list[str]:
    """The words or the characters of a normalised text."""
    return normalized.split() if of == "words" else list(normalized)


def ngrams(tokens: list[str], n: int) -> list[tuple[str, ...]]:
    """Every n tokens in a row, all of them where they are fewer."""
    n = min(n, len(tokens))
    return [tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1)] if tokens else []


def shingles(normalized: str, of: str, n: int) -> list[int]:
    """The distinct 32-bit hashes of the n-grams, in order."""
    return sorted({_hashed([_token_hash(token, of) for token in ngram]) for ngram in ngrams(tokens(normalized, of), n)})


def _token_hash(token: str, of: str) -> int:
    if of == "words":
        return int(hash_bytes(as_buffer(token), 0, len(token.encode())))
    return int(mix(_BASE, np.uint64(ord(token))))


def _hashed(token_hashes: list[int]) -> int:
    state = 0
    for token_hash in token_hashes:
        state = (state * int(_BASE) + token_hash) & _WORD
    return int(mix(np.uint64(state >> 32), np.uint64(state))) >> 32
