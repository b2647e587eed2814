"""How surprising a text is to an n-gram language model fitted on clean text: CCNet's measure of quality.

The models are KenLM's (a binary file of the kind ``probing``, or ARPA text) or those of ``FitNgramModel``; both are
queried natively, where their files lie, so that workers share one copy in memory. Low is not good and high is not bad:
what a choice should make of it, and what it falls for, is in docs/perplexity.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.files import read_json
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.ngram_model import Scores

Prepare = Literal["lines", "ccnet", "none"]
"""What is done to a text before its tokens are counted; see ``Perplexity.prepare``."""


@dataclass(frozen=True, kw_only=True)
class Perplexity:
    """Perplexity of a document, and of its lines, to an n-gram model: 10 to the mean of -log10 p of its tokens.

    Every line that has tokens is a sentence, scored from its beginning to its end as ``kenlm.Model.score`` does; its
    end counts as a token. A document without tokens has nulls.
    """

    model: Model
    """A KenLM binary file (probing), an ARPA file (also .gz, .zst), or ``FitNgramModel``."""
    prepare: Prepare = "lines"
    """``lines``: CCNet's rules for characters (small letters, no accents, ``0`` for digits, ASCII punctuation); what is
    no letter or digit is a token of its own. ``ccnet``: the same rules exactly as cc_net applies them, which makes the
    whole text one sentence and glues words over ends of lines; what CCNet's models and cut-offs are for. ``none``: the
    text as it stands, its tokens between white space; for a model of text that was prepared the same way.
    """
    sentencepiece: str | None = None
    """Path of a SentencePiece model that cuts sentences into pieces (needs the extra ``sentencepiece``)."""
    name: str = "perplexity"
    """Namespace of its columns in SQL; give each measure its own where there are several models."""

    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if self.prepare not in get_args(Prepare):
            raise RecipeError(f"no preparation {self.prepare!r}; {did_you_mean(self.prepare, get_args(Prepare))}")

    def columns(self) -> pa.Schema:
        """The document's perplexity and what it is made of, and the perplexities of its lines."""
        to_one = {"unit": "perplexity", "range": "[1, inf)"}
        null = "; null for a document without tokens"
        return pa.schema(
            [
                column("document", pa.float64(), f"Perplexity of the document{null}", **to_one),
                column("log10_prob", pa.float64(), "Sum of log10 p over its tokens", range="(-inf, 0]"),
                column("num_tokens", pa.int64(), "Tokens, the end of each line among them", unit="tokens"),
                column("unknown_fraction", pa.float64(), f"Share of words unknown to the model{null}", range="[0, 1]"),
                column("lowest_line", pa.float64(), f"Perplexity of the most expected line{null}", **to_one),
                column("median_line", pa.float64(), f"Median of the perplexities of its lines{null}", **to_one),
                column("highest_line", pa.float64(), f"Perplexity of the most surprising line{null}", **to_one),
            ]
        )

    def files(self) -> tuple[str, ...]:
        """The models that are files of the user."""
        return given_files(self.model, self.sentencepiece)

    def load(self) -> Judge:
        """Map the model; RecipeError where it cannot be, or was fitted on text prepared in another way."""
        from winnow.kernels.ngram_model import score_texts
        from winnow.kernels.ngram_model_open import open_ngram_model

        opened = open_ngram_model(model_file(self.model, "model.bin"))
        self._check_preparation()
        sentences = tokenizer(self.prepare, self.sentencepiece)
        schema = self.columns()

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            scores = score_texts(sentences(documents.column("text")), opened)
            return pa.RecordBatch.from_arrays(_of_documents(scores), schema=schema)

        return judge

    def _check_preparation(self) -> None:
        report = model_file(self.model, "report.json")
        fitted = read_json(report) if report.name == "report.json" else {}
        for name, given in (("prepare", self.prepare), ("sentencepiece", self.sentencepiece)):
            if name in fitted and fitted[name] != given:
                raise RecipeError(
                    f"the model was fitted on text with {name}={fitted[name]!r}, but is asked about text with "
                    f"{name}={given!r}: give the measure the same"
                )


def _of_documents(scores: Scores) -> list[pa.Array]:
    """The measure's columns from what was found of each line."""
    num_lines = np.diff(scores.bounds)
    document = np.repeat(np.arange(len(num_lines)), num_lines)
    log10_prob = np.bincount(document, scores.log10_prob, len(num_lines))
    num_tokens = np.bincount(document, scores.num_tokens, len(num_lines)).astype(np.int64)
    num_unknown = np.bincount(document, scores.num_unknown, len(num_lines))
    lines = perplexity(scores.log10_prob, scores.num_tokens)
    lines = lines[np.lexsort([lines, document])]
    empty = num_lines == 0
    first, last = scores.bounds[:-1][~empty], scores.bounds[1:][~empty] - 1
    median = (lines[(first + last) // 2] + lines[(first + last + 1) // 2]) / 2
    words = np.maximum(num_tokens - num_lines, 1)

    def full(values: NDArray[np.float64]) -> pa.Array:
        column = np.zeros(len(num_lines))
        column[~empty] = values
        return pa.array(column, mask=empty)

    return [
        full(perplexity(log10_prob[~empty], num_tokens[~empty])),
        pa.array(log10_prob),
        pa.array(num_tokens),
        pa.array(num_unknown / words, mask=empty),
        *map(full, (lines[first], median, lines[last])),
    ]


def perplexity(log10_prob: NDArray[np.float64], num_tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """10 to the mean of -log10 p; infinite where a double cannot hold it."""
    with np.errstate(over="ignore"):
        found: NDArray[np.float64] = 10.0 ** (-log10_prob / num_tokens)
    return found


def tokenizer(prepare: Prepare, sentencepiece: str | None) -> Callable[[pa.Array], pa.Array]:
    """What makes texts into sentences, one a line, with spaces between their tokens; RecipeError for a model amiss."""
    from winnow.kernels.ngram_model_text import normalize_as_ccnet, normalize_lines

    def sentences(texts: pa.Array) -> pa.Array:
        if prepare == "none":
            return texts
        return normalize_as_ccnet(texts) if prepare == "ccnet" else normalize_lines(texts, apart=not sentencepiece)

    if sentencepiece is None:
        return sentences
    encode = _encoder(sentencepiece)

    def pieces(texts: pa.Array) -> pa.Array:
        lines = [text.decode("utf-8", "replace").split("\n") for text in _as_bytes(sentences(texts))]
        encoded = iter(encode([line for text in lines for line in text]))
        joined = ("\n".join(" ".join(next(encoded)) for _ in text) for text in lines)
        return pa.array(joined, pa.large_string())

    return pieces


def _as_bytes(texts: pa.Array) -> list[bytes]:
    return [text or b"" for text in texts.cast(pa.large_binary()).to_pylist()]


def _encoder(path: str) -> Callable[[list[str]], list[list[str]]]:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise RecipeError(
            "a SentencePiece model needs the sentencepiece extra: pip install 'winnow-data[sentencepiece]'"
        ) from error
    if not Path(path).is_file():
        raise RecipeError(f"there is no SentencePiece model at {path}: give the path of a .model file")
    processor = SentencePieceProcessor()
    try:
        processor.Load(path)
    except (OSError, RuntimeError) as error:
        raise RecipeError(f"{path} cannot be opened as a SentencePiece model ({error}): fetch it again") from error
    return lambda lines: processor.encode(lines, out_type=str)
