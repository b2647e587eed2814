"""Copies as they occur on the web, each changed to a stated degree, so that what a recipe finds of them is known.

A rate is the share of the words that a change touches. The same text, rate and random numbers give the same copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

Change = Callable[[str, float, Random, Sequence[str]], str]
"""Takes a text, a rate, random numbers and the words of other documents; gives the changed copy."""

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Degrees of change that are planted."""

_PIECE = re.compile(r"\s*\S+")
_SENTENCE_END = re.compile(r"""[.!?]["')\]]*$""")
_CONFUSED = (
    ("rn", "m"),
    ("m", "rn"),
    ("l", "1"),
    ("o", "0"),
    ("e", "c"),
    ("h", "b"),
    ("s", "5"),
    ("a", "u"),
    ("i", "l"),
)
"""Letters that optical character recognition takes for others."""


def pieces(text: str) -> list[str]:
    """The words, each with the white space before it."""
    return _PIECE.findall(text)


def replaced_words(text: str, rate: float, chance: Random, words: Sequence[str]) -> str:
    """That share of the words is replaced by words of other documents."""
    parts = pieces(text)
    for place in chance.sample(range(len(parts)), _number(len(parts), rate)):
        word = parts[place].lstrip()
        other = next((one for one in chance.choices(words, k=20) if one.casefold() != word.casefold()), f"{word}x")
        parts[place] = parts[place][: -len(word)] + other
    return "".join(parts)


def swapped_words(text: str, rate: float, chance: Random, words: Sequence[str]) -> str:
    """That share of the words has changed places with a neighbour."""
    parts = pieces(text)
    places = [place for place in range(0, len(parts) - 1, 2) if parts[place].split() != parts[place + 1].split()]
    for place in chance.sample(places, min(len(places), max(1, round(rate * len(parts) / 2)))):
        first, second = parts[place].lstrip(), parts[place + 1].lstrip()
        parts[place] = parts[place][: -len(first)] + second
        parts[place + 1] = parts[place + 1][: -len(second)] + first
    return "".join(parts)


def dropped_sentences(text: str, rate: float, chance: Random, words: Sequence[str]) -> str:
    """Sentences are left out until that share of the words is gone: one at least, and never all."""
    kept = sentences(text)
    room = rate * sum(map(len, kept))
    gone = []
    for sentence in chance.sample(kept, len(kept)):
        if len(sentence) <= room:
            gone.append(sentence)
            room -= len(sentence)
    for sentence in gone or [min(kept, key=len)]:
        if len(kept) > 1:
            kept.remove(sentence)
    return "".join(part for sentence in kept for part in sentence)


def ocr_noise(text: str, rate: float, chance: Random, words: Sequence[str]) -> str:
    """That share of the words is misread: a letter of each is taken for another that looks like it."""
    parts = pieces(text)
    for place in chance.sample(range(len(parts)), _number(len(parts), rate)):
        parts[place] = _misread(parts[place], chance)
    return "".join(parts)


def wrapped(text: str, rate: float, chance: Random, words: Sequence[str]) -> str:
    """A header and a footer are put around it: that share of the words of the copy, in runs from other documents."""
    number = max(2, round(len(pieces(text)) * rate / (1 - rate)))
    header, footer = (_run(words, size, chance) for size in (number // 2, number - number // 2))
    return f"{header}\n\n{text}\n\n{footer}"


CHANGES: dict[str, Change] = {
    "words replaced": replaced_words,
    "words swapped": swapped_words,
    "sentences dropped": dropped_sentences,
    "misread words": ocr_noise,
    "site around it": wrapped,
}
"""What each kind of near-copy is called, and how it is made."""


def sentences(text: str) -> list[list[str]]:
    """The text's words in sentences: up to a full stop, a question or exclamation mark, or the end of a line."""
    found: list[list[str]] = [[]]
    for part in pieces(text):
        if found[-1] and (_SENTENCE_END.search(found[-1][-1]) or "\n" in part[: -len(part.lstrip())]):
            found.append([])
        found[-1].append(part)
    return found


def _number(words: int, rate: float) -> int:
    return min(words, max(1, round(rate * words)))


def _misread(piece: str, chance: Random) -> str:
    possible = [(old, new) for old, new in _CONFUSED if old in piece]
    if not possible:
        return f"{piece[:-1]}l"
    old, new = chance.choice(possible)
    places = [match.start() for match in re.finditer(re.escape(old), piece)]
    place = chance.choice(places)
    return piece[:place] + new + piece[place + len(old) :]


def _run(words: Sequence[str], size: int, chance: Random) -> str:
    """So many words in a row, from the end on to the beginning where they do not suffice."""
    start = chance.randrange(len(words))
    return " ".join(words[(start + step) % len(words)] for step in range(size))
