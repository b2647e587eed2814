"""What inner models learn from: the loss of each chunk, differentiable as often as asked."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import Tensor

from winnow.lm.model import Transformer
from winnow.rater.chunks import Chunks


def chunk_losses(model: Transformer, chunks: Chunks) -> Tensor:
    """Mean nats per token of each chunk, [B].

    The paper sums over sequences of equal length, which is the same but for a factor; over chunks of unequal length a
    sum would make long ones count for more, and their length would be part of what they are worth.
    """
    logits = model(chunks.read).float()
    nats = F.cross_entropy(logits.flatten(0, 1), chunks.tokens.flatten(), reduction="none").view(chunks.tokens.shape)
    found: Tensor = (nats * chunks.mask).sum(1) / chunks.lengths
    return found
