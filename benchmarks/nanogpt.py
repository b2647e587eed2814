"""Our model as nanoGPT would write it: plain eager PyTorch, a projection for each thing, all logits at once.

The same function with the same weights: losses agree to rounding. What it does plainly: queries, keys and values by
three projections, gate and up by two, norms and rotations one after the other, logits of the whole batch in one tensor
that cross-entropy and z-loss read, AdamW as PyTorch gives it. Attention is PyTorch's fused one, as in nanoGPT.
"""

# mypy: allow-subclassing-any
from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from winnow.lm.model import EPSILON, Transformer, rotations
from winnow.lm.scales import Shape


class Norm(nn.Module):
    """LayerNorm with a gain."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """Mean 0, variance 1, times the gain."""
        return F.layer_norm(x, self.weight.shape, self.weight, None, EPSILON)


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.num_heads = shape.num_heads
        self.q, self.k, self.v, self.out = (nn.Linear(shape.width, shape.width, bias=False) for _ in range(4))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B T D] to [B T D]."""
        batch, length, width = x.shape

        def heads(some: Tensor) -> Tensor:
            return some.view(batch, length, self.num_heads, width // self.num_heads).transpose(1, 2)

        q, k, v = heads(self.q(x)), heads(self.k(x)), heads(self.v(x))
        q = F.layer_norm(q, q.shape[-1:], eps=EPSILON)
        k = F.layer_norm(k, k.shape[-1:], eps=EPSILON)
        q = q * cos + turned(q) * sin
        k = k * cos + turned(k) * sin
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, length, width))


class Block(nn.Module):
    """Attention and SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = Norm(shape.width), Norm(shape.width)
        self.attention = Attention(shape)
        self.gate, self.up = (nn.Linear(shape.width, shape.hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[B T D] to [B T D]."""
        x = x + self.attention(self.attention_norm(x), cos, sin)
        normed = self.mlp_norm(x)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed))


class PlainGPT(nn.Module):
    """Tokens and targets to the loss."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocab_size, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.norm = Norm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocab_size, bias=False)
        cos, sin = rotations(shape)
        self.register_buffer("cos", torch.cat((cos, cos), -1))
        self.register_buffer("sin", torch.cat((sin, sin), -1))

    def forward(self, tokens: Tensor, targets: Tensor, z_loss: float) -> Tensor:
        """The mean loss, z-loss included."""
        x = self.embedding(tokens)
        length = tokens.shape[1]
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length])
        logits = self.head(self.norm(x)).float()
        logits = logits.view(-1, logits.shape[-1])
        loss = F.cross_entropy(logits, targets.reshape(-1))
        return loss + z_loss * torch.logsumexp(logits, -1).square().mean()


def turned(x: Tensor) -> Tensor:
    """The two coordinates of every rotation, a quarter further."""
    left, right = x.chunk(2, -1)
    return torch.cat((-right, left), -1)


def with_weights_of(ours: Transformer) -> PlainGPT:
    """The plain model with the weights of one of ours."""
    plain, given = PlainGPT(ours.shape), ours.state_dict()
    weights = {name: given[name] for name in ("embedding.weight", "norm.weight", "head.weight")}
    for layer in range(ours.shape.num_layers):
        at = f"blocks.{layer}"
        for name in ("attention_norm", "mlp_norm"):
            weights[f"{at}.{name}.weight"] = given[f"{at}.{name}.weight"]
        for name, weight in zip("qkv", given[f"{at}.attention.qkv.weight"].chunk(3), strict=True):
            weights[f"{at}.attention.{name}.weight"] = weight
        for name, weight in zip(("gate", "up"), given[f"{at}.mlp.gate_up.weight"].chunk(2), strict=True):
            weights[f"{at}.{name}.weight"] = weight
        weights[f"{at}.attention.out.weight"] = given[f"{at}.attention.out.weight"]
        weights[f"{at}.down.weight"] = given[f"{at}.mlp.down.weight"]
    plain.load_state_dict(weights, strict=False)
    return plain
