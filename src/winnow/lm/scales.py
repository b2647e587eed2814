"""The table of scales: how large a model is, on how many tokens it is trained, and with which numbers.

Above stand DCLM's five (Li et al. 2024, arXiv 2406.11794, section 3 and table 10; their repository's
``training/configs``), exactly; below them a ladder by the same rules, small enough for a processor:

- one architecture (``model``), depth and width growing together, heads of 32 to 64 (DCLM: 80 to 128);
- the SwiGLU hidden width is 8/3 of the width, rounded up to a multiple of 32 (DCLM: 256, which would make the width 64
  half as wide again as it should be);
- a context of 256 to 1024 tokens up to 30M (DCLM: 2048): tiny models learn nothing from further back, and pay for it;
- batches that make 3,000 to 20,000 steps, a tenth of them for warm-up (DCLM: 9% to 25%);
- the learning rate falls to a hundredth, weight decay and z-loss are those of DCLM's 400M.

Learning rates of 0.1M to 3M are tuned (docs/training.md shows the sweep). Those of 10M to 100M are not tuned here:
they lie on the line between 3M's and DCLM's 3e-3 at 400M, the logarithm of the rate against that of the block
parameters.

Tokens: 20 per parameter times the multiplier (Hoffmann et al. 2022). DCLM counts all parameters. The ladder counts
those of the blocks and the last gain, which is what a rung is named by: with a vocabulary of 4,096 embedding and head
hold more than half of 0.3M, and the same rung shall mean the same tokens with any tokenizer.

FLOPs are 6 N D with N all parameters, as DCLM counts. Its table gives 2.4e20 for 1B-1x, where its own counts make
2.49e20; the counts are what is kept here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from winnow.core.errors import RecipeError, did_you_mean

TOKENS_PER_PARAMETER = 20
VOCABULARY_MULTIPLE = 64


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model's weights and their sizes follow from."""

    vocab_size: int
    """Rows of the embedding and of the head: the tokenizer's vocabulary, rounded up."""
    context: int
    """Tokens that it sees at once."""
    width: int
    hidden: int
    """Width inside SwiGLU."""
    num_layers: int
    num_heads: int

    @property
    def num_block_params(self) -> int:
        """Parameters of the blocks and the last gain: neither the embedding nor the head."""
        block = 4 * self.width**2 + 3 * self.width * self.hidden + 2 * self.width
        return self.num_layers * block + self.width

    @property
    def num_params_no_embedding(self) -> int:
        """All parameters but the input embedding's: what DCLM's table calls "no embed"."""
        return self.num_block_params + self.vocab_size * self.width

    @property
    def num_params(self) -> int:
        """All parameters."""
        return self.num_params_no_embedding + self.vocab_size * self.width

    @property
    def flops_per_token(self) -> int:
        """What a training step does per token: 6 per weight of a matrix, and the attention over a full context.

        Chowdhery et al. 2022, appendix B: what MFU is measured with. The mask's half is not deducted.
        """
        return 6 * self.num_params_no_embedding + 12 * self.num_layers * self.width * self.context


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One row of the table: a shape, a budget of tokens and the numbers of the optimiser."""

    name: str
    shape: Shape
    batch_size: int
    """Sequences of ``shape.context`` tokens in a step."""
    learning_rate: float
    """At its highest, when warm-up ends."""
    end_learning_rate: float
    weight_decay: float
    """Of matrices, decoupled; gains have none."""
    warmup_steps: int
    z_loss: float
    multiplier: float = 1.0
    """Times the Chinchilla budget."""
    ladder: bool = False
    """Below DCLM's: takes any vocabulary, and its budget counts the parameters of the blocks."""

    @property
    def num_params(self) -> int:
        """All parameters."""
        return self.shape.num_params

    @property
    def num_params_no_embedding(self) -> int:
        """All parameters but the input embedding's, as DCLM counts."""
        return self.shape.num_params_no_embedding

    @property
    def num_tokens(self) -> int:
        """The budget: 20 tokens per parameter, times the multiplier."""
        counted = self.shape.num_block_params if self.ladder else self.num_params
        return round(TOKENS_PER_PARAMETER * counted * self.multiplier)

    @property
    def flops(self) -> int:
        """6 N D, with N all parameters and D the budget."""
        return 6 * self.num_params * self.num_tokens

    @property
    def batch_tokens(self) -> int:
        """Tokens of a step."""
        return self.batch_size * self.shape.context

    @property
    def num_steps(self) -> int:
        """Whole steps in the budget."""
        return self.num_tokens // self.batch_tokens

    def warmup(self, num_steps: int) -> int:
        """Steps of warm-up in a run of ``num_steps``; a run shorter than the scale's own warms up the same share."""
        own = replace(self, multiplier=1.0).num_steps
        return max(1, round(self.warmup_steps * min(1.0, num_steps / own)))

    def with_vocabulary(self, num_tokens: int) -> Scale:
        """The scale for a tokenizer of ``num_tokens``; RecipeError where a DCLM scale has no room for them."""
        if self.ladder:
            padded = -(-num_tokens // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
            return replace(self, shape=replace(self.shape, vocab_size=padded))
        if num_tokens > self.shape.vocab_size:
            raise RecipeError(
                f"the tokenizer has {num_tokens} tokens, and {self.name} has room for {self.shape.vocab_size}: take "
                "GPT-NeoX's or another of that size, or a scale of the ladder (0.1M to 100M), which takes any"
            )
        return self


def _dclm(
    name: str,
    layers: int,
    heads: int,
    width: int,
    hidden: int,
    *,
    batch: int,
    rate: float,
    decay: float,
    warmup: int,
    z_loss: float,
    multiplier: float = 1.0,
) -> Scale:
    shape = Shape(vocab_size=50_432, context=2048, width=width, hidden=hidden, num_layers=layers, num_heads=heads)
    return Scale(
        name=name,
        shape=shape,
        batch_size=batch,
        learning_rate=rate,
        end_learning_rate=3e-5,
        weight_decay=decay,
        warmup_steps=warmup,
        z_loss=z_loss,
        multiplier=multiplier,
    )


def hidden_width(width: int) -> int:
    """The width inside SwiGLU of a small model: 8/3 of its own, rounded up to a multiple of 32.

    >>> hidden_width(64)
    192
    """
    return 32 * -(-(8 * width // 3) // 32)


def _rung(
    name: str, layers: int, heads: int, width: int, *, context: int, batch: int, rate: float, warmup: int
) -> Scale:
    shape = Shape(
        vocab_size=4096, context=context, width=width, hidden=hidden_width(width), num_layers=layers, num_heads=heads
    )
    return Scale(
        name=name,
        shape=shape,
        batch_size=batch,
        learning_rate=rate,
        end_learning_rate=rate / 100,
        weight_decay=0.033,
        warmup_steps=warmup,
        z_loss=1e-4,
        ladder=True,
    )


# fmt: off
SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        #     layers heads width                                                          blocks; steps at 1x
        _rung("0.1M", 2, 2, 64, context=256, batch=8, rate=8e-3, warmup=100),         # 0.107M;  1,043
        _rung("0.3M", 6, 2, 64, context=256, batch=8, rate=16e-3, warmup=300),        # 0.320M;  3,128
        _rung("1M", 5, 4, 128, context=256, batch=16, rate=8e-3, warmup=500),         # 1.005M;  4,906
        _rung("3M", 7, 3, 192, context=512, batch=16, rate=4e-3, warmup=750),         # 3.099M;  7,567
        _rung("10M", 8, 5, 320, context=512, batch=32, rate=3.7e-3, warmup=1200),     # 9.918M; 12,106
        _rung("30M", 10, 8, 512, context=1024, batch=32, rate=3.5e-3, warmup=2000),   # 31.63M; 19,306
        _rung("100M", 14, 12, 768, context=2048, batch=64, rate=3.2e-3, warmup=1500), # 99.11M; 15,123
        _dclm("400M-1x", 24, 8, 1024, 2816, batch=512, rate=3e-3, decay=0.033, warmup=2000, z_loss=1e-4),
        _dclm("1B-1x", 24, 16, 2048, 5632, batch=256, rate=3e-3, decay=0.033, warmup=5000, z_loss=1e-4),
        _dclm("3B-1x", 32, 32, 2560, 6912, batch=256, rate=3e-3, decay=0.033, warmup=5000, z_loss=1e-4),
        _dclm("7B-1x", 32, 32, 4096, 11008, batch=2048, rate=2e-3, decay=0.05, warmup=5000, z_loss=5e-6),
        _dclm("7B-2x", 32, 32, 4096, 11008, batch=2048, rate=2e-3, decay=0.05, warmup=5000, z_loss=5e-6, multiplier=2),
    )
}
# fmt: on
"""Every scale by its name; ``find_scale`` knows other multipliers too."""


def find_scale(name: str) -> Scale:
    """The scale of a name such as ``1M``, ``0.3M-0.5x`` or ``400M-1x``; RecipeError that lists the known ones.

    >>> find_scale("1M-2x").num_tokens == 2 * find_scale("1M").num_tokens
    True
    """
    if name in SCALES:
        return SCALES[name]
    parts = re.fullmatch(r"(.+?)(?:-(\d+(?:\.\d+)?)x)?", name)
    size, multiplier = (parts[1], float(parts[2] or 1)) if parts else (name, 1.0)
    found = SCALES.get(size) or SCALES.get(f"{size}-1x")
    if found is None or multiplier <= 0:
        raise RecipeError(
            f"no scale is called {name!r}; {did_you_mean(size, SCALES)} A multiplier may follow, as in 1M-2x"
        )
    return replace(found, name=f"{size}-{multiplier:g}x" if multiplier != 1 else found.name, multiplier=multiplier)
