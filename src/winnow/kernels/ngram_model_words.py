"""The words of an n-gram model that is being made: numbered as they are met, with their spelling.

Words are told apart by their MurmurHash64A alone, as KenLM does: of a million words two are confused with a
probability of 10^-8.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.ngram_model import is_space, murmur

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

SPECIAL = (b"<unk>", b"<s>", b"</s>")
"""The unknown word, and what stands for a sentence's beginning and end: words 0, 1 and 2."""
BEGIN, END = 1, 2
MISSING = -1


class Words(NamedTuple):
    """Words by their numbers, and a table that finds them; what has no more room is copied to a larger one."""

    slots: NDArray[np.int32]
    """1 + the number of a word; 0 is empty. Twice as many as there is room for."""
    hashes: NDArray[np.uint64]
    spelled: Bytes
    bounds: NDArray[np.int64]
    """Word i is ``spelled[bounds[i]:bounds[i + 1]]``."""
    size: NDArray[np.int64]
    """The number of words, one number."""


def new_words(known: Sequence[bytes] = SPECIAL) -> Words:
    """These words, with the numbers 0, 1, ..."""
    words = _room(1 << 10, 1 << 14)
    for word in known:
        words, _ = number_word(np.frombuffer(bytearray(word + bytes(PADDING)), np.uint8), 0, len(word), words)
    return words


def spell(words: Words) -> list[bytes]:
    """All words."""
    data, bounds = words.spelled.tobytes(), words.bounds[: words.size[0] + 1].tolist()
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


@kernel
def _room(num_words: int, num_bytes: int) -> Words:
    return Words(
        np.zeros(2 * num_words, np.int32),
        np.empty(num_words, np.uint64),
        np.empty(num_bytes, np.uint8),
        np.zeros(num_words + 1, np.int64),
        np.zeros(1, np.int64),
    )


@inlined
def _slot(words: Words, hashed: np.uint64) -> int:
    last = np.uint64(words.slots.size - 1)
    slot = hashed & last
    while words.slots[slot] != 0 and words.hashes[words.slots[slot] - 1] != hashed:
        slot = (slot + np.uint64(1)) & last
    return slot


@leaf
def find_word(data: Bytes, start: int, end: int, words: Words) -> int:
    """The number of the word ``data[start:end]``, or MISSING."""
    return words.slots[_slot(words, murmur(data, start, end))] - 1


@kernel
def _grown(words: Words, num_bytes: int) -> Words:
    """The same words with room for one more, of so many bytes."""
    size = words.size[0]
    used = words.bounds[size]
    num_words = 2 * size if size == words.hashes.size else words.hashes.size
    grown = _room(num_words, max(2 * (used + num_bytes), words.spelled.size))
    grown.size[0] = size
    for number in range(size):
        grown.hashes[number], grown.bounds[number + 1] = words.hashes[number], words.bounds[number + 1]
        grown.slots[_slot(grown, words.hashes[number])] = number + 1
    for at in range(used):
        grown.spelled[at] = words.spelled[at]
    return grown


@kernel
def number_word(data: Bytes, start: int, end: int, words: Words) -> tuple[Words, int]:
    """The words with ``data[start:end]`` among them, and its number."""
    hashed = murmur(data, start, end)
    slot = _slot(words, hashed)
    if words.slots[slot] != 0:
        return words, np.int64(words.slots[slot] - 1)
    size = words.size[0]
    used = words.bounds[size]
    if size == words.hashes.size or used + end - start > words.spelled.size:
        words = _grown(words, end - start)
        slot = _slot(words, hashed)
    words.slots[slot], words.hashes[size] = size + 1, hashed
    for at in range(end - start):
        words.spelled[used + at] = data[start + at]
    words.bounds[size + 1] = used + end - start
    words.size[0] += 1
    return words, size


@kernel
def number_texts(data: Bytes, offsets: NDArray[np.int64], words: Words) -> tuple[Words, NDArray[np.int32]]:
    """The words with those of some texts, and the texts as numbers: for each line BEGIN, its tokens, END.

    Lines are taken apart as ``ngram_model.score_texts`` does. A token that is a special word is left out, as by KenLM's
    ``lmplz --skip_symbols``.
    """
    num_lines = 0
    for at in range(offsets[0], offsets[-1]):
        num_lines += data[at] == ord("\n")
    tokens = np.empty((offsets[-1] - offsets[0]) // 2 + 3 * (num_lines + offsets.size), np.int32)
    size = 0
    for text in range(offsets.size - 1):
        at, end = offsets[text], offsets[text + 1]
        while at < end:
            tokens[size] = BEGIN
            first = size + 1
            size = first
            while at < end and data[at] != ord("\n"):
                start = at
                while at < end and not is_space(data[at]):
                    at += 1
                if at == start:
                    at += 1
                    continue
                words, number = number_word(data, start, at, words)
                if number > END:
                    tokens[size] = number
                    size += 1
            at += 1
            if size > first:
                tokens[size] = END
                size += 1
            else:
                size = first - 1
    return words, tokens[:size].copy()
