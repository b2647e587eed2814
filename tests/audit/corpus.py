"""Documents of random words: no two share a run of five."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

LETTERS = "bcdfghklmnprstvw"


def words(number: int, chance: Random) -> list[str]:
    """Invented words."""
    return [
        "".join(chance.choice(LETTERS) + chance.choice("aeiou") for _ in range(chance.randint(2, 4)))
        for _ in range(number)
    ]


def text(number: int, chance: Random) -> str:
    """Sentences of ten of these words each."""
    parts = words(number, chance)
    parts[9::10] = [f"{word}." for word in parts[9::10]]
    return " ".join(parts)


def write(path: Path, documents: int, num_words: int = 150, seed: int = 0) -> Path:
    """Write so many documents as JSON lines."""
    chance = Random(seed)
    rows = [{"id": f"d{number:04d}", "text": text(num_words, chance), "source": "toy"} for number in range(documents)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_texts(path: Path, texts: Sequence[str]) -> Path:
    """Write texts as JSON lines."""
    rows = [{"id": f"d{number:04d}", "text": text} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
