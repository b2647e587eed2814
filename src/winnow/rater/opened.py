"""A fitted rater, opened to score: network, tokenizer, and how long its chunks are."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from winnow.core.errors import RecipeError
from winnow.core.files import read_json
from winnow.lm.devices import exact, preferred
from winnow.lm.encode import Encoder, open_encoder
from winnow.lm.scales import Shape
from winnow.lm.tokenizer import load_tokenizer
from winnow.lm.trained import CONFIG, WEIGHTS
from winnow.rater.chunks import ChunkTable
from winnow.rater.network import Rater

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCORED_TOKENS = {"cpu": 8_192, "cuda": 262_144}
"""Tokens that are looked at together; says nothing of the scores but their last digits."""


@dataclass(frozen=True)
class OpenedRater:
    """What scores chunks."""

    network: Rater
    encoder: Encoder
    device: torch.device

    @property
    def length(self) -> int:
        """Tokens of a chunk at most."""
        return self.network.shape.context

    def scores(self, chunks: ChunkTable) -> NDArray[np.float64]:
        """The score of each chunk, in their order: like lengths are read together, in bfloat16 on a GPU."""
        found = np.empty(len(chunks))
        low = self.device.type == "cuda"
        with exact(self.device, 1), torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=low):
            for some in _batches(chunks.places.length, SCORED_TOKENS.get(self.device.type, SCORED_TOKENS["cuda"])):
                found[some] = self.network(chunks.batch(some).to(self.device)).double().cpu().numpy()
        return found


@functools.lru_cache(maxsize=4)
def open_rater(path: str, stamps: tuple[str | None, ...] = ()) -> OpenedRater:
    """The rater in the directory that ``FitDataRater`` made, or in its ``files``; once while its files' stamps stand.

    RecipeError where there is none.
    """
    from safetensors.torch import load_file

    directory = next((one for one in (Path(path), Path(path) / "files") if (one / CONFIG).is_file()), None)
    config = read_json(directory / CONFIG) if directory else {}
    if directory is None or "rater" not in config:
        raise RecipeError(f"{path} holds no rater: there is no {CONFIG} of one; FitDataRater makes it")
    network = Rater(Shape(**config["rater"]))
    network.load_state_dict(load_file(directory / WEIGHTS))
    device = preferred()
    return OpenedRater(network.eval().to(device), open_encoder(load_tokenizer(directory)), device)


def _batches(lengths: NDArray[np.int64], num_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Numbers of chunks, the shortest first, so many at a time that they fill ``num_tokens`` with their padding."""
    order, start = np.argsort(lengths, kind="stable"), 0
    while start < len(order):
        room = num_tokens // np.maximum.accumulate(lengths[order[start : start + num_tokens]])
        size = max(1, int((room > np.arange(len(room))).sum()))
        yield order[start : start + size]
        start += size
