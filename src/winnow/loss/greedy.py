"""Where a network goes on with a document as the document itself does, many documents at a time.

All prompts are equally long, so rows stand side by side without padding, and none leaves the batch before the others. A
pass over the true tokens tells the first wrong token exactly, and what stands before it, at the cost of one step; what
comes behind it can only be known by going on, so a free continuation is made of steps alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from winnow.evaluate.engine import SIZES, STATES
from winnow.evaluate.memory import by_halves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.evaluate.engine import Network


class Matches(NamedTuple):
    """What became of some documents."""

    right: NDArray[np.bool_]
    """[documents, tokens]: whether the network's token is the document's."""
    finite: NDArray[np.bool_]
    """[documents]: whether its logits were numbers; where they were not, ``right`` says nothing."""


Match = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""From tokens [rows, tokens] to the two of ``Matches``."""


def continuations_match(tokens: NDArray[np.int64], prompt_tokens: int, network: Network) -> Matches:
    """Compare what follows the first ``prompt_tokens`` of each row with the network's greedy continuation of them.

    Position by position, whatever went wrong before. The end of text is a token like any other: what the network makes
    behind it is compared too, as in Pythia's reference code.
    """

    def match(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        new, past = rows[:, :prompt_tokens], None
        right, finite = torch.zeros_like(rows[:, prompt_tokens:], dtype=torch.bool), torch.ones_like(rows[:, 0]).bool()
        for place in range(right.shape[1]):
            states, past = network.read(new, past)
            token, numbers = _most_probable(states[:, -1], network)
            right[:, place] = token == rows[:, prompt_tokens + place]
            finite &= numbers
            new = token[:, None] if network.cached else torch.cat((new, token[:, None]), dim=1)
        return right, finite

    return _in_batches(match, tokens, _size(network) // prompt_tokens, network.device)


def predictions_match(tokens: NDArray[np.int64], prompt_tokens: int, network: Network) -> Matches:
    """Compare each token behind the first ``prompt_tokens`` with the most probable one after the true ones before it.

    Up to the first that differs, and there, that is the greedy continuation's token; behind it, it says nothing of it.
    """

    def match(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wanted = rows[:, prompt_tokens:]
        states = network.read(rows[:, :-1], None)[0][:, prompt_tokens - 1 :].flatten(0, 1)
        found = [_most_probable(some, network) for some in states.split(STATES)]
        token, numbers = (torch.cat(parts).view_as(wanted) for parts in zip(*found, strict=True))
        return token == wanted, numbers.all(dim=1)

    return _in_batches(match, tokens, _size(network) // tokens.shape[1], network.device)


def _most_probable(states: torch.Tensor, network: Network) -> tuple[torch.Tensor, torch.Tensor]:
    """The token of the highest logit after each state, of equal ones the first; whether the logits are numbers."""
    highest, token = network.logits(states).float().max(dim=-1)
    return token, highest.isfinite()


def _size(network: Network) -> int:
    """Tokens that are read at once."""
    return SIZES.get(network.device.type, SIZES["cuda"]).tokens


def _in_batches(match: Match, tokens: NDArray[np.int64], num_rows: int, device: torch.device) -> Matches:
    """The matches of so many rows at a time, in the order of the rows."""
    batches = torch.from_numpy(tokens).split(max(1, num_rows))
    with torch.inference_mode():
        found = [each for batch in batches for each in by_halves(lambda rows: [match(rows)], batch.to(device))]
    right, finite = (torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True))
    return Matches(right, finite)
