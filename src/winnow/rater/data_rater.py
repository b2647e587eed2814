"""What a fitted rater makes of each document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from winnow.core.files import files_below, stamp
from winnow.lm.token_table import token_type
from winnow.lm.tokenizer import needs_torch
from winnow.loss.encode import EMPTY
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.rater.chunks import ChunkTable
    from winnow.rater.opened import OpenedRater


@dataclass(frozen=True, kw_only=True)
class DataRater:
    """How much each document is worth for training, by a rater that ``FitDataRater`` meta-learned.

    A document is scored in chunks of its own, as long as each other and never packed with another document's; its score
    is their mean, weighted by tokens. Scores are what a softmax over a batch is taken of: only their differences mean
    something, one more weighs e times as much, and two raters' scores have nothing to do with each other. A document's
    score depends on no other document, and on what is read beside it in its last digits at most.
    """

    model: Model
    """The directory of a fitted rater, or the step that fits it."""
    name: str = "rater"
    """Namespace of the columns in SQL."""

    version: ClassVar[str] = "1"

    def columns(self) -> pa.Schema:
        """``score``, the lowest of its chunks, and how much was read."""
        score = {"unit": "nats", "range": "(-inf, inf)"}
        return pa.schema(
            [
                column(
                    "score", pa.float64(), "Mean score of its chunks, by tokens; null where there are none", **score
                ),
                column("lowest", pa.float64(), "Score of the lowest chunk", **score),
                column("num_chunks", pa.int64(), "Chunks that were scored", unit="chunks"),
                column("num_tokens", pa.int64(), "Tokens of the document", unit="tokens"),
                column("reason", pa.string(), "Why there is no score: empty"),
            ]
        )

    def files(self) -> tuple[str, ...]:
        """The rater, if it is a directory here."""
        return given_files(self.model)

    def load(self) -> Judge:
        """Open the rater; RecipeError where there is none."""
        path = model_path(self.model)
        needs_torch("scoring by a rater")
        from winnow.rater.opened import open_rater

        rater = open_rater(path, tuple(stamp(file) for file in files_below(Path(path))))

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            chunks = encoded_chunks(documents.column("text"), rater)
            numbers = document_scores(chunks, rater.scores(chunks), documents.num_rows)
            return pa.RecordBatch.from_arrays(numbers, schema=self.columns())

        return judge


def encoded_chunks(texts: pa.Array, rater: OpenedRater) -> ChunkTable:
    """The chunks of texts."""
    from winnow.rater.chunks import chunks_of

    tokenizer = rater.encoder.tokenizer
    packed = rater.encoder.encode(texts).to_pylist()
    kind = token_type(tokenizer.vocab_size)
    tokens = np.frombuffer(b"".join(packed), kind)
    sizes = np.array([len(one) // kind.itemsize for one in packed], np.int64)
    return chunks_of([(tokens, np.concatenate([[0], np.cumsum(sizes)]))], rater.length, tokenizer.end_of_text)


def document_scores(chunks: ChunkTable, scores: NDArray[np.float64], num_documents: int) -> Sequence[pa.Array]:
    """The columns by documents of the scores of their chunks."""
    document, length = chunks.places.document, chunks.places.length
    num_chunks = np.bincount(document, minlength=num_documents)
    num_tokens = np.bincount(document, length, minlength=num_documents).astype(np.int64)
    total = np.bincount(document, scores * length, minlength=num_documents)
    lowest = np.full(num_documents, np.inf)
    np.minimum.at(lowest, document, scores)
    empty = num_chunks == 0
    return [
        pa.array(total / np.maximum(num_tokens, 1), mask=empty),
        pa.array(lowest, mask=empty),
        pa.array(num_chunks),
        pa.array(num_tokens),
        pa.array([EMPTY if none else None for none in empty], pa.string()),
    ]
