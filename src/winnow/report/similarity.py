"""How alike two texts are, by the definition and in the plainest way: what other counts are checked against.

Nothing here is shared with the methods of deduplication, which hash, sketch and compile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

NGRAM = 5
"""Words of a shingle, as FineWeb's and Dolma's MinHash count them."""

Shingles = frozenset[tuple[str, ...]]


def shingles(text: str, ngram: int = NGRAM, *, of: Literal["words", "characters"] = "words") -> Shingles:
    """The distinct runs of ``ngram`` words, lower case and without punctuation; of a shorter text all its words.

    Of ``characters``: runs of those of the same words with one space between them.
    """
    words: Sequence[str] = re.findall(r"\w+", text.casefold())
    units = words if of == "words" else " ".join(words)
    runs = zip(*(units[start:] for start in range(min(ngram, len(units)))), strict=False)
    return frozenset(runs)


def jaccard(left: Shingles, right: Shingles) -> float:
    """What two sets share, of all that is in either; 1 for two empty sets.

    >>> round(jaccard(shingles("a b c d e f"), shingles("a b c d e g")), 3)
    0.333
    """
    either = len(left | right)
    return len(left & right) / either if either else 1.0
