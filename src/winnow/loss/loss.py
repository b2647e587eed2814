"""What a language model makes of each document, in one pass: all loss-based scores at the price of the first.

Low perplexity is not good and high is not bad: what a choice should make of it is in docs/loss.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.evaluate.spans import Ids
from winnow.loss.encode import Encoded, encode_documents
from winnow.loss.networks import TOKENS, at_work, files_of, has_tokens, open_network, tokens_of
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model

if TYPE_CHECKING:
    from winnow.evaluate.engine import Network
    from winnow.loss.token_statistics import TokenStatistics

Long = Literal["windows", "sliding", "cut"]
"""What is done with a document that is longer than the context; see ``Loss.long``."""
PROMPT, CONTINUATION = 32, 32
"""Tokens that memorisation is asked after, and about: Marion et al. 2023, section 3.1."""
SELECTED = 0.6
"""Share of tokens that Rho-1 trains on (Lin et al. 2024, for its 1B model)."""
PORTION = 1 << 20
"""Bytes of text, or tokens of rows that have them, among which documents of like length are looked for."""
NOT_FINITE, NO_MEMORY = "not finite", "out of memory"
PROBE = (
    "The quick brown fox didn't re-read its 2,048 naïve encyclopaedias, nevertheless",
    "<b>if</b> x_1 != 3.14:\r\n\treturn    None  # TODO(someone)",
    "Ελλάδα русский 一二三 😀",
)
"""Texts that no two tokenizers cut alike."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Perplexity, EL2N, top-k scores, quantiles of token loss, greedy hits and excess loss by a causal language model.

    Every document is read by itself behind what its model begins texts with (for ours the end of text), so its T tokens
    have T losses; its end is not predicted. Means are over all of them, in float64. Rows that have a column ``tokens``
    (``Sequences``: the training stream in pieces of equal length, the setting of Marion et al. 2023) are scored on
    exactly these. A document's numbers depend on what is beside it in their last digits at most.

    Nulls and a ``reason`` where there are no numbers: ``empty``, ``not encoded: ...`` (the tokenizer cannot),
    ``not finite`` (losses are NaN or infinite), ``out of memory`` (one window of it did not fit).
    """

    model: Model
    """A checkpoint's directory, a Hugging Face directory or hub name, or the step that trains one."""
    reference: Model | None = None
    """A second model with the same tokenizer, for the columns ``excess`` and ``excess_top60``."""
    long: Long = "windows"
    """Of a document that is longer than the context. ``windows``: pieces one after the other, the last with all the
    context it can have; each costs no more than its tokens, and its first tokens see little. ``sliding``: pieces that
    overlap by half, so that each token beyond the first piece sees at least half a context; twice the cost. ``cut``:
    only its first tokens are scored, as DCLM does; ``num_tokens`` and ``num_bytes`` are theirs."""
    max_context: int = 2048
    """Tokens that a model sees at once, where it could see more; DCLM's."""
    name: str = "loss"
    """Namespace of the columns in SQL; give each measure its own where several models stand in one choice, such as
    ``Middle("(a.el2n + b.el2n) / 2", 0.5)``."""

    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.long not in get_args(Long):
            raise RecipeError(f"long is {self.long!r}; {did_you_mean(self.long, get_args(Long))}")
        if self.max_context < 1:
            raise RecipeError(f"max_context is {self.max_context}; it must be at least 1")

    def columns(self) -> pa.Schema:
        """One number of each kind a document; the two of excess loss where there is a reference."""
        share = {"range": "[0, 1]"}
        nats = {"unit": "nats", "range": "[0, inf)"}
        excess = {"unit": "nats", "range": "(-inf, inf)"}
        known = "Of tokens 33 to 64, each after the true ones before it, share"
        short = "null where the document or the context has fewer than 64"
        columns = [
            column("num_tokens", pa.int64(), "Tokens that were scored", unit="tokens"),
            column("num_bytes", pa.int64(), "UTF-8 bytes of the text that was scored", unit="bytes"),
            column("perplexity", pa.float64(), "e to the mean of nats", unit="perplexity", range="[1, inf)"),
            column("bits_per_byte", pa.float64(), "Bits of all tokens over bytes", unit="bits/byte", range="[0, inf)"),
            column("nats", pa.float64(), "Mean of -log p of its tokens", **nats),
            *(column(f"nats_q{q}", pa.float64(), f"{q}% of tokens have fewer nats", **nats) for q in (10, 50, 90)),
            column("el2n", pa.float64(), "Mean distance of probabilities and one-hot token", range="[0, sqrt 2]"),
            column("top_logit", pa.float64(), "Mean of the 10 highest logits", unit="logits", range="(-inf, inf)"),
            column("top_mass", pa.float64(), "Mean probability of the 10 most probable tokens together", **share),
            column("top_hit", pa.float64(), "Share of tokens that were among the 10 most probable", **share),
            column("greedy", pa.float64(), "Share of tokens that were the most probable", **share),
            column("memorized_prefix", pa.float64(), f"{known} before the first that is not greedy; {short}", **share),
            column("memorized_forced", pa.float64(), f"{known} that are greedy; {short}", **share),
        ]
        if self.reference is not None:
            top = "Mean excess of the 60% of tokens that have most"
            columns += [
                column("excess", pa.float64(), "Mean of nats by the model less nats by the reference", **excess),
                column("excess_top60", pa.float64(), top, **excess),
            ]
        why = "Why there are no numbers: empty, not encoded (the error), not finite, out of memory"
        return pa.schema([*columns, column("reason", pa.string(), why)])

    def files(self) -> tuple[str, ...]:
        """The models that are directories here."""
        return files_of(self.model, self.reference)

    def load(self) -> Judge:
        """Open the models; RecipeError where they cannot be, or where the reference has another tokenizer."""
        networks = [
            open_network(model, self.max_context) for model in (self.model, self.reference) if model is not None
        ]
        for reference in networks[1:]:
            _check_same_tokenizer(networks[0], reference)

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            with at_work(networks[0]):
                rows = [row for part in _portions(documents) for row in self._rows(part, networks)]
            return pa.RecordBatch.from_pylist(rows, schema=self.columns())

        return judge

    def _rows(self, documents: pa.RecordBatch, networks: Sequence[Network]) -> Iterator[dict[str, object]]:
        """A row of columns for each document; those that are not named are null."""
        from winnow.loss.passes import read_documents

        encoded = tokens_of(documents, networks[0])
        context = min(network.context for network in networks)
        ids = [one.ids[: context if self.long == "cut" else None] for one in encoded]
        read = [read_documents(ids, network, sliding=self.long == "sliding") for network in networks]
        sizes = _num_bytes(documents, encoded, ids, networks[0])
        for one, size, *found in zip(encoded, sizes, *read, strict=True):
            told = [numbers for numbers in found if numbers is not None]
            if one.reason is not None or len(told) < len(found):
                yield {"reason": one.reason or NO_MEMORY}
            elif not all(np.isfinite(numbers).all() for numbers in told):
                yield {"reason": NOT_FINITE}
            else:
                yield document_numbers(told[0], size, context) | (excess_numbers(*told) if len(told) == 2 else {})


def document_numbers(tokens: TokenStatistics, num_bytes: int, context: int) -> dict[str, object]:
    """The columns of a document by the statistics of its tokens, of which there is one at least."""
    nats = tokens.nats
    low, middle, high = np.quantile(nats, [0.1, 0.5, 0.9])
    with np.errstate(over="ignore"):
        perplexity = np.exp(nats.mean())
    numbers = {
        "num_tokens": len(nats),
        "num_bytes": num_bytes,
        "perplexity": perplexity,
        "bits_per_byte": nats.sum() / math.log(2) / num_bytes if num_bytes else None,
        "nats_q10": low,
        "nats_q50": middle,
        "nats_q90": high,
        **{name: values.mean() for name, values in tokens._asdict().items()},
    }
    asked = tokens.greedy[PROMPT : PROMPT + CONTINUATION]
    if len(asked) == CONTINUATION and context >= PROMPT + CONTINUATION:
        numbers["memorized_prefix"] = np.append(asked, 0).argmin() / CONTINUATION
        numbers["memorized_forced"] = asked.mean()
    return numbers


def excess_numbers(model: TokenStatistics, reference: TokenStatistics) -> dict[str, object]:
    """The columns of excess loss: over all tokens, and over the ``SELECTED`` share (rounded up) that has most."""
    excess = np.sort(model.nats - reference.nats)[::-1]
    return {"excess": excess.mean(), "excess_top60": excess[: math.ceil(SELECTED * len(excess))].mean()}


def _num_bytes(
    documents: pa.RecordBatch, encoded: Sequence[Encoded], scored: Sequence[Ids], network: Network
) -> list[int]:
    """Bytes of the text that is scored: the document's, or what tokens spell that are a part or all there is."""
    texts = documents.column("text").to_pylist() if "text" in documents.schema.names else [None] * len(scored)
    return [
        len((network.decode(ids) if text is None or len(ids) < len(one.ids) else text).encode())
        for one, ids, text in zip(encoded, scored, texts, strict=True)
    ]


def _portions(documents: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The documents in slices of ``PORTION`` or little more, or of one larger document."""
    if has_tokens(documents):
        sizes = pc.list_value_length(documents.column(TOKENS))
    else:
        sizes = pc.binary_length(documents.column("text"))
    filled = np.cumsum(pc.fill_null(sizes, 0).to_numpy(zero_copy_only=False).astype(np.int64))
    cuts = [0, *(np.flatnonzero(np.diff(filled // PORTION)) + 1).tolist(), documents.num_rows]
    yield from (documents.slice(start, stop - start) for start, stop in pairwise(cuts))


def _check_same_tokenizer(network: Network, reference: Network) -> None:
    """RecipeError where two models cut texts into different tokens."""

    def cut(one: Network) -> tuple[int, list[list[int]]]:
        return one.vocab_size, [encoded.ids for encoded in encode_documents(PROBE, one)]

    if cut(network) != cut(reference):
        raise RecipeError(
            f"excess loss compares token by token, but {network.name} and {reference.name} have different tokenizers "
            f"({network.vocab_size:,} and {reference.vocab_size:,} tokens): give a reference with the model's own"
        )
