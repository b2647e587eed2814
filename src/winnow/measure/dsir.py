"""DSIR: how much more likely a document is under a target's n-grams than under the raw corpus' (Xie et al. 2023).

    log w(x) = sum over n-grams g of x of (log p_target(g) - log p_raw(g))

with unigrams and bigrams hashed into 10,000 buckets (arXiv 2302.03169, section 4; data-selection 1.0.3). The published
choice is by Gumbel top-k on ``log_weight``, which draws documents in proportion to w without replacement::

    Select(documents=raw, measures=(weights,), keep=Gumbel("dsir.log_weight", 0.1))

The log weight grows with length: of the pages whose n-grams resemble the target's the longest come first, and of the
others the shortest. ``log_weight_per_ngram`` does not.

Tokens and smoothing are those of the reference, the hash is another (``kernels.hashed_ngrams``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.step import Rows, Whole
from winnow.core.table import Store
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "log_ratios.npy"
NGRAM = 2
SMOOTHING = 1e-8
"""Added to every probability, as in the reference: a bucket that one side lacks counts log(1e8 p) at most."""


@dataclass(frozen=True, kw_only=True)
class FitDsir(Whole):
    """Log ratios of the n-gram probabilities of two sets of documents.

    Writes ``log_ratios.npy`` (float64, one per bucket) and ``report.json``: the n-grams counted in each set and the
    Kullback-Leibler divergence of the target from the raw documents in nats an n-gram, which selection should lower.
    """

    target: Rows
    """Documents like those that are wanted."""
    raw: Rows
    """The corpus that is chosen from; a random sample of it will do (``Select(keep=Sample(0.01))``)."""
    num_buckets: int = 10_000

    def check(self) -> None:
        """Refuse a table without buckets."""
        if self.num_buckets < 1:
            raise RecipeError(f"num_buckets is {self.num_buckets}; it must be at least 1")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Count the n-grams of both sets."""
        target, raw = (self._counts(rows, store) for rows in (self.target, self.raw))
        p, q = target / target.sum() + SMOOTHING, raw / raw.sum() + SMOOTHING
        ratios = np.log(p) - np.log(q)
        np.save(directory / FILE, ratios)
        report = {
            "num_target_ngrams": int(target.sum()),
            "num_raw_ngrams": int(raw.sum()),
            "kl_divergence": float(target / target.sum() @ ratios),
        }
        write_json(directory / "report.json", report)
        return {"target_ngrams": int(target.sum()), "raw_ngrams": int(raw.sum())}

    def _counts(self, rows: Rows, store: Store) -> NDArray[np.int64]:
        from winnow.kernels.hashed_ngrams import count_ngrams

        counts = np.zeros(self.num_buckets, np.int64)
        for shard in range(num_shards(rows, store)):
            for batch in rows.open_shard(store, shard, ["text"]):
                count_ngrams(batch.column("text"), NGRAM, counts)
        if not counts.any():
            raise InputError(f"{rows.label} has no words: give documents with text")
        return counts


@dataclass(frozen=True, kw_only=True)
class Dsir:
    """The importance weight of a document, by the log ratios of ``FitDsir``."""

    model: Model

    version: ClassVar[str] = "1"

    @property
    def name(self) -> str:
        """``dsir``."""
        return "dsir"

    def columns(self) -> pa.Schema:
        """The log weight, the same per n-gram, and the number of n-grams."""
        per_ngram = "log_weight / num_ngrams; null for a text without words or marks"
        anything = "(-inf, inf)"
        return pa.schema(
            [
                column("log_weight", pa.float64(), "log p_target - log p_raw of the text", unit="nats", range=anything),
                column("log_weight_per_ngram", pa.float64(), per_ngram, unit="nats", range=anything),
                column("num_ngrams", pa.int64(), "Unigrams and bigrams", unit="n-grams", range="[0, inf)"),
            ]
        )

    def files(self) -> tuple[str, ...]:
        """The log ratios, where they are a file."""
        return given_files(self.model)

    def load(self) -> Judge:
        """Read the log ratios; RecipeError where the file is missing."""
        from winnow.kernels.hashed_ngrams import weigh

        ratios = _read_ratios(model_file(self.model, FILE))
        schema = self.columns()

        def judge(batch: pa.RecordBatch) -> pa.RecordBatch:
            sums, numbers = weigh(batch.column("text"), NGRAM, ratios)
            means = pa.array(sums / np.maximum(numbers, 1), mask=numbers == 0)
            return pa.RecordBatch.from_arrays([pa.array(sums), means, pa.array(numbers)], schema=schema)

        return judge


def _read_ratios(path: Path) -> NDArray[np.float32]:
    if not path.is_file():
        raise RecipeError(f"there are no log ratios at {path}: give the {FILE} of a FitDsir, or the step itself")
    try:
        ratios: NDArray[np.float32] = np.load(path).astype(np.float32)
    except (ValueError, OSError, EOFError, AttributeError) as error:
        raise InputError(f"{path} does not hold log ratios ({error}): give the {FILE} of a FitDsir") from error
    return ratios
