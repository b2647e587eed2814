"""KenLM's binary files of the kind ``probing``: opened where they lie, and made from n-grams.

The format is that of KenLM's ``lm/binary_format.cc``, version 5, on a machine with little-endian numbers: a header, the
table of words, the unigrams, a table for each longer order, the words. What is made here KenLM opens too.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.core.errors import RecipeError
from winnow.kernels.buffers import PADDING
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.ngram_model import (
    CHAIN,
    CHAIN_WORD,
    LONGEST_STRIDE,
    MAX_ORDER,
    MIDDLE_STRIDE,
    VOCABULARY_STRIDE,
    NgramModel,
    murmur,
    word_number,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

BEGIN, END, UNKNOWN_WORD = b"<s>", b"</s>", b"<unk>"
MAGIC = b"mmap lm http://kheafield.com/code format version 5\n\0"
_ANY_VERSION = b"mmap lm http://kheafield.com/code"
_SANITY = struct.pack("<56s3f3IQ", MAGIC, 0.0, 1.0, -0.5, 1, 0xFFFFFFFF, 0, 1)
_FIXED = struct.Struct("<B3xfI?3xI")
"""Order, slots an entry, kind, whether the words are there, version of the kind."""
_KINDS = ("probing", "rest_probing", "trie", "quant_trie", "array_trie", "quant_array_trie")
_SLOTS_PER_ENTRY = 1.5
_SIGN = np.uint32(1 << 31)
_ENDS_LONGER = ~np.uint64(_SIGN)
_BACKOFF_OF_ZERO = np.uint64(0xFFFFFFFF)
_SHORT = np.dtype([("key", "<u8"), ("value", "<u4")])
_LONG = np.dtype([("key", "<u8"), ("value", "<u8")])


class Ngrams(NamedTuple):
    """The n-grams of one order."""

    words: NDArray[np.uint32]
    """Shape (n-grams, order): the numbers of their words."""
    log10_prob: NDArray[np.float32]
    backoff: NDArray[np.float32]
    """log10; of the longest order, zeros."""


class _Layout(NamedTuple):
    """Where the parts of a file begin."""

    vocabulary: int
    vocabulary_slots: int
    unigrams: int
    tables: NDArray[np.int64]
    words: int


def _slots(num_entries: int, per_entry: float) -> int:
    return max(num_entries + 1, int(np.float32(per_entry) * np.float32(num_entries)))


def _layout(counts: Sequence[int], per_entry: float) -> _Layout:
    header = -(-(len(_SANITY) + _FIXED.size + 8 * len(counts)) // 8) * 8
    vocabulary = header + 8
    vocabulary_slots = _slots(counts[0], per_entry)
    at = unigrams = vocabulary + vocabulary_slots * VOCABULARY_STRIDE
    at += 8 * (counts[0] + 1)
    tables = []
    for count in counts[1:]:
        tables.append((at, _slots(count, per_entry)))
        at += tables[-1][1] * (LONGEST_STRIDE if len(tables) == len(counts) - 1 else MIDDLE_STRIDE)
    return _Layout(vocabulary, vocabulary_slots, unigrams, np.array(tables, np.int64).reshape(-1, 2), at)


def is_binary(path: Path) -> bool:
    """Whether a file begins as KenLM's binary files do, of any version."""
    with path.open("rb") as opened:
        return opened.read(len(_ANY_VERSION)) == _ANY_VERSION


def open_binary(path: Path) -> NgramModel:
    """Map a binary file; RecipeError where it is of another kind, version or length than its header says."""
    with path.open("rb") as opened:
        longest = len(_SANITY) + _FIXED.size + 8 * 255
        head = opened.read(longest).ljust(longest, b"\0")
        if not head.startswith(_SANITY):
            raise RecipeError(
                f"{path} was written by another version of KenLM, on another kind of machine, or not to its end (it "
                f"begins with {head[:56]!r}): make it anew with `build_binary probing MODEL.arpa MODEL.bin`"
            )
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)  # numba wants arrays that may be written to
    order, per_entry, kind, _, version = _FIXED.unpack_from(head, len(_SANITY))
    if kind != 0 or version != 0:
        name = _KINDS[kind] if kind < len(_KINDS) else f"unknown ({kind})"
        raise RecipeError(
            f"{path} is a KenLM model of the kind {name}, version {version}; winnow reads probing, version 0: make it "
            "anew from the ARPA file with `build_binary probing MODEL.arpa MODEL.bin`, or give the ARPA file itself"
        )
    if not 2 <= order <= MAX_ORDER:
        raise RecipeError(f"{path} is a model of order {order}; winnow reads orders 2 to {MAX_ORDER}")
    counts = struct.unpack_from(f"<{order}Q", head, len(_SANITY) + _FIXED.size)
    layout = _layout(counts, per_entry)
    if len(mapped) < layout.words:
        raise RecipeError(f"{path} has {len(mapped):,} bytes of {layout.words:,}: it was cut short; fetch it again")
    return _model(np.frombuffer(mapped, np.uint8), layout)


def _model(data: Bytes, layout: _Layout) -> NgramModel:
    opened = NgramModel(data, 1 + len(layout.tables), *layout[:4], 0, 0)
    begin, end = (_number_of(word, opened) for word in (BEGIN, END))
    return opened._replace(begin=begin, end=end)


def _number_of(word: bytes, model: NgramModel) -> int:
    return int(_look_up(np.frombuffer(bytearray(word + bytes(PADDING)), np.uint8), len(word), model))


@kernel
def _look_up(data: Bytes, size: int, model: NgramModel) -> int:
    return word_number(data, 0, size, model)


def make_model(words: Sequence[bytes], ngrams: Sequence[Ngrams]) -> NgramModel:
    """The tables of a model: its words by their numbers, the unknown one first, and the n-grams of orders 1, 2, ...

    The bytes of the model are those of a binary file. RecipeError where the words of an n-gram less its first, or less
    its last, are no n-gram.
    """
    counts = [len(words), *(len(each.words) for each in ngrams[1:])]
    layout = _layout(counts, _SLOTS_PER_ENTRY)
    spelled = b"\0".join([*words, b""])
    data = np.zeros(layout.words + len(spelled), np.uint8)
    header = _header(counts)
    data[: len(header)] = np.frombuffer(header, np.uint8)
    data[layout.words :] = np.frombuffer(spelled, np.uint8)
    hashes = _hashes(np.frombuffer(spelled + bytes(PADDING), np.uint8), np.cumsum([0, *(len(w) + 1 for w in words)]))
    vocabulary = data[layout.vocabulary : layout.unigrams].view(_SHORT)
    _fill(vocabulary, hashes[1:], np.arange(1, len(words), dtype=np.uint32))
    unigrams = data[layout.unigrams : layout.unigrams + 8 * len(words)].view("<u8")
    unigrams[ngrams[0].words[:, 0]] = _weights(ngrams[0])
    shorter = np.zeros(0, _LONG)
    for number, each in enumerate(ngrams[1:]):
        keys, suffixes, contexts = _keys(each.words), _keys(each.words[:, 1:]), _keys(each.words[:, :-1])
        missing = _mark_unigrams(unigrams, suffixes, contexts) if number == 0 else _mark(shorter, suffixes, contexts)
        if missing >= 0:
            spelling = b" ".join(words[word] for word in each.words[missing]).decode("utf-8", "replace")
            raise RecipeError(
                f"the model has the {number + 2}-gram {spelling!r} but not all of its {number + 1}-grams: make a "
                "binary file with KenLM's `build_binary probing`, which fills in what other tools leave out"
            )
        start, slots = layout.tables[number]
        if number == len(ngrams) - 2:
            _fill(data[start : start + LONGEST_STRIDE * slots].view(_SHORT), keys, _weights(each).astype(np.uint32))
        else:
            shorter = data[start : start + MIDDLE_STRIDE * slots].view(_LONG)
            _fill(shorter, keys, _weights(each))
    return _model(data, layout)


def _header(counts: Sequence[int]) -> bytes:
    """All up to the table of words."""
    fixed = _FIXED.pack(len(counts), _SLOTS_PER_ENTRY, 0, True, 0)
    header = _SANITY + fixed + struct.pack(f"<{len(counts)}Q", *counts)
    return header.ljust(-(-len(header) // 8) * 8, b"\0") + struct.pack("<II", 0, counts[0])


def _weights(ngrams: Ngrams) -> NDArray[np.uint64]:
    """Probability and backoff in one number, as though no longer n-gram had these words: both have the sign bit."""
    log10 = ngrams.log10_prob.view(np.uint32) | _SIGN
    backoff = np.where(ngrams.backoff == 0, np.float32(-0.0), ngrams.backoff).view(np.uint32)
    return backoff.astype(np.uint64) << np.uint64(32) | log10


def _keys(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The hash of each n-gram."""
    keys = words[:, -1].astype(np.uint64)
    for place in range(words.shape[1] - 2, -1, -1):
        keys = (keys * CHAIN) ^ ((words[:, place].astype(np.uint64) + np.uint64(1)) * CHAIN_WORD)
    return keys


@kernel
def _hashes(data: Bytes, bounds: NDArray[np.int64]) -> NDArray[np.uint64]:
    hashes = np.empty(bounds.size - 1, np.uint64)
    for word in range(hashes.size):
        hashes[word] = murmur(data, bounds[word], bounds[word + 1] - 1)
    return hashes


@leaf
def _slot(table: NDArray[np.void], key: np.uint64) -> int:
    """The slot that holds a key, or the empty one where it belongs."""
    slot = np.int64(key % np.uint64(table.size))
    while table[slot].key != key and table[slot].key != 0:
        slot = slot + 1 if slot + 1 < table.size else 0
    return slot


@kernel
def _fill(table: NDArray[np.void], keys: NDArray[np.uint64], values: NDArray[np.generic]) -> None:
    for index in range(keys.size):
        entry = table[_slot(table, keys[index])]
        entry.key, entry.value = keys[index], values[index]


@inlined
def _with_longer(weights: np.uint64) -> np.uint64:
    """Weights of an n-gram that a longer one begins with: its backoff, if it is zero, is +0.0."""
    return weights & _BACKOFF_OF_ZERO if weights >> np.uint64(32) == _SIGN else weights


@kernel
def _mark_unigrams(weights: NDArray[np.uint64], suffixes: NDArray[np.uint64], contexts: NDArray[np.uint64]) -> int:
    """Note which unigrams longer n-grams end in and begin with; -1, as none can be missing."""
    for index in range(suffixes.size):
        weights[suffixes[index]] &= _ENDS_LONGER
        weights[contexts[index]] = _with_longer(weights[contexts[index]])
    return -1


@kernel
def _mark(table: NDArray[np.void], suffixes: NDArray[np.uint64], contexts: NDArray[np.uint64]) -> int:
    """Note which n-grams longer ones end in and begin with; gives the first longer one for which one is missing."""
    for index in range(suffixes.size):
        suffix, context = table[_slot(table, suffixes[index])], table[_slot(table, contexts[index])]
        if suffix.key == 0 or context.key == 0:
            return index
        suffix.value &= _ENDS_LONGER
        context.value = _with_longer(context.value)
    return -1
