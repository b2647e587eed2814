"""Byte-level BPE as the paper has it, one piece after another."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

ENDINGS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
WHITE_SPACE += "\u202f\u205f\u3000"


def encode_reference(text: str, byte_ids: Sequence[int], merges: Mapping[tuple[int, int], int]) -> list[int]:
    """The ids of a text; ``merges`` in the order in which they were learnt."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    ids: list[int] = []
    for piece in split_reference(text):
        parts = [byte_ids[byte] for byte in piece.encode()]
        while True:
            pairs = [(ranks.get(pair, len(ranks)), place) for place, pair in enumerate(pairwise(parts))]
            if not pairs or min(pairs)[0] == len(ranks):
                break
            _, place = min(pairs)
            parts[place : place + 2] = [merges[parts[place], parts[place + 1]]]
        ids += parts
    return ids


def split_reference(text: str) -> Iterator[str]:
    """The pieces by GPT-2's pattern, alternative by alternative.

    ``'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+``
    """
    at = 0
    while at < len(text):
        end = _end(text, at)
        yield text[at:end]
        at = end


def _end(text: str, at: int) -> int:
    for ending in ENDINGS:
        if text.startswith(ending, at):
            return at + len(ending)
    for kind in ("L", "N", "other"):
        start = at + (text[at] == " ")
        end = _run(text, start, kind)
        if end > start:
            return end
    end = _run(text, at, "space")
    return end - 1 if end < len(text) and end - at > 1 else end


def _run(text: str, at: int, kind: str) -> int:
    """Where the characters of a kind end that stand from ``at`` on."""
    while at < len(text) and _kind(text[at]) == kind:
        at += 1
    return at


def _kind(character: str) -> str:
    if character in WHITE_SPACE:
        return "space"
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "other"
