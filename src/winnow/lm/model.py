# mypy: allow-subclassing-any, allow-untyped-decorators
"""The one language model: a decoder-only transformer in DCLM's recipe (Li et al. 2024, appendix F; OpenLM).

Pre-norm with a gain and no bias, rotary positions, SwiGLU, per-head normalised queries and keys, an untied head, no
dropout, no biases. Attention crosses document boundaries, as in DCLM.

Shapes in comments::

    B sequences    T tokens of each    D width    H heads    K = D / H    F hidden width of SwiGLU
    V vocabulary   L layers            S slots of a cache

Departures from OpenLM, each for a reason. Queries and keys are normalised per head and without a gain (OpenLM: all
heads together), so that the weights fit transformers' StableLM; the parameter counts are DCLM's. The head begins with a
standard deviation of 1/D (OpenLM: 1/sqrt(D)), so that the loss begins at ln(V) and not half a nat above.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import Tensor, nn

from winnow.core.errors import InputError
from winnow.lm.cross_entropy import cross_entropy, token_nats
from winnow.lm.scales import Shape

EPSILON = 1e-5
"""In every norm."""
ROTARY_BASE = 10_000.0


class Transformer(nn.Module):
    """Tokens to logits.

    ``seed`` settles the first weights: normal, cut at three standard deviations of 1/sqrt(inputs), those that write to
    the residual stream of layer l smaller by 1/sqrt(2 (l + 1)).
    """

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.norm = Norm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocab_size, bias=False)
        cos, sin = rotations(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialize(seed)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits [B, T, V] of what follows each token of [B, T].

        With a cache the tokens go on after what it holds, and it holds them too afterwards. InputError where a sequence
        grows longer than the context.
        """
        logits: Tensor = self.head(self.states(tokens, cache))
        return logits

    def states(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """What the head reads, [B, T, D]: ``head(states)[:, some]`` costs less than all logits where few are asked."""
        start = cache.longest if cache else 0
        if start + tokens.shape[1] > self.shape.context:
            raise InputError(
                f"a sequence of {start + tokens.shape[1]} tokens is longer than the model's context of "
                f"{self.shape.context}: cut its beginning"
            )
        place = self._place(tokens.shape[1], cache)
        x = self.embedding(tokens)
        for layer, block in enumerate(self.blocks):
            x = block(x, place, cache.of_layer(layer) if cache else None)
        if cache:
            cache.lengths += tokens.shape[1]
        states: Tensor = self.norm(x)
        return states

    def nats(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Negative log-likelihood of each of [B, T] targets, in nats; no gradient."""
        with torch.no_grad():
            states = self.states(tokens).flatten(0, 1)
            return token_nats(states, self.head.weight, targets.flatten()).view(targets.shape)

    def loss(self, tokens: Tensor, targets: Tensor, z_loss: float = 0.0) -> tuple[Tensor, Tensor]:
        """Mean loss of [B, T] targets in nats per token, with and without z-loss; only the first has a gradient."""
        return cross_entropy(self.states(tokens).flatten(0, 1), self.head.weight, targets.flatten(), z_loss)

    def _place(self, num_tokens: int, cache: Cache | None) -> Place:
        if cache is None:
            return Place(self.cos[:num_tokens, None, None], self.sin[:num_tokens, None, None])
        positions = cache.lengths[:, None] + torch.arange(num_tokens, device=self.cos.device)
        cos, sin = self.cos[positions, None, None], self.sin[positions, None, None]
        if not cache.longest:
            return Place(cos, sin, positions)
        slots = torch.arange(cache.longest + num_tokens, device=self.cos.device)
        return Place(cos, sin, positions, (slots <= positions[..., None])[:, None])

    @torch.no_grad()
    def initialize(self, seed: int) -> None:
        """Give every weight its first value."""
        random = torch.Generator().manual_seed(seed)

        def draw(weight: Tensor, deviation: float) -> None:
            nn.init.trunc_normal_(weight, std=deviation, a=-3 * deviation, b=3 * deviation, generator=random)

        width, hidden = self.shape.width, self.shape.hidden
        draw(self.embedding.weight, width**-0.5)
        for layer, block in enumerate(self.blocks):
            depth = math.sqrt(2 * (layer + 1))
            draw(block.attention.qkv.weight, width**-0.5)
            draw(block.attention.out.weight, width**-0.5 / depth)
            draw(block.mlp.gate_up.weight, width**-0.5)
            draw(block.mlp.down.weight, hidden**-0.5 / depth)
        draw(self.head.weight, 1 / width)


class Place(NamedTuple):
    """Where the tokens of one call stand."""

    cos: Tensor
    """Of their positions' angles, [(B) T 1 1 K/2]."""
    sin: Tensor
    positions: Tensor | None = None
    """[B, T]; None without a cache: 0 to T - 1."""
    mask: Tensor | None = None
    """Which slots each token sees, [B 1 T S]; None where it sees the tokens of the call up to itself."""


class Block(nn.Module):
    """Attention and SwiGLU, each reading the normalised residual stream and adding to it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = Norm(shape.width)
        self.attention = Attention(shape)
        self.mlp_norm = Norm(shape.width)
        self.mlp = SwiGLU(shape)

    def forward(self, x: Tensor, place: Place, held: Held | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]."""
        x = x + self.attention(self.attention_norm(x), place, held)
        added: Tensor = x + self.mlp(self.mlp_norm(x))
        return added


class Norm(nn.Module):
    """LayerNorm with a gain and no bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """The last axis at mean 0 and variance 1, times the gain."""
        return F.layer_norm(x, self.weight.shape, self.weight, eps=EPSILON)


class Attention(nn.Module):
    """Causal attention of normalised, rotated queries and keys."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, place: Place, held: Held | None = None) -> Tensor:
        """[B, T, D] to [B, T, D]; keys and values are written to what the cache holds of this layer."""
        batch, num_tokens, width = x.shape
        qkv = self.qkv(x).view(batch, num_tokens, 3, self.num_heads, width // self.num_heads)  # B T 3 H K
        qk = rotated(F.layer_norm(qkv[:, :, :2], qkv.shape[-1:], eps=EPSILON), place)
        q, k, v = (some.transpose(1, 2) for some in (qk[:, :, 0], qk[:, :, 1], qkv[:, :, 2]))  # B H T K
        if held:
            k, v = (extended(old, new, place) for old, new in zip(held, (k, v), strict=True))  # B H S K
        seen = F.scaled_dot_product_attention(q, k, v, place.mask, is_causal=place.mask is None)
        mixed: Tensor = self.out(seen.transpose(1, 2).reshape(batch, num_tokens, width))
        return mixed


class SwiGLU(nn.Module):
    """``down(silu(gate x) * up x)``: Shazeer 2020."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_up = nn.Linear(shape.width, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] to [B, T, D]."""
        gate, up = self.gate_up(x).chunk(2, -1)  # B T F each
        mixed: Tensor = self.down(F.silu(gate) * up)
        return mixed


Held = tuple[Tensor, Tensor]
"""Keys and values that a cache holds of one layer, [B H S K] each."""


class Cache:
    """Keys and values of tokens that were seen, so that what follows them costs only itself.

    Each of ``batch`` sequences has its own length, and new tokens are written after it. A prefix that many sequences
    share is run once with a batch of 1 and copied to all of them by ``selected``. Sequences of unequal length are
    padded at the end: no real token sees the padding, and ``cache.lengths -= num_padding`` ([B]) afterwards forgets it,
    so that the next tokens overwrite it::

        prefix = Cache(model.shape, batch=1, capacity=len(few_shot))
        model(few_shot[None], prefix)
        cache = prefix.selected(torch.zeros(8, dtype=int), len(few_shot) + padded.shape[1])
        logits = model(padded, cache)
    """

    def __init__(
        self,
        shape: Shape,
        batch: int,
        capacity: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        slots = (shape.num_layers, batch, shape.num_heads, capacity, shape.width // shape.num_heads)  # L B H S K
        self.shape = shape
        self.keys = torch.zeros(slots, device=device, dtype=dtype)
        self.values = torch.zeros(slots, device=device, dtype=dtype)
        self.lengths = torch.zeros(batch, dtype=torch.int64, device=device)
        """Tokens of each sequence that are held."""

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(self.lengths.max())

    def selected(self, rows: Tensor, capacity: int) -> Cache:
        """A cache of some of the sequences, each as often as ``rows`` names it, with room for ``capacity`` tokens."""
        copy, held = Cache(self.shape, len(rows), capacity, self.keys.device, self.keys.dtype), self.longest
        copy.keys[..., :held, :] = self.keys[:, rows, :, :held]
        copy.values[..., :held, :] = self.values[:, rows, :, :held]
        copy.lengths += self.lengths[rows]
        return copy

    def of_layer(self, layer: int) -> Held:
        """What is held of one layer, to be written to."""
        return self.keys[layer], self.values[layer]


def extended(held: Tensor, new: Tensor, place: Place) -> Tensor:
    """Write new keys or values [B H T K] to their slots; gives those that the tokens may see."""
    assert place.positions is not None
    rows = torch.arange(len(new), device=new.device)[:, None]
    held[rows, :, place.positions] = new.transpose(1, 2).to(held.dtype)
    return new if place.mask is None else held[:, :, : place.mask.shape[-1]].to(new.dtype)


def rotated(x: Tensor, place: Place) -> Tensor:
    """Rotary positions (Su et al. 2021) of [B T .. H K]; the halves of a head are the two coordinates."""
    left, right = x.chunk(2, -1)
    return torch.cat((left * place.cos - right * place.sin, right * place.cos + left * place.sin), -1)


def rotations(shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and sines of every position's angles, [context, K / 2]."""
    size = shape.width // shape.num_heads
    frequencies = ROTARY_BASE ** (-torch.arange(0, size, 2) / size)
    angles = torch.outer(torch.arange(shape.context), frequencies)
    return angles.cos(), angles.sin()
