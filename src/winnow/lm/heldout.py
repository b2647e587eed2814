"""Bits of held-out documents: what they cost to write down with a model, whatever its tokenizer.

Windows are packed as in training: the documents stand one after the other, a token sees those before it in its own
window, and attention crosses document boundaries. Every token is predicted exactly once, the first one after an end of
text. A document's bits are those of its tokens and of the end of text that closes it, because a code that does not say
where a document ends is not one; its bytes are those of its text, and the end of text has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from winnow.core.errors import InputError
from winnow.lm.stream import TokenStream

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from winnow.lm.model import Transformer

BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}
"""Tokens that are looked at together; says nothing of the result but its speed."""


def heldout_bits(model: Transformer, stream: TokenStream) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Bits and bytes of every document of a stream, in its order; bits per byte are ``bits.sum() / bytes.sum()``."""
    return packed_bits(model.nats, stream, model.shape.context, model.head.weight.device.type)


def bits_per_byte(bits: NDArray[np.float64], num_bytes: NDArray[np.int64]) -> float:
    """Of all documents together."""
    return float(bits.sum() / num_bytes.sum())


def packed_bits(
    nats: Callable[[Tensor, Tensor], Tensor], stream: TokenStream, context: int, device: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``heldout_bits`` with any function from tokens and targets [B, T] to the targets' nats [B, T]."""
    import torch

    starts, num_bytes, _ = stream.documents()
    if not len(starts) or not num_bytes.sum():
        raise InputError("a held-out set has no text: give one with documents that are not empty")
    found = np.empty(stream.num_tokens, np.float64)
    window = max(1, BATCH_TOKENS.get(device, BATCH_TOKENS["cuda"]) // context) * context
    for start in range(0, stream.num_tokens, window):
        stop = min(start + window, stream.num_tokens)
        tokens = _with_one_before(stream, start, stop, -(-(stop - start) // context) * context)
        pairs = [torch.from_numpy(some.reshape(-1, context)).to(device) for some in (tokens[:-1], tokens[1:])]
        found[start:stop] = nats(*pairs).double().cpu().numpy().reshape(-1)[: stop - start]
    return np.add.reduceat(found, starts) / np.log(2), num_bytes


def _with_one_before(stream: TokenStream, start: int, stop: int, room: int) -> NDArray[np.int64]:
    """``room + 1`` tokens: the one before ``start``, those to ``stop``, and an end of text wherever there is none."""
    tokens = np.full(room + 1, stream.end_of_text, np.int64)
    before = min(1, start)
    tokens[1 - before : 1 + stop - start] = stream.slice(start - before, stop)
    return tokens
