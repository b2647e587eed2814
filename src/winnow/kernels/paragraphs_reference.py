"""The units of a text once more, in plain Python: what the tests hold ``paragraphs`` to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from winnow.kernels.paragraphs import RUN

_CLOSERS = "\"')]}`”’»"

Unit = tuple[int, int, str]
"""Where it starts and ends, and what it says."""


def units(text: str, kind: str, min_length: int, stripped: bool) -> list[Unit]:
    """The lines, paragraphs or runs of sentences of a text."""
    if kind == "sentences":
        found = [(start, end, _content(text[start:end], stripped)) for start, end in _sentences(text)]
        runs = zip(*(found[place:] for place in range(RUN)), strict=False)
        long_enough = [run for run in runs if run[-1][1] - run[0][0] >= min_length]
        return [(run[0][0], run[-1][1], "\0".join(one[2] for one in run)) for run in long_enough]
    pieces = _lines(text) if kind == "line" else _paragraphs(text)
    contents = ((start, stop, _content(text[start:end], stripped)) for start, end, stop in pieces)
    return [unit for unit in contents if len(unit[2]) >= min_length]


def _content(text: str, stripped: bool) -> str:
    return text.strip() if stripped else text


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Where a line starts, where it ends, and where the newline after it does."""
    for match in re.finditer(r"[^\n]*\n|[^\n]+", text):
        yield match.start(), match.end() - match[0].endswith("\n"), match.end()


def _paragraphs(text: str) -> Iterator[tuple[int, int, int]]:
    """The same for lines that are not blank and all blank ones after them."""
    lines = list(_lines(text))
    while lines:
        start = end = stop = lines[0][0]
        while lines and text[lines[0][0] : lines[0][1]].strip():
            _, end, stop = lines.pop(0)
        while lines and not text[lines[0][0] : lines[0][1]].strip():
            _, _, stop = lines.pop(0)
        yield start, end, stop


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Words up to one that ends in a mark, quotes and brackets aside, or to the end of the line."""
    for line_start, line_end, _ in _lines(text):
        start = None
        for word in re.finditer(r"\S+", text[line_start:line_end]):
            start = word.start() if start is None else start
            end = word.end()
            if word[0].rstrip(_CLOSERS).endswith((".", "!", "?")):
                yield line_start + start, line_start + end
                start = None
        if start is not None:
            yield line_start + start, line_start + end
