"""How probable texts are to an n-gram language model: queries of KenLM's probing tables, where they lie in a file.

A model is the bytes of a KenLM binary file of the kind ``probing``, mapped into memory: nothing is read until it is
asked for, and processes share it. A word is found by its MurmurHash64A, an n-gram by a hash that goes from its last
word to its first, each in a table with linear probing (Heafield 2011, KenLM: Faster and Smaller Language Model
Queries). Sums are in double precision; KenLM's are in single precision, and differ by 1e-6 of the sum.

Of 190 to 260 ns a token nearly all is waiting for memory; asking for the entries of later words ahead made it a fifth
faster, and was left out.

A sentence is a line; its tokens stand between white space; it is scored with its beginning as context and its end as
one more token, as ``kenlm.Model.score`` does. Lines without tokens are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import text_buffers
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.simd import low_bits, word_at

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

UNKNOWN = 0
"""The number of every word that a model does not know."""
MAX_ORDER = 16
VOCABULARY_STRIDE = 12
MIDDLE_STRIDE = 16
LONGEST_STRIDE = 12
"""Bytes of an entry: a hash and a word's number; a hash, a log10 probability, a backoff; a hash, a probability."""

_MURMUR = np.uint64(0xC6A4A7935BD1E995)
_SHIFT = np.uint64(47)
CHAIN = np.uint64(8978948897894561157)
CHAIN_WORD = np.uint64(17894857484156487943)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_SIGN = np.uint64(1 << 31)
_NO_EXTENSION = np.uint64(1 << 31)
"""The bits of -0.0: the backoff of an n-gram that no longer one begins with."""


class NgramModel(NamedTuple):
    """An n-gram model as KenLM's ``probing`` tables."""

    data: Bytes
    order: int
    vocabulary: int
    """Where the table of words begins."""
    vocabulary_slots: int
    unigrams: int
    tables: NDArray[np.int64]
    """For orders 2, 3, ...: where the table begins and how many slots it has."""
    begin: int
    end: int
    """The words that stand for a sentence's beginning and end."""


class Scores(NamedTuple):
    """What a model says of the sentences of some texts, in their order."""

    log10_prob: NDArray[np.float64]
    num_tokens: NDArray[np.int64]
    """With the sentence's end."""
    num_unknown: NDArray[np.int64]
    bounds: NDArray[np.int64]
    """Sentences ``bounds[i]:bounds[i + 1]`` belong to text i."""


def score_texts(texts: pa.Array, model: NgramModel) -> Scores:
    """Score the sentences of texts that are prepared: tokens between white space, a line a sentence."""
    return _score_all(*text_buffers(texts), model)


@leaf
def murmur(data: Bytes, start: int, end: int) -> np.uint64:
    """MurmurHash64A of ``data[start:end]``, seed 0; reads up to 7 bytes past the end and ignores them."""
    hashed = np.uint64(end - start) * _MURMUR
    at = start
    while end - at >= 8:
        hashed = (hashed ^ _scrambled(word_at(data, at))) * _MURMUR
        at += 8
    if end > at:
        hashed = (hashed ^ (word_at(data, at) & low_bits(8 * (end - at)))) * _MURMUR
    hashed = (hashed ^ (hashed >> _SHIFT)) * _MURMUR
    return hashed ^ (hashed >> _SHIFT)


@inlined
def _scrambled(word: np.uint64) -> np.uint64:
    word = word * _MURMUR
    return (word ^ (word >> _SHIFT)) * _MURMUR


@inlined
def chained(key: np.uint64, word: np.uint64) -> np.uint64:
    """The hash of an n-gram from that of its last words and the word before them; a word's own is its number."""
    return (key * CHAIN) ^ ((word + np.uint64(1)) * CHAIN_WORD)


@inlined
def _find(data: Bytes, start: int, slots: int, stride: int, key: np.uint64) -> int:
    """Where the entry with a key lies, or -1; a table is never full, and the key of an empty slot is 0."""
    slot = np.int64(key % np.uint64(slots))
    while True:
        at = start + slot * stride
        found = word_at(data, at)
        if found == key:
            return at
        if found == 0:
            return -1
        slot += 1
        if slot == slots:
            slot = 0


@inlined
def word_number(data: Bytes, start: int, end: int, model: NgramModel) -> int:
    """The number of the word ``data[start:end]``."""
    key = murmur(data, start, end)
    at = _find(model.data, model.vocabulary, model.vocabulary_slots, VOCABULARY_STRIDE, key)
    return np.int64(word_at(model.data, at + 4) >> _HALF) if at >= 0 else UNKNOWN


@inlined
def _log10(weights: np.uint64) -> np.float32:
    """The probability in the lower half, whose sign bit says something else."""
    return np.uint32((weights & _LOW) | _SIGN).view(np.float32)


@inlined
def _backoff(weights: np.uint64) -> np.float32:
    return np.uint32(weights >> _HALF).view(np.float32)


@inlined
def is_space(byte: int) -> bool:
    """Whether a byte is white space, as C has it."""
    return byte == 32 or 9 <= byte <= 13


@leaf
def _number_words(data: Bytes, at: int, end: int, model: NgramModel, words: NDArray[np.int64]) -> tuple[int, int, int]:
    """Write the words of the line that begins at ``at`` from ``words[1]`` on; gives their number, how many are unknown,
    and where the next line begins."""
    num_words, num_unknown = 0, 0
    while at < end and data[at] != ord("\n"):
        if is_space(data[at]):
            at += 1
            continue
        start = at
        while at < end and not is_space(data[at]):
            at += 1
        number = word_number(data, start, at, model)
        num_words += 1
        num_unknown += number == UNKNOWN
        words[num_words] = number
    return num_words, num_unknown, at + 1


@leaf
def _score_sentence(
    words: NDArray[np.int64],
    size: int,
    model: NgramModel,
    backoffs: NDArray[np.float32],
    longer: NDArray[np.float32],
) -> float:
    """log10 of the probability of ``words[1:size]`` given ``words[0]``."""
    total = 0.0
    backoffs[0] = _backoff(word_at(model.data, model.unigrams + 8 * words[0]))
    length = 1  # of the context that may matter
    for place in range(1, size):
        key = np.uint64(words[place])
        weights = word_at(model.data, model.unigrams + 8 * words[place])
        log10, longer[0] = _log10(weights), _backoff(weights)
        matched, next_length = 1, np.int64(weights >> _HALF != _NO_EXTENSION)
        while matched <= length and weights & _SIGN == 0:  # a longer n-gram ends in this one
            key = chained(key, np.uint64(words[place - matched]))
            start, slots = model.tables[matched - 1, 0], model.tables[matched - 1, 1]
            if matched == model.order - 1:
                at = _find(model.data, start, slots, LONGEST_STRIDE, key)
                if at >= 0:
                    log10 = _log10(word_at(model.data, at + 4) >> _HALF)
                    matched += 1
                break
            at = _find(model.data, start, slots, MIDDLE_STRIDE, key)
            if at < 0:
                break
            weights = word_at(model.data, at + 8)
            log10, longer[matched] = _log10(weights), _backoff(weights)
            matched += 1
            if weights >> _HALF != _NO_EXTENSION:
                next_length = matched
        total += np.float64(log10)
        for shorter in range(matched - 1, length):
            total += np.float64(backoffs[shorter])
        length = next_length
        for known in range(length):
            backoffs[known] = longer[known]
    return total


@kernel
def _score_all(data: Bytes, offsets: NDArray[np.int64], model: NgramModel) -> Scores:
    num_texts = offsets.size - 1
    num_lines, longest = num_texts, 0
    for text in range(num_texts):
        longest = max(longest, offsets[text + 1] - offsets[text])
        for at in range(offsets[text], offsets[text + 1]):
            num_lines += data[at] == ord("\n")
    words = np.empty(longest // 2 + 3, np.int64)
    backoffs, longer = np.empty(MAX_ORDER, np.float32), np.empty(MAX_ORDER, np.float32)
    log10_prob, bounds = np.empty(num_lines, np.float64), np.zeros(num_texts + 1, np.int64)
    num_tokens, num_unknown = np.empty(num_lines, np.int64), np.empty(num_lines, np.int64)
    words[0] = model.begin
    line = 0
    for text in range(num_texts):
        at, end = offsets[text], offsets[text + 1]
        while at < end:
            num_words, unknown, at = _number_words(data, at, end, model, words)
            if num_words == 0:
                continue
            words[num_words + 1] = model.end
            num_tokens[line], num_unknown[line] = num_words + 1, unknown
            log10_prob[line] = _score_sentence(words, num_words + 2, model, backoffs, longer)
            line += 1
        bounds[text + 1] = line
    return Scores(log10_prob[:line], num_tokens[:line], num_unknown[:line], bounds)
