"""How much of a document a language model recites when it is given the beginning.

It says something of a model that has seen the documents, and mostly that they were seen often. Teacher forcing says
something else (``docs/memorization.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa

from winnow.core.errors import RecipeError, did_you_mean
from winnow.loss.loss import NOT_FINITE
from winnow.loss.networks import at_work, files_of, open_network, opening_of, tokens_of
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.evaluate.engine import Network
    from winnow.loss.encode import Encoded
    from winnow.loss.greedy import Matches

Definition = Literal["fraction", "exact"]


@dataclass(frozen=True, kw_only=True)
class Memorization:
    """How far the greedy continuation of a document's first tokens is the document (Biderman et al. 2023).

    The model is given the first ``prompt_tokens`` of the document, behind what its tokenizer opens every text with, and
    goes on with ``continuation_tokens``, each the most probable after the prompt and its own tokens before. Rows with
    ``tokens`` (``Sequences``) are taken as they are. Documents with fewer tokens than both have nulls and a reason.

    Attributes:
        model: a checkpoint's directory, a Hugging Face directory or hub name, or the step that trains one.
        definition: ``fraction``: the share of positions at which both agree (Marion et al. 2023, equation 7), which
            needs every step of the continuation; ``exact``: only whether and how far they agree from the first token
            on, which one pass over the document's own tokens tells.
        name: the namespace of the columns in SQL, to be changed where two models stand in one choice.
    """

    model: Model
    prompt_tokens: int = 32
    continuation_tokens: int = 32
    definition: Definition = "fraction"
    name: str = "memorization"

    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.definition not in get_args(Definition):
            raise RecipeError(
                f"no definition {self.definition!r}; {did_you_mean(self.definition, get_args(Definition))}"
            )
        if self.prompt_tokens < 1 or self.continuation_tokens < 1:
            raise RecipeError(
                f"prompt_tokens is {self.prompt_tokens} and continuation_tokens is {self.continuation_tokens}; both "
                "must be at least 1"
            )

    def columns(self) -> pa.Schema:
        """``fraction`` unless only exact matches are asked for, ``prefix``, ``extractable``, and ``reason``."""
        share = {"range": "[0, 1]"}
        otherwise = "null where there is a reason"
        fraction = column(
            "fraction", pa.float64(), f"Positions where the continuation is the document's; {otherwise}", **share
        )
        prefix = column("prefix", pa.float64(), f"Continuation before its first wrong token; {otherwise}", **share)
        extractable = column("extractable", pa.bool_(), f"Whether all of it is the document's; {otherwise}")
        reason = column("reason", pa.string(), "Why there are no numbers: too short, not encoded, not finite")
        return pa.schema([*([fraction] if self.definition == "fraction" else []), prefix, extractable, reason])

    def files(self) -> tuple[str, ...]:
        """A model that is a directory here."""
        return files_of(self.model)

    def load(self) -> Judge:
        """Open the model; RecipeError where it cannot see prompt and continuation at once."""
        network = open_network(self.model)
        read = len(network.opening) + self.num_tokens - 1  # the last token is compared, never read
        if read > network.context:
            raise RecipeError(
                f"{network.name} sees {network.context} tokens, and prompt_tokens={self.prompt_tokens} with "
                f"continuation_tokens={self.continuation_tokens} take {read}: ask for fewer"
            )

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            with at_work(network):
                return self._judged(documents, network)

        return judge

    @property
    def num_tokens(self) -> int:
        """Tokens of a document that are looked at."""
        return self.prompt_tokens + self.continuation_tokens

    def _judged(self, documents: pa.RecordBatch, network: Network) -> pa.RecordBatch:
        encoded = tokens_of(documents, network)
        reasons = [one.reason or self._too_short(one) for one in encoded]
        rows = np.array([row for row, reason in enumerate(reasons) if reason is None], np.int64)
        right = np.zeros((len(reasons), self.continuation_tokens), bool)
        if len(rows):
            opening = opening_of(documents, network)
            tokens = np.array([[*opening, *encoded[row].ids[: self.num_tokens]] for row in rows], np.int64)
            right[rows], finite = self._match(tokens, len(opening) + self.prompt_tokens, network)
            for row in rows[~finite]:
                reasons[row] = NOT_FINITE
        return self._columns(right, reasons)

    def _match(self, tokens: NDArray[np.int64], prompt_tokens: int, network: Network) -> Matches:
        from winnow.loss.greedy import continuations_match, predictions_match

        match = continuations_match if self.definition == "fraction" else predictions_match
        return match(tokens, prompt_tokens, network)

    def _columns(self, right: NDArray[np.bool_], reasons: Sequence[str | None]) -> pa.RecordBatch:
        """The columns of documents by which of their tokens the model found."""
        whole = right.all(axis=1)
        prefix = np.where(whole, right.shape[1], right.argmin(axis=1)) / right.shape[1]
        found = {"fraction": right.mean(axis=1), "prefix": prefix, "extractable": whole}
        missing = np.array([reason is not None for reason in reasons], bool)
        columns = {name: pa.array(values, mask=missing) for name, values in found.items()}
        columns["reason"] = pa.array(reasons, pa.string())
        schema = self.columns()
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _too_short(self, encoded: Encoded) -> str | None:
        return f"short: fewer than {self.num_tokens} tokens" if len(encoded.ids) < self.num_tokens else None
