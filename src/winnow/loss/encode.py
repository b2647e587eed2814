"""Documents as a model's tokens, where one that cannot be encoded harms no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from winnow.evaluate.spans import Ids

if TYPE_CHECKING:
    from winnow.evaluate.engine import Network

EMPTY = "empty"
"""The reason of a document without text."""


@dataclass(frozen=True)
class Encoded:
    """A document's tokens, or why there are none."""

    ids: Ids
    reason: str | None = None


def encode_documents(texts: Sequence[str | None], network: Network) -> list[Encoded]:
    """The tokens of each text, nothing added; a reason for one that is empty, missing or that no tokens spell."""
    there = [text for text in texts if text]
    found = iter(_encode_all(there, network))
    return [next(found) if text else Encoded([], EMPTY) for text in texts]


def _encode_all(texts: Sequence[str], network: Network) -> list[Encoded]:
    """All texts at once; where the tokenizer fails, halves of them, until the one is alone that it fails at."""
    if not texts:
        return []
    try:
        return [_checked(ids) for ids in network.encode(texts)]
    except Exception as error:  # noqa: BLE001 - the tokenizers library raises Exception itself
        if len(texts) == 1:
            return [Encoded([], f"not encoded: {str(error)[:200]}")]
    half = len(texts) // 2
    return _encode_all(texts[:half], network) + _encode_all(texts[half:], network)


def _checked(ids: Ids) -> Encoded:
    return Encoded(ids) if len(ids) else Encoded([], "not encoded: the tokenizer knows none of its characters")
