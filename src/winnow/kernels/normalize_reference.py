"""The readable twin of ``normalize``, one text at a time."""

from __future__ import annotations

import re
import unicodedata

from winnow.kernels.normalize import DECIMAL_SEPARATORS, PUNCTUATION

_NUMBER = re.compile(rf"\d+([{DECIMAL_SEPARATORS}]\d+)?")
_SPACES = str.maketrans(dict.fromkeys(PUNCTUATION, " "))


def normalize(text: str) -> str:
    """The text as ``normalize`` gives it."""
    small = text.lower().replace("ς", "σ")
    words = _NUMBER.sub("0", small).translate(_SPACES)
    decomposed = "".join(unicodedata.normalize("NFD", character) for character in words)
    plain = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    return " ".join(plain.split())
