"""Items: what each asks a model, and what the answers are worth.

An item is one of three: a choice between continuations (``multiple_choice``) or between contexts (``schema``), a
continuation that the model should give (``language_modeling``), or an answer that it writes (``generation``). Each says
which requests and prompts it needs and turns what came back into scores. Whatever has a gold answer is also worth its
bits per byte: what tiny models can move on long before they choose better than chance.

Metrics are those of llm-foundry (``llmfoundry/eval/metrics/nlp.py`` of 0.9.0) and, for other normalizations, of OLMES
(Gu et al. 2024, arXiv:2406.08446, section 3.3).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from winnow.evaluate.requests import Answer, Prompt, Request
from winnow.evaluate.tasks import Normalization

ACCURACY = "accuracy"
BITS_PER_BYTE = "bits_per_byte"
UNCONDITIONAL = "Answer:"
"""The context of a choice without its question."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One metric of one item: a task's score is the sum of the numerators over the sum of the denominators."""

    task: str
    metric: str
    item: str
    category: str | None
    numerator: float
    denominator: float
    prediction: str | None = None
    """The number of the choice, or the text, that the model gave."""
    gold: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an item comes from."""

    task: str
    item: str
    """The file's name in the table of tasks and the number of the row in it, from 0."""
    category: str | None = None

    def score(self, metric: str, numerator: float, denominator: float, **details: str | None) -> Score:
        """A score of this item."""
        return Score(
            task=self.task,
            item=self.item,
            category=self.category,
            metric=metric,
            numerator=numerator,
            denominator=denominator,
            **details,
        )

    def bits_per_byte(self, request: Request, answer: Answer) -> Score:
        """Bits of a gold continuation over its UTF-8 bytes, the leading space included."""
        num_bytes = len(request.continuation.encode())
        return self.score(BITS_PER_BYTE, answer.nats / math.log(2), num_bytes, gold=request.continuation)


class Item(Protocol):
    """One question of a task."""

    @property
    def source(self) -> Source:
        """Where it comes from."""

    @property
    def requests(self) -> tuple[Request, ...]:
        """Continuations whose likelihood it needs."""

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """Texts that it needs continued."""

    def scores(self, answers: Sequence[Answer], texts: Sequence[str]) -> list[Score]:
        """What the answers to its requests and the texts after its prompts, in their order, are worth."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which of several is the most probable? The first of equals, as in llm-foundry."""

    source: Source
    choices: tuple[Request, ...]
    gold: int
    normalization: Normalization = "tokens"
    prompts: ClassVar[tuple[Prompt, ...]] = ()

    @property
    def requests(self) -> tuple[Request, ...]:
        """The choices; where each is compared with itself without the question, all of them again without it."""
        if self.normalization != "unconditional":
            return self.choices
        return self.choices + tuple(replace(choice, context=UNCONDITIONAL) for choice in self.choices)

    def scores(self, answers: Sequence[Answer], texts: Sequence[str] = ()) -> list[Score]:
        """Accuracy, and the gold answer's bits per byte."""
        costs = [self._cost(number, answers) for number in range(len(self.choices))]
        best = costs.index(min(costs))
        return [
            self.source.score(ACCURACY, float(best == self.gold), 1, prediction=str(best), gold=str(self.gold)),
            self.source.bits_per_byte(self.choices[self.gold], answers[self.gold]),
        ]

    def _cost(self, number: int, answers: Sequence[Answer]) -> float:
        answer = answers[number]
        match self.normalization:
            case "tokens":
                return answer.nats / answer.num_tokens
            case "characters":
                return answer.nats / len(self.choices[number].continuation)
            case "unconditional":
                return answer.nats - answers[len(self.choices) + number].nats
            case "none":
                return answer.nats


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """Is this what the model would say: is each token of it the most probable one?"""

    source: Source
    request: Request
    prompts: ClassVar[tuple[Prompt, ...]] = ()

    @property
    def requests(self) -> tuple[Request, ...]:
        """The continuation."""
        return (self.request,)

    def scores(self, answers: Sequence[Answer], texts: Sequence[str] = ()) -> list[Score]:
        """Accuracy, and the continuation's bits per byte."""
        (answer,) = answers
        return [
            self.source.score(ACCURACY, float(answer.greedy), 1, gold=self.request.continuation),
            self.source.bits_per_byte(self.request, answer),
        ]


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Does what the model writes begin with one of the accepted answers?"""

    source: Source
    prompt: Prompt
    accepted: tuple[str, ...]
    """The answers, the preferred one first."""
    chain_delimiter: str
    """What the model is shown to write between its chain of thought and its answer, or nothing."""
    gold: Request
    """The preferred answer as the examples write it, chain of thought included."""

    @property
    def requests(self) -> tuple[Request, ...]:
        """The preferred answer."""
        return (self.gold,)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The question."""
        return (self.prompt,)

    def scores(self, answers: Sequence[Answer], texts: Sequence[str]) -> list[Score]:
        """Accuracy, and the bits per byte of the preferred answer with its chain of thought."""
        (answer,), (text,) = answers, texts
        said = text.split(self.chain_delimiter)[-1] if self.chain_delimiter else text
        right = any(normalized(said).startswith(normalized(accepted)) for accepted in self.accepted)
        return [
            self.source.score(ACCURACY, float(right), 1, prediction=text, gold=self.accepted[0]),
            self.source.bits_per_byte(self.gold, answer),
        ]


_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation + "‘’´`"), " ")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalized(answer: str) -> str:
    """An answer in lower case without punctuation, articles or doubled white space, as TriviaQA compares them.

    >>> normalized("The  Beatles' (band)")
    'beatles band'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())
