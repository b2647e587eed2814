"""What an evaluation asks a language model, and what the model says.

Everything that a task wants to know is one of two questions: how probable is this continuation of that context, and how
does that context go on. Tasks build the questions, a ``LanguageModel`` answers them, and neither knows of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Encoding = Literal["joint", "apart"]
"""How a continuation becomes tokens: ``joint``, as what follows the context's tokens when both are encoded as one text
(lm-evaluation-harness, OLMES), or ``apart``, encoded by itself, its leading space included (llm-foundry)."""


@dataclass(frozen=True)
class Request:
    """How probable is the continuation of a context?"""

    context: str
    continuation: str
    """With its leading space or newline."""
    encoding: Encoding = "apart"


@dataclass(frozen=True)
class Answer:
    """What a model says of a continuation."""

    nats: float
    """Negative log-likelihood of all its tokens."""
    num_tokens: int
    greedy: bool
    """Whether each of its tokens was the most probable one."""


@dataclass(frozen=True)
class Prompt:
    """How does a context go on, greedily, until one of ``stop`` or ``max_tokens``?"""

    context: str
    max_tokens: int
    stop: tuple[str, ...] = ()


class LanguageModel(Protocol):
    """What can be evaluated."""

    name: str
    context: int
    """Tokens that it sees at once; longer requests lose the beginning of their context."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in their order."""

    def generate(self, prompts: Sequence[Prompt]) -> list[str]:
        """The text that follows each prompt, without what stopped it."""
