"""The characters of texts that repeat a window of tokens, found by a look at all windows: what the tests hold the
kernels to."""

from __future__ import annotations

import re
from collections.abc import Iterable


def repeated(texts: Iterable[str], length: int, by_word: bool) -> list[set[int]]:
    """For each text the characters that lie in a window of ``length`` tokens which stood before: there, or in it."""
    met: set[tuple[str, ...]] = set()
    found = []
    for text in texts:
        tokens = list(re.finditer(r"\S+" if by_word else r"(?s).", text))
        marked: set[int] = set()
        for start in range(len(tokens) - length + 1):
            window = tuple(token[0] for token in tokens[start : start + length])
            if window in met:
                marked.update(range(tokens[start].start(), tokens[start + length - 1].end()))
            met.add(window)
        found.append(marked)
    return found
