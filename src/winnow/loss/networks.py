"""Language models as this room's measures open them, and the documents that they read."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from winnow.core.files import files_below, stamp
from winnow.evaluate.spans import Ids
from winnow.lm.tokenizer import needs_torch
from winnow.loss.encode import EMPTY, Encoded, encode_documents
from winnow.measure.model import Model, given_files, model_path

if TYPE_CHECKING:
    from winnow.evaluate.engine import Network

TOKENS = "tokens"
"""The column of documents that are tokens already."""


def files_of(*models: Model | None) -> tuple[str, ...]:
    """The models that are directories here; one on the hub is known by its name alone."""
    return tuple(path for path in given_files(*models) if Path(path).exists())


def open_network(model: Model, max_context: int = sys.maxsize) -> Network:
    """A model by its directory or name, on a GPU where there is one; it sees no more than ``max_context`` tokens.

    RecipeError where it is a step that has not been made, or nothing goes by that name.
    """
    path = model_path(model)
    needs_torch("scoring by a language model")
    return _open_once(path, max_context, tuple(stamp(file) for file in files_below(Path(path))))


@functools.lru_cache(maxsize=16)
def _open_once(path: str, max_context: int, stamps: tuple[str | None, ...]) -> Network:
    """A model that a worker does not open again for each shard, while its files' stamps stand."""
    from winnow.evaluate.models import open_model

    return open_model(path, max_context).network


@contextmanager
def at_work(network: Network) -> Iterator[None]:
    """Within the block, a processor gives the same bits every time, and nothing is recorded for gradients.

    On one thread: documents are shared out among workers already, and sums depend on how many threads add them up.
    """
    import torch

    from winnow.lm.devices import exact

    with exact(network.device, 1), torch.inference_mode():
        yield


def has_tokens(documents: pa.RecordBatch) -> bool:
    """Whether documents are tokens already: lists of ids, as ``Sequences`` makes them."""
    kind = documents.schema.field(TOKENS).type if TOKENS in documents.schema.names else pa.null()
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and bool(pa.types.is_integer(kind.value_type))


def tokens_of(documents: pa.RecordBatch, network: Network) -> list[Encoded]:
    """The tokens of each document: those in its column ``tokens``, else those of its text; nothing added."""
    if has_tokens(documents):
        return [_given(ids, network) for ids in documents.column(TOKENS).to_pylist()]
    return encode_documents(documents.column("text").to_pylist(), network)


def opening_of(documents: pa.RecordBatch, network: Network) -> Ids:
    """What the model reads before each document: nothing before rows of a stream, which begin where the last ended."""
    return [] if has_tokens(documents) else [*network.opening]


def _given(ids: Ids | None, network: Network) -> Encoded:
    """Tokens as they are, unless the model's tokenizer has no such tokens."""
    if not ids:
        return Encoded([], EMPTY)
    if min(ids) < 0 or max(ids) >= network.vocab_size:
        return Encoded([], f"not encoded: its tokens go to {max(ids)}, the model's to {network.vocab_size - 1}")
    return Encoded(ids)
