"""A language model behind OpenAI's chat protocol: what is asked of it, and what is read from its answers."""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar

from winnow.core.errors import RecipeError, WinnowError
from winnow.core.plain import Plain
from winnow.measure.llm_answers import Answers
from winnow.measure.llm_client import Client, NotAnswered
from winnow.measure.llm_questions import Answer, Question, around_document, option_in, option_of, sum_logprobs

BYTES_PER_TOKEN = 4
"""Bytes of UTF-8 that count as a token where the tokenizer is not known: English has more, other scripts fewer."""
ANSWER_TOKENS = 5
"""Tokens asked for: an answer that begins with markup or "Score:" still comes to the point."""
MOST_FAILURES_IN_A_ROW = 20
"""Documents without an answer, none with one between, that show the endpoint to be at fault rather than they."""
NEVER_LISTED = -9000.0
"""Servers write -9999 for a log-probability that they do not know."""
ROUNDING = 1e-6
"""What the listed probabilities may lack of their sum through rounding alone."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model that is served: by a provider, or on a machine of one's own (vLLM, SGLang, llama.cpp, Ollama).

    What is asked of which model enters the key of the scores. Where it is asked, how fast and at what price does not,
    so scores stay what they are when a server moves. Two models need two names, also where they differ only in how
    their weights are rounded.

    Attributes:
        model: the name that the server knows it by; one with a date in it if the provider has one.
        url: its address up to ``/chat/completions``: ``http://localhost:8000/v1``.
        top_logprobs: how many of the likeliest tokens are listed with their probabilities (OpenAI and vLLM: at most
            20); 0 where the server cannot, so that the text of its answer decides.
        extra: fields added to each request, or taken from it where None:
            ``{"chat_template_kwargs": {"enable_thinking": False}}``.
        api_key_variable: the environment variable that holds the key; none is sent where it is not set.
        concurrency: requests at a time, of each worker.
        tries: requests for one document before it is given up.
        timeout: seconds without a byte from the server.
        dollars_in: price of a million tokens asked.
        dollars_out: price of a million tokens answered.
        max_cost: refuse to begin where the estimate is higher, in the same money.
        max_requests: refuse to begin where more are needed.
    """

    model: str
    url: str = field(compare=False)
    top_logprobs: int = 20
    extra: Mapping[str, Any] = field(default_factory=dict)
    api_key_variable: str = field(default="OPENAI_API_KEY", compare=False)
    concurrency: int = field(default=16, compare=False)
    tries: int = field(default=8, compare=False)
    timeout: float = field(default=120.0, compare=False)
    dollars_in: float | None = field(default=None, compare=False)
    dollars_out: float | None = field(default=None, compare=False)
    max_cost: float | None = field(default=None, compare=False)
    max_requests: int | None = field(default=None, compare=False)

    version: ClassVar[str] = "1"

    def check(self) -> None:
        """Refuse what no request can be made of, or what would write a secret down (RecipeError)."""
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RecipeError(f"the endpoint's url is {self.url!r}; it must be like http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise RecipeError(
                f"the endpoint's url at {parts.hostname} carries credentials or a query, which manifests would keep: "
                f"put the key into the environment variable {self.api_key_variable}"
            )
        if self.concurrency < 1 or self.tries < 1:
            raise RecipeError(f"concurrency={self.concurrency} and tries={self.tries} must be at least 1")
        if self.max_cost is not None and (self.dollars_in is None or self.dollars_out is None):
            raise RecipeError(f"max_cost={self.max_cost} needs prices: give dollars_in and dollars_out")


class Chat:
    """Requests for a question about texts: their bodies, and the digests that their answers are found by."""

    def __init__(self, endpoint: Endpoint, question: Question, max_tokens: int) -> None:
        endpoint.check()
        self.before, self.after = around_document(question.prompt)
        self.clipped = question.clipped
        self.max_bytes = max_tokens * BYTES_PER_TOKEN
        listed = {"logprobs": True, "top_logprobs": endpoint.top_logprobs} if endpoint.top_logprobs else {}
        fields = {"temperature": 0, "max_tokens": ANSWER_TOKENS, **listed, **endpoint.extra}
        self.fields = {name: value for name, value in fields.items() if value is not None}
        self.model = endpoint.model

    def prompt(self, text: str) -> str:
        """What is asked about one text, which is cut at a character after ``max_bytes``."""
        cut = text[: self.max_bytes + 1].encode()
        if len(cut) > self.max_bytes:
            text = cut[: self.max_bytes].decode("utf-8", "ignore") + self.clipped
        return self.before + text + self.after

    def body(self, prompt: str) -> bytes:
        """The request."""
        messages = [{"role": "user", "content": prompt}]
        return json.dumps({"model": self.model, "messages": messages, **self.fields}, ensure_ascii=False).encode()


def digest(body: bytes) -> bytes:
    """What a request's answer is found by."""
    return blake2b(body, digest_size=16).digest()


class EndpointModel:
    """A served model that answers a question about texts."""

    def __init__(self, endpoint: Endpoint, chat: Chat, options: Sequence[str]) -> None:
        self._endpoint = endpoint
        self._chat = chat
        self._options = options
        self._failures_in_a_row = 0

    def answers(self, texts: Sequence[str], kept: Answers) -> list[Answer]:
        """The answer for each text, asked for where it is not kept; WinnowError where the endpoint is at fault."""
        keys = []
        bodies: dict[bytes, bytes] = {}
        for text in texts:
            body = self._chat.body(self._chat.prompt(text))
            keys.append(digest(body))
            bodies[keys[-1]] = body
        found = {key: read_answer(plain, self._options) for key, plain in kept.get(list(bodies)).items()}
        missing = {key: body for key, body in bodies.items() if key not in found}
        found.update(self._asked(missing, kept))
        return [found[key] for key in keys]

    def _asked(self, bodies: Mapping[bytes, bytes], kept: Answers) -> Iterator[tuple[bytes, Answer]]:
        client = Client(self._endpoint, read_response)
        pool = ThreadPoolExecutor(self._endpoint.concurrency, thread_name_prefix="winnow-llm")
        try:
            futures = {pool.submit(_ask, client, key, body, kept): key for key, body in bodies.items()}
            for future in as_completed(futures):
                try:
                    answer = read_answer(future.result(), self._options)
                    self._failures_in_a_row = 0
                except NotAnswered as failure:
                    self._count(failure)
                    answer = Answer(reason=str(failure))
                yield futures[future], answer
        finally:
            client.stop.set()
            pool.shutdown(cancel_futures=True)

    def _count(self, failure: NotAnswered) -> None:
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
            raise WinnowError(
                f"{self._endpoint.url} answered none of {self._failures_in_a_row} documents in a row "
                f"({failure}): repair the endpoint or what is asked of it, then run again; every answer is kept"
            )


def _ask(client: Client, key: bytes, body: bytes, kept: Answers) -> Plain:
    """The answer that another worker has got in the meantime, or a new one, which is kept."""
    with kept.claimed(key):
        found = kept.get([key])
        if key not in found:
            found = {key: client.ask(body)}
            kept.put(found)
    return found[key]


def read_response(body: bytes) -> Plain:
    """What is kept of a response: text, refusal, and the tokens listed for each position; raises for any other body."""
    plain = json.loads(body)
    if "choices" not in plain and "error" in plain:
        raise ValueError(str(plain["error"]))
    choice = plain["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal") or (choice.get("finish_reason") == "content_filter" and "content_filter") or None
    positions = (choice.get("logprobs") or {}).get("content") or []
    return {
        "text": str(message.get("content") or "")[:200],
        "refusal": refusal and str(refusal)[:200],
        "tokens": [[at["token"], _listed(at.get("top_logprobs") or [at])] for at in positions[:ANSWER_TOKENS]],
    }


def _listed(tokens: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    pairs = [(str(token["token"]), float(token["logprob"])) for token in tokens]
    return [pair for pair in pairs if pair[1] > NEVER_LISTED]


def read_answer(said: Plain, options: Sequence[str]) -> Answer:
    """The probabilities at the first token that is an option, or at the first; else what the text begins with."""
    if said["refusal"]:
        return Answer(reason=f"refused: {said['refusal']}")
    positions = [listed for token, listed in said["tokens"] if option_of(token, options)]
    for listed in [*positions, *(listed for _, listed in said["tokens"][:1])]:
        if logprobs := sum_logprobs(listed, options):
            return Answer(logprobs=logprobs, most=_most_unlisted([logprob for _, logprob in listed]))
    if option := option_in(said["text"], options):
        return Answer(logprobs={option: 0.0})
    return Answer(reason=f"unreadable: {said['text']!r}")


def _most_unlisted(logprobs: Sequence[float]) -> float:
    """The log-probability that a token which is not listed has at most: that of the least, and what the sum leaves."""
    left = max(1 - sum(map(math.exp, logprobs)), ROUNDING)
    return min(min(logprobs), math.log(left))
