"""A linear model of vectors: one number from each, by weights that ``FitLinear`` or ``FitRidge`` found.

Costs a pass over the stored vectors; the text is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from winnow.measure.measure import column
from winnow.measure.vectors import JudgeVectors, OfVectors, check_size, read_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "linear.npz"


class Weights(NamedTuple):
    """What a fitted model is."""

    weights: NDArray[np.float32]
    bias: float
    is_logit: bool
    """Whether the number is the logarithm of the odds of being wanted, or what was regressed on."""

    def values(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Bias plus dot product, a row at a time: the same to the bit whatever stands beside a vector."""
        found: NDArray[np.float64] = (vectors * self.weights.astype(np.float64)).sum(axis=1) + self.bias
        return found

    def save(self, directory: Path) -> None:
        """Write ``FILE``."""
        np.savez(directory / FILE, weights=self.weights, bias=self.bias, is_logit=self.is_logit)


def read_weights(path: Path) -> Weights:
    """The model in a file; RecipeError where there is none, InputError for another file."""
    weights, bias, is_logit = read_arrays(path, "weights", "bias", "is_logit")
    return Weights(weights, float(bias), bool(is_logit))


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-logit)), without overflow."""
    small = np.exp(-np.abs(logits))
    found: NDArray[np.float64] = np.where(logits >= 0, 1, small) / (1 + small)
    return found


@dataclass(frozen=True, kw_only=True)
class Linear(OfVectors):
    """Scores documents by their stored vectors and a ``FitLinear`` or ``FitRidge``."""

    version: ClassVar[str] = "1"
    file: ClassVar[str] = FILE

    @property
    def name(self) -> str:
        """``linear``."""
        return "linear"

    def columns(self) -> pa.Schema:
        """``score`` and ``probability``."""
        score = "Logit of being like the positives, or the predicted value; null without a vector. Rank on this"
        probability = "1 / (1 + exp(-score)); null without a vector and where values are predicted"
        return pa.schema(
            [
                column("score", pa.float64(), score),
                column("probability", pa.float64(), probability, range="[0, 1]"),
            ]
        )

    def open(self, path: Path) -> JudgeVectors:
        """Open the model; InputError where it was fitted on vectors of another size."""
        weights = read_weights(path)

        def judge(vectors: NDArray[np.float32]) -> pa.RecordBatch:
            check_size(vectors, len(weights.weights), path)
            scores = weights.values(vectors)
            chances = pa.array(probabilities(scores), mask=np.full(len(scores), not weights.is_logit))
            return pa.RecordBatch.from_arrays([pa.array(scores), chances], schema=self.columns())

        return judge
