"""A classifier of hashed n-grams: what fastText's is for this use, made natively and without its slips.

A document's logit is a bias plus the mean weight of its token n-grams, so it is the function that a two-class fastText
model computes, fitted by AdaGrad. It has no row for the end of a document, which fastText weighs by one over the length
and so learns how long documents are. The same examples give the same bits, whatever the machine's number of cores.

Learns 100 MB of text a second and epoch and scores 130 MB/s on one slow core, both 14 times as fast as fastText beside
it (``benchmarks/scorers/hashed_ngrams.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError
from winnow.core.files import write_json
from winnow.core.table import Store
from winnow.measure.examples import FitOnTwoSets, heldout_report, texts_of
from winnow.measure.linear import probabilities
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file
from winnow.measure.vectors import read_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "model.npz"
NUM_TELLING = 20


class Weights(NamedTuple):
    """What a fitted model is."""

    weights: NDArray[np.float32]
    """One for each bucket of n-grams."""
    bias: float
    ngram: int

    def values(self, texts: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The bias plus the mean weight of each text's n-grams (none: the bias), and how many there are."""
        from winnow.kernels.hashed_ngrams import weigh

        sums, numbers = weigh(texts, self.ngram, self.weights)
        return self.bias + sums / np.maximum(numbers, 1), numbers

    def save(self, directory: Path) -> None:
        """Write ``FILE``."""
        np.savez(directory / FILE, weights=self.weights, bias=np.float64(self.bias), ngram=np.int64(self.ngram))


def read_weights(path: Path) -> Weights:
    """The model in a file; RecipeError where there is none, InputError for another file."""
    weights, bias, ngram = read_arrays(path, "weights", "bias", "ngram")
    return Weights(weights, float(bias), int(ngram))


@dataclass(frozen=True, kw_only=True)
class FitNgramClassifier(FitOnTwoSets):
    """Weights of n-grams by which wanted documents score high (logistic regression, mean pooling), on one core.

    Writes ``model.npz`` and ``report.json`` (see ``measure.examples``), where ``telling`` names the n-grams that part
    the two sets most: ``adds`` is how much of the distance between their mean logits comes from an n-gram's bucket.
    Needs memory for the examples' texts, and 100 MB.
    """

    ngram: int = 2
    """Tokens of the longest n-gram; tokens are words and runs of punctuation, in small letters."""
    num_buckets: int = 1 << 21
    epochs: int = 5
    rate: float = 3.0
    """AdaGrad's learning rate; on sets of 1,600 to 22,000 documents 3 was best or near it, 1 and 10 close behind."""

    def check(self) -> None:
        """Refuse sizes that make no model."""
        super().check()
        check_sizes(self.ngram, self.num_buckets, self.epochs, self.rate)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Learn from the examples, judge those held out, and say what was learnt."""
        from winnow.kernels.hashed_ngrams import learn

        examples = self.examples(store, "text")
        learnt_from = examples.filter(pc.invert(examples.column("heldout")))
        weights, bias = learn(
            texts_of(learnt_from),
            learnt_from.column("positive").to_numpy().astype(np.float64),
            is_logistic=True,
            ngram=self.ngram,
            num_buckets=self.num_buckets,
            epochs=self.epochs,
            rate=self.rate,
        )
        model = Weights(weights, bias, self.ngram)
        model.save(directory)
        logits, _ = model.values(texts_of(examples.filter(examples.column("heldout"))))
        report = heldout_report(logits, probabilities(logits), examples, telling(model, learnt_from))
        write_json(directory / "report.json", report)
        return {"learnt_from": learnt_from.num_rows}


@dataclass(frozen=True, kw_only=True)
class NgramClassifier:
    """How much a document's n-grams are those of wanted documents, by a model of ``FitNgramClassifier``."""

    model: Model

    version: ClassVar[str] = "1"

    @property
    def name(self) -> str:
        """``ngram_classifier``."""
        return "ngram_classifier"

    def columns(self) -> pa.Schema:
        """The logit and its probability."""
        empty = "null for a text without words or marks"
        return pa.schema(
            [
                column("logit", pa.float64(), f"Log odds of being wanted; rank by this; {empty}", range="(-inf, inf)"),
                column("probability", pa.float64(), f"The logit's probability; {empty}", range="[0, 1]"),
            ]
        )

    def files(self) -> tuple[str, ...]:
        """The model, where it is a file."""
        return given_files(self.model)

    def load(self) -> Judge:
        """Read the weights; RecipeError where the file is missing."""
        model = read_weights(model_file(self.model, FILE))
        schema = self.columns()

        def judge(batch: pa.RecordBatch) -> pa.RecordBatch:
            logits, numbers = model.values(batch.column("text"))
            columns = [pa.array(values, mask=numbers == 0) for values in (logits, probabilities(logits))]
            return pa.RecordBatch.from_arrays(columns, schema=schema)

        return judge


def check_sizes(ngram: int, num_buckets: int, epochs: int, rate: float) -> None:
    """Refuse sizes that make no model (RecipeError)."""
    for name, value in (("ngram", ngram), ("num_buckets", num_buckets), ("epochs", epochs)):
        if value < 1:
            raise RecipeError(f"{name} is {value}; it must be at least 1")
    if not rate > 0:
        raise RecipeError(f"rate is {rate}; it must be above 0")


def telling(model: Weights, examples: pa.Table) -> list[dict[str, Any]]:
    """The n-grams that part positives from negatives most: ``NUM_TELLING`` for each side.

    A bucket stands for the first n-gram that fell into it, among the examples of its side.
    """
    from winnow.kernels.hashed_ngrams import first_ngrams, mean_shares

    positive = examples.column("positive").to_numpy()
    texts, num_buckets = texts_of(examples), len(model.weights)
    signs = np.where(positive, 1 / max(1, positive.sum()), -1 / max(1, (~positive).sum()))
    adds = mean_shares(texts, model.ngram, num_buckets, signs) * model.weights
    found: list[dict[str, Any]] = []
    for side, is_of_side in ((positive, model.weights > 0), (~positive, model.weights < 0)):
        of_side = np.where(is_of_side, adds, 0)
        buckets = np.argsort(-of_side, kind="stable")[:NUM_TELLING]
        ngrams = first_ngrams(texts.filter(pa.array(side)), model.ngram, num_buckets, buckets)
        found += [
            {"ngram": ngram, "weight": float(model.weights[bucket]), "adds": float(adds[bucket])}
            for ngram, bucket in zip(ngrams, buckets, strict=True)
            if ngram and of_side[bucket] > 0
        ]
    return found
