"""What asking an endpoint will cost, counted before anything is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from winnow.core.errors import RecipeError
from winnow.measure.llm_answers import Answers
from winnow.measure.llm_endpoint import ANSWER_TOKENS, BYTES_PER_TOKEN, Chat, Endpoint, digest


@dataclass(frozen=True)
class Bill:
    """What asking about some documents takes, before any of it is asked."""

    documents: int
    requests: int
    """Those that are not answered yet, equal ones once."""
    tokens_in: int

    def dollars(self, endpoint: Endpoint) -> float | None:
        """The price, where the endpoint's prices are given."""
        if endpoint.dollars_in is None or endpoint.dollars_out is None:
            return None
        answered = self.requests * ANSWER_TOKENS
        return (self.tokens_in * endpoint.dollars_in + answered * endpoint.dollars_out) / 1e6


def announce(endpoint: Endpoint, chat: Chat, batches: Iterable[Sequence[str]], kept: Answers) -> Bill:
    """Log what asking about the texts will take; RecipeError where that is more than the endpoint allows."""
    bill = _bill(chat, batches, kept)
    dollars = bill.dollars(endpoint)
    price = "; no prices given" if dollars is None else f", ${dollars:,.2f}"
    told = (
        f"{endpoint.model} at {endpoint.url}: {bill.requests:,} requests for {bill.documents:,} documents (the others "
        f"are answered or equal), about {bill.tokens_in:,} tokens in and {bill.requests * ANSWER_TOKENS:,} out at "
        f"{BYTES_PER_TOKEN} bytes a token{price}"
    )
    if endpoint.max_requests is not None and bill.requests > endpoint.max_requests:
        raise RecipeError(f"{told}; max_requests is {endpoint.max_requests:,}: raise it, or ask about a sample")
    if endpoint.max_cost is not None and dollars is not None and dollars > endpoint.max_cost:
        raise RecipeError(f"{told}; max_cost is ${endpoint.max_cost:,.2f}: raise it, or ask about a sample")
    logging.getLogger("winnow").warning(told)
    return bill


def _bill(chat: Chat, batches: Iterable[Sequence[str]], kept: Answers) -> Bill:
    """One pass over the texts; 16 bytes of memory for each that is not answered yet."""
    documents = 0
    keys, sizes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for texts in batches:
        documents += len(texts)
        asked = {digest(chat.body(prompt)): len(prompt.encode()) for prompt in map(chat.prompt, texts)}
        missing = kept.missing(list(asked))
        keys.append(np.array([int.from_bytes(key[:8], "little") for key in missing], np.uint64))
        sizes.append(np.array([asked[key] for key in missing], np.int64))
    distinct, first = np.unique(np.concatenate(keys), return_index=True)
    return Bill(documents, len(distinct), int(np.concatenate(sizes)[first].sum()) // BYTES_PER_TOKEN)
