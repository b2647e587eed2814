"""What inner models learn from: the loss of each chunk, differentiable as often as asked.

What is differentiated once goes through the loss that never holds all logits; only exact products with a Hessian need
it written out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import Tensor

from winnow.lm.cross_entropy import token_nats, weighted_cross_entropy
from winnow.lm.model import Transformer
from winnow.lm.scales import Shape
from winnow.meta.models import Losses, Stateless, Tensors, as_leaves
from winnow.rater.chunks import Chunks


class Inner(Stateless[Chunks]):
    """A language model of a shape, its parameters given from outside; losses are mean nats per token of each chunk.

    The paper sums over sequences of equal length, which is the same but for a factor; over chunks of unequal length a
    sum would make long ones count for more, and their length would be part of what they are worth.
    """

    def __init__(self, shape: Shape, device: torch.device) -> None:
        self.network = Transformer(shape).to(device)
        super().__init__(self.network, chunk_losses)

    def losses(self, params: Tensors, batch: Chunks) -> Tensor:
        """The loss of each chunk, [B], without a gradient."""
        with torch.no_grad():
            return self.inside(params, lambda _: _means(token_nats(*self._asked(batch)), batch))

    def gradient(self, params: Tensors, batch: Chunks, weights: Tensor) -> tuple[Tensors, Tensor]:
        """The gradient of the weighted sum of the chunks' losses, and these, [B]."""
        leaves = as_leaves(params)
        shares = (batch.mask * (weights / batch.lengths)[:, None]).flatten()

        def work(_: Losses[Chunks]) -> tuple[Tensors, Tensor]:
            total, nats = weighted_cross_entropy(*self._asked(batch), shares)
            return torch.autograd.grad(total, leaves), _means(nats, batch)

        return self.inside(leaves, work)

    def _asked(self, batch: Chunks) -> tuple[Tensor, Tensor, Tensor]:
        """States, head and targets of all tokens, those of the padding too."""
        return self.network.states(batch.read).flatten(0, 1), self.network.head.weight, batch.tokens.flatten()


def chunk_losses(model: Transformer, chunks: Chunks) -> Tensor:
    """Mean nats per token of each chunk, [B], written out."""
    logits = model(chunks.read).float()
    return _means(F.cross_entropy(logits.flatten(0, 1), chunks.tokens.flatten(), reduction="none"), chunks)


def _means(nats: Tensor, chunks: Chunks) -> Tensor:
    """The mean of each chunk's tokens."""
    found: Tensor = (nats.view(chunks.tokens.shape) * chunks.mask).sum(1) / chunks.lengths
    return found
