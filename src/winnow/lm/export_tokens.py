"""Tokens as files that trainers read: Megatron-LM's indexed dataset, or plain NumPy arrays.

=============  =================================================================================================
``megatron``   ``tokens.bin``, ``tokens.idx``: what Megatron-LM and NeMo take as a data path (``.../tokens``)
``npy``        ``tokens.npy``, all ids one after another; ``documents.npy``, where each document begins, and the end
=============  =================================================================================================

Beside them lie the tokenizer's files, and ``tokens.json``, which says how many tokens there are and what ends a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.step import Whole
from winnow.core.table import Store
from winnow.lm.megatron import id_type, write_index
from winnow.lm.mix import Mix
from winnow.lm.stream import TokenStream
from winnow.lm.token_table import TokenTable, document_sizes, open_tokens, token_type
from winnow.lm.tokenizer import open_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

Format = Literal["megatron", "npy"]
CHUNK = 1 << 20
"""Tokens of a mix that are written at once."""


@dataclass(frozen=True, kw_only=True)
class ExportTokens(Whole):
    """A token table in its order, or a mix in its own, for another trainer.

    Ids take two bytes where the vocabulary allows it, else four: int32 for Megatron-LM, which knows no uint32.
    """

    tokens: TokenTable | Mix
    format: Format = "megatron"

    def check(self) -> None:
        """Refuse a format that is not written."""
        if self.format not in get_args(Format):
            raise RecipeError(f"no format {self.format!r} of tokens; {did_you_mean(self.format, get_args(Format))}")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write the files."""
        tokenizer = open_tokenizer(self.tokens.tokenizer, store)
        lengths, chunks = _documents(self.tokens, store)
        counts = {"num_tokens": int(lengths.sum()), "num_documents": len(lengths)}
        if self.format == "megatron":
            kind = id_type(tokenizer.vocab_size)
            with (directory / "tokens.bin").open("wb") as opened:
                for chunk in chunks:
                    chunk.astype(kind).tofile(opened)
            write_index(directory / "tokens.idx", kind, lengths)
        else:
            kind = token_type(tokenizer.vocab_size)
            _write_npy(directory / "tokens.npy", kind, counts["num_tokens"], chunks)
            np.save(directory / "documents.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        about = {"type": kind.name, "vocab_size": tokenizer.vocab_size, "end_of_text": tokenizer.end_of_text}
        write_json(directory / "tokens.json", {**counts, **about})
        tokenizer.save(directory)
        return counts


def _documents(tokens: TokenTable | Mix, store: Store) -> tuple[NDArray[np.int64], Iterator[NDArray[Any]]]:
    """How long the documents are, and their ids one after another, some at a time."""
    if isinstance(tokens, Mix):
        stream = TokenStream.open(tokens, store)
        ends = range(CHUNK, stream.num_tokens + CHUNK, CHUNK)
        chunks = (stream.slice(end - CHUNK, min(end, stream.num_tokens)) for end in ends)
        return np.diff(stream.order.starts, append=stream.num_tokens), chunks
    shards = range(num_shards(tokens, store))
    return document_sizes(tokens, store).lengths, (open_tokens(tokens, store, shard).tokens for shard in shards)


def _write_npy(path: Path, kind: np.dtype[Any], number: int, chunks: Iterator[NDArray[Any]]) -> None:
    with path.open("wb") as opened:
        np.lib.format.write_array_header_1_0(
            opened, {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (number,)}
        )
        for chunk in chunks:
            chunk.astype(kind).tofile(opened)
