"""DCLM's document rules for RefinedWeb, restated to be read: what ``gopher@dclm`` has to agree with.

Source of the definitions: mlfoundations/dclm@361714b, baselines/mappers/filters/content_filters.py and core_utils.py,
thresholds and order of baselines/baselines_configs/dclm_baseline_refinedweb.yaml. DCLM cannot be installed from a
registry. docs/presets.md says how often this twin agreed with the original functions when both were run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from uniseg.wordbreak import words as unicode_words  # type: ignore[import-not-found,unused-ignore]

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
TOP_LIMITS = {2: 0.20, 3: 0.18, 4: 0.16}
DUPLICATE_LIMITS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}

Check = tuple[str, bool]
"""The reason, and whether the document is rejected for it."""


def decide(text: str) -> str:
    """The first reason to reject the text, or "" to keep it."""
    return next((reason for reason, rejected in _checks(text) if rejected), "")


def _checks(text: str) -> Iterator[Check]:
    yield from _word_checks(text)
    lines = _segments(text, "\n")
    yield "bullet_count_filter", sum(line.startswith(("●", "•", "*", "-")) for line in lines) > 0.9 * len(lines)
    yield "ellipsis_count_filter", sum(line.endswith(("...", ". . .", "…")) for line in lines) > 0.3 * len(lines)
    words = text.split()
    without_letter = sum(not any(map(str.isalpha, word)) for word in words)
    yield "alphabetic_word_ratio_filter", without_letter / len(words) > 0.2
    yield "stop_word_filter", sum(word.lower() in STOP_WORDS for word in words) < 2
    yield from _segment_checks(lines, _segments(text, "\n\n"))
    yield from _ngram_checks([word for word in unicode_words(text) if word[0].isalnum()])


def _word_checks(text: str) -> Iterator[Check]:
    # fastText's tokenizer splits on these seven ASCII characters; "without punctuation" drops a word whose first
    # character is not alphanumeric, so a word in quotation marks does not count towards the length
    length = sum(word[0].isalnum() for word in re.split("[ \n\r\t\v\f\0]+", text) if word)
    yield "page_length_filter", not 50 <= length <= 100_000
    words = text.split()
    yield "word_length_filter", not words or not 3 <= sum(map(len, words)) / len(words) <= 10
    symbols = sum(text.count(symbol) for symbol in ("#", "...", ". . .", "…"))
    yield "symbol_ratio_filter", symbols / len(words) > 0.1


def _segments(text: str, separator: str) -> list[str]:
    return [stripped for segment in text.split(separator) if (stripped := segment.strip())]


def _segment_checks(lines: list[str], paragraphs: list[str]) -> Iterator[Check]:
    kinds = (("line", lines), ("paragraph", paragraphs))
    for kind, segments in kinds:
        yield f"repetition_{kind}", len(_copies(segments)) / len(segments) > 0.3
    for kind, segments in kinds:
        yield f"repetition_{kind}_chars", sum(map(len, _copies(segments))) / sum(map(len, segments)) > 0.2


def _copies(segments: list[str]) -> list[str]:
    """Every copy, the first too, of a segment that occurs more than once."""
    counts = Counter(segments)
    return [segment for segment in segments if counts[segment] > 1]


def _ngram_checks(words: list[str]) -> Iterator[Check]:
    total = sum(map(len, words))
    for n, limit in (TOP_LIMITS | DUPLICATE_LIMITS).items():
        ngrams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        counts = Counter(ngrams)
        highest = max(counts.values(), default=0)
        if highest < 2:
            yield f"repetition_{n}gram", False
        elif n in TOP_LIMITS:
            longest = max(sum(map(len, ngram)) for ngram, count in counts.items() if count == highest)
            yield f"repetition_{n}gram", highest * longest / total > limit
        else:
            covered = {i + j for i, ngram in enumerate(ngrams) if counts[ngram] > 1 for j in range(n)}
            yield f"repetition_{n}gram", sum(len(words[i]) for i in covered) / total > limit
