"""Requests as the tokens that a model reads.

A context opens with what the tokenizer begins a text with (nothing for GPT-2, ``<s>`` for Llama); an empty one is the
end of text alone (the begin of text, where the tokenizer has one). What is longer than the model's context loses its
beginning, as in the code that each encoding is taken from: ``apart`` keeps the last ``context`` tokens of context and
continuation together (llm-foundry, ``trim_context``), ``joint`` one more, since the last token is predicted and never
read (lm-evaluation-harness, ``_loglikelihood_tokens``). A continuation that is longer than the context by itself is
read window by window, each token predicted once, the last window with all the context it can have
(lm-evaluation-harness, ``get_rolling_token_windows``): so the whole of a text is a request with an empty context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.evaluate.requests import Prompt, Request

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.evaluate.engine import Network

Ids = list[int]


@dataclass(frozen=True)
class Span:
    """Tokens, the last ``asked`` of which are to be predicted from all that stand before them."""

    tokens: NDArray[np.int64]
    asked: int
    request: int
    """The place of the request among those that were asked together."""

    @property
    def read(self) -> NDArray[np.int64]:
        """What a model reads of it: all but the last token."""
        return self.tokens[:-1]


def spans(requests: Sequence[Request], network: Network) -> Iterator[Span]:
    """The spans of requests, in their order: one each, or several where a continuation is longer than the context."""
    for place, (request, (context, continuation)) in enumerate(zip(requests, _encoded(requests, network), strict=True)):
        context = [*network.opening, *context] or [network.start]
        size = network.context + (request.encoding == "joint")
        for tokens, asked in windows(context, continuation, size, network.context):
            yield Span(np.array(tokens, np.int64), asked, place)


def prompt_tokens(prompts: Sequence[Prompt], network: Network) -> list[Ids]:
    """The tokens of prompts, their beginnings cut so that ``max_tokens`` more fit into the model's context."""
    encoded = _encode_each([prompt.context for prompt in prompts], network.encode)
    found = []
    for prompt in prompts:
        tokens = [*network.opening, *encoded[prompt.context]] or [network.start]
        found.append(tokens[-max(1, network.context - prompt.max_tokens) :])
    return found


def _encoded(requests: Sequence[Request], network: Network) -> Iterator[tuple[Ids, Ids]]:
    """Context and continuation of each request as tokens; each distinct text is encoded once."""
    jointly = [request for request in requests if request.encoding == "joint"]
    apart = [request for request in requests if request.encoding == "apart"]
    starts = [_before_space(request) for request in jointly]
    wholes = [request.context + request.continuation for request in jointly]
    tokens = _encode_each([*starts, *wholes, *(request.context for request in apart)], network.encode)
    following = _encode_each([request.continuation for request in apart], network.encode_continuations)
    for request in requests:
        if request.encoding == "joint":
            context = tokens[_before_space(request)]
            yield context, tokens[request.context + request.continuation][len(context) :]
        else:
            yield tokens[request.context], following[request.continuation]


def _before_space(request: Request) -> str:
    """The context without the spaces that end it: jointly encoded, they are part of the continuation's first token."""
    return request.context.rstrip()


def _encode_each(texts: Sequence[str], encode: Callable[[Sequence[str]], list[Ids]]) -> dict[str, Ids]:
    distinct = list(dict.fromkeys(texts))
    return dict(zip(distinct, encode(distinct), strict=True)) if distinct else {}


def windows(
    context: Ids, continuation: Ids, size: int, most: int, stride: int | None = None
) -> Iterator[tuple[Ids, int]]:
    """The last ``size`` tokens of both; windows that read ``most`` tokens each where the continuation fills them.

    Each token of the continuation is predicted once: by the first window ``most`` of them, by each that follows the
    next ``stride``, which by default is as many.
    """
    if len(continuation) < size:
        yield (context + continuation)[-size:], len(continuation)
        return
    whole = context[-1:] + continuation
    start, stop = 0, most
    while start < len(continuation):
        stop = min(stop, len(continuation))
        yield whole[max(0, stop - most) : stop + 1], stop - start
        start, stop = stop, stop + (stride or most)
