"""Answers by a causal network, reading as few tokens as can be.

What several requests begin with is read once (``prefixes``), requests of like length stand in one batch, and the head
sees only the states that predict what is asked, each once. The answers are those of reading every request by itself
(``engine_reference``), up to the rounding of sums in another order: some 1e-5 nats in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from winnow.core.errors import InputError
from winnow.evaluate.generation import continuations
from winnow.evaluate.memory import by_halves
from winnow.evaluate.prefixes import Size, Stage, Tree, batches
from winnow.evaluate.requests import Answer, Prompt, Request
from winnow.evaluate.spans import Ids, Span, prompt_tokens, spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.lm.stream import TokenStream

PORTION = 1 << 14
"""Requests that are held as tokens at once."""
SIZES = {
    "cpu": Size(tokens=1024, cells=1 << 14, pass_cost=32),
    "cuda": Size(tokens=1 << 14, cells=1 << 16, pass_cost=512),
}
"""By device. A CPU is busy with a few hundred tokens, and more only leave its caches; a GPU needs thousands."""
STATES = 512
"""States that go through the head at a time: 100 MB of logits for a vocabulary of 50,000."""


class Network(Protocol):
    """What the engine needs of a model and its tokenizer. ``past`` is the network's own: what it keeps of rows read."""

    name: str
    context: int
    """Tokens that it sees at once."""
    vocab_size: int
    """Of its tokenizer."""
    num_params: int
    opening: tuple[int, ...]
    """Tokens that its tokenizer begins every text with."""
    start: int
    """The token that an empty context is."""
    end_of_text: int
    cached: bool
    """Whether rows can go on from their past."""
    device: torch.device

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text, nothing added."""

    def encode_continuations(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text as it follows another."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens."""

    def read(self, tokens: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
        """The states [rows, tokens, width] after tokens [rows, tokens] that follow the past, and the new past.

        The past of the first tokens is None, and that of a network that is not ``cached`` stays so.
        """

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """The logits [n, vocabulary] of states [n, width]."""

    def select(self, past: Any, rows: torch.Tensor) -> Any:
        """The past of some rows [n], in that order, each as often as it is named."""

    def bits(self, stream: TokenStream) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Bits and bytes of every document of a held-out stream in the tokens of its tokenizer."""


@dataclass(frozen=True)
class Asked:
    """Tokens to be predicted, one element each: of which span, in which row, from the state at which position."""

    span: NDArray[np.int64]
    row: NDArray[np.int64]
    position: NDArray[np.int64]
    token: NDArray[np.int64]

    @classmethod
    def of(cls, spans: Sequence[Span], tree: Tree) -> Asked:
        """What the spans of a batch ask."""
        counts = [span.asked for span in spans]
        return cls(
            np.repeat(np.arange(len(spans)), counts),
            np.repeat(tree.row_of, counts),
            np.concatenate([np.arange(len(span.read) - span.asked, len(span.read)) for span in spans]),
            np.concatenate([span.tokens[len(span.tokens) - span.asked :] for span in spans]),
        )


class Engine:
    """A ``LanguageModel``: answers requests by a network."""

    def __init__(self, network: Network, size: Size | None = None) -> None:
        """``size``: how much is read at a time; by default what suits the network's device."""
        self.network = network
        self.name = network.name
        self.context = network.context
        self.size = size or SIZES.get(network.device.type, SIZES["cuda"])

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in their order; InputError for a continuation without tokens."""
        return [
            answer
            for start in range(0, len(requests), PORTION)
            for answer in self._portion(requests[start : start + PORTION])
        ]

    def generate(self, prompts: Sequence[Prompt]) -> list[str]:
        """The text that follows each prompt: up to a stop, the end of text, ``max_tokens`` or a full context."""
        return continuations(prompts, prompt_tokens(prompts, self.network), self.network, self.size)

    def _portion(self, requests: Sequence[Request]) -> Iterator[Answer]:
        nats, tokens = np.zeros(len(requests)), np.zeros(len(requests), np.int64)
        greedy = np.ones(len(requests), bool)
        asked = list(spans(requests, self.network))
        for span in asked:
            if not span.asked:
                _refuse_empty(requests[span.request])
        for batch in batches(asked, self.size):
            for span, (lost, most) in zip(batch, self._scores(batch), strict=True):
                nats[span.request] += lost
                tokens[span.request] += span.asked
                greedy[span.request] &= most
        for place in range(len(requests)):
            yield Answer(float(nats[place]), int(tokens[place]), bool(greedy[place]))

    def _scores(self, batch: list[Span]) -> list[tuple[float, bool]]:
        """Nats of each span, and whether each of its tokens was the most probable."""
        with torch.inference_mode():
            return by_halves(self._read_batch, batch)

    def _read_batch(self, batch: Sequence[Span]) -> list[tuple[float, bool]]:
        tree = Tree.of(batch)
        asked = Asked.of(batch, tree)
        nats, most = np.zeros(len(asked.token)), np.zeros(len(asked.token), bool)
        for stage, states in self._stages(tree):
            here = np.flatnonzero((asked.position >= stage.start) & (asked.position < stage.stop))
            width = stage.stop - stage.start
            cells = stage.place[asked.row[here]] * width + asked.position[here] - stage.start
            nats[here], most[here] = self._predictions(states.flatten(0, 1), cells, asked.token[here])
        lost = np.bincount(asked.span, nats, len(batch))
        missed = np.bincount(asked.span, ~most, len(batch))
        return [(float(one), not other) for one, other in zip(lost, missed, strict=True)]

    def _stages(self, tree: Tree) -> Iterator[tuple[Stage, torch.Tensor]]:
        """Each forward pass over the rows of a batch, with its states [rows, tokens, width]."""
        network, past = self.network, None
        before: Stage | None = None
        for stage in tree.stages(self.size.pass_cost, cached=network.cached):
            if before is not None:
                rows = torch.from_numpy(before.place[stage.leaders]).to(network.device)
                past = network.select(past, rows)
            states, past = network.read(torch.from_numpy(tree.tokens(stage)).to(network.device), past)
            yield stage, states
            before = stage

    def _predictions(
        self, states: torch.Tensor, cells: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Nats of tokens after the states in some cells, and whether they were the most probable ones."""
        distinct, which = np.unique(cells, return_inverse=True)
        nats, most = np.zeros(len(tokens)), np.zeros(len(tokens), bool)
        for start in range(0, len(distinct), STATES):
            some = torch.from_numpy(distinct[start : start + STATES]).to(states.device)
            logits = self.network.logits(states[some]).float()
            here = np.flatnonzero((which >= start) & (which < start + STATES))
            rows = torch.from_numpy(which[here] - start).to(states.device)
            wanted = torch.from_numpy(tokens[here]).to(states.device)
            lost = torch.logsumexp(logits, dim=-1)[rows] - logits[rows, wanted]
            nats[here], most[here] = lost.cpu().numpy(), (logits.argmax(dim=-1)[rows] == wanted).cpu().numpy()
        return nats, most


def _refuse_empty(request: Request) -> None:
    """InputError that shows a request whose continuation has no token."""
    raise InputError(
        f"the continuation {request.continuation!r} has no token of its own after the context that ends in "
        f"{request.context[-40:]!r}: repair the task's item, or ask with the encoding 'apart'"
    )
