"""Text as the sentences and tokens that an n-gram model scores: tokens between spaces, a line a sentence.

Characters are normalised by the rules of CCNet (Wenzek et al. 2020; ``cc_net/text_normalizer.py``): small letters,
no accents, ``0`` for every digit, ASCII for the punctuation of other scripts. What then happens differs:

- by ``normalize_lines`` lines stay lines, control characters are spaces, format characters vanish, and, unless a
  SentencePiece model will cut words into pieces, what is no letter or digit is a token of its own (a run of the same
  mark is one), as is every character of the scripts that write no spaces (Chinese, Japanese, Thai, ...).
- by ``normalize_as_ccnet`` control characters vanish, ends of lines among them: the whole text is one sentence, and the
  last word of each line is glued to the first word of the next. So CCNet used its models and found its cut-offs.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.kernels.buffers import text_buffers
from winnow.kernels.characters import NUM_CODE_POINTS, SPACE, character_classes, decode, decode_before
from winnow.kernels.jit import kernel, leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes
    from winnow.kernels.characters import Classes

PUNCTUATION = {
    **dict(zip("，。、„”“«»」「《》´∶：？！（）；–～’━〈〉【】％►", ',.,"""""""""\'::?!();-~\'-<>[]%-', strict=True)),
    "—": " - ",
    "．": ". ",
    "…": "...",
}
"""What CCNet writes for punctuation (its "１" is a digit by then)."""
_CONTROL = {chr(code) for code in (*range(32), *range(127, 160))}
_UNSPACED = (
    (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF),
    (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Thai and Lao, Tibetan, Myanmar, Khmer, Tai Le and New Tai Lue, Tai Tham, kana, ideographs."""
_CHANGING = (*range(0x3400), *range(0xA000, 0x20000), *range(0x2F800, 0x2FA20), *range(0xE0000, 0xE01F0))
"""Code points that may become others; between and beyond them are ideographs and private use."""

_COPIED = -1
_APART = -2
"""The character stays; the same, as a token of its own."""
_IN_CONTEXT = -3
"""What becomes of the character depends on its neighbours."""
_SIZE_BITS = 6
_MARK = 1 << _SIZE_BITS


class Folds(NamedTuple):
    """What each character becomes."""

    actions: NDArray[np.int32]
    """By code point: one of the above, or a place in ``spelled``, whether it is a mark, and a number of bytes."""
    spelled: Bytes
    growth: NDArray[np.int64]
    """The most bytes that a byte can become, one number."""


def normalize_lines(texts: pa.Array, *, apart: bool) -> pa.Array:
    """Each line normalised, with marks and characters of unspaced scripts ``apart`` or not. Nulls are empty."""
    return _normalized(texts, _line_folds(apart), strip=False)[0]


def normalize_as_ccnet(texts: pa.Array) -> pa.Array:
    """Each text as ``cc_net.text_normalizer.normalize`` gives it. Nulls are empty."""
    normalized, in_context = _normalized(texts, _ccnet_folds(), strip=True)
    if not in_context.any():
        return normalized
    anew = [ccnet_normalized(text) for text in texts.filter(pa.array(in_context)).to_pylist()]
    return pc.replace_with_mask(normalized, pa.array(in_context), pa.array(anew, pa.large_string()))


def ccnet_normalized(text: str) -> str:
    """A text by the rules of CCNet, in their order."""
    small = text.strip().lower()
    bare = "".join(part for part in unicodedata.normalize("NFD", small) if unicodedata.category(part) != "Mn")
    digits = ("0" if unicodedata.category(character) == "Nd" else character for character in bare)
    return "".join(
        part for character in digits for part in PUNCTUATION.get(character, character) if part not in _CONTROL
    )


def folded_in_line(character: str, *, apart: bool) -> str:
    """What a character of a line becomes, with spaces around it where it is a token of its own."""
    if character == "\n":
        return character
    if character.isspace() or character in _CONTROL or 0xD800 <= ord(character) < 0xE000:
        return " "
    if unicodedata.category(character) == "Cf":
        return ""
    folded = ccnet_normalized(f"a{character}a")[1:-1].replace("ς", "σ")  # between letters nothing is stripped
    return "".join(map(_set_apart, folded)) if apart else folded


def is_mark(character: str) -> bool:
    """Whether a run of this character is one token."""
    return unicodedata.category(character)[0] in "PS"


def _set_apart(character: str) -> str:
    is_word = character.isalnum() or unicodedata.category(character)[0] == "M"
    return character if is_word and not _is_unspaced(ord(character)) else f" {character} "


def _is_unspaced(code: int) -> bool:
    return any(low <= code <= high for low, high in _UNSPACED)


@functools.cache
def _line_folds(apart: bool) -> Folds:
    """The tables of this version of Python's Unicode; takes half a second once a process."""
    folds = _folds(lambda character: folded_in_line(character, apart=apart), ())
    if apart:
        folds.actions[[code for code in _CHANGING if is_mark(chr(code))]] |= _MARK
        others = np.ones(NUM_CODE_POINTS, np.bool_)
        others[[*_CHANGING, *range(0xD800, 0xE000)]] = False
        folds.actions[others] = _APART
    return folds


@functools.cache
def _ccnet_folds() -> Folds:
    """The same as CCNet has it; a sigma, and marks that NFD may put in another order, need their neighbours."""
    combining = (
        code for code in _CHANGING if unicodedata.combining(chr(code)) and unicodedata.category(chr(code)) != "Mn"
    )
    return _folds(lambda character: ccnet_normalized(f"a{character}a")[1:-1], (ord("Σ"), *combining))


def _folds(fold: Callable[[str], str], in_context: Iterable[int]) -> Folds:
    actions = np.full(NUM_CODE_POINTS, _COPIED, np.int32)
    spelled = bytearray()
    growth = 5 / 3  # of an ideograph between spaces
    for code in _CHANGING:
        character = chr(code)
        folded = fold(character) if not 0xD800 <= code < 0xE000 else ""
        if folded != character:
            written = folded.encode()
            actions[code] = len(spelled) << _SIZE_BITS + 1 | len(written)
            spelled += written
            growth = max(growth, len(written) / len(character.encode("utf-8", "replace")))
    actions[0xD800:0xE000] = len(spelled) << _SIZE_BITS + 1 | 1  # bytes that are not UTF-8
    spelled += b" "
    actions[list(in_context)] = _IN_CONTEXT
    return Folds(actions, np.frombuffer(bytes(spelled), np.uint8).copy(), np.array([-int(-growth // 1)], np.int64))


def _normalized(texts: pa.Array, folds: Folds, *, strip: bool) -> tuple[pa.Array, NDArray[np.bool_]]:
    data, offsets = text_buffers(texts)
    written, bounds, in_context = _normalize_all(data, offsets, folds, character_classes(), strip)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(written)]
    return pa.Array.from_buffers(pa.large_string(), len(texts), buffers), in_context


@kernel
def _normalize_all(
    data: Bytes, offsets: NDArray[np.int64], folds: Folds, classes: Classes, strip: bool
) -> tuple[Bytes, NDArray[np.int64], NDArray[np.bool_]]:
    out = np.empty(folds.growth[0] * (offsets[-1] - offsets[0]) + 128, np.uint8)
    bounds = np.zeros(offsets.size, np.int64)
    in_context = np.zeros(offsets.size - 1, np.bool_)
    for text in range(offsets.size - 1):
        start, end = offsets[text], offsets[text + 1]
        if strip:
            start, end = _stripped(data, start, end, classes)
        bounds[text + 1], in_context[text] = _normalize_text(data, start, end, folds, out, bounds[text])
    return out, bounds, in_context


@leaf
def _stripped(data: Bytes, start: int, end: int, classes: Classes) -> tuple[int, int]:
    """Where a text begins and ends without the white space around it."""
    while start < end:
        code, length = decode(data, start, end)
        if classes[code] & SPACE == 0:
            break
        start += length
    while start < end:
        code, length = decode_before(data, start, end)
        if classes[code] & SPACE == 0:
            break
        end -= length
    return start, end


@leaf
def _normalize_text(data: Bytes, at: int, end: int, folds: Folds, out: Bytes, written: int) -> tuple[int, bool]:
    """Write ``data[at:end]`` to ``out`` from ``written`` on; gives where it ends, and whether context would matter."""
    in_context, previous = False, 0
    while at < end:
        code, length = decode(data, at, end)
        action = np.int64(folds.actions[code])
        if action >= 0:
            start, size = action >> (_SIZE_BITS + 1), action & (_MARK - 1)
            if action != previous or action & _MARK == 0:
                for k in range(size):
                    out[written + k] = folds.spelled[start + k]
                written += size
        else:
            in_context |= action == _IN_CONTEXT
            if action == _APART:
                out[written] = ord(" ")
                written += 1
            for k in range(length):
                out[written + k] = data[at + k]
            written += length
            if action == _APART:
                out[written] = ord(" ")
                written += 1
        previous = action
        at += length
    return written, in_context
