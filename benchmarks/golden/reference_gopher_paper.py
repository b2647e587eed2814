"""Gopher's rules as its paper words them: what ``gopher@paper`` has to agree with.

Source: Rae et al. 2021 (arXiv:2112.11446), appendix A.1.1 and table A1. The paper came without code. Where it is
silent this twin, like the preset, takes whitespace words, lines stripped and not blank, paragraphs between blank
lines, stop words in any case, every copy of a duplicate, and fractions of the characters of words or lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
TOP_LIMITS = {2: 0.20, 3: 0.18, 4: 0.16}
DUPLICATE_LIMITS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


def decide(text: str) -> str:
    """The first reason to reject the text, or "" to keep it."""
    return next((reason for reason, rejected in _checks(text) if rejected), "")


def _checks(text: str) -> Iterator[tuple[str, bool]]:
    words = text.split()
    yield "word_count", not 50 <= len(words) <= 100_000
    yield "mean_word_length", not 3 <= sum(map(len, words)) / len(words) <= 10
    yield "hash_to_word_ratio", text.count("#") / len(words) > 0.1
    yield "ellipsis_to_word_ratio", (text.count("...") + text.count("…")) / len(words) > 0.1
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    yield "bullet_lines", sum(line.startswith(("●", "•", "*", "-")) for line in lines) / len(lines) > 0.9
    yield "ellipsis_lines", sum(line.endswith(("...", ". . .", "…")) for line in lines) / len(lines) > 0.3
    yield "alphabetic_words", sum(any(map(str.isalpha, word)) for word in words) / len(words) < 0.8
    yield "stop_words", len({word.lower() for word in words} & STOP_WORDS) < 2
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
    yield "duplicate_lines", len(_copies(lines)) / len(lines) > 0.3
    yield "duplicate_paragraphs", len(_copies(paragraphs)) / len(paragraphs) > 0.3
    yield "duplicate_line_chars", len("".join(_copies(lines))) / len("".join(lines)) > 0.2
    yield "duplicate_paragraph_chars", len("".join(_copies(paragraphs))) / len("".join(paragraphs)) > 0.2
    for n, limit in TOP_LIMITS.items():
        yield f"top_{n}gram_chars", _top_chars(words, n) / len("".join(words)) > limit
    for n, limit in DUPLICATE_LIMITS.items():
        yield f"duplicate_{n}gram_chars", _duplicate_chars(words, n) / len("".join(words)) > limit


def _copies(segments: list[str]) -> list[str]:
    counts = Counter(segments)
    return [segment for segment in segments if counts[segment] > 1]


def _top_chars(words: list[str], n: int) -> int:
    """Characters in all copies of the most frequent n-gram, the longest of those that occur equally often."""
    counts = Counter(zip(*(words[i:] for i in range(n)), strict=False))
    return max(((count, count * len("".join(ngram))) for ngram, count in counts.items()), default=(0, 0))[1]


def _duplicate_chars(words: list[str], n: int) -> int:
    """Characters of the words inside any n-gram that occurs more than once, each word counted once."""
    ngrams = list(zip(*(words[i:] for i in range(n)), strict=False))
    counts = Counter(ngrams)
    covered = {i + j for i, ngram in enumerate(ngrams) if counts[ngram] > 1 for j in range(n)}
    return sum(len(words[i]) for i in covered)
