"""Hashes of the n-grams of words of every paragraph: what a Bloom filter is asked about.

Words are the segments of UAX #29 that are not white space, so a mark of punctuation is a word of its own: the tokens of
DCLM's BFF and of Dolma (Rust's ``split_word_bounds``). An n-gram's hash is that of the n-gram before it with one word
taken off and one put on (Karp and Rabin 1987), where BFF hashes all n strings anew with each of its hash functions.

Letters and digits of ASCII are found by a table of bytes; a word with any other character goes through the rules of the
standard. Two letters of a flag are two words here, one in the standard.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.characters import SPACE, Classes, character_classes, decode
from winnow.kernels.hashing import hash_bytes, mix
from winnow.kernels.jit import inlined, leaf
from winnow.kernels.simd import BLOCK, between, equal, low_bits, popcount, trailing_zeros
from winnow.kernels.unicode_rules import word_breaks
from winnow.kernels.unicode_words import segment_end

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

PARAGRAPH = np.dtype([("start", np.int32), ("end", np.int32), ("num_ngrams", np.int32)])
"""A part of a text, in characters, with at least one n-gram."""

_BASE = np.uint64(0x9FB21C651E98DF25)
_LENGTH = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)

_LETTER, _DIGIT, _UNDERSCORE, _IN_BOTH, _IN_LETTERS, _IN_DIGITS, _MARK, _SPACE, _LONG = range(9)
"""Kinds of byte: three that make words, three that join letters or digits, other marks, white space, not ASCII."""


class Words(NamedTuple):
    """The tables that say where words end."""

    kinds: NDArray[np.uint8]
    classes: Classes


class Ngrams(NamedTuple):
    """The n-grams of some documents, paragraph by paragraph."""

    hashes: NDArray[np.uint64]
    paragraphs: NDArray[np.void]
    """Of PARAGRAPH; those that have no n-gram are left out."""
    ends: NDArray[np.int64]
    """For each document, where its paragraphs end."""


def paragraph_ngrams(data: Bytes, offsets: NDArray[np.int64], size: int, shortest: int, by_line: bool) -> Ngrams:
    """The n-grams of ``size`` words of the documents ``data[offsets[i]:offsets[i + 1]]``.

    A paragraph with fewer words, but at least ``shortest``, is one n-gram. ``by_line`` says whether lines are
    paragraphs (one begins with the newline before it) or documents are. ``data`` has PADDING bytes after the last one.
    """
    room = int(offsets[-1] - offsets[0])
    ngrams = Ngrams(np.empty(room, np.uint64), np.empty(room, PARAGRAPH), np.empty(len(offsets) - 1, np.int64))
    num_ngrams, num_paragraphs = _hash_ngrams(
        data, offsets, size, shortest, by_line, _words(), np.empty(size, np.uint64), ngrams
    )
    return Ngrams(ngrams.hashes[:num_ngrams], ngrams.paragraphs[:num_paragraphs], ngrams.ends)


@functools.cache
def _words() -> Words:
    kinds = np.full(256, _LONG, np.uint8)
    for code in range(128):
        character = chr(code)
        kinds[code] = _LETTER if character.isalpha() else _DIGIT if character.isdigit() else _MARK
        if character.isspace():
            kinds[code] = _SPACE
    for character, kind in (("_", _UNDERSCORE), (".", _IN_BOTH), ("'", _IN_BOTH), (":", _IN_LETTERS)):
        kinds[ord(character)] = kind
    kinds[[ord(","), ord(";")]] = _IN_DIGITS
    return Words(kinds, character_classes() | word_breaks())


@leaf
def _hash_ngrams(
    data: Bytes,
    offsets: NDArray[np.int64],
    size: int,
    shortest: int,
    by_line: bool,
    words: Words,
    ring: NDArray[np.uint64],
    ngrams: Ngrams,
) -> tuple[int, int]:
    """Fill ``ngrams``; gives how many n-grams and paragraphs there are. ``ring`` holds the last ``size`` words."""
    leaving = _power(size)
    num_ngrams = num_paragraphs = 0
    for row in range(offsets.size - 1):
        at, end, chars = offsets[row], offsets[row + 1], 0
        while at < end:
            stop, length = _paragraph(data, at, end, by_line)
            found = _hash_paragraph(data, at, stop, shortest, words, ring, leaving, ngrams.hashes[num_ngrams:])
            if found:
                paragraph = ngrams.paragraphs[num_paragraphs]
                paragraph.start, paragraph.end, paragraph.num_ngrams = chars, chars + length, found
                num_paragraphs += 1
                num_ngrams += found
            at, chars = stop, chars + length
        ngrams.ends[row] = num_paragraphs
    return num_ngrams, num_paragraphs


@inlined
def _power(exponent: int) -> np.uint64:
    power = _ONE
    for _ in range(exponent):
        power *= _BASE
    return power


@inlined
def _paragraph(data: Bytes, start: int, end: int, by_line: bool) -> tuple[int, int]:
    """Where the paragraph from ``start`` on ends, and its length in characters; it may begin with a newline."""
    at, chars = start, 0
    while at < end:
        inside = low_bits(min(end - at, BLOCK))
        newlines = equal(data, at, 0x0A) & inside if by_line else np.uint64(0)
        if at == start:
            newlines &= ~_ONE
        if newlines:
            inside &= low_bits(trailing_zeros(newlines))
        chars += popcount(~between(data, at, 0x80, 0xBF) & inside)
        if newlines:
            return at + trailing_zeros(newlines), chars
        at += BLOCK
    return end, chars


@inlined
def _hash_paragraph(
    data: Bytes,
    start: int,
    end: int,
    shortest: int,
    words: Words,
    ring: NDArray[np.uint64],
    leaving: np.uint64,
    hashes: NDArray[np.uint64],
) -> int:
    """Write the hashes of the n-grams of ``data[start:end]``; gives how many there are."""
    size, count, place, state = ring.size, 0, 0, np.uint64(0)
    at = _skip_space(data, start, end, words)
    while at < end:
        stop = _word_end(data, at, end, words)
        hashed = hash_bytes(data, at, stop)
        state = state * _BASE + hashed
        if count >= size:
            state -= ring[place] * leaving
        ring[place] = hashed
        place = place + 1 if place + 1 < size else 0
        count += 1
        if count >= size:
            hashes[count - size] = mix(state, _LENGTH * np.uint64(size))
        at = _skip_space(data, stop, end, words)
    if count >= size:
        return count - size + 1
    if count >= shortest:
        hashes[0] = mix(state, _LENGTH * np.uint64(count))
        return 1
    return 0


@inlined
def _skip_space(data: Bytes, at: int, end: int, words: Words) -> int:
    while at < end:
        kind = words.kinds[data[at]]
        if kind == _SPACE:
            at += 1
        elif kind == _LONG:
            code, length = decode(data, at, end)
            if words.classes[code] & SPACE == 0:
                return at
            at += length
        else:
            return at
    return end


@inlined
def _run_end(data: Bytes, at: int, end: int) -> int:
    """Where letters, digits and underscores of ASCII end, sixty-four bytes at a time."""
    while True:
        others = ~_word_bytes(data, at)
        if others or at + BLOCK >= end:
            return min(at + trailing_zeros(others), end)
        at += BLOCK


@inlined
def _word_bytes(data: Bytes, at: int) -> np.uint64:
    letters = between(data, at, ord("a"), ord("z")) | between(data, at, ord("A"), ord("Z"))
    return letters | between(data, at, ord("0"), ord("9")) | equal(data, at, ord("_"))


@inlined
def _makes_words(kind: int) -> bool:
    return kind <= _UNDERSCORE


@inlined
def _word_end(data: Bytes, start: int, end: int, words: Words) -> int:
    """Where the word from ``start`` on ends."""
    kinds = words.kinds
    at = start + 1
    if _makes_words(kinds[data[start]]):
        while True:
            at = _run_end(data, at, end)
            if at + 1 >= end or not _joins(kinds[data[at - 1]], kinds[data[at]], kinds[data[at + 1]]):
                break
            at += 1
    after = at + 1 if at < end and kinds[data[at]] <= _IN_DIGITS else at  # a mark may join a letter beyond ASCII
    is_long = kinds[data[start]] == _LONG or (after < end and kinds[data[after]] == _LONG)
    return segment_end(data, start, end, words.classes) if is_long else at


@inlined
def _joins(before: int, kind: int, after: int) -> bool:
    """Whether a mark joins what stands on both sides of it to one word."""
    if kind > _IN_DIGITS:
        return False
    return (before == after == _LETTER and kind != _IN_DIGITS) or (before == after == _DIGIT and kind != _IN_LETTERS)
