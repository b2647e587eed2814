"""Words cut into the pieces of a vocabulary, as BERT's uncased tokenizer cuts them (WordPiece; Devlin et al. 2019).

Small letters without accents, every punctuation mark and every ideograph a word of its own, and of each word the
longest piece of the vocabulary first. The pieces are those of Hugging Face's ``tokenizers`` (0.22) on 93 MB of pages,
mails and books in nine languages; where they may differ is in characters that Unicode named after its version 8. What
is ``[UNK]`` there is left out here: a word that cannot be cut so, or that has more than 100 characters.
"""

from __future__ import annotations

import functools
import string
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.characters import NUM_CODE_POINTS, decode, encode
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.simd import BLOCK, between, store_small, trailing_zeros
from winnow.kernels.strings import LONGEST, NOT_FOUND, find_string, string_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.strings import Strings

CONTINUES = "##"
"""What a piece that does not begin a word begins with in the vocabulary."""
MAX_WORD = 100
"""Characters of the longest word that is cut into pieces (BERT's ``max_input_chars_per_word``)."""
IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Code points that are words of their own (the sixth range is BERT's slip, kept)."""

_CHANGING = (*range(0x3400), *range(0xA000, 0x20000), *range(0x2F800, 0x2FA20), *range(0xE0000, 0xE0200))
"""Code points that may become others; private use from 0xF0000 on becomes nothing."""
_WORD_BYTES = 4 * MAX_WORD + PADDING
_BEGINS, _GOES_ON = range(2)
_SPACE = ord(" ")
_NOTHING = 0
_ALONE = 1 << 31
_SEVERAL = 1 << 30
_CODE = 0x1FFFFF


class WordPieces(NamedTuple):
    """What a character becomes, and the vocabulary."""

    folds: NDArray[np.uint32]
    """By code point: ``_NOTHING``, a space, another one (``_ALONE``: a word of its own), or ``_SEVERAL`` with a place
    in ``sequences`` (by two bits higher) and their number."""
    sequences: NDArray[np.uint32]
    vocabulary: Strings


def word_pieces(vocabulary: Sequence[str]) -> WordPieces:
    """The tables of a vocabulary, in which a piece that does not begin a word begins with ``##``."""
    begins = ((_BEGINS, piece, number) for number, piece in enumerate(vocabulary) if not _goes_on(piece))
    goes_on = ((_GOES_ON, piece[2:], number) for number, piece in enumerate(vocabulary) if _goes_on(piece))
    return WordPieces(*_folds(), string_table((*begins, *goes_on)))


def _goes_on(piece: str) -> bool:
    return piece.startswith(CONTINUES) and len(piece) > len(CONTINUES)


@functools.cache
def _folds() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The tables of this version of Python's Unicode; takes 0.3 s once a process."""
    codes = np.arange(NUM_CODE_POINTS, dtype=np.uint32)
    sequences: list[int] = []
    for code in _CHANGING:
        folded = _folded(chr(code))
        if len(folded) > 1:
            codes[code] = _SEVERAL | len(sequences) << 2 | len(folded)
            sequences.extend(map(ord, folded))
        else:
            codes[code] = (ord(folded) | _is_mark(folded) * _ALONE) if folded else _NOTHING
    for low, high in IDEOGRAPHS:
        codes[low : high + 1] |= np.uint32(_ALONE)
    codes[0xD800:0xE000] = codes[0xF0000:] = _NOTHING
    return codes, np.array(sequences, np.uint32)


def _folded(character: str) -> str:
    """What a character becomes: nothing, a space, or small letters without accents."""
    if character in "\t\n\r":
        return " "
    if character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co"):
        return ""
    if character.isspace():
        return " "
    parts = unicodedata.normalize("NFD", character)
    return "".join(part.lower() for part in parts if unicodedata.category(part) != "Mn")


def _is_mark(character: str) -> bool:
    """Punctuation, or any other mark of ASCII."""
    return character in string.punctuation or unicodedata.category(character)[0] == "P"


@kernel
def tokenize(
    data: Bytes, offsets: NDArray[np.int64], max_tokens: int, pieces: WordPieces
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The numbers of the pieces of all texts, at most ``max_tokens`` of each, and their offsets.

    Text ``i`` is ``data[offsets[i]:offsets[i + 1]]``, with PADDING bytes after the last one (see ``buffers``), and its
    pieces are ``tokens[new_offsets[i]:new_offsets[i + 1]]``. Bytes that are not UTF-8 are left out.
    """
    tokens = np.empty(offsets[-1] - offsets[0], np.int32)  # a piece takes at least a byte
    new_offsets = np.zeros(offsets.size, np.int64)
    word = np.empty(_WORD_BYTES, np.uint8)
    for text in range(offsets.size - 1):
        first = new_offsets[text]
        number = _cut_text(data, offsets[text], offsets[text + 1], max_tokens, pieces, word, tokens[first:])
        new_offsets[text + 1] = first + min(number, max_tokens)
    return tokens[: new_offsets[-1]].copy(), new_offsets


@leaf
def _cut_text(
    data: Bytes, at: int, end: int, max_tokens: int, pieces: WordPieces, word: Bytes, tokens: NDArray[np.int32]
) -> int:
    """Write the pieces of ``data[at:end]``, up to the word with which they are enough; gives their number."""
    number, size, length = 0, 0, 0  # pieces so far; the word's bytes and characters
    while at < end and number < max_tokens:
        run = min(trailing_zeros(~_is_alphanumeric(data, at)), end - at)
        if run > 0:
            if length + run <= MAX_WORD:
                for k in range(0, run, 16):
                    store_small(data, at + k, word, size + k)
                size += run
            length, at = length + run, at + run
            if run == BLOCK or at == end:
                continue
        code, step = decode(data, at, end)
        at += step
        folded = np.int64(pieces.folds[code])
        if folded == _SPACE or folded & _ALONE:
            number = _cut_word(word, size, length, pieces.vocabulary, tokens, number)
            size, length = 0, 0
            if folded & _ALONE:
                number = _cut_word(word, encode(word, 0, folded & _CODE), 1, pieces.vocabulary, tokens, number)
        elif folded != _NOTHING:
            size, length = _append(folded, pieces.sequences, word, size, length)
    return _cut_word(word, size, length, pieces.vocabulary, tokens, number)


@inlined
def _is_alphanumeric(data: Bytes, at: int) -> np.uint64:
    """Mask of the letters and digits of ASCII."""
    letters = between(data, at, ord("a"), ord("z")) | between(data, at, ord("A"), ord("Z"))
    return letters | between(data, at, ord("0"), ord("9"))


@inlined
def _append(folded: int, sequences: NDArray[np.uint32], word: Bytes, size: int, length: int) -> tuple[int, int]:
    """Append a folded character to the word while it has room; gives its bytes and characters."""
    start, count = (folded & ~_SEVERAL) >> 2, folded & 3
    if folded & _SEVERAL == 0:
        count = 1
    if length + count <= MAX_WORD:
        for k in range(count):
            size = encode(word, size, np.int64(sequences[start + k]) if folded & _SEVERAL else folded)
    return size, length + count


@leaf
def _cut_word(word: Bytes, size: int, length: int, vocabulary: Strings, tokens: NDArray[np.int32], number: int) -> int:
    """Write the pieces of ``word[:size]`` behind ``number`` others, none where it is unknown; gives their number."""
    if length > MAX_WORD:
        return number
    start, written = 0, number
    while start < size:
        end, piece = min(size, start + LONGEST), NOT_FOUND
        while piece == NOT_FOUND and end > start:
            piece = find_string(vocabulary, _GOES_ON if start else _BEGINS, word, start, end)
            end -= 1
        if piece == NOT_FOUND:
            return number
        tokens[written] = piece
        start, written = end + 1, written + 1
    return written
