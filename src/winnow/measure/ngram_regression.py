"""A number that another measure gave, predicted from hashed n-grams: the classifier's twin for grades and ratings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.sql import ORDERED, check_expressions, evaluate, namespaces, read_columns
from winnow.core.step import Aligned, Whole
from winnow.core.table import Store
from winnow.measure.examples import MIN_EXAMPLES, draws_of, lowest_limit, texts_of
from winnow.measure.fit_linear import regression_report
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file
from winnow.measure.ngram_classifier import FILE, Weights, check_sizes, read_weights

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True)
class FitNgramRegression(Whole):
    """Weights of n-grams that predict a number (squared loss, mean pooling), as ``FitNgramClassifier`` finds them.

    Writes ``model.npz`` and ``report.json``: ``num_examples``, and of those held out ``r_squared``, ``rmse`` and the
    ``correlation`` of prediction and number with its interval. Documents without text or number are passed over.
    """

    target: Aligned
    """A table of some documents' numbers; its documents are learnt from."""
    score: str
    """SQL of the number."""
    leave_out: str = "false"
    """SQL of documents that are neither learnt from nor judged by."""
    max_examples: int = 400_000
    heldout_fraction: float = 0.1
    seed: int = 0
    ngram: int = 2
    num_buckets: int = 1 << 21
    epochs: int = 3
    rate: float = 1.0
    """AdaGrad's learning rate, for numbers scaled to a variance of 1."""

    def check(self) -> None:
        """Bind the number; refuse sizes that make no model."""
        check_sizes(self.ngram, self.num_buckets, self.epochs, self.rate)
        if not 0 < self.heldout_fraction < 1:
            raise RecipeError(f"heldout_fraction is {self.heldout_fraction}; it must lie in (0, 1)")
        known = namespaces(self.target.documents, (self.target,))
        check_expressions(known, {"score": self.score}, ORDERED)
        check_expressions(known, {"leave_out": self.leave_out}, ["BOOLEAN"])

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Learn from the examples and judge those held out."""
        from winnow.kernels.hashed_ngrams import learn

        examples = self._examples(store)
        heldout = draws_of(examples, self.seed + 1) < self.heldout_fraction
        if heldout.sum() < MIN_EXAMPLES or (~heldout).sum() < MIN_EXAMPLES:
            raise InputError(
                f"{(~heldout).sum()} documents to learn from and {heldout.sum()} held out: {self.target.label} must "
                f"give at least {MIN_EXAMPLES} of each a number"
            )
        texts, numbers = texts_of(examples), examples.column("number").to_numpy()
        mean, scale = numbers[~heldout].mean(), numbers[~heldout].std() or 1.0
        weights, bias = learn(
            texts.filter(pa.array(~heldout)),
            (numbers[~heldout] - mean) / scale,
            is_logistic=False,
            ngram=self.ngram,
            num_buckets=self.num_buckets,
            epochs=self.epochs,
            rate=self.rate,
        )
        model = Weights(weights * np.float32(scale), float(bias * scale + mean), self.ngram)
        model.save(directory)
        predicted, _ = model.values(texts.filter(pa.array(heldout)))
        num_examples = int((~heldout).sum())
        report = regression_report(predicted, numbers[heldout])
        write_json(directory / "report.json", {"num_examples": num_examples, **report})
        return {"learnt_from": num_examples}

    def _examples(self, store: Store) -> pa.Table:
        """``id``, ``text`` and ``number`` of the drawn documents, in random order, whatever the shards."""
        documents = self.target.documents
        shards = range(num_shards(documents, store))
        wanted = {"id": "documents.id", "number": f"CAST(({self.score}) AS DOUBLE)", "left_out": self.leave_out}
        numbered = []
        for shard in shards:
            rows = evaluate(read_columns(documents, (self.target,), store, shard, wanted.values()), wanted)
            number, left_out = rows.column("number").to_numpy(), rows.column("left_out").fill_null(False).to_numpy()
            numbered.append(rows.select(["id", "number"]).filter(pa.array(~np.isnan(number) & ~left_out)))
        limit = lowest_limit(draws_of(pa.concat_tables(numbered), self.seed), self.max_examples)
        taken = []
        for shard, rows in zip(shards, numbered, strict=True):
            chosen = rows.filter(pa.array(draws_of(rows, self.seed) <= limit))
            for batch in documents.open_shard(store, shard, ["id", "text"]):
                texts = pa.Table.from_batches([batch]).filter(batch.column("text").is_valid())
                taken.append(texts.join(chosen, "id", join_type="inner").select(["id", "text", "number"]))
        examples = pa.concat_tables(taken)
        return examples.take(pa.array(np.argsort(draws_of(examples, self.seed + 2), kind="stable")))


@dataclass(frozen=True, kw_only=True)
class NgramRegression:
    """The number that a document's n-grams predict, by a model of ``FitNgramRegression``."""

    model: Model

    version: ClassVar[str] = "1"

    @property
    def name(self) -> str:
        """``ngram_regression``."""
        return "ngram_regression"

    def columns(self) -> pa.Schema:
        """``value``."""
        meaning = "Predicted number; null for a text without words or marks"
        return pa.schema([column("value", pa.float64(), meaning, range="(-inf, inf)")])

    def files(self) -> tuple[str, ...]:
        """The model, where it is a file."""
        return given_files(self.model)

    def load(self) -> Judge:
        """Read the weights; RecipeError where the file is missing."""
        model = read_weights(model_file(self.model, FILE))
        schema = self.columns()

        def judge(batch: pa.RecordBatch) -> pa.RecordBatch:
            values, numbers = model.values(batch.column("text"))
            return pa.RecordBatch.from_arrays([pa.array(values, mask=numbers == 0)], schema=schema)

        return judge
