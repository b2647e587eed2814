"""Copies of documents, changed as copies on the web are: the same for the same seed.

A copy is a repeated text with a few words changed, a site's header and footer, its end cut off, sentences taken out, or
another hand's spaces, capitals and punctuation.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Change = Callable[[list[str], random.Random], list[str]]
"""Takes words with the space after each, gives new ones."""

WORD_RATES = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08)
"""Shares of words changed: exact Jaccard of word 5-grams from 0.98 to 0.5."""
NUM_SITES = 40


def planted_copies(texts: list[str], number: int, seed: int) -> list[str]:
    """So many changed copies of texts drawn at random, with replacement: some texts have several."""
    chance = random.Random(seed)
    words = [word for text in chance.sample(texts, min(200, len(texts))) for word in text.split()]
    sites = [[chance.choices(words, k=chance.randint(5, 60)) for _ in range(2)] for _ in range(NUM_SITES)]
    changes: list[Change] = [
        *(word_changes(words, rate) for rate in WORD_RATES),
        framed(sites),
        cut_short,
        without_sentences,
        retyped,
    ]
    return [
        "".join(changes[place % len(changes)](re.findall(r"\S+\s*", chance.choice(texts)), chance))
        for place in range(number)
    ]


def word_changes(words: list[str], rate: float) -> Change:
    """Replaces, drops or adds that share of the words."""

    def change(pieces: list[str], chance: random.Random) -> list[str]:
        changed: list[str] = []
        for piece in pieces:
            kind = chance.randrange(3) if chance.random() < rate else None
            new = f"{chance.choice(words)} "
            changed += {0: [new], 1: [], 2: [piece, new], None: [piece]}[kind]
        return changed

    return change


def framed(sites: list[list[list[str]]]) -> Change:
    """Puts one site's header before and its footer after."""

    def change(pieces: list[str], chance: random.Random) -> list[str]:
        header, footer = chance.choice(sites)
        return [*(f"{word} " for word in header), "\n", *pieces, "\n", *(f"{word} " for word in footer)]

    return change


def cut_short(pieces: list[str], chance: random.Random) -> list[str]:
    """Keeps the first half or more."""
    return pieces[: int(len(pieces) * chance.uniform(0.5, 1))]


def without_sentences(pieces: list[str], chance: random.Random) -> list[str]:
    """Drops each sentence with a chance of up to a quarter."""
    rate = chance.uniform(0, 0.25)
    kept, keep = [], True
    for piece in pieces:
        if keep:
            kept.append(piece)
        if piece.rstrip().endswith((".", "!", "?")):
            keep = chance.random() >= rate
    return kept


def retyped(pieces: list[str], chance: random.Random) -> list[str]:
    """Other spaces, some capitals, some commas: the same words."""
    changed = (piece.upper() if chance.random() < 0.05 else piece for piece in pieces)
    return [piece.rstrip().rstrip(",") + chance.choice([" ", " ", "\n", "  "]) for piece in changed]
