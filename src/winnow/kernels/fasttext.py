"""fastText classifiers: which labels a model file knows, and their probabilities for a line of text.

The file's header and dictionary are read here (format of fastText 0.9.2, as written by ``FastText::saveModel``), so a
wrong file is told apart before any text is read; the matrices and the prediction are left to the ``fasttext`` package:
9 MB/s a core with a model of the shape of lid.176.bin.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from winnow.core.errors import RecipeError

Predict = Callable[[str], list[tuple[float, str]]]
"""A line of text, which ends in the only newline, to the probability and name of every label."""

_MAGIC = 793712314
_HEADER = struct.Struct("<2i12id3i2q")
"""Magic, version; dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t; entries,
words, labels, tokens, pruned."""
_MODEL = 9
_NUM_ENTRIES = 15
_SUPERVISED = 3
_COUNT_AND_KIND = struct.Struct("<qb")
_IS_LABEL = 1


def read_labels(path: str) -> list[str]:
    """All labels of a supervised model file, as they stand there; RecipeError for any other file."""
    if not Path(path).is_file():
        raise RecipeError(f"there is no fastText model at {path}: give the path of a .bin or .ftz file")
    with Path(path).open("rb") as opened:
        head = opened.read(_HEADER.size)
        if len(head) < _HEADER.size or _HEADER.unpack(head)[0] != _MAGIC:
            raise RecipeError(
                f"{path} is not a fastText model (it begins with {head[:12]!r}): give a .bin or .ftz file"
            )
        header = _HEADER.unpack(head)
        if header[_MODEL] != _SUPERVISED:
            raise RecipeError(f"{path} holds word vectors, not a classifier: give a model trained with `supervised`")
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return [word.decode() for word, kind in _entries(data, header[_NUM_ENTRIES], path) if kind == _IS_LABEL]


def _entries(data: mmap.mmap, num_entries: int, path: str) -> Iterator[tuple[bytes, int]]:
    at = _HEADER.size
    for _ in range(num_entries):
        end = data.find(b"\0", at)
        if end < 0 or end + 1 + _COUNT_AND_KIND.size > len(data):
            raise RecipeError(f"{path} ends within its dictionary, after {len(data):,} bytes: fetch it again")
        yield data[at:end], _COUNT_AND_KIND.unpack_from(data, end + 1)[1]
        at = end + 1 + _COUNT_AND_KIND.size


def open_classifier(path: str) -> Predict:
    """Open a model whose labels could be read; RecipeError where the package is missing or the file is broken."""
    try:
        import fasttext
    except ImportError as error:
        raise RecipeError("a fastText model needs the fasttext extra: pip install 'winnow-data[fasttext]'") from error
    try:
        model: Any = fasttext.load_model(path).f
    except (ValueError, MemoryError, RuntimeError) as error:
        raise RecipeError(f"{path} cannot be opened as a fastText model ({error}): fetch it again") from error
    return lambda line: model.predict(line, -1, 0.0, "strict")
