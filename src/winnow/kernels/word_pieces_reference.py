"""The readable twin of ``word_pieces``: a text as a whole, one rule of BERT's after another."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Sequence

from winnow.kernels.word_pieces import CONTINUES, IDEOGRAPHS, MAX_WORD


def tokenize(text: str, vocabulary: Sequence[str]) -> list[str]:
    """The pieces of a text; words that cannot be cut into pieces of the vocabulary are left out."""
    known = set(vocabulary)
    return [piece for word in words(simplified(text)) for piece in pieces(word, known)]


def simplified(text: str) -> str:
    """Control characters are gone, ideographs stand alone, accents are gone, letters are small."""
    kept = "".join(character for character in text if character in "\t\n\r" or not _is_control(character))
    spaced = "".join(f" {character} " if _is_ideograph(character) else character for character in kept)
    bare = "".join(part for part in unicodedata.normalize("NFD", spaced) if unicodedata.category(part) != "Mn")
    return "".join(character.lower() for character in bare)


def words(text: str) -> Iterator[str]:
    """What stands between white space, punctuation marks apart."""
    marked = (f" {c} " if c in string.punctuation or unicodedata.category(c)[0] == "P" else c for c in text)
    yield from "".join(marked).split()


def pieces(word: str, known: set[str]) -> list[str]:
    """The longest piece first, then the longest that goes on; nothing where none does."""
    found: list[str] = []
    start = 0
    while start < len(word) <= MAX_WORD:
        prefix = CONTINUES if start else ""
        ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in known)
        end = next(ends, None)
        if end is None:
            return []
        found.append(prefix + word[start:end])
        start = end
    return found


def _is_control(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs")


def _is_ideograph(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in IDEOGRAPHS)
