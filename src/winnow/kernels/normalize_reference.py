"""The readable twin of ``normalize``, one text at a time."""

from __future__ import annotations

import re
import unicodedata

from winnow.kernels.normalize import DECIMAL_SEPARATORS, PUNCTUATION

_NUMBER = re.compile(rf"\d+([{DECIMAL_SEPARATORS}]\d+)?")
_SPACES = str.maketrans(dict.fromkeys(PUNCTUATION, " "))


def normalize(text: str, *, fold_numbers: bool = True) -> str:
    """The text as ``normalize`` gives it."""
    small = text.lower().replace("ς", "σ")
    if not fold_numbers:
        small = "".join(str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c for c in small)
    words = (_NUMBER.sub("0", small) if fold_numbers else small).translate(_SPACES)
    decomposed = "".join(unicodedata.normalize("NFD", character) for character in words)
    plain = "".join(character for character in decomposed if unicodedata.category(character) != "Mn")
    return " ".join(plain.split())
