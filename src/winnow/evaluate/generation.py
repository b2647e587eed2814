"""How contexts go on, greedily, many at a time.

Prompts of like length stand in one batch, aligned at their beginnings: all are read up to the end of the shortest, and
from there token by token, each row its own prompt as long as it lasts and then what it has generated. So nothing is
padded in front, and a row that has ended leaves the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from winnow.evaluate.prefixes import Size
from winnow.evaluate.requests import Prompt
from winnow.evaluate.spans import Ids

if TYPE_CHECKING:
    from winnow.evaluate.engine import Network

ROWS = 64
"""Prompts that go on together at most."""


@dataclass
class _Row:
    """A prompt that is going on."""

    place: int
    given: Ids
    prompt: Prompt
    room: int
    """Tokens that may follow."""
    made: Ids = field(default_factory=list)
    text: str = ""
    ended: bool = False

    def tokens(self, start: int, stop: int) -> Ids:
        """Tokens of the prompt and what follows it."""
        return [*self.given, *self.made][start:stop]

    def append(self, token: int, network: Network) -> None:
        """One more token; the row ends at a stop, at the end of text, or where there is no room."""
        if token == network.end_of_text:
            self.ended = True
            return
        self.made.append(token)
        text = network.decode(self.made)
        self.text, stopped = before_stop(text, self.prompt.stop)
        self.ended = stopped or len(self.made) >= self.room


def continuations(prompts: Sequence[Prompt], given: Sequence[Ids], network: Network, size: Size) -> list[str]:
    """The text that follows each prompt."""
    texts = [""] * len(prompts)
    rows = [
        _Row(place, tokens, prompt, min(prompt.max_tokens, network.context - len(tokens) + 1))
        for place, (prompt, tokens) in enumerate(zip(prompts, given, strict=True))
    ]
    for batch in _batches([row for row in rows if row.room], size):
        with torch.inference_mode():
            _go_on(batch, network)
        for row in batch:
            texts[row.place] = row.text
    return texts


def before_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of the stops, and whether there was one."""
    found = [place for place in (text.find(stop) for stop in stops if stop) if place >= 0]
    return (text[: min(found)], True) if found else (text, False)


def _go_on(rows: Sequence[_Row], network: Network) -> None:
    """Generate until every row has ended."""
    read, position = 0, min(len(row.given) for row in rows)
    past: Any = None
    while True:
        new = torch.tensor([row.tokens(read, position) for row in rows], device=network.device)
        states, past = network.read(new, past)
        best = network.logits(states[:, -1]).float().argmax(dim=-1).tolist()
        for row, token in zip(rows, best, strict=True):
            if position >= len(row.given):
                row.append(token, network)
        going = [place for place, row in enumerate(rows) if not row.ended]
        if not going:
            return
        if len(going) < len(rows):
            rows = [rows[place] for place in going]
            past = network.select(past, torch.tensor(going, device=network.device)) if network.cached else None
        read, position = (position if network.cached else 0), position + 1


def _batches(rows: Sequence[_Row], size: Size) -> Iterator[list[_Row]]:
    """Rows whose prompts differ in length by no more than what follows them is worth."""
    batch: list[_Row] = []
    for row in sorted(rows, key=lambda row: -len(row.given)):
        cells = (len(batch) + 1) * (len(batch[0].given) + batch[0].room) if batch else 0
        apart = len(batch[0].given) - len(row.given) > max(8, batch[0].room // 4) if batch else False
        if batch and (len(batch) == ROWS or cells > size.cells or apart):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
