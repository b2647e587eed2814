"""The engine's answers, one request at a time: every span read whole and alone, every token generated from nothing.

What ``engine`` is compared with.
"""

from __future__ import annotations

import torch

from winnow.evaluate.engine import Network
from winnow.evaluate.generation import before_stop
from winnow.evaluate.requests import Answer, Prompt, Request
from winnow.evaluate.spans import prompt_tokens, spans


def answer(request: Request, network: Network) -> Answer:
    """The answer to one request."""
    nats, num_tokens, greedy = 0.0, 0, True
    for span in spans([request], network):
        logprobs = _logits([int(token) for token in span.read], network).log_softmax(dim=-1)[-span.asked :]
        wanted = torch.from_numpy(span.tokens[-span.asked :]).to(network.device)
        nats -= float(logprobs.gather(1, wanted[:, None]).sum(dtype=torch.float64))
        num_tokens += span.asked
        greedy &= bool((logprobs.argmax(dim=-1) == wanted).all())
    return Answer(nats, num_tokens, greedy)


def generate(prompt: Prompt, network: Network) -> str:
    """What follows one prompt."""
    (given,) = prompt_tokens([prompt], network)
    made: list[int] = []
    while len(made) < prompt.max_tokens and len(given) + len(made) <= network.context:
        token = int(_logits([*given, *made], network)[-1].argmax())
        if token == network.end_of_text:
            break
        text, stopped = before_stop(network.decode([*made, token]), prompt.stop)
        if stopped:
            return text
        made.append(token)
    return network.decode(made)


def _logits(tokens: list[int], network: Network) -> torch.Tensor:
    """The logits [tokens, vocabulary] after each of some tokens, in float32."""
    with torch.inference_mode():
        states, _ = network.read(torch.tensor([tokens], device=network.device), None)
        return network.logits(states[0]).float()
