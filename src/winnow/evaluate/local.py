"""Our own checkpoints, as the engine reads them; float32 on a CPU, products in bfloat16 on CUDA as in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from winnow.evaluate.spans import Ids
from winnow.lm.heldout import heldout_bits
from winnow.lm.model import Cache

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from winnow.lm.stream import TokenStream
    from winnow.lm.trained import Trained

Past = tuple[Cache, torch.Tensor]
"""What was read, and which of its rows go on."""


class LocalNetwork:
    """A trained model and its tokenizer; a text opens with nothing, an empty context is the end of text."""

    cached = True
    opening: tuple[int, ...] = ()

    def __init__(self, name: str, trained: Trained, max_context: int, device: torch.device) -> None:
        """``max_context``: tokens at once, where they are to be fewer than the model can see."""
        self.name = name
        self.device = device
        self.model = trained.model.to(device)
        self.tokenizer = trained.tokenizer
        self.context = min(trained.context, max_context)
        self.num_params = trained.model.shape.num_params
        self.vocab_size = trained.tokenizer.vocab_size
        self.start = self.end_of_text = trained.tokenizer.end_of_text

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text."""
        return self.tokenizer.encode(texts)

    def encode_continuations(self, texts: Sequence[str]) -> list[Ids]:
        """The same."""
        return self.tokenizer.encode(texts)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        return self.tokenizer.decode(ids)

    def read(self, tokens: torch.Tensor, past: Past | None) -> tuple[torch.Tensor, Past]:
        """The states after tokens that follow the past."""
        cache = self._room(tokens, past)
        with self._precision():
            return self.model.states(tokens, cache), (cache, torch.arange(len(tokens), device=self.device))

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """The logits of states."""
        with self._precision():
            logits: torch.Tensor = self.model.head(states)
        return logits

    def select(self, past: Past, rows: torch.Tensor) -> Past:
        """The past of some rows; copied when there is more to read."""
        cache, kept = past
        return cache, kept[rows]

    def bits(self, stream: TokenStream) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Bits and bytes of every document of a held-out stream, as training measures them."""
        with self._precision():
            return heldout_bits(self.model, stream)

    def _room(self, tokens: torch.Tensor, past: Past | None) -> Cache:
        """A cache of the rows that go on, with room for their tokens."""
        batch, num_tokens = tokens.shape
        if past is not None:
            cache, rows = past
            return cache.selected(rows, cache.longest + num_tokens)
        dtype = torch.float32 if self.device.type == "cpu" else torch.bfloat16
        return Cache(self.model.shape, batch, num_tokens, self.device, dtype)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")
