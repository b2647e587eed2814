"""The words of a text as texts are compared when formatting must not matter, as hashes.

Letters, digits and the marks of other scripts make words; everything else separates them, so punctuation, quotes, line
breaks and the brackets of "(A)" never matter. Case and accents are folded. Scripts without spaces (Chinese, Japanese,
Thai, Lao, Khmer, Burmese) and pictographs count each character as a word of its own.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.characters import NUM_CODE_POINTS, decode
from winnow.kernels.hashing import mix
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.simd import BLOCK, between, low_bits, trailing_zeros, word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

Folds: TypeAlias = "NDArray[np.int32]"
"""For every code point what it counts as: SEPARATES, IGNORED, or a letter's code, with ALONE added for some."""

SEPARATES = 0
IGNORED = -1
ALONE = 1 << 30  # the character is a word of its own

_NUM_KNOWN = 0x40000  # beyond lie tags and private use
_ALONE = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3040, 0x30FF),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
_IGNORED = ((0x00AD, 0x00AD), (0x0300, 0x036F), (0x200B, 0x200D), (0x2060, 0x2060), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF))
_FIRST_PICTOGRAPH = 0x2190

_ONE = np.uint64(1)
_TOP = np.uint64(63)
_SMALL = np.uint64(0x2020202020202020)  # makes letters small and leaves digits as they are
_NOT_ASCII = np.uint64(0x8080808080808080)
_LENGTH = np.uint64(0xCBF29CE484222325)
_BASE = np.uint64(0x9E3779B97F4A7C15)
MAX_GRAM_WORDS = 64


class Words(NamedTuple):
    """The words of one text; ``prefixes`` has one more, so that an n-gram's hash is a difference of two of them."""

    prefixes: NDArray[np.uint64]
    starts: NDArray[np.int64]  # in bytes
    ends: NDArray[np.int64]
    folded: Bytes  # room for one word that is not ASCII


def new_words(num_bytes: int) -> Words:
    """Room for the words of a text of so many bytes."""
    spans = np.empty((2, num_bytes + 1), np.int64)
    return Words(np.zeros(num_bytes + 2, np.uint64), spans[0], spans[1], np.zeros(3 * num_bytes + PADDING, np.uint8))


@functools.cache
def folds() -> Folds:
    """What every code point counts as, shape (0x110000,); takes 0.2 s once a process."""
    table = np.zeros(NUM_CODE_POINTS, np.int32)
    table[:_NUM_KNOWN] = [_fold(chr(code)) for code in range(_NUM_KNOWN)]
    for first, last in _IGNORED:
        table[first : last + 1] = IGNORED
    return table


def _fold(character: str) -> int:
    code = ord(character)
    category = unicodedata.category(character)
    if category == "So" and code >= _FIRST_PICTOGRAPH:
        return code | ALONE
    if not (character.isalnum() or category[0] == "M"):
        return SEPARATES
    base, *marks = tuple(unicodedata.normalize("NFKD", character))
    folded = base if all(unicodedata.combining(mark) for mark in marks) else character
    code = ord(folded.lower()[0])
    return code | ALONE if any(first <= code <= last for first, last in _ALONE) else code


@functools.cache
def powers() -> NDArray[np.uint64]:
    """What an n-gram's first prefix is multiplied by, for n from 0 to MAX_GRAM_WORDS."""
    found = [1]
    for _ in range(MAX_GRAM_WORDS):
        found.append(found[-1] * int(_BASE) % 2**64)
    return np.array(found, np.uint64)


@inlined
def gram_hash(prefixes: NDArray[np.uint64], at: int, size: int, powers: NDArray[np.uint64]) -> np.uint64:
    """Hash of the ``size`` words from word ``at`` on."""
    return mix(_LENGTH, prefixes[at + size] - prefixes[at] * powers[size])


@leaf
def split_words(data: Bytes, start: int, end: int, folds: Folds, words: Words) -> int:
    """Write the words of ``data[start:end]``; gives how many there are."""
    number, begins, before = 0, start, np.uint64(0)
    words.prefixes[0] = np.uint64(0)
    for at in range(start, end + 1, BLOCK):
        inside = low_bits(min(end - at, BLOCK))
        letters = between(data, at, ord("a"), ord("z")) | between(data, at, ord("A"), ord("Z"))
        runs = (letters | between(data, at, ord("0"), ord("9")) | between(data, at, 0x80, 0xFF)) & inside
        edges = runs ^ (runs << _ONE | before)  # where a run begins or has just ended, by turns
        is_open = before == _ONE
        while edges:
            here = at + trailing_zeros(edges)
            edges &= edges - _ONE
            if is_open:
                number = _add_run(data, begins, here, folds, words, number)
            begins, is_open = here, not is_open
        before = runs >> _TOP
    return number


@inlined
def _add_run(data: Bytes, start: int, end: int, folds: Folds, words: Words, number: int) -> int:
    """Add the words of a run of ASCII letters, digits and any bytes that are not ASCII."""
    state, at, seen = np.uint64(end - start) * _LENGTH, start, np.uint64(0)
    while end - at > 8:
        word = word_at(data, at)
        state, seen = mix(state, word | _SMALL), seen | word
        at += 8
    inside = low_bits(8 * (end - at))
    word = word_at(data, at) & inside
    if (seen | word) & _NOT_ASCII:
        return _add_folded(data, start, end, folds, words, number)
    return _add_word(words, number, start, end, mix(state, word | (_SMALL & inside)))


@inlined
def _add_word(words: Words, number: int, start: int, end: int, hashed: np.uint64) -> int:
    words.starts[number], words.ends[number] = start, end
    words.prefixes[number + 1] = words.prefixes[number] * _BASE + hashed
    return number + 1


@leaf
def _add_folded(data: Bytes, start: int, end: int, folds: Folds, words: Words, number: int) -> int:
    """Add the words of a run character by character; a word that folds to ASCII hashes as if it were written so."""
    begins, last, size, at = start, start, 0, start
    while at < end:
        code, length = decode(data, at, end)
        fold = np.int64(folds[code])
        if size and (fold == SEPARATES or fold >= ALONE):
            number, size = _add_word(words, number, begins, last, _hash_folded(words.folded, size)), 0
        if fold > SEPARATES:
            begins = begins if size else at
            size, last = _append(words.folded, size, fold & (ALONE - 1)), at + length
            if fold >= ALONE:
                number, size = _add_word(words, number, begins, last, _hash_folded(words.folded, size)), 0
        at += length
    return _add_word(words, number, begins, last, _hash_folded(words.folded, size)) if size else number


@inlined
def _append(folded: Bytes, size: int, code: int) -> int:
    """Append a character: itself if it is ASCII, else three bytes that are not."""
    if code < 0x80:
        folded[size] = code
        return size + 1
    for place in range(3):
        folded[size + place] = 0x80 | (code >> (7 * place)) & 0x7F
    return size + 3


@inlined
def _hash_folded(folded: Bytes, size: int) -> np.uint64:
    """The hash that ``_add_run`` gives a word of these bytes."""
    state, at = np.uint64(size) * _LENGTH, 0
    while size - at > 8:
        state = mix(state, word_at(folded, at))
        at += 8
    return mix(state, word_at(folded, at) & low_bits(8 * (size - at)))


@kernel
def split_texts(
    data: Bytes,
    offsets: NDArray[np.int64],
    folds: Folds,
    words: Words,
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> None:
    """Write hash and length in bytes of every word of all texts, one after the other, and where each text's end."""
    total = 0
    for text in range(offsets.size - 1):
        number = split_words(data, offsets[text], offsets[text + 1], folds, words)
        for word in range(number):
            hashes[total + word] = words.prefixes[word + 1] - words.prefixes[word] * _BASE
            lengths[total + word] = words.ends[word] - words.starts[word]
        total += number
        ends[text] = total


@kernel
def hash_grams(
    hashes: NDArray[np.uint64],
    ends: NDArray[np.int64],
    sizes: NDArray[np.int64],
    powers: NDArray[np.uint64],
    prefixes: NDArray[np.uint64],
    grams: NDArray[np.uint64],
) -> None:
    """Write the hashes of all n-grams of every text, ``sizes`` words each, one text after the other."""
    total, first = 0, 0
    for text in range(ends.size):
        number = ends[text] - first
        for word in range(number):
            prefixes[word + 1] = prefixes[word] * _BASE + hashes[first + word]
        if sizes[text] > 0:
            for at in range(number - sizes[text] + 1):
                grams[total] = gram_hash(prefixes, at, sizes[text], powers)
                total += 1
        first = ends[text]
