"""The readable twin of ``matching_words`` and ``matching``: the same results from strings and dictionaries."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from winnow.kernels.matching import Search

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """A word as it is compared, and where it stands, in bytes."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Part:
    """The distinct n-grams of a question, an answer or a passage with their weights."""

    size: int
    num_words: int
    weights: Mapping[Gram, float]
    bits: float


@dataclass(frozen=True)
class ReferenceItem:
    """An item; each answer with whether it is right."""

    question: Part
    answers: tuple[tuple[Part, bool], ...] = ()
    passage: Part | None = None


@dataclass(frozen=True)
class ReferenceMatch:
    """What ``MATCH`` holds."""

    item: int
    question: float
    answer: float
    passage: float
    answer_bits: float
    choice_bits: float
    start: int
    end: int


def split_words_reference(text: bytes) -> list[Word]:
    """The words of a text."""
    words: list[Word] = []
    current, start, end, at = "", 0, 0, 0
    for character in text.decode("utf-8", "surrogateescape"):
        length = len(character.encode("utf-8", "surrogateescape"))
        folded, is_alone = _folded(character)
        if current and (folded is None or is_alone):
            words.append(Word(current, start, end))
            current = ""
        if folded:
            start = start if current else at
            current, end = current + folded, at + length
            if is_alone:
                words.append(Word(current, start, end))
                current = ""
        at += length
    return [*words, Word(current, start, end)] if current else words


def _folded(character: str) -> tuple[str | None, bool]:
    """What a character counts as ("" for nothing, None for an end of words), and whether it is a word of its own."""
    if character in "\u00ad\u200b\u200c\u200d\u2060\ufeff" or "\u0300" <= character <= "\u036f":
        return "", False
    if "\ufe00" <= character <= "\ufe0f":
        return "", False
    category = unicodedata.category(character)
    if category == "So" and ord(character) >= 0x2190:
        return (character, True) if ord(character) < 0x40000 else (None, False)
    if (not character.isalnum() and not category.startswith("M")) or ord(character) >= 0x40000:
        return None, False
    base, *marks = tuple(unicodedata.normalize("NFKD", character))
    folded = base if all(unicodedata.combining(mark) for mark in marks) else character
    return folded.lower()[0], _has_no_spaces(ord(folded.lower()[0]))


def _has_no_spaces(code: int) -> bool:
    """Whether a letter's script is written without spaces between words."""
    return (
        0x0E00 <= code <= 0x0EFF  # Thai, Lao
        or 0x1000 <= code <= 0x109F  # Burmese
        or 0x1780 <= code <= 0x17FF  # Khmer
        or 0x2E80 <= code <= 0x2FDF  # radicals
        or 0x3005 <= code <= 0x3007
        or 0x3040 <= code <= 0x30FF  # kana
        or 0x31F0 <= code <= 0x31FF
        or 0x3400 <= code <= 0x4DBF  # Han
        or 0x4E00 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    )


def grams_of(words: Sequence[str], size: int) -> list[Gram]:
    """All n-grams, in order."""
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def find_matches_reference(
    text: bytes, items: Sequence[ReferenceItem], seeds: Mapping[Gram, Sequence[int]], search: Search
) -> list[ReferenceMatch]:
    """The matches of one text, in order."""
    places = split_words_reference(text)
    words = [place.text for place in places]
    sizes = sorted({len(seed) for seed in seeds}, reverse=True)
    until: dict[int, int] = {}
    matches = []
    for at in range(0, len(words), search.stride):
        for size in sizes:
            for number in seeds.get(tuple(words[at : at + size]), ()) if at + size <= len(words) else ():
                if at <= until.get(number, -1):
                    continue
                share, first, last = _walk(words, items[number].question, at, search)
                until[number] = max(at, last)
                if 0 < share >= search.least:
                    end = last + items[number].question.size
                    span = (places[first].start, places[end - 1].end)
                    matches.append(_measured(words, number, items[number], share, first, end, span, search))
    return matches


def _walk(words: Sequence[str], part: Part, at: int, search: Search) -> tuple[float, int, int]:
    reach = 2 * part.num_words + search.max_misses
    grams = grams_of(words, part.size)
    found: dict[Gram, int] = {}
    for places in (range(at, len(grams)), range(at - 1, -1, -1)):
        misses = 0
        for here in places:
            if abs(here - at) > reach or misses > search.max_misses:
                break
            misses = 0 if grams[here] in part.weights else misses + 1
            if grams[here] in part.weights and grams[here] not in found:
                found[grams[here]] = here
    return _share(set(found), part), min(found.values(), default=at), max(found.values(), default=at)


def _measured(
    words: Sequence[str],
    number: int,
    item: ReferenceItem,
    share: float,
    first: int,
    end: int,
    span: tuple[int, int],
    search: Search,
) -> ReferenceMatch:
    answers = [(_around(words, part, first, end, search.near), part.bits, right) for part, right in item.answers]
    others = [(found, bits) for found, bits, right in answers if not right]
    passage = -1.0 if item.passage is None else _around(words, item.passage, first, end, search.near)
    return ReferenceMatch(
        item=number,
        question=share,
        answer=max((found for found, _, right in answers if right), default=-1.0),
        passage=passage,
        answer_bits=max((found * bits for found, bits, right in answers if right), default=0.0),
        choice_bits=sum(bits for _, bits in others) if all(found > 0.999 for found, _ in others) else 0.0,
        start=span[0],
        end=span[1],
    )


def _around(words: Sequence[str], part: Part, first: int, end: int, near: int) -> float:
    reach = near + part.num_words
    before = words[max(0, first - reach) : first]
    after = words[end : end + reach]
    return _share({*grams_of(before, part.size), *grams_of(after, part.size)} & part.weights.keys(), part)


def _share(found: set[Gram], part: Part) -> float:
    return sum(part.weights[gram] for gram in found) / sum(part.weights.values())
