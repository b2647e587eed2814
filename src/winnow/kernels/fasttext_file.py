"""The files of supervised fastText models, ``.bin`` and ``.ftz``: read whole, written as ``FastText::saveModel`` does.

Format of fastText 0.9.2 (version 12; of version 11, which is older, supervised models have no character n-grams): the
arguments, the dictionary (words, then labels, then which buckets survived pruning), the input matrix with a row a word
and a row a bucket, the output matrix. A ``.ftz`` holds the input matrix product-quantised (Joulin et al. 2016,
arXiv 1612.03651), the norms of its rows apart where ``qnorm`` was asked for. Dense matrices stay on disk: they are
mapped, and read once when the model is opened for scoring.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from winnow.core.errors import RecipeError
from winnow.kernels.jit import kernel
from winnow.kernels.simd import word_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
"""The losses, as numbered in the file."""
LABEL_PREFIX = "__label__"

_MAGIC = 793712314
_VERSION = 12
_VERSION_WITHOUT_CHARACTERS = 11
_SUPERVISED = 3
_ARGUMENTS = struct.Struct("<2i12id")
"""Magic, version; dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t."""
_COUNTS = struct.Struct("<3i2q")
"""Entries, words, labels, tokens, pruned buckets (-1: not pruned)."""
_SHAPE = struct.Struct("<2q")
_AFTER_WORD = 10
"""Bytes of an entry after its word: a NUL, the count, whether it is a label."""
_CENTROIDS = 256


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What of the arguments decides how a line becomes rows, and rows become probabilities."""

    dim: int
    loss: int
    word_ngrams: int
    min_chars: int
    max_chars: int
    """Character n-grams of so many characters; none where it is 0."""
    bucket: int


@dataclass(frozen=True)
class Entries:
    """Words and labels: number i is ``data[starts[i]:ends[i]]`` and occurred ``counts[i]`` times."""

    data: Bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, index: int) -> str:
        """One of them; bytes that are no UTF-8 are replaced."""
        return bytes(self.data[self.starts[index] : self.ends[index]]).decode("utf-8", "replace")


@dataclass(frozen=True)
class Quantized:
    """A matrix whose rows are put together from 256 centroids for each run of columns."""

    codes: NDArray[np.uint8]
    """One a row and run of columns."""
    centroids: tuple[NDArray[np.float32], ...]
    """For each run 256 rows."""
    norms: NDArray[np.float32] | None
    """What each row is multiplied by."""

    def times(self, directions: NDArray[np.float32]) -> NDArray[np.float32]:
        """The product with the transpose of a matrix of as many columns."""
        product = np.zeros((len(self.codes), len(directions)), np.float32)
        first = 0
        for run, centroids in enumerate(self.centroids):
            width = centroids.shape[1]
            product += (centroids @ directions[:, first : first + width].T)[self.codes[:, run]]
            first += width
        return product if self.norms is None else product * self.norms[:, None]


@dataclass(frozen=True)
class Dense:
    """A matrix of float32 that may be mapped from a file."""

    values: NDArray[np.float32]

    def times(self, directions: NDArray[np.float32], block: int = 1 << 16) -> NDArray[np.float32]:
        """The product with the transpose of a matrix of as many columns, ``block`` rows at a time."""
        product = np.empty((len(self.values), len(directions)), np.float32)
        for first in range(0, len(product), block):
            np.matmul(self.values[first : first + block], directions.T, out=product[first : first + block])
        return product


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A supervised model."""

    shape: Shape
    entries: Entries
    """The words, the most frequent first; then the labels."""
    num_words: int
    kept_buckets: NDArray[np.int32] | None
    """Pairs of a bucket and its row after the words; None where every bucket has the row of its number."""
    input: Dense | Quantized
    """A row a word, then a row a bucket."""
    output: NDArray[np.float32]
    """A row a label, or an inner node of the Huffman tree."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, as they stand in the file."""
        return tuple(self.entries.text(index) for index in range(self.num_words, len(self.entries)))


def read_model(path: Path) -> StoredModel:
    """Read a supervised model; RecipeError for a file that is none, or that was cut short."""
    if not path.is_file():
        raise RecipeError(f"there is no fastText model at {path}: give the path of a .bin or .ftz file")
    with path.open("rb") as opened:
        head = opened.read(_ARGUMENTS.size)
        if len(head) < _ARGUMENTS.size or _ARGUMENTS.unpack(head)[0] != _MAGIC:
            raise RecipeError(
                f"{path} is not a fastText model (it begins with {head[:12]!r}): give a .bin or .ftz file"
            )
        data = np.frombuffer(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    reader = _Reader(path, data)
    shape = reader.shape()
    entries, num_words, kept = reader.dictionary()
    input = reader.matrix()
    output = reader.matrix()
    if kept is not None and isinstance(input, Dense):
        raise RecipeError(f"{path} is pruned but not quantised, as no fastText writes it: fetch it again")
    return StoredModel(
        shape=shape,
        entries=entries,
        num_words=num_words,
        kept_buckets=kept,
        input=input,
        output=output.times(np.eye(shape.dim, dtype=np.float32)),
    )


class _Reader:
    """Reads the parts of a file one after the other."""

    def __init__(self, path: Path, data: Bytes) -> None:
        self.path = path
        self.data = data
        self.at = 0

    def shape(self) -> Shape:
        """The arguments; RecipeError for a format or a kind of model that is not known."""
        (_, version, dim, _, _, _, _, ngrams, loss, model, bucket, low, high, _, _) = self._unpack(
            _ARGUMENTS, "its arguments"
        )
        if version not in (_VERSION, _VERSION_WITHOUT_CHARACTERS):
            raise RecipeError(
                f"{self.path} has version {version} of the format, {_VERSION} is known: save it with fastText 0.9"
            )
        if model != _SUPERVISED:
            raise RecipeError(
                f"{self.path} holds word vectors, not a classifier: give a model trained with `supervised`"
            )
        if version == _VERSION_WITHOUT_CHARACTERS:
            high = 0
        if loss not in (HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL):
            raise RecipeError(
                f"{self.path} was trained with a loss of number {loss}, which is not known: fetch it again"
            )
        return Shape(dim=dim, loss=loss, word_ngrams=ngrams, min_chars=low, max_chars=high, bucket=bucket)

    def dictionary(self) -> tuple[Entries, int, NDArray[np.int32] | None]:
        """The words and labels, the number of words, the buckets that survived."""
        num_entries, num_words, _, _, num_kept = self._unpack(_COUNTS, "its dictionary")
        starts, ends, counts = (np.empty(max(0, num_entries), np.int64) for _ in range(3))
        after = find_entries(self.data, self.at, starts, ends, counts)
        if after < 0 or num_words > num_entries:
            raise self._cut_short("its dictionary")
        self.at = after
        kept = None if num_kept < 0 else self._array(np.dtype("<i4"), (num_kept, 2), "its dictionary")
        return Entries(self.data, starts, ends, counts), num_words, kept

    def matrix(self) -> Dense | Quantized:
        """The next matrix, after the byte that says whether it is quantised."""
        is_quantized = self._array(np.dtype("?"), (1,), "its matrices")[0]
        if not is_quantized:
            return Dense(self._array(np.dtype("<f4"), self._unpack(_SHAPE, "its matrices"), "its matrices"))
        has_norms = self._array(np.dtype("?"), (1,), "its matrices")[0]
        num_rows, _ = self._unpack(_SHAPE, "its matrices")
        (num_codes,) = self._array(np.dtype("<i4"), (1,), "its matrices")
        codes = self._array(np.dtype("u1"), (num_rows, num_codes // max(1, num_rows)), "its matrices")
        centroids = self._centroids()
        if not has_norms:
            return Quantized(codes, centroids, None)
        norms = self._array(np.dtype("u1"), (num_rows,), "its matrices")
        return Quantized(codes, centroids, self._centroids()[0][norms, 0])

    def _centroids(self) -> tuple[NDArray[np.float32], ...]:
        _, num_runs, width, last_width = self._array(np.dtype("<i4"), (4,), "its matrices").tolist()
        widths = [width] * (num_runs - 1) + [last_width]
        return tuple(self._array(np.dtype("<f4"), (_CENTROIDS, each), "its matrices") for each in widths)

    def _array(self, kind: np.dtype, shape: tuple[int, ...], part: str) -> NDArray:  # type: ignore[type-arg]
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if min(shape) < 0 or self.at + size > len(self.data):
            raise self._cut_short(part)
        found = self.data[self.at : self.at + size].view(kind).reshape(shape)
        self.at += size
        return found

    def _unpack(self, form: struct.Struct, part: str) -> tuple[int, ...]:
        return form.unpack(self._array(np.dtype("u1"), (form.size,), part))

    def _cut_short(self, part: str) -> RecipeError:
        return RecipeError(f"{self.path} ends within {part}, after {len(self.data):,} bytes: fetch it again")


@kernel
def find_entries(
    data: Bytes, at: int, starts: NDArray[np.int64], ends: NDArray[np.int64], counts: NDArray[np.int64]
) -> int:
    """Where each entry of a dictionary that begins at ``at`` starts and ends, and its count.

    Gives where the dictionary ends, or -1 where the file ends first.
    """
    for entry in range(starts.size):
        starts[entry] = at
        while at < data.size and data[at] != 0:
            at += 1
        if at + _AFTER_WORD > data.size:
            return -1
        ends[entry] = at
        counts[entry] = np.int64(word_at(data, at + 1))
        at += _AFTER_WORD
    return at


def write_model(opened: BinaryIO, model: StoredModel, *, epoch: int, min_count: int, num_tokens: int) -> None:
    """Write a model that is neither quantised nor pruned as a ``.bin``; the rest is what its training was told."""
    assert isinstance(model.input, Dense)
    shape = model.shape
    arguments = (shape.dim, 5, epoch, min_count, 5, shape.word_ngrams, shape.loss, _SUPERVISED)
    opened.write(
        _ARGUMENTS.pack(_MAGIC, _VERSION, *arguments, shape.bucket, shape.min_chars, shape.max_chars, 100, 1e-4)
    )
    entries, num_words = model.entries, model.num_words
    opened.write(_COUNTS.pack(len(entries), num_words, len(entries) - num_words, num_tokens, -1))
    for index, count in enumerate(entries.counts.tolist()):
        word = bytes(entries.data[entries.starts[index] : entries.ends[index]])
        opened.write(word + struct.pack("<bqb", 0, count, index >= num_words))
    for matrix in (model.input.values, model.output):
        opened.write(b"\0" + _SHAPE.pack(*matrix.shape))
        opened.write(memoryview(np.ascontiguousarray(matrix, "<f4")).cast("B"))
