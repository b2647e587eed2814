# mypy: allow-subclassing-any, allow-untyped-decorators
"""The rater: a small bidirectional transformer that gives one score a chunk.

The paper names a 50M non-causal transformer and neither pooling nor head. Here: the blocks of the language model
without its mask, the mean over tokens, and a head that begins at zero, so that all weights begin equal. A convolution
over three tokens stands before the blocks: without it a shallow rater takes hundreds of steps to see that words are out
of order.

Shapes as in ``lm.model``: B chunks, T tokens, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from winnow.lm.model import Block, Norm, Place, rotations
from winnow.lm.scales import Shape
from winnow.rater.chunks import Chunks

STEM = 3
"""Tokens that the convolution sees."""
SPREAD = 0.3
"""Standard deviation of the embedding at first: rare tokens are told apart before they are learnt."""


class Rater(nn.Module):
    """Chunks to scores; ``seed`` settles the first weights."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.embedding = nn.Embedding(shape.vocab_size, width)
        self.stem = nn.Linear(STEM * width, width, bias=False)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.norm = Norm(width)
        self.head = nn.Linear(width, 1, bias=False)
        cos, sin = rotations(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialize(seed)

    def forward(self, chunks: Chunks) -> Tensor:
        """The score of each chunk, [B]; it depends on no other chunk and on no padding."""
        mask, num_tokens = chunks.mask, chunks.tokens.shape[1]
        x = self.embedding(chunks.tokens) * mask[..., None]
        around = nn.functional.pad(x, (0, 0, STEM // 2, STEM // 2))
        x = x + self.stem(torch.cat([around[:, place : place + num_tokens] for place in range(STEM)], -1))
        place = Place(self.cos[:num_tokens, None, None], self.sin[:num_tokens, None, None], mask=mask[:, None, None])
        for block in self.blocks:
            x = block(x, place)
        mean = (x * mask[..., None]).sum(1) / chunks.lengths[:, None]
        scores: Tensor = self.head(self.norm(mean))[:, 0]
        return scores

    @torch.no_grad()
    def initialize(self, seed: int) -> None:
        """Give every weight its first value."""
        random = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.embedding.weight, std=SPREAD, generator=random)
        for weight in (self.stem.weight, *(one for one in self.blocks.parameters() if one.ndim > 1)):
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5, generator=random)
        nn.init.zeros_(self.head.weight)
