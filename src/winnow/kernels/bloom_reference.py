"""What a Bloom pass finds, once more with strings and a set: what the tests hold the kernels to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from winnow.kernels.unicode_reference import split_chunk


def words(text: str) -> list[str]:
    """The segments of UAX #29 that are not white space."""
    return [segment for chunk in text.split() for segment in split_chunk(chunk)]


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """The lines of a text; each but the first begins with the newline before it."""
    breaks = [place for place, character in enumerate(text) if character == "\n" and place > 0]
    return zip([0, *breaks], [*breaks, len(text)], strict=True)


def ngrams(text: str, size: int, shortest: int) -> list[tuple[str, ...]]:
    """Runs of ``size`` words; all words, if they are fewer but at least ``shortest``."""
    found = words(text)
    if len(found) < size:
        return [tuple(found)] if len(found) >= shortest else []
    return [tuple(found[start : start + size]) for start in range(len(found) - size + 1)]


@dataclass(frozen=True)
class Looked:
    """A paragraph that was looked up: where it is, its n-grams, how many of them were seen before it."""

    start: int
    end: int
    num_ngrams: int
    num_seen: int


def look_up(
    texts: Iterable[str], *, size: int, shortest: int, threshold: float, by_line: bool = True
) -> list[list[Looked]]:
    """BFF's pass (``process_line_oldboth``) with a set in place of the filter: for each text its paragraphs."""
    met: set[tuple[str, ...]] = set()
    found = []
    for text in texts:
        looked = []
        for start, end in paragraphs(text) if by_line else [(0, len(text))]:
            grams = ngrams(text[start:end], size, shortest)
            if not grams:
                continue
            num_seen = sum(gram in met for gram in grams)
            looked.append(Looked(start, end, len(grams), num_seen))
            if num_seen / len(grams) <= threshold:
                met.update(grams)
        found.append(looked)
    return found
