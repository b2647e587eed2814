"""Lines and paragraphs: how many, how they begin and end, and how often they repeat.

The tools of the field cut text in four ways and count copies in two, so each has its columns. A *duplicate* is any
copy of a thing that occurs more than once; a *repeated* one is a copy after the first.

- lines: pieces between ``\\n``, stripped, blank ones left out (DCLM). Raw lines: the same, not stripped (FineWeb).
- line runs: pieces between runs of ``\\n``, not stripped, blank ones too (datatrove's Gopher repetition).
- paragraphs: pieces between runs of two or more ``\\n``, stripped, blank ones left out (DCLM). Paragraph runs: the
  pieces of the stripped text, not stripped themselves (datatrove's Gopher repetition).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.characters import TERMINAL, decode, decode_before
from winnow.kernels.counts import Counts, counts_type
from winnow.kernels.hashing import Tally, clear, hash_bytes, meet, met_again
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.masks import NEWLINE, next_set, num_chars, strip
from winnow.kernels.sentences import without_closers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

LINE_COUNTS = counts_type(
    "num_lines",
    "num_line_chars",
    "num_bullet_lines",
    "num_ellipsis_lines",
    "num_terminal_lines",
    "num_duplicate_lines",
    "num_duplicate_line_chars",
    "num_raw_terminal_lines",
    "num_raw_short_lines",
    "num_raw_repeated_line_chars",
    "num_line_runs",
    "num_repeated_line_runs",
    "num_repeated_line_run_chars",
)
PARAGRAPH_COUNTS = counts_type(
    "num_paragraphs",
    "num_paragraph_chars",
    "num_duplicate_paragraphs",
    "num_duplicate_paragraph_chars",
    "num_paragraph_runs",
    "num_repeated_paragraph_runs",
    "num_repeated_paragraph_run_chars",
)

SHORT_LINE = 30
"""FineWeb (Penedo et al. 2024) calls a line of at most so many characters short."""


@leaf
def count_lines(
    text: Bytes, size: int, masks: NDArray[np.uint64], classes: Classes, tally: Tally, counts: Counts
) -> None:
    """Write the counts of lines, raw lines and line runs (LINE_COUNTS); the tally has room for twice as many."""
    clear(tally)
    start = 0
    while start < size:
        end = next_set(masks, NEWLINE, start, size)
        if end > start:
            _count_line(text, start, end, masks, classes, tally, counts)
        start = end + 1
    starts_empty, ends_empty = size > 0 and text[0] == ord("\n"), size > 0 and text[size - 1] == ord("\n")
    counts.num_line_runs += np.int64(size == 0) + starts_empty + ends_empty
    counts.num_repeated_line_runs += starts_empty and ends_empty


@inlined
def _count_line(
    text: Bytes,
    start: int,
    end: int,
    masks: NDArray[np.uint64],
    classes: Classes,
    tally: Tally,
    counts: Counts,
) -> None:
    first, last = strip(masks, start, end)
    line = hash_bytes(text, first, last)
    is_stripped = first == start and last == end
    raw_length = num_chars(masks, start, end)
    stripped = meet(tally, line)
    raw = tally.pieces[stripped if is_stripped else meet(tally, hash_bytes(text, start, end))]
    raw.raw_count += 1
    counts.num_line_runs += 1
    counts.num_repeated_line_runs += raw.raw_count > 1
    counts.num_repeated_line_run_chars += raw_length * (raw.raw_count > 1)
    if first == last:
        return
    length = raw_length if is_stripped else num_chars(masks, first, last)
    tally.pieces[stripped].count += 1
    num_new = met_again(tally.pieces[stripped].count)
    counts.num_lines += 1
    counts.num_line_chars += length
    counts.num_duplicate_lines += num_new
    counts.num_duplicate_line_chars += length * num_new
    counts.num_raw_repeated_line_chars += raw_length * (raw.raw_count > 1)
    counts.num_raw_short_lines += raw_length <= SHORT_LINE
    counts.num_raw_terminal_lines += _is_terminal(text, start, end, classes)
    counts.num_terminal_lines += _is_terminal(text, first, without_closers(text, first, last), classes)
    counts.num_bullet_lines += starts_with_bullet(text, first, last)
    counts.num_ellipsis_lines += ends_with_ellipsis(text, first, last) or ends_with_spaced_ellipsis(text, first, last)


@inlined
def _is_terminal(text: Bytes, start: int, end: int, classes: Classes) -> bool:
    """Whether the last character may end a sentence."""
    if start == end:
        return False
    return classes[decode_before(text, start, end)[0]] & TERMINAL != 0


@inlined
def starts_with_bullet(text: Bytes, start: int, end: int) -> bool:
    """Whether a line starts with one of ● • * - (DCLM)."""
    code, _ = decode(text, start, end)
    return code in (ord("*"), ord("-"), 0x2022, 0x25CF)


@inlined
def ends_with_ellipsis(text: Bytes, start: int, end: int) -> bool:
    """Whether a line ends with "..." or "…"."""
    if end - start < 3:
        return False
    return _last_bytes(text, end) in ((ord("."), ord("."), ord(".")), (0xE2, 0x80, 0xA6))


@inlined
def _last_bytes(text: Bytes, end: int) -> tuple[int, int, int]:
    return np.int64(text[end - 3]), np.int64(text[end - 2]), np.int64(text[end - 1])


@inlined
def ends_with_spaced_ellipsis(text: Bytes, start: int, end: int) -> bool:
    """Whether a line ends with ". . ."."""
    if end - start < 5 or text[end - 4] != ord(" ") or text[end - 5] != ord("."):
        return False
    return _last_bytes(text, end) == (ord("."), ord(" "), ord("."))


@leaf
def count_paragraphs(text: Bytes, size: int, masks: NDArray[np.uint64], tally: Tally, counts: Counts) -> None:
    """Write the counts of paragraphs and paragraph runs (PARAGRAPH_COUNTS); the tally has room for twice as many."""
    clear(tally)
    start, size = strip(masks, 0, size)
    if _next_blank_line(text, start, size, masks) == size:  # one paragraph at most: nothing to compare
        counts.num_paragraph_runs = 1
        counts.num_paragraphs = np.int64(start < size)
        counts.num_paragraph_chars = num_chars(masks, start, size)
        return
    while start < size:
        end = _next_blank_line(text, start, size, masks)
        _count_paragraph(text, start, end, masks, tally, counts)
        start = end
        while start < size and text[start] == ord("\n"):
            start += 1


@inlined
def _next_blank_line(text: Bytes, start: int, end: int, masks: NDArray[np.uint64]) -> int:
    """Where the first two newlines in a row begin, or the end."""
    at = next_set(masks, NEWLINE, start, end)
    while at < end and text[at + 1] != ord("\n"):
        at = next_set(masks, NEWLINE, at + 1, end)
    return at


@inlined
def _count_paragraph(
    text: Bytes,
    start: int,
    end: int,
    masks: NDArray[np.uint64],
    tally: Tally,
    counts: Counts,
) -> None:
    first, last = strip(masks, start, end)
    paragraph, length = hash_bytes(text, first, last), num_chars(masks, first, last)
    is_stripped = first == start and last == end
    stripped = meet(tally, paragraph)
    raw = tally.pieces[stripped if is_stripped else meet(tally, hash_bytes(text, start, end))]
    raw.raw_count += 1
    counts.num_paragraph_runs += 1
    if raw.raw_count > 1:
        counts.num_repeated_paragraph_runs += 1
        counts.num_repeated_paragraph_run_chars += num_chars(masks, start, end)
    if first < last:
        tally.pieces[stripped].count += 1
        num_new = met_again(tally.pieces[stripped].count)
        counts.num_paragraphs += 1
        counts.num_paragraph_chars += length
        counts.num_duplicate_paragraphs += num_new
        counts.num_duplicate_paragraph_chars += length * num_new
