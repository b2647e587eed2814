"""What a model makes of each token: all loss-based numbers from one look at its logits, which are never all there.

The head is applied to a block of states at a time. Its logits, still in the cache, are turned into a few numbers a row
and thrown away, so memory does not grow with the tokens. On a processor what is beyond the multiplication costs half of
it at 50,000 entries of 128 dimensions, as much as it at 4,096, and less the wider the model.

With m the highest logit, y the target, e_j = exp(z_j - m) and Z = sum of all e_j::

    nats = log Z + m - z_y             where the target holds half of Z or more: log1p(S1 / e_y)
    el2n = sqrt(S1^2 + S2) / Z         S1, S2: the sums of e_j and of e_j^2 over all j but y

``el2n`` is the Euclidean distance between the probabilities and the one-hot target (Marion et al. 2023, eq. 6). Written
as ``sqrt(sum p_j^2 - 2 p_y + 1)`` it would lose every digit where the target is near certain; here nothing is
subtracted, neither there nor in ``nats``. The powers are taken below the highest logit but the target's, so that they
do not vanish behind a large lead either, and are brought to m as float64.

Blocks of the vocabulary with running sums were measured too: a tenth faster at 50,000 entries of 128 dimensions, no
faster at 512, and they need more of a network than its logits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

TOP = 10
"""The k of DCLM's top-k average logits (Li et al. 2024, table 4); all entries of a smaller vocabulary."""
BLOCK_BYTES = {"cpu": 2 << 20, "cuda": 1 << 28}
"""Of float32 logits."""
FEWEST_ROWS = 64
"""Of a block: fewer leave a multiplication by a large head waiting for its weights."""
GROUP = 32
"""Entries of the vocabulary of which first only the highest is looked at."""


class TokenStatistics(NamedTuple):
    """Numbers of N tokens, float64 arrays [N]."""

    nats: NDArray[np.float64]
    """-log p of the token."""
    el2n: NDArray[np.float64]
    top_logit: NDArray[np.float64]
    """Mean of the ``TOP`` highest logits, as the model gives them."""
    top_mass: NDArray[np.float64]
    """Probability of the ``TOP`` most probable tokens together."""
    top_hit: NDArray[np.float64]
    """1 where fewer than ``TOP`` tokens are more probable than the one that stands there, else 0."""
    greedy: NDArray[np.float64]
    """1 where it is what a greedy decoder would say: the most probable, of equals the one with the lowest id."""


def token_statistics(
    states: Tensor, head: Callable[[Tensor], Tensor], cells: NDArray[np.int64], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """``TokenStatistics`` [6, N] of targets [N] after those of the states [*, D] that ``cells`` [N] names.

    ``head`` gives the logits [n, V] of states [n, D], in memory that may be written to.
    """
    found = np.empty((len(TokenStatistics._fields), len(cells)))
    block = BLOCK_BYTES.get(states.device.type, BLOCK_BYTES["cuda"])
    start, rows = 0, FEWEST_ROWS
    while start < len(cells):
        here = slice(start, start + rows)
        some, wanted = (torch.from_numpy(each[here]).to(states.device) for each in (cells, targets))
        logits = head(states[some]).float()
        found[:, here] = torch.stack(_of_block(logits, wanted)).cpu().numpy()
        start, rows = here.stop, max(FEWEST_ROWS, block // (4 * logits.shape[1]))
    return found


def _of_block(logits: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """The numbers of each row; the logits are overwritten."""
    top = _highest(logits)
    of_target = logits.gather(1, targets[:, None])[:, 0]
    second = top[:, min(1, top.shape[1] - 1)]
    greedy = of_target >= top[:, 0]
    highest = torch.where(greedy, second, top[:, 0])
    tied = greedy & (second == top[:, 0])
    if bool(tied.any()):
        greedy[tied] = logits[tied].argmax(-1) == targets[tied]
    sums = _compiled_sums() if logits.is_cuda else _sums
    scale = (highest.double() - top[:, 0].double()).exp()
    others, length = (each.double() * scale for each in sums(logits, targets, highest[:, None]))
    return _numbers(top.double(), of_target.double(), others, length, greedy.double())


def _highest(logits: Tensor) -> Tensor:
    """The ``TOP`` highest logits of each row, in falling order.

    They lie in the ``TOP`` groups whose own highest are highest, or in what the groups leave over: two small searches
    instead of one large one, which would cost as much as all else here.
    """
    num_rows, size = logits.shape
    grouped = logits[:, : size // GROUP * GROUP].view(num_rows, size // GROUP, GROUP)
    best = grouped.amax(-1).topk(min(TOP, grouped.shape[1])).indices
    within = grouped.gather(1, best[..., None].expand(-1, -1, GROUP)).flatten(1)
    return torch.cat([within, logits[:, size // GROUP * GROUP :]], 1).topk(min(TOP, size)).values


def _sums(logits: Tensor, targets: Tensor, highest: Tensor) -> tuple[Tensor, Tensor]:
    """S1 and the square root of S2 of each row, in powers below ``highest`` [n, 1]."""
    shares = logits.sub_(highest).exp_().scatter_(1, targets[:, None], 0.0)
    return shares.sum(-1), torch.linalg.vector_norm(shares, dim=-1)


@functools.cache
def _compiled_sums() -> Callable[..., tuple[Tensor, Tensor]]:
    """On a GPU five passes over the logits become one."""
    compiled: Callable[..., tuple[Tensor, Tensor]] = torch.compile(_sums)
    return compiled


def _numbers(top: Tensor, of_target: Tensor, others: Tensor, length: Tensor, greedy: Tensor) -> tuple[Tensor, ...]:
    """From float64 numbers of each row: its highest logits [n, k], its target's logit, S1, sqrt(S2)."""
    below = of_target - top[:, 0]
    share = below.exp()
    whole = others + share
    nats = torch.where(share >= others, torch.log1p(others / share), whole.log() - below)
    mass = (top - top[:, :1]).exp().sum(-1) / whole
    hit = (of_target >= top[:, -1]).double()
    return nats, torch.hypot(others, length) / whole, top.mean(-1), mass, hit, greedy
