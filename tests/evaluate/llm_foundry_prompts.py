"""Rows whose prompts were compared with llm-foundry's own (``benchmarks/prompts.py``), and what is compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from winnow.evaluate.prompts import build_items
from winnow.evaluate.tasks import Row, Task


def sample(task: Task, rows: Sequence[Row], num_items: int) -> Iterator[list[Row]]:
    """Evenly spaced rows of a file; of each of the first two categories, where llm-foundry makes a file of each."""
    categories = sorted({row["category"] for row in rows})[:2] if task.by_category else [None]
    for category in categories:
        members = [row for row in rows if category is None or row["category"] == category]
        yield members[:: max(1, len(members) // num_items)][:num_items]


def our_requests(task: Task, rows: Sequence[Row]) -> list[list[list[str]]]:
    """``[context, continuation]`` of each request of each item; of an item to be written, its context and nothing."""
    items = list(build_items(task, rows))
    if task.shape == "generation":
        return [[[item.prompts[0].context, ""]] for item in items]
    return [[[request.context, request.continuation] for request in item.requests] for item in items]


def digest(items: Sequence[Sequence[Sequence[str]]]) -> str:
    """A hash of what ``our_requests`` gives."""
    return hashlib.sha256(json.dumps(items).encode()).hexdigest()[:32]
