"""The statistics of ``text`` once more, in plain Python: slow, short, and what the tests hold the kernels to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from winnow.kernels.c4 import FORMS, LONGEST_WORD, MIN_WORDS
from winnow.kernels.characters import SYMBOL, TERMINAL, character_classes
from winnow.kernels.lines import SHORT_LINE
from winnow.kernels.ngrams import LONGEST, SHORTEST, SHORTEST_LONG
from winnow.kernels.vocabulary import STOP_WORDS

Split = Callable[[str], list[str]]
Counts = dict[str, int]

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_MARKS = {"tfds": (".", "?", "!", '"'), "datatrove": (".", "?", "!", '"', "'"), "fineweb": ("",)}
_CLOSERS = "\"'\u201d\u2019\u00bb)]}`"


def count_text(text: str, split: Split, count_sentences: Callable[[str], int]) -> Counts:
    """The statistics of one document, given what a word is and how the sentences of a line are counted."""
    return {
        **count_characters(text),
        **count_words(split(text)),
        **count_ngrams(split(text)),
        **count_lines(text),
        **count_paragraphs(text),
        **count_splitlines(text),
        **count_c4(text, count_sentences),
    }


def is_of(character: str, flag: int) -> bool:
    """Whether a character is of a class of ``characters``."""
    return bool(character_classes()[ord(character)] & flag)


def count_characters(text: str) -> Counts:
    """Characters, marks and fastText's words."""
    fasttext_words = [word for word in re.split("[ \n\r\t\v\f\0]", text) if word and word[0].isalnum()]
    return {
        "num_chars": len(text),
        "num_newlines": text.count("\n"),
        "num_hashes": text.count("#"),
        "num_ellipses": text.count("...") + text.count("…"),
        "num_spaced_ellipses": text.count(". . ."),
        "num_fasttext_words": len(fasttext_words),
    }


def count_words(words: Sequence[str]) -> Counts:
    """Words and what they are made of."""
    nonsymbol = [word for word in words if not all(is_of(character, SYMBOL) for character in word)]
    folded = [fold(word) for word in words]
    return {
        "num_words": len(words),
        "num_word_chars": sum(map(len, words)),
        "num_words_with_alpha": sum(any(character.isalpha() for character in word) for word in words),
        "num_nonsymbol_words": len(nonsymbol),
        "num_nonsymbol_word_chars": sum(map(len, nonsymbol)),
        "num_stop_words": sum(word in STOP_WORDS for word in folded),
        "num_distinct_stop_words": len(set(folded) & set(STOP_WORDS)),
        "num_distinct_stop_words_cased": len(set(words) & set(STOP_WORDS)),
    }


def fold(text: str) -> str:
    """Small letters for ASCII capitals."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def count_ngrams(words: Sequence[str]) -> Counts:
    """Frequent and repeated n-grams."""
    counts: Counts = {}
    for n in range(SHORTEST, LONGEST + 1):
        grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
        counts |= _top(grams, n) if n < SHORTEST_LONG else _repeated(words, grams, n)
    return counts


def _top(grams: list[tuple[str, ...]], n: int) -> Counts:
    frequencies = Counter(grams)
    first, count = frequencies.most_common(1)[0] if grams else ((), 0)
    most_frequent = [gram for gram, frequency in frequencies.items() if frequency == count]
    return {
        f"top_{n}gram_count": count,
        f"top_{n}gram_chars": _num_chars(first),
        f"top_{n}gram_max_chars": max(map(_num_chars, most_frequent), default=0),
    }


def _num_chars(words: Sequence[str]) -> int:
    return sum(map(len, words))


def _repeated(words: Sequence[str], grams: list[tuple[str, ...]], n: int) -> Counts:
    frequencies = Counter(grams)
    covered = {start + k for start, gram in enumerate(grams) if frequencies[gram] > 1 for k in range(n)}
    seen, repeated, start = set(), 0, 0
    while start < len(grams):
        if grams[start] in seen:
            repeated += _num_chars(grams[start])
            start += n
        else:
            seen.add(grams[start])
            start += 1
    return {
        f"duplicate_{n}gram_chars": sum(len(words[position]) for position in covered),
        f"repeated_{n}gram_chars": repeated,
    }


def _duplicates(pieces: Sequence[str]) -> list[str]:
    """All copies of what occurs more than once."""
    frequencies = Counter(pieces)
    return [piece for piece in pieces if frequencies[piece] > 1]


def _repeats(pieces: Sequence[str]) -> list[str]:
    """All copies after the first."""
    return [piece for place, piece in enumerate(pieces) if piece in pieces[:place]]


def count_lines(text: str) -> Counts:
    """Lines, raw lines and line runs."""
    raw = [line for line in text.split("\n") if line.strip()]
    lines = [line.strip() for line in raw]
    runs = re.split("\n+", text)
    return {
        "num_lines": len(lines),
        "num_line_chars": _num_chars(lines),
        "num_bullet_lines": sum(line.startswith(("●", "•", "*", "-")) for line in lines),
        "num_ellipsis_lines": sum(line.endswith(("...", ". . .", "…")) for line in lines),
        "num_terminal_lines": sum(_is_terminal(line.rstrip(_CLOSERS)) for line in lines),
        "num_duplicate_lines": len(_duplicates(lines)),
        "num_duplicate_line_chars": _num_chars(_duplicates(lines)),
        "num_raw_terminal_lines": sum(map(_is_terminal, raw)),
        "num_raw_short_lines": sum(len(line) <= SHORT_LINE for line in raw),
        "num_raw_repeated_line_chars": _num_chars(_repeats(raw)),
        "num_line_runs": len(runs),
        "num_repeated_line_runs": len(_repeats(runs)),
        "num_repeated_line_run_chars": _num_chars(_repeats(runs)),
    }


def _is_terminal(line: str) -> bool:
    return line != "" and is_of(line[-1], TERMINAL)


def count_paragraphs(text: str) -> Counts:
    """Paragraphs and paragraph runs."""
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
    runs = re.split("\n{2,}", text.strip())
    return {
        "num_paragraphs": len(paragraphs),
        "num_paragraph_chars": _num_chars(paragraphs),
        "num_duplicate_paragraphs": len(_duplicates(paragraphs)),
        "num_duplicate_paragraph_chars": _num_chars(_duplicates(paragraphs)),
        "num_paragraph_runs": len(runs),
        "num_repeated_paragraph_runs": len(_repeats(runs)),
        "num_repeated_paragraph_run_chars": _num_chars(_repeats(runs)),
    }


def count_splitlines(text: str) -> Counts:
    """The lines of ``str.splitlines``."""
    lines = [line.strip() for line in text.splitlines()]
    return {
        "num_splitlines": len(lines),
        "num_bullet_splitlines": sum(line.startswith(("•", "-")) for line in lines),
        "num_ellipsis_splitlines": sum(line.endswith(("...", "…")) for line in lines),
    }


def count_c4(text: str, count_sentences: Callable[[str], int]) -> Counts:
    """What the three forms of C4's line rules leave."""
    counts: Counts = {}
    for form in FORMS:
        by_rule = form == "tfds"
        found = _c4_form(text, form, count_sentences_by_rule if by_rule else count_sentences)
        counts |= {f"c4_{form}_{name}": number for name, number in found.items()}
    return counts


def _c4_form(text: str, form: str, count_sentences: Callable[[str], int]) -> Counts:
    counts = {"num_lines": 0, "num_sentences": 0, "lorem_ipsum": 0, "curly_bracket": 0}
    for raw in text.splitlines():
        line = _CITATION.sub("", raw.strip())
        num_words = len(line.split()) if form == "tfds" else len(raw.split())
        folded = fold(line)
        if max(map(len, raw.split()), default=0) > LONGEST_WORD or num_words < MIN_WORDS[FORMS.index(form)]:
            continue
        if form != "fineweb" and (line.endswith("...") or not line.endswith(_MARKS[form])):
            continue
        if "lorem ipsum" in folded:
            return counts | {"lorem_ipsum": 1}
        if "javascript" in folded:
            continue
        if "{" in line:
            return counts | {"curly_bracket": 1}
        if not any(policy in folded for policy in _POLICIES):
            counts["num_lines"] += 1
            counts["num_sentences"] += count_sentences(line)
    return counts


def count_sentences_by_rule(line: str) -> int:
    """Sentences end in . ! or ?, perhaps with closing quotes and brackets, before a space."""
    words = line.split()
    ends = [word.rstrip(_CLOSERS).endswith((".", "!", "?")) for word in words]
    return sum(ends[:-1]) + 1 if words else 0
