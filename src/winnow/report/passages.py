"""Two texts side by side: the passages that they share, word by word, and where they part.

Words are compared without their case and punctuation, and shown as they stand. A long stretch is shown by its two ends,
so that what comes out is bounded whatever comes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_WORDS = 1000
"""Words of each text that are compared; the alignment takes time quadratic in them at worst."""
SHORTEST = 3
"""Words that a shared passage has at least; fewer in a row are shared by chance."""
CONTEXT = 35
"""Words shown at each end of a long stretch."""
MAX_CHARS = 4000
"""Characters of both texts that are shown; what follows is counted."""
MAX_PIECE_CHARS = 600
"""Characters shown of a stretch, however long its words are."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
"""What stands between white space; of scripts that are written without it, every character."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Words in a row that both texts have, or that stand in one of them where the other has something else."""

    shared: bool
    left: str
    right: str


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """An alignment of two texts, in their order."""

    left: str
    """What the left text is: its id."""
    right: str
    stretches: tuple[Stretch, ...]
    left_words: int
    right_words: int
    shared_words: int
    """Words in shared stretches, of those that were compared."""
    whole: bool
    """Whether all of both texts was compared and is told here."""


def side_by_side(left: str, right: str, *, names: tuple[str, str]) -> SideBySide:
    """Align two texts; ``names`` says what they are."""
    words = [list(_WORD.finditer(text)) for text in (left, right)]
    keys = [[_key(word[0]) for word in side[:MAX_WORDS]] for side in words]
    spans = list(_spans(*keys))
    stretches, room = [], MAX_CHARS
    for shared, a, b, c, d in spans:
        stretch = Stretch(shared=shared, left=_shown(left, words[0][a:b]), right=_shown(right, words[1][c:d]))
        room -= len(stretch.left) + len(stretch.right)
        if room < 0:
            break
        stretches.append(stretch)
    return SideBySide(
        left=names[0],
        right=names[1],
        stretches=tuple(stretches),
        left_words=len(words[0]),
        right_words=len(words[1]),
        shared_words=sum(b - a for shared, a, b, _, _ in spans if shared),
        whole=len(stretches) == len(spans) and max(map(len, words)) <= MAX_WORDS,
    )


Span = tuple[bool, int, int, int, int]
"""Whether it is shared, and from which word to which it goes on the left and on the right."""


def _spans(left: Sequence[str], right: Sequence[str]) -> Iterator[Span]:
    """The shared stretches in order, with what lies between them."""
    a = c = 0
    for start, other, size in [*_blocks(left, right), (len(left), len(right), 0)]:
        if start > a or other > c:
            yield False, a, start, c, other
        a, c = start + size, other + size
        if size:
            yield True, start, a, other, c


def _blocks(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Where runs of ``SHORTEST`` words or more are shared, in the order of both: begin left, begin right, length."""
    head = _common(left, right)
    tail = _common(left[head:][::-1], right[head:][::-1])
    ends = len(left) - tail, len(right) - tail
    if head >= SHORTEST or head == len(left) == len(right):
        yield 0, 0, head
    for start, other, size in _inner_blocks(left[head : ends[0]], right[head : ends[1]]):
        yield head + start, head + other, size
    if tail >= SHORTEST:
        yield *ends, tail


def _inner_blocks(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """The same by n-grams; one that fills more than 1% of a text begins no run, or repetitive texts would take ages."""
    grams = [list(zip(*(side[start:] for start in range(SHORTEST)), strict=False)) for side in (left, right)]
    a = b = 0
    for block in SequenceMatcher(a=grams[0], b=grams[1]).get_matching_blocks():
        skip = max(0, a - block.a, b - block.b)  # two runs of n-grams may have words in common
        size = block.size + SHORTEST - 1 - skip if block.size else 0
        if size > 0:
            yield block.a + skip, block.b + skip, size
            a, b = block.a + skip + size, block.b + skip + size


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words two texts begin with together."""
    return next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _key(word: str) -> str:
    return re.sub(r"[\W_]+", "", word.casefold()) or word


def _shown(text: str, words: Sequence[re.Match[str]]) -> str:
    """The words as they stand in the text; the middle of a long stretch is only counted."""
    if not words:
        return ""
    if len(words) <= 2 * CONTEXT + 5:
        return _clipped(text[words[0].start() : words[-1].end()])
    head = text[words[0].start() : words[CONTEXT - 1].end()]
    tail = text[words[-CONTEXT].start() : words[-1].end()]
    return f"{_clipped(head)} [… {len(words) - 2 * CONTEXT:,} words …] {_clipped(tail)}"


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_PIECE_CHARS else f"{text[:MAX_PIECE_CHARS]}…"
