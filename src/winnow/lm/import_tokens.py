"""Tokens that another tool has made, in the formats of ``export_tokens``, for a mix to take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import fingerprint
from winnow.core.guard import Guard
from winnow.core.step import Part
from winnow.core.table import ShardWriter, Store
from winnow.lm.megatron import read_index
from winnow.lm.token_table import TokenTable, token_lists, token_type
from winnow.lm.tokenizer import open_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

PART_TOKENS = 1 << 26
"""Tokens of one shard, at least."""


@dataclass(frozen=True, kw_only=True)
class ImportTokens(TokenTable):
    """A Megatron-LM dataset, or NumPy arrays, as a token table, in the order of the file.

    Ids are taken as they are: no end of text is added where documents do not end with one. A document is called
    ``<file>-<number>``; its bytes are those of its text when decoded, so they are exact for a tokenizer that loses
    nothing.
    """

    path: str
    """An ``.idx`` file beside its ``.bin``, or a ``tokens.npy`` beside its ``documents.npy``; without the latter each
    end of text ends a document."""

    @property
    def has_source(self) -> bool:
        """Nothing is known of it."""
        return False

    def check(self) -> None:
        """Refuse a path that is neither."""
        if Path(self.path).suffix not in (".idx", ".npy"):
            raise RecipeError(f"{self.path} is no file of tokens: give an .idx file of Megatron-LM, or an .npy file")

    def outside(self) -> dict[str, str]:
        """Digests of the files and the tokenizer's."""
        return {**super().outside(), **{str(path): fingerprint(str(path)) for path in _files(Path(self.path))}}

    def split(self, store: Store) -> list[Part]:
        """Runs of documents of ``PART_TOKENS``."""
        tokenizer = open_tokenizer(self.tokenizer, store)
        starts = _open(Path(self.path), tokenizer.end_of_text).starts
        width = token_type(tokenizer.vocab_size).itemsize
        cuts = np.searchsorted(starts, np.arange(starts[0], starts[-1], PART_TOKENS))
        bounds = [*np.unique(cuts).tolist(), len(starts) - 1]
        return [{"start": start, "stop": stop, "width": width} for start, stop in pairwise(bounds) if stop > start]

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Copy a run of documents and count the bytes of their text."""
        tokenizer = open_tokenizer(self.tokenizer, store)
        found = _open(Path(self.path), tokenizer.end_of_text)
        starts = found.starts[part["start"] : part["stop"] + 1]
        tokens = np.asarray(found.tokens[starts[0] : starts[-1]])
        _check_ids(tokens, tokenizer.vocab_size, self.path)
        offsets = starts - starts[0]
        texts = (tokenizer.decode(tokens[a:b].tolist()) for a, b in pairwise(offsets))
        num_bytes = np.array([len(text.encode()) for text in texts], np.int64)
        ids = [f"{Path(self.path).stem}-{number}" for number in range(part["start"], part["stop"])]
        lists = token_lists(tokens.astype(f"u{part['width']}"), offsets)
        out.num_bytes = tokens.nbytes
        out.write(pa.RecordBatch.from_arrays([pa.array(ids), lists, pa.array(num_bytes)], schema=out.schema))
        out.count("num_tokens", len(tokens))
        out.count("num_bytes", int(num_bytes.sum()))


class _Found(NamedTuple):
    tokens: NDArray[Any]
    """Mapped into memory."""
    starts: NDArray[np.int64]
    """Where each document begins, and the end."""


def _files(path: Path) -> list[Path]:
    if path.suffix == ".idx":
        return [path, path.with_suffix(".bin")]
    return [file for file in (path, path.with_name("documents.npy")) if file.exists()]


def _open(path: Path, end_of_text: int) -> _Found:
    """The tokens of a file and its documents; InputError where it is not what its name says."""
    try:
        if path.suffix == ".idx":
            index = read_index(path)
            return _checked(_Found(np.memmap(path.with_suffix(".bin"), index.type, "r"), index.starts), path)
        tokens = np.load(path, mmap_mode="r")
        boundaries = path.with_name("documents.npy")
        if boundaries.exists():
            return _checked(_Found(tokens, np.load(boundaries).astype(np.int64)), path)
    except (OSError, ValueError) as error:
        raise InputError(f"the tokens of {path} cannot be read: {error}") from error
    ends = np.flatnonzero(tokens == end_of_text) + 1
    last = [len(tokens)] if len(tokens) and not (len(ends) and ends[-1] == len(tokens)) else []
    return _checked(_Found(tokens, np.concatenate([[0], ends, last]).astype(np.int64)), path)


def _checked(found: _Found, path: Path) -> _Found:
    if found.tokens.ndim != 1 or found.tokens.dtype.kind not in "iu":
        raise InputError(
            f"{path} holds {found.tokens.dtype} of shape {found.tokens.shape}; expected whole numbers in a row"
        )
    if not len(found.starts) or np.any(np.diff(found.starts) < 0) or found.starts[-1] > len(found.tokens):
        raise InputError(
            f"the documents of {path} do not fit its {len(found.tokens)} tokens: copy both again, one was cut"
        )
    return found


def _check_ids(tokens: NDArray[Any], vocab_size: int, path: str) -> None:
    """Refuse ids that the tokenizer does not have."""
    if len(tokens) and (int(tokens.max()) >= vocab_size or int(tokens.min()) < 0):
        raise InputError(
            f"{path} holds ids from {tokens.min()} to {tokens.max()}, the tokenizer those below {vocab_size}: give the "
            "tokenizer that made the file"
        )
