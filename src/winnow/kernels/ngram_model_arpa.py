"""ARPA files, the text that every tool for n-gram models reads and writes: parsed and written whole.

Probabilities and backoffs are log10. A backoff may be left out. n-grams of a million a second are read.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from winnow.core.errors import RecipeError
from winnow.kernels.buffers import PADDING
from winnow.kernels.jit import kernel, leaf
from winnow.kernels.ngram_model import MAX_ORDER
from winnow.kernels.ngram_model_file import Ngrams
from winnow.kernels.ngram_model_words import MISSING, SPECIAL, Words, find_word, new_words, number_word, spell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

UNKNOWN_LOG10_PROB = -100.0
"""What KenLM takes for the unknown word's where a file has none."""
_ROWS_WRITTEN = 1 << 18
_COUNT = re.compile(rb"^ngram\s+(\d+)\s*=\s*(\d+)\s*$", re.MULTILINE)


def read_arpa(path: Path) -> tuple[list[bytes], list[Ngrams]]:
    """The words of a model by their numbers, and its n-grams; RecipeError where the file is not as it should be.

    Opens ``.gz`` and ``.zst`` too.
    """
    text = _content(path)
    head = text[: max(text.find(b"\\1-grams:"), 0)]
    counts = [int(count) for _, count in _COUNT.findall(head)]
    if b"\\data\\" not in head or not 2 <= len(counts) <= MAX_ORDER:
        raise RecipeError(
            f"{path} is not an ARPA file of order 2 to {MAX_ORDER}, nor a KenLM binary (it begins with {text[:40]!r})"
        )
    data = np.frombuffer(bytearray(text + b"\n" + bytes(PADDING)), np.uint8)
    words, ngrams, at = new_words(SPECIAL[:1]), [], len(head)
    for order, count in enumerate(counts, 1):
        title = b"\\%d-grams:" % order
        if text.find(title, at) < 0:
            raise RecipeError(f"{path} ends before its {order}-grams: fetch it again")
        at = text.index(b"\n", text.index(title, at)) + 1
        found = Ngrams(np.empty((count, order), np.uint32), np.empty(count, np.float32), np.empty(count, np.float32))
        words, at, num_read = _read_section(data, at, len(text) + 1, words, *found)
        if num_read < count:
            line = text[at : text.find(b"\n", at) % (len(text) + 1)].decode("utf-8", "replace")
            raise RecipeError(f"{path}: {order}-gram {num_read + 1} of {count} is not as it should be: {line[:200]!r}")
        ngrams.append(found)
    return _with_unknown(spell(words), ngrams, path)


def _content(path: Path) -> bytes:
    try:
        if path.suffix == ".gz":
            return gzip.decompress(path.read_bytes())
        if path.suffix == ".zst":
            with path.open("rb") as opened:
                return zstandard.ZstdDecompressor().stream_reader(opened, read_across_frames=True).read()
        return path.read_bytes()
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise RecipeError(f"{path} cannot be read as its name says ({error}): fetch it again") from error


def _with_unknown(words: list[bytes], ngrams: list[Ngrams], path: Path) -> tuple[list[bytes], list[Ngrams]]:
    """The same with a probability for the unknown word."""
    if absent := [word.decode() for word in SPECIAL[1:] if word not in words]:
        raise RecipeError(f"{path} has no unigram {absent[0]}: winnow scores whole sentences, which begin and end")
    if 0 not in ngrams[0].words[:, 0]:
        row = (np.zeros((1, 1), np.uint32), np.full(1, UNKNOWN_LOG10_PROB, np.float32), np.zeros(1, np.float32))
        ngrams[0] = Ngrams(*(np.concatenate(pair) for pair in zip(row, ngrams[0], strict=True)))
    return words, ngrams


@kernel
def _read_section(
    data: Bytes,
    at: int,
    end: int,
    words: Words,
    numbers: NDArray[np.uint32],
    log10_prob: NDArray[np.float32],
    backoff: NDArray[np.float32],
) -> tuple[Words, int, int]:
    """Read n-grams, a line each; gives the words, where the next line begins and how many n-grams were read."""
    order = numbers.shape[1]
    for row in range(numbers.shape[0]):
        line = at
        value, at = _read_number(data, at, end)
        if at == line or value > 0:
            return words, line, row
        log10_prob[row], backoff[row] = value, 0
        for place in range(order):
            start = _skip_blanks(data, at)
            at = start
            while not _ends_word(data[at]):
                at += 1
            if at == start:
                return words, line, row
            if order == 1:
                words, number = (words, 0) if _is_unknown(data, start, at) else number_word(data, start, at, words)
            else:
                number = 0 if _is_unknown(data, start, at) else find_word(data, start, at, words)
            if number == MISSING:
                return words, line, row
            numbers[row, place] = number
        start = _skip_blanks(data, at)
        if data[start] != ord("\n"):
            value, at = _read_number(data, start, end)
            if at == start:
                return words, line, row
            backoff[row] = value
            start = _skip_blanks(data, at)
        if data[start] != ord("\n"):
            return words, line, row
        at = start + 1
    return words, at, numbers.shape[0]


@leaf
def _ends_word(byte: int) -> bool:
    return byte == 32 or byte == 9 or byte == 10 or byte == 13


@leaf
def _skip_blanks(data: Bytes, at: int) -> int:
    while data[at] == 32 or data[at] == 9 or data[at] == 13:
        at += 1
    return at


@leaf
def _is_unknown(data: Bytes, start: int, end: int) -> bool:
    """Whether a word is ``<unk>`` or ``<UNK>``."""
    if end - start != 5 or data[start] != ord("<") or data[start + 4] != ord(">"):
        return False
    small = data[start + 1] | 0x20 == ord("u") and data[start + 2] | 0x20 == ord("n") and data[start + 3] | 0x20 == 107
    return small and (data[start + 1] & 0x20 == data[start + 2] & 0x20 == data[start + 3] & 0x20)


@leaf
def _read_number(data: Bytes, at: int, end: int) -> tuple[float, int]:
    """The decimal number at ``at`` and where it ends: at ``at`` where there is none."""
    start = at
    negative = data[at] == ord("-")
    at += negative or data[at] == ord("+")
    digits, exponent, num_digits, is_fraction = 0.0, 0, 0, False
    while ord("0") <= data[at] <= ord("9") or (data[at] == ord(".") and not is_fraction):
        if data[at] == ord("."):
            is_fraction = True
        else:
            digits = 10.0 * digits + (data[at] - ord("0"))
            num_digits += 1
            exponent -= is_fraction
        at += 1
    if num_digits == 0:
        return 0.0, start
    if data[at] | 0x20 == ord("e"):
        given, stop = _read_exponent(data, at + 1)
        exponent, at = (exponent + given, stop) if stop > at + 1 else (exponent, at)
    value = digits / 10.0 ** min(-exponent, 300) if exponent < 0 else digits * 10.0 ** min(exponent, 300)
    return -value if negative else value, at


@leaf
def _read_exponent(data: Bytes, at: int) -> tuple[int, int]:
    start = at
    negative = data[at] == ord("-")
    at += negative or data[at] == ord("+")
    first, exponent = at, 0
    while ord("0") <= data[at] <= ord("9") and exponent < 10_000:
        exponent = 10 * exponent + (data[at] - ord("0"))
        at += 1
    return (-exponent if negative else exponent), (at if at > first else start)


def write_arpa(path: Path, words: Sequence[bytes], ngrams: Sequence[Ngrams]) -> None:
    """Write a model as ARPA text."""
    spelled = pa.array(words, pa.binary())
    with path.open("wb") as out:
        out.write(b"\\data\\\n")
        out.writelines(b"ngram %d=%d\n" % (order, len(each.words)) for order, each in enumerate(ngrams, 1))
        for order, each in enumerate(ngrams, 1):
            out.write(b"\n\\%d-grams:\n" % order)
            for start in range(0, len(each.words), _ROWS_WRITTEN):
                rows = Ngrams(*(column[start : start + _ROWS_WRITTEN] for column in each))
                out.write(_lines(rows, spelled, has_backoff=order < len(ngrams)))
        out.write(b"\n\\end\\\n")


def _lines(ngrams: Ngrams, words: pa.Array, *, has_backoff: bool) -> memoryview:
    def as_text(numbers: NDArray[np.float32]) -> pa.Array:
        return pa.array(numbers).cast(pa.string()).cast(pa.binary())

    spelled = [words.take(pa.array(column)) for column in ngrams.words.T]
    parts = [as_text(ngrams.log10_prob), pc.binary_join_element_wise(*spelled, b" ")]
    if has_backoff:
        parts.append(as_text(ngrams.backoff))
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*parts, b"\t"), b"", b"\n").cast(pa.large_binary())
    return memoryview(lines.buffers()[2])
