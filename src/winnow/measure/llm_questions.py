"""Questions that a language model is asked about a document, and how its answer becomes numbers.

A question is a prompt that holds ``{document}`` once, the options that the model may answer with, and the columns that
are made of their probabilities. Where a model gives probabilities nothing is sampled: each option counts with what its
spellings have together (``yes``, ``Yes``, ``YES``, with and without a space before them).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import pyarrow as pa

from winnow.core.errors import RecipeError
from winnow.measure.measure import column

DOCUMENT = "{document}"
_BLANKS = " \t\r\n▁ĠĊ"
"""White space as texts write it and as vocabularies do (SentencePiece, byte-level BPE)."""

ASK_LLM_PROMPT = (
    "###\n{document}\n###\n\n"
    "Does the previous paragraph demarcated within ### and ### contain informative signal for pre-training a "
    "large-language model? An informative datapoint should be well-formatted, contain some usable knowledge of the "
    "world, and strictly NOT have any harmful, racist, sexist, etc. content.\n\n"
    "OPTIONS:\n- yes\n- no\n"
)
"""Sachdeva et al. 2024 (arXiv 2402.09668), page 4, word for word."""

CRITERIA_PROMPT = (
    "A page from the web stands between the two lines of hashes.\n"
    "########\n{document}\n########\n"
    "Would a language model learn something worth knowing from this page? Say yes only if all of this holds:\n"
    "1. It is written in whole sentences or orderly tables, lists or code, and is not cut to pieces.\n"
    "2. It informs, explains, argues or tells; it is not a menu, a list of links, boilerplate or keywords.\n"
    "3. What it says can be understood without the pages around it.\n"
    "4. It is not there to sell, to deceive or to insult.\n\n"
    "OPTIONS:\n- yes\n- no\n\nAnswer with one word:"
)
"""Criteria one by one, as DCLM found to serve better than the prompt above (Li et al. 2024, app. J.2); our words."""

EDUCATION_PROMPT = (
    "A page from the web stands between the two lines of hashes.\n"
    "########\n{document}\n########\n"
    "Rate how much it would help to teach at school, up to the age of sixteen. Begin at 0 and add a point for each "
    "that holds; a later one counts only if those before it do:\n"
    "1. Something on it is true and worth knowing, even beside advertisements or things that teach nothing.\n"
    "2. It touches what is taught at school, though in passing, without order or mixed with other matters.\n"
    "3. A teacher could use it: it introduces its subject in an order that a pupil can follow, with some gaps.\n"
    "4. It suits a lesson as it is: clear, complete and consistent, with examples or exercises, and little else.\n"
    "5. It is outstanding: it leads step by step, at the right depth, and nothing on it is beside the point.\n\n"
    "Answer with the sum alone, one digit from 0 to 5:"
)
"""An additive scale of six steps as FineWeb-Edu's (Penedo et al. 2024, arXiv 2406.17557), in our words."""


@dataclass(frozen=True)
class Answer:
    """What a model said to one prompt, as far as a question can read it."""

    logprobs: Mapping[str, float] = field(default_factory=dict)
    """Natural logarithm of the probability of each option, all its spellings together; only of those that are known."""
    most: float | None = None
    """The options that are missing have at most this log-probability; None where nothing is known of them."""
    reason: str | None = None
    """Why there is no answer."""


class Question(Protocol):
    """What is asked, and how the answer becomes numbers."""

    @property
    def prompt(self) -> str:
        """The text around ``{document}``."""

    @property
    def clipped(self) -> str:
        """What is put in place of the rest of a document that is too long."""

    @property
    def options(self) -> tuple[str, ...]:
        """The words that answer it, in lower case, each one token."""

    def columns(self) -> list[pa.Field]:
        """The columns that ``values`` fills."""

    def values(self, answer: Answer) -> tuple[float | None, ...]:
        """A number for each column from an answer that has no ``reason``."""


@dataclass(frozen=True, kw_only=True)
class YesNo:
    """A question whose score is the probability of "yes" as the next token (Sachdeva et al. 2024).

    An option that an endpoint does not list counts as much as it can: as the least token that is listed, and no more
    than all of them leave.

    Attributes:
        prompt: the question; ``{document}`` in it stands for the text.
        clipped: what a document that was cut ends in.
    """

    prompt: str = ASK_LLM_PROMPT
    clipped: str = ""

    version: ClassVar[str] = "1"
    options: ClassVar[tuple[str, ...]] = ("yes", "no")

    def columns(self) -> list[pa.Field]:
        """``yes``, ``no`` and ``log_odds``."""
        odds = "ln P(yes) - ln P(no), which ranks where yes is near 1; null where the model gives no probabilities"
        return [
            column("yes", pa.float32(), "Probability that the next token is yes, however it is spelt", range="[0, 1]"),
            column("no", pa.float32(), "Probability that the next token is no, however it is spelt", range="[0, 1]"),
            column("log_odds", pa.float32(), odds, unit="nats"),
        ]

    def values(self, answer: Answer) -> tuple[float | None, ...]:
        """The probabilities and their log-odds."""
        yes, no = (answer.logprobs.get(option, answer.most) for option in self.options)
        odds = None if yes is None or no is None else yes - no
        return (_probability(yes), _probability(no), odds)


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """A rating from 0 to 5: the mean of the digits, each with its probability, or the digit that the model wrote.

    The mean is over the six digits as the next token, so documents that get the same digit are still ranked.
    """

    prompt: str = EDUCATION_PROMPT
    clipped: str = ""

    version: ClassVar[str] = "1"
    options: ClassVar[tuple[str, ...]] = ("0", "1", "2", "3", "4", "5")

    def columns(self) -> list[pa.Field]:
        """``score``."""
        return [
            column("score", pa.float32(), "Mean of the ratings by their probabilities", unit="points", range="[0, 5]")
        ]

    def values(self, answer: Answer) -> tuple[float | None, ...]:
        """The expected rating."""
        most = max(answer.logprobs.values())
        weights = {int(option): math.exp(logprob - most) for option, logprob in answer.logprobs.items()}
        return (sum(points * weight for points, weight in weights.items()) / sum(weights.values()),)


def around_document(prompt: str) -> tuple[str, str]:
    """What stands before and after the document; RecipeError where the prompt does not hold it exactly once."""
    before, found, after = prompt.partition(DOCUMENT)
    if not found or DOCUMENT in after:
        raise RecipeError(
            f"the prompt holds {DOCUMENT} {prompt.count(DOCUMENT)} times; it must hold it once: {prompt!r}"
        )
    return before, after


def option_of(token: str, options: Iterable[str]) -> str | None:
    """The option that a token spells, whatever its case and the white space around it."""
    plain = token.strip(_BLANKS).casefold()
    return plain if plain in options else None


def option_in(text: str, options: Iterable[str]) -> str | None:
    """The option that a text begins with, markup and a word like "Answer:" aside."""
    known = "|".join(map(re.escape, options))
    found = re.match(rf"[\W_]*(?:(?:answer|score|rating)[\W_]+)?({known})(?![^\W_])", text, re.IGNORECASE)
    return found[1].casefold() if found else None


def sum_logprobs(listed: Iterable[tuple[str, float]], options: Iterable[str]) -> dict[str, float]:
    """The log-probability of each option that some of the tokens spell, their probabilities added up."""
    options = tuple(options)
    spelt: dict[str, list[float]] = {}
    for token, logprob in listed:
        if option := option_of(token, options):
            spelt.setdefault(option, []).append(logprob)
    return {option: log_sum(logprobs) for option, logprobs in spelt.items()}


def log_sum(logprobs: list[float]) -> float:
    """ln of the sum of probabilities given by their logarithms."""
    most = max(logprobs)
    return most + math.log(sum(math.exp(logprob - most) for logprob in logprobs))


def _probability(logprob: float | None) -> float:
    return 0.0 if logprob is None else min(1.0, math.exp(logprob))
