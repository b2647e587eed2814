# mypy: allow-subclassing-any, allow-untyped-decorators
"""A language model with a head that tells classes apart, all its weights trained on labelled texts.

The head reads the state of a text's last token, the only one that has seen all of it (Radford et al. 2018, section
3.2). The two texts of a pair follow each other with a line end between them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from winnow.core.errors import InputError
from winnow.evaluate.engine import Network
from winnow.evaluate.hugging_face import HuggingFaceNetwork
from winnow.evaluate.local import LocalNetwork
from winnow.evaluate.spans import Ids
from winnow.lm.loop import MAX_NORM, adamw
from winnow.lm.schedule import learning_rate

BATCH_SIZE, WEIGHT_DECAY, WARMUP = 32, 0.01, 0.1
"""Rows of a step, AdamW's decay, and the share of the steps in which the learning rate rises (Devlin et al. 2019)."""
LEARNING_RATES = {1e6: 1e-2, 124e6: 1e-5}
"""By the number of a model's parameters."""
HEAD_DEVIATION = 0.02
"""Of the head's first weights."""


class Classifier(nn.Module):
    """A copy of a network's body, and a head whose first weights are the seed's. Nothing is dropped out."""

    def __init__(self, network: Network, num_classes: int, seed: int) -> None:
        super().__init__()
        assert isinstance(network, LocalNetwork | HuggingFaceNetwork)
        self.ours = isinstance(network, LocalNetwork)
        self.device = network.device
        self.random = torch.Generator().manual_seed(seed)
        self.body = copy.deepcopy(network.model if self.ours else network.model.base_model).float()
        with torch.no_grad():
            width = self.states(torch.tensor([[network.start]], device=self.device)).shape[-1]
            self.head = nn.Linear(width, num_classes, bias=False)
            self.head.weight.normal_(std=HEAD_DEVIATION, generator=self.random)
            self.head.to(self.device)

    def states(self, tokens: Tensor) -> Tensor:
        """The states [B, T, D] after tokens [B, T]."""
        states: Tensor = self.body.states(tokens) if self.ours else self.body(input_ids=tokens, use_cache=False)[0]
        return states

    def forward(self, texts: Sequence[Ids]) -> Tensor:
        """The logits [B, classes] of texts; they are padded behind their last token, which no token before it sees."""
        tokens = pad_sequence([torch.tensor(text) for text in texts], batch_first=True).to(self.device)
        last = torch.tensor([len(text) - 1 for text in texts], device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            states = self.states(tokens)[torch.arange(len(texts), device=self.device), last]
            logits: Tensor = self.head(states)
        return logits.float()

    def fit(self, texts: Sequence[Ids], classes: Sequence[int], epochs: int, peak: float) -> None:
        """Learn the class of each text, in another order each epoch; the rate rises to its peak and falls to 0.

        InputError where the loss is no number.
        """
        optimizer, gold = adamw(self, WEIGHT_DECAY), torch.tensor(classes)
        batches = [
            batch
            for _ in range(epochs)
            for batch in torch.randperm(len(texts), generator=self.random).split(BATCH_SIZE)
        ]
        warmup = math.ceil(WARMUP * len(batches))
        for step, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate("cosine", step, len(batches), warmup, peak, 0.0)
            loss = cross_entropy(self([texts[row] for row in batch.tolist()]), gold[batch].to(self.device))
            if not math.isfinite(loss.item()):
                raise InputError(
                    f"the loss is {loss.item():g} at step {step + 1} of {len(batches)}: fine-tune with a lower "
                    f"learning_rate than {peak:g}"
                )
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), MAX_NORM)
            optimizer.step()
            optimizer.zero_grad()

    @torch.no_grad()
    def predict(self, texts: Sequence[Ids]) -> list[int]:
        """The most probable class of each text; of equals, the lowest."""
        predicted = torch.zeros(len(texts), dtype=torch.int64)
        by_length = torch.tensor(sorted(range(len(texts)), key=lambda row: len(texts[row])))
        for batch in by_length.split(BATCH_SIZE):
            predicted[batch] = self([texts[row] for row in batch.tolist()]).argmax(-1).cpu()
        classes: list[int] = predicted.tolist()
        return classes


def encode(rows: Sequence[tuple[str, ...]], network: Network) -> list[Ids]:
    """Rows of one or two texts each as what the network reads, at least one token; the end of a long text is cut off.

    Of two texts that do not fit the longer one is cut first, so that each has half of the context if it needs it.
    """
    room = network.context - len(network.opening)
    firsts = network.encode([first for first, *_ in rows])
    seconds = network.encode_continuations(["".join(f"\n{text}" for text in rest) for _, *rest in rows])
    return [
        [*network.opening, *cut(first, second, room)] or [network.start]
        for first, second in zip(firsts, seconds, strict=True)
    ]


def cut(first: Ids, second: Ids, room: int) -> Ids:
    """As much of the beginnings of two as there is room for, half of it for each that needs it.

    >>> cut([1, 2, 3], [4, 5, 6], 4), cut([1, 2, 3], [4], 3), cut([1], [4, 5, 6], 3)
    ([1, 2, 4, 5], [1, 2, 4], [1, 4, 5])
    """
    kept = first[: max(room - len(second), room // 2)]
    return kept + second[: room - len(kept)]


def default_learning_rate(num_params: int) -> float:
    """The highest rate of a fine-tuning: 1e-2 up to a million parameters, 1e-5 from 124 million, logarithmic between.

    The upper end is that of Marion et al. 2023 (section 4), with many thousand rows. The lower end is measured: a tiny
    model learns nothing in three epochs of some hundred rows at less than a tenth of it.

    >>> default_learning_rate(300_000), default_learning_rate(124_000_000)
    (0.01, 1e-05)
    """
    sizes, rates = zip(*LEARNING_RATES.items(), strict=True)
    return round(float(10 ** np.interp(math.log10(num_params), np.log10(sizes), np.log10(rates))), 8)
