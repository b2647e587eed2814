"""Text with what copies commonly differ in taken out: case, punctuation, numbers, accents, white space.

The rules are those of datatrove's MinHash (0.10.1, ``simplify_text``), in its order: small letters; a number, with at
most one decimal separator in it, is one ``0``; punctuation and control characters are spaces; a run of white space is
one space, and none is left at the ends; characters are decomposed (NFD) and lose their accents (category Mn). So
``"Café, 1.5 km"`` becomes ``"cafe 0 km"``. Two differences, neither of which moves a word's border: a sigma is the same
letter at the end of a word as elsewhere, and an accent that stands alone leaves no second space behind. Of 5,540 pages
in many languages, mails and books all but three with Greek in them came out as the very same text. Bytes that are not
UTF-8 count as white space.

Words of ASCII letters are found and copied sixty-four bytes at a time; all others go character by character.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.kernels.buffers import PADDING, text_buffers
from winnow.kernels.characters import NUM_CODE_POINTS, decode, encode
from winnow.kernels.jit import inlined, kernel, leaf
from winnow.kernels.simd import BLOCK, between, low_bits, store_small, trailing_zeros

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~´«»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～" + "".join(
    map(chr, (*range(9), 11, 12, *range(13, 32), *range(127, 160)))
)
"""Characters that become spaces: datatrove's PUNCTUATION ("１" is its slip, kept)."""
DECIMAL_SEPARATORS = ".,\u060c\u066b\u2396\u2397\u2398"

MAX_GROWTH = 3
"""Bytes that a byte can become: a Hangul syllable of three bytes is decomposed into three letters of three."""

_CHANGING = (*range(0x3400), *range(0xA000, 0x20000), *range(0x2F800, 0x2FA20), *range(0xE0100, 0xE01F0))
"""Code points that may become others; between them are ideographs, beyond lie private use and tags."""
_SPACE = ord(" ")
_DIGIT = 1 << 31
_SEVERAL = 1 << 30
_CODE = 0x1FFFFF
_NOTHING = 0


class Folds(NamedTuple):
    """What each character becomes."""

    codes: NDArray[np.uint32]
    """By code point: another one, ``_NOTHING``, a space, a digit, or ``_SEVERAL`` with a place in ``sequences`` (by two
    bits higher) and their number."""
    sequences: NDArray[np.uint32]


def normalize(texts: pa.Array, *, fold_numbers: bool = True) -> pa.Array:
    """Texts in small letters, without punctuation and accents, with ``0`` for numbers and single spaces between words.

    Takes strings of any Arrow string type (nulls stay null) and gives ``large_string``. Without ``fold_numbers``,
    digits stay (those of other scripts as ASCII ones) and a decimal separator is a space.
    """
    data, offsets = text_buffers(texts)
    written, new_offsets = _normalize_all(data, offsets, character_folds(fold_numbers))
    buffers = [None, pa.py_buffer(new_offsets), pa.py_buffer(written[: new_offsets[-1]].copy())]
    normalized = pa.Array.from_buffers(pa.large_string(), len(texts), buffers)
    if texts.null_count:
        normalized = pc.if_else(texts.is_null(), pa.scalar(None, pa.large_string()), normalized)
    return normalized


@functools.cache
def character_folds(fold_numbers: bool = True) -> Folds:
    """The tables of this version of Python's Unicode; takes 0.2 s once a process."""
    codes = np.arange(NUM_CODE_POINTS, dtype=np.uint32)
    sequences: list[int] = []
    for code in _CHANGING:
        folded = _folded(chr(code))
        if unicodedata.category(chr(code)) == "Nd":
            codes[code] = _DIGIT if fold_numbers else ord(folded)
        elif len(folded) == 1:
            codes[code] = ord(folded)
        elif folded:
            codes[code] = _SEVERAL | len(sequences) << 2 | len(folded)
            sequences.extend(map(ord, folded))
        else:
            codes[code] = _NOTHING
    codes[0xD800:0xE000] = _SPACE
    return Folds(codes, np.array(sequences, np.uint32))


def _folded(character: str) -> str:
    """What a character becomes where it stands alone."""
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    small = character.lower()
    if small in PUNCTUATION or small.isspace():
        return " "
    small = small.replace("ς", "σ")
    return "".join(part for part in unicodedata.normalize("NFD", small) if unicodedata.category(part) != "Mn")


@kernel
def _normalize_all(data: Bytes, offsets: NDArray[np.int64], folds: Folds) -> tuple[Bytes, NDArray[np.int64]]:
    out = np.empty(MAX_GROWTH * (offsets[-1] - offsets[0]) + offsets.size + PADDING, np.uint8)
    new_offsets = np.zeros(offsets.size, np.int64)
    for document in range(offsets.size - 1):
        start = new_offsets[document]
        new_offsets[document + 1] = normalize_text(data, offsets[document], offsets[document + 1], folds, out, start)
    return out, new_offsets


@leaf
def normalize_text(text: Bytes, at: int, end: int, folds: Folds, out: Bytes, first: int) -> int:
    """Write ``text[at:end]`` normalised to ``out`` from ``first`` on; gives where it ends.

    Takes ``MAX_GROWTH`` bytes of ``out`` a byte, and PADDING that it may write anything to.
    """
    written = first
    while at < end:  # a window of bytes that begins with no chunk cut
        letters = between(text, at, ord("a"), ord("z")) | between(text, at, ord("A"), ord("Z"))
        others = between(text, at, ord("0"), ord("9")) | between(text, at, 0x80, 0xFF)
        chunks = (letters | others) & low_bits(min(end - at, BLOCK))
        here = 0
        while here < BLOCK:
            ahead = chunks >> np.uint64(here)
            if ahead == 0:
                here = BLOCK
                break
            start = here + trailing_zeros(ahead)
            length = trailing_zeros(~(chunks >> np.uint64(start)))
            if start + length >= BLOCK and start > 0:
                here = start
                break
            if start + length >= BLOCK or (others >> np.uint64(start)) & low_bits(length):
                stop, written = _fold_chunk(text, at + start, end, folds, out, first, written)
                at, here = stop, 0
                break
            _copy_small(text, at + start, length, out, written)
            written += length + 1
            here = start + length
        at += here
    return written - 1 if written > first and out[written - 1] == _SPACE else written


@inlined
def _copy_small(text: Bytes, at: int, length: int, out: Bytes, written: int) -> None:
    """Copy up to 63 ASCII letters as small ones, with a space behind them."""
    for k in range(0, length, 16):
        store_small(text, at + k, out, written + k)
    out[written + length] = _SPACE


@leaf
def _fold_chunk(text: Bytes, at: int, end: int, folds: Folds, out: Bytes, first: int, written: int) -> tuple[int, int]:
    """Fold characters up to the next ASCII space or mark, and a space behind; gives where it and the result end."""
    while at < end:
        code, length = decode(text, at, end)
        folded = np.int64(folds.codes[code])
        if folded == _SPACE and code < 0x80:
            break
        if folded & _DIGIT:
            at, folded = _skip_number(text, at, end, folds), ord("0")
        else:
            at += length
        if folded & _SEVERAL:
            start = (folded & ~_SEVERAL) >> 2
            for k in range(start, start + (folded & 3)):
                written = encode(out, written, np.int64(folds.sequences[k]))
        elif folded == _SPACE:
            written = _put_space(out, first, written)
        elif folded != _NOTHING:
            written = encode(out, written, folded)
    return at, _put_space(out, first, written)


@inlined
def _put_space(out: Bytes, first: int, written: int) -> int:
    if written == first or out[written - 1] == _SPACE:
        return written
    out[written] = _SPACE
    return written + 1


@leaf
def _skip_number(text: Bytes, at: int, end: int, folds: Folds) -> int:
    """Where digits, and once a decimal separator between digits, end."""
    at = _skip_digits(text, at, end, folds)
    if at >= end:
        return at
    code, length = decode(text, at, end)
    if code not in (0x2E, 0x2C, 0x60C, 0x66B, 0x2396, 0x2397, 0x2398):
        return at
    stop = _skip_digits(text, at + length, end, folds)
    return stop if stop > at + length else at


@leaf
def _skip_digits(text: Bytes, at: int, end: int, folds: Folds) -> int:
    while at < end:
        code, length = decode(text, at, end)
        if folds.codes[code] & _DIGIT == 0:
            break
        at += length
    return at
