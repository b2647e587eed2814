"""spaCy's English words at native speed; see ``spacy_reference`` for the algorithm in short.

A whitespace-delimited chunk is cut without regard to its neighbours, so each distinct chunk of a document is cut once.
All functions take a chunk as ``text[start:end]``; ``cut_chunk`` writes where its words start.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from winnow.kernels.buffers import SPAN
from winnow.kernels.characters import decode, decode_before
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.simd import BLOCK, between, low_bits
from winnow.kernels.spacy_rules import (
    BEFORE_STOP,
    CURRENCY,
    INFIX,
    LOWER,
    PREFIX,
    PREFIXES,
    QUOTE,
    SUFFIX,
    UNITS,
    UPPER,
    exceptions,
    spacy_classes,
)
from winnow.kernels.spacy_urls import is_url
from winnow.kernels.strings import NOT_FOUND, as_buffer, find_hash, find_string, may_hold, string_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes
    from winnow.kernels.strings import Strings

EXCEPTION = 0  # cut as listed: a bit for each byte where a piece starts
JOIN = 1  # an exception that the rules cut: a bit for each byte where one of the cut pieces starts
HEAD = 2  # the first piece of joins: the most pieces that such a join has
UNIT = 3  # split off at the end after a digit

MOST_JOINED = 1000
"""A chunk in more pieces than that (a rule of dashes, a blob) is left as cut."""

_LETTER = LOWER | UPPER
_LONGEST_UNIT = 12  # bytes


JOINED = np.dtype([("start", np.int32), ("length", np.int32)])
"""A piece of a chunk, and how many pieces it begins to join (1: it is within a join)."""


def new_scratch() -> NDArray[np.void]:
    """Room to join the pieces of any chunk."""
    return np.zeros(MOST_JOINED + 1, JOINED)


@functools.cache
def spacy_strings() -> Strings:
    """The exceptions and units of spaCy's blank English tokenizer as a string table."""
    return string_table([*_units(), *_exceptions()])


def _units() -> Iterator[tuple[int, str, int]]:
    return ((UNIT, unit, 0) for unit in (*UNITS, *PREFIXES, "+"))


def _exceptions() -> Iterator[tuple[int, str, int]]:
    units = string_table(_units())
    heads: dict[str, int] = {}
    for word, pieces in exceptions().items():
        yield EXCEPTION, word, _bits(pieces)
        cut = _cut_by_rule(word, units)
        if len(cut) > 1:
            yield JOIN, word, _bits(cut)
            heads[cut[0]] = max(heads.get(cut[0], 0), len(cut))
    for head, length in heads.items():
        yield HEAD, head, length


def _bits(pieces: Sequence[str]) -> int:
    """A bit for each byte of the joined pieces where one starts."""
    sizes = [len(piece.encode()) for piece in pieces]
    return sum(1 << sum(sizes[:place]) for place in range(len(sizes)))


def _cut_by_rule(word: str, strings: Strings) -> list[str]:
    encoded = word.encode()
    spans = np.empty(len(encoded), SPAN)
    number = _cut(as_buffer(word), 0, len(encoded), spacy_classes(), strings, spans)
    bounds = [*spans["start"][:number].tolist(), len(encoded)]
    return [encoded[start:end].decode() for start, end in itertools.pairwise(bounds)]


@inlined
def cut_plain_chunk(
    text: Bytes,
    start: int,
    end: int,
    hashed: np.uint64,
    classes: Classes,
    strings: Strings,
    spans: NDArray[np.void],
) -> int:
    """Cut a chunk of ASCII letters, perhaps with a mark at the end, the quick way; gives 0 for any other chunk."""
    size = end - start
    if size > BLOCK or (
        may_hold(strings, EXCEPTION, text, start, end) and find_hash(strings, EXCEPTION, hashed) != NOT_FOUND
    ):
        return 0
    others = ~(between(text, start, ord("a"), ord("z")) | between(text, start, ord("A"), ord("Z"))) & low_bits(size)
    spans[0].start = start
    if others == 0:
        return 1
    if size == 1 or others != np.uint64(1) << np.uint64(size - 1):
        return 0
    last = text[end - 1]
    is_mark = last in (ord(","), ord(";"), ord(":"), ord("!"), ord("?"))
    is_stop = last == ord(".") and classes[text[end - 2]] & BEFORE_STOP != 0
    if not (is_mark or is_stop) or find_string(strings, EXCEPTION, text, start, end - 1) != NOT_FOUND:
        return 0
    spans[1].start = end - 1
    return 2


@leaf
def cut_chunk(
    text: Bytes,
    start: int,
    end: int,
    classes: Classes,
    strings: Strings,
    spans: NDArray[np.void],
    scratch: NDArray[np.void],
) -> int:
    """Write where the words of a chunk start, ascending; gives how many there are, at most one a byte."""
    num_words = _cut(text, start, end, classes, strings, spans)
    if not 1 < num_words <= MOST_JOINED:
        return num_words
    most = 0
    for word in range(num_words):
        stop = spans[word + 1].start if word + 1 < num_words else end
        most = max(most, find_string(strings, HEAD, text, spans[word].start, stop))
        scratch[word].start, scratch[word].length = spans[word].start, 0
    if most < 2:
        return num_words
    scratch[num_words].start = end
    _find_joins(text, strings, scratch, num_words, min(most, num_words))
    return _join(text, strings, scratch, num_words, spans)


@leaf
def _cut(text: Bytes, start: int, end: int, classes: Classes, strings: Strings, spans: NDArray[np.void]) -> int:
    """Write where the pieces of a chunk start: its prefixes, what the rules make of the inside, its suffixes."""
    num_words = num_suffixes = 0
    size = end - start
    while start < end and find_string(strings, EXCEPTION, text, start, end) == NOT_FOUND:
        prefix = _prefix_size(text, start, end, classes)
        suffix = _suffix_size(text, start + prefix, end, classes, strings)
        if prefix and find_string(strings, EXCEPTION, text, start + prefix, end) != NOT_FOUND:
            suffix = 0
        elif suffix and find_string(strings, EXCEPTION, text, start, end - suffix) != NOT_FOUND:
            prefix = 0
        if prefix:
            spans[num_words].start = start
            num_words, start = num_words + 1, start + prefix
        if suffix:
            num_suffixes, end = num_suffixes + 1, end - suffix
            spans[size - num_suffixes].start = end
        if not prefix and not suffix:
            break
    num_words = _cut_inside(text, start, end, classes, strings, spans, num_words)
    for place in range(size - num_suffixes, size):
        spans[num_words].start = spans[place].start
        num_words += 1
    return num_words


@inlined
def _is_digit(code: int) -> bool:
    return ord("0") <= code <= ord("9")


@leaf
def _num_stops(text: Bytes, start: int, end: int) -> int:
    """Length of the run of full stops that starts a range."""
    at = start
    while at < end and text[at] == ord("."):
        at += 1
    return at - start


@inlined
def _prefix_size(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Bytes to split off at the start."""
    code, length = decode(text, start, end)
    if classes[code] & PREFIX:
        return length
    if code == ord("."):
        stops = _num_stops(text, start, end)
        return stops if stops > 1 else 0
    if code == ord("+"):
        return np.int64(start + 1 == end or not _is_digit(text[start + 1]))
    if code == ord("U"):
        return 3 if end - start >= 3 and text[start + 1] == ord("S") and text[start + 2] == ord("$") else 0
    if code in (ord("C"), ord("A")):
        return 2 if end - start >= 2 and text[start + 1] == ord("$") else 0
    return 0


@inlined
def _suffix_size(text: Bytes, start: int, end: int, classes: Classes, strings: Strings) -> int:
    """Bytes to split off at the end: of the rules that apply, the one that takes most."""
    if start >= end:
        return 0
    code, length = decode_before(text, start, end)
    if code == ord("."):
        return _stop_size(text, start, end, classes)
    size = length if classes[code] & SUFFIX else 0
    if code in (ord("s"), ord("S"), 0x2026) and start < end - length:
        before, length_before = decode_before(text, start, end - length)
        is_pair = before == 0x2026 if code == 0x2026 else before in (ord("'"), 0x2019)
        size = length + length_before if is_pair else size
    return max(size, _unit_size(text, start, end, classes, strings))


@leaf
def _stop_size(text: Bytes, start: int, end: int, classes: Classes) -> int:
    """Bytes of the full stops to split off at the end."""
    at = end - 1
    while at > start and text[at - 1] == ord("."):
        at -= 1
    if end - at > 1:
        return end - at
    if at == start:
        return 0
    code, length = decode_before(text, start, at)
    if classes[code] & BEFORE_STOP:
        return 1
    if at - length == start:
        return 0
    before, _ = decode_before(text, start, at - length)
    if classes[code] & UPPER and classes[before] & UPPER:
        return 1
    return np.int64(before == ord("°") and code in (ord("F"), ord("C"), ord("K")))


@leaf
def _unit_size(text: Bytes, start: int, end: int, classes: Classes, strings: Strings) -> int:
    """Bytes of the unit or currency after the last digit, if nothing else follows."""
    at = end
    while at > start and end - at <= _LONGEST_UNIT and not _is_digit(text[at - 1]):
        at -= 1
    if at in (start, end) or end - at > _LONGEST_UNIT:
        return 0
    code, length = decode(text, at, end)
    is_currency = classes[code] & CURRENCY != 0 and length == end - at
    return end - at if is_currency or find_string(strings, UNIT, text, at, end) != NOT_FOUND else 0


@inlined
def _cut_inside(
    text: Bytes,
    start: int,
    end: int,
    classes: Classes,
    strings: Strings,
    spans: NDArray[np.void],
    num_words: int,
) -> int:
    """Add the words of what is left when both ends are done; gives the number of words so far."""
    if start >= end:
        return num_words
    bits = find_string(strings, EXCEPTION, text, start, end)
    if bits != NOT_FOUND:
        return _add_pieces(start, bits, spans, num_words)
    if is_url(text, start, end, classes):
        return _add_pieces(start, 1, spans, num_words)
    return _cut_infixes(text, start, end, classes, spans, num_words)


@leaf
def _add_pieces(start: int, bits: int, spans: NDArray[np.void], num_words: int) -> int:
    """Add the words that start at the bits set; gives the number of words so far."""
    while bits:
        if bits & 1:
            spans[num_words].start = start
            num_words += 1
        bits >>= 1
        start += 1
    return num_words


@inlined
def _cut_infixes(text: Bytes, start: int, end: int, classes: Classes, spans: NDArray[np.void], num_words: int) -> int:
    word, before, at = start, 0, start
    while at < end:
        code, length = decode(text, at, end)
        is_plain = classes[code] & (_LETTER | INFIX) in (LOWER, UPPER, _LETTER) or _is_digit(code)
        size = 0 if is_plain else _infix_size(text, at, end, code, length, before, classes)
        if size > 0 and at > start:
            if word < at:
                spans[num_words].start = word
                num_words += 1
            spans[num_words].start = at
            num_words, word = num_words + 1, at + size
        at += max(size, length)
        before = code
    if word < end:
        spans[num_words].start = word
        num_words += 1
    return num_words


@leaf
def _infix_size(text: Bytes, at: int, end: int, code: int, length: int, before: int, classes: Classes) -> int:
    """Bytes of the infix at a place, given the character there and the one before; 0 if there is none."""
    if classes[code] & INFIX:
        return length
    if code == ord(".") and _num_stops(text, at, end) > 1:
        return _num_stops(text, at, end)
    if at + length == end:
        return 0
    after, _ = decode(text, at + length, end)
    kind_before, kind_after = classes[before], classes[after]
    if code == ord("."):
        return np.int64(kind_before & (LOWER | QUOTE) != 0 and kind_after & (UPPER | QUOTE) != 0)
    if code == ord(","):
        return np.int64(kind_before & _LETTER != 0 and kind_after & _LETTER != 0)
    is_sign = code in (ord("+"), ord("-"), ord("*"), ord("^"))
    if is_sign and _is_digit(before) and (_is_digit(after) or after == ord("-")):
        return 1
    if not kind_before & _LETTER and not _is_digit(before):
        return 0
    if code in (ord(":"), ord("<"), ord(">"), ord("="), ord("/")):
        return np.int64(kind_after & _LETTER != 0)
    return _hyphen_size(text, at, end, code, length, classes)


@leaf
def _hyphen_size(text: Bytes, at: int, end: int, code: int, length: int, classes: Classes) -> int:
    """Bytes of the hyphen at a place that a letter follows: up to three "-", two "—", one "–" or "~"."""
    if code not in (ord("-"), ord("~"), ord("–"), ord("—")):
        return 0
    most = 3 if code == ord("-") else 2 if code == ord("—") else 1
    size = length
    for _ in range(most):
        if at + size >= end:
            return 0
        after, _ = decode(text, at + size, end)
        if classes[after] & _LETTER:
            return size
        if after != code:
            return 0
        size += length
    return 0


@leaf
def _find_joins(text: Bytes, strings: Strings, scratch: NDArray[np.void], num_words: int, most: int) -> None:
    """Write how many pieces each piece begins to join; the longest joins first, then the leftmost."""
    for length in range(most, 1, -1):
        for first in range(num_words - length + 1):
            last = first + length - 1
            if not _is_join(text, strings, scratch, first, length):
                continue
            is_free = scratch[first].length == 0 and scratch[last].length == 0
            for word in range(first, last + 1):
                scratch[word].length = max(scratch[word].length, 1)
            if is_free:
                scratch[first].length = length


@leaf
def _is_join(text: Bytes, strings: Strings, scratch: NDArray[np.void], first: int, length: int) -> bool:
    """Whether the pieces are those into which the rules cut an exception."""
    start = scratch[first].start
    wanted = find_string(strings, JOIN, text, start, scratch[first + length].start)
    if wanted == NOT_FOUND:
        return False
    bits = 0
    for word in range(first, first + length):
        bits |= 1 << np.int64(scratch[word].start - start)
    return bits == wanted


@leaf
def _join(text: Bytes, strings: Strings, scratch: NDArray[np.void], num_words: int, spans: NDArray[np.void]) -> int:
    """Rewrite the starts with the joined exceptions cut as they are listed."""
    joined = word = 0
    while word < num_words:
        start, length = scratch[word].start, scratch[word].length
        bits = 1
        if length > 1:
            bits = find_string(strings, EXCEPTION, text, start, scratch[word + length].start)
        joined = _add_pieces(start, bits, spans, joined)
        word += max(length, 1)
    return joined
