"""Fitting linear models of vectors: logistic regression on two sets, ridge regression on a column of numbers.

The first is DCLM's classifier on BGE embeddings (Li et al. 2024, 4.4), the second FineWeb-Edu's on Arctic embeddings
(Penedo et al. 2024, 4.1), which regresses on grades from 0 to 5 that a language model gave a sample. Both are found in
closed form or to the last bit (Newton's method), so no learning rate is to be chosen and the seed only draws examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.run import check_aligned, num_shards
from winnow.core.step import Aligned, Whole
from winnow.core.table import Store
from winnow.measure.examples import MIN_EXAMPLES, NORMAL_95, FitOnTwoSets, draw, heldout_report
from winnow.measure.kmeans import dimensions, unit_vectors
from winnow.measure.linear import Weights, probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 8192
MAX_STEPS = 50
TOLERANCE = 1e-10
"""Newton's method ends where a step would lower the loss by less than this share of it."""


@dataclass(frozen=True, kw_only=True)
class FitLinear(FitOnTwoSets):
    """Logistic regression: weights by which the vectors of wanted documents score high.

    ``positives`` and ``negatives`` are tables with a column of vectors, such as ``Score(measure=Embedding())`` of the
    two sets. Writes ``linear.npz`` and ``report.json`` (see ``measure.examples``).
    """

    column: str = "vector"
    l2: float = 1.0
    """What is minimised is the sum of log losses plus l2 / 2 times the squared length of the weights, the bias apart:
    scikit-learn's LogisticRegression with C = 1 / l2."""

    def check(self) -> None:
        """Refuse what holds no vectors, or vectors of different models."""
        super().check()
        here, there = dimensions(self.positives, self.column), dimensions(self.negatives, self.column)
        if here != there:
            raise RecipeError(f"positives have vectors of {here} numbers and negatives of {there}: use one embedding")
        check_penalty(self.l2)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Fit on the examples, judge those held out."""
        examples = self.examples(store, self.column)
        vectors = unit_vectors(examples.column(self.column).combine_chunks())
        positive, heldout = (examples.column(name).to_numpy() for name in ("positive", "heldout"))
        weights, bias = logistic_regression(vectors[~heldout], positive[~heldout], self.l2)
        model = Weights(weights.astype(np.float32), bias, True)
        model.save(directory)
        logits = model.values(vectors[heldout])
        write_json(directory / "report.json", heldout_report(logits, probabilities(logits), examples))
        return {"learnt_from": int((~heldout).sum())}


@dataclass(frozen=True, kw_only=True)
class FitRidge(Whole):
    """Ridge regression: weights by which vectors predict a number that another measure gave the same documents.

    Documents without a vector or a number (null, NaN) are left out; the others are all learnt from, but for those held
    out. Writes ``linear.npz`` and ``report.json``: sizes; of those held out ``r_squared``, ``rmse`` and the
    ``correlation`` of prediction and number with its 95% interval (Fisher 1921).
    """

    vectors: Aligned
    target: Aligned
    target_column: str
    column: str = "vector"
    l2: float = 1.0
    """What is minimised is the sum of squared errors plus l2 times the squared length of the weights, the bias apart:
    scikit-learn's Ridge with alpha = l2."""
    heldout_fraction: float = 0.1
    seed: int = 0

    def check(self) -> None:
        """Refuse a column that holds no numbers, and tables of different documents."""
        dimensions(self.vectors, self.column)
        check_penalty(self.l2)
        if not 0 < self.heldout_fraction < 1:
            raise RecipeError(f"heldout_fraction is {self.heldout_fraction}; it must lie in (0, 1)")
        if self.vectors.documents.key != self.target.documents.key:
            raise RecipeError(f"{self.vectors.label} and {self.target.label} judge different documents")
        kinds = {field.name: field.type for field in self.target.schema()}
        kind = kinds.get(self.target_column)
        if kind is None or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            there = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
            raise RecipeError(f"{self.target.label} has no column {self.target_column!r} of numbers; it has {there}")

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Add up the normal equations shard by shard, solve them, and judge on those held out."""
        size = dimensions(self.vectors, self.column) + 1
        products, moments = np.zeros((size, size)), np.zeros(size)
        num_examples = num_heldout = 0
        for vectors, numbers, heldout in self._examples(store):
            known = _with_one(vectors[~heldout])
            products += known.T @ known
            moments += known.T @ numbers[~heldout]
            num_examples += len(known)
            num_heldout += int(heldout.sum())
        if num_examples < MIN_EXAMPLES or num_heldout < MIN_EXAMPLES:
            raise InputError(
                f"{num_examples} documents to learn from and {num_heldout} held out: {self.target.label} must give at "
                f"least {MIN_EXAMPLES} of each a number"
            )
        solved = np.linalg.solve(products + _penalty(self.l2, size), moments)
        model = Weights(solved[:-1].astype(np.float32), float(solved[-1]), False)
        model.save(directory)
        tests = [
            (model.values(vectors[heldout]), numbers[heldout]) for vectors, numbers, heldout in self._examples(store)
        ]
        predicted, truth = (np.concatenate(parts) for parts in zip(*tests, strict=True))
        write_json(directory / "report.json", {"num_examples": num_examples, **regression_report(predicted, truth)})
        return {"learnt_from": num_examples}

    def _examples(self, store: Store) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_]]]:
        """The vectors and numbers of each shard, and which are held out."""
        for shard in range(num_shards(self.vectors, store)):
            rows = store.table(self.vectors).shard(shard, ["id", self.column]).combine_chunks()
            judged = store.table(self.target).shard(shard, ["id", self.target_column]).combine_chunks()
            ids, judged_ids = (table.column("id").combine_chunks() for table in (rows, judged))
            check_aligned(self.vectors.label, ids, self.target.label, judged_ids)
            numbers = judged.column(self.target_column).cast(pa.float64())
            rows = rows.append_column("number", numbers).filter(
                pc.and_(pc.is_valid(rows.column(self.column)), pc.is_finite(pc.fill_null(numbers, np.nan)))
            )
            if rows.num_rows:
                heldout = np.array(
                    [draw(id, self.seed) < self.heldout_fraction for id in rows.column("id").to_pylist()]
                )
                vectors = unit_vectors(rows.column(self.column).combine_chunks())
                yield vectors, rows.column("number").to_numpy(), heldout


def logistic_regression(
    vectors: NDArray[np.float32], positive: NDArray[np.bool_], l2: float
) -> tuple[NDArray[np.float64], float]:
    """The weights and the bias with the least penalised log loss: Newton's method, steps halved while they overshoot.

    The loss is convex and the penalty makes its minimum the only one, so the result depends on nothing but the
    examples. Memory beside the vectors: a block of them in float64, and dimensions x dimensions.
    """
    solution = np.zeros(vectors.shape[1] + 1)
    penalty = _penalty(l2, len(solution))
    loss = _log_loss(vectors, positive, solution, penalty)
    for _ in range(MAX_STEPS):
        gradient, curvature = _derivatives(vectors, positive, solution, penalty)
        step = np.linalg.solve(curvature, gradient)
        while (reached := _log_loss(vectors, positive, solution - step, penalty)) > loss:
            step /= 2
            if np.array_equal(solution - step, solution):
                return solution[:-1], float(solution[-1])
        solution, gained, loss = solution - step, loss - reached, reached
        if gained <= TOLERANCE * loss:
            break
    return solution[:-1], float(solution[-1])


def _log_loss(
    vectors: NDArray[np.float32],
    positive: NDArray[np.bool_],
    solution: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> float:
    total = 0.0
    for block, wanted in _blocks(vectors, positive):
        logits = block @ solution
        total += float(np.logaddexp(0, np.where(wanted, -logits, logits)).sum())
    return total + float(solution @ penalty @ solution) / 2


def _derivatives(
    vectors: NDArray[np.float32],
    positive: NDArray[np.bool_],
    solution: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The loss's gradient and its second derivatives."""
    gradient, curvature = penalty @ solution, penalty.copy()
    for block, wanted in _blocks(vectors, positive):
        chances = probabilities(block @ solution)
        gradient += block.T @ (chances - wanted)
        curvature += block.T @ (block * (chances * (1 - chances))[:, None])
    return gradient, curvature


def _blocks(
    vectors: NDArray[np.float32], positive: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    for start in range(0, len(vectors), BLOCK):
        yield _with_one(vectors[start : start + BLOCK]), positive[start : start + BLOCK]


def _with_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The vectors with a last column of ones, whose weight is the bias."""
    return np.column_stack([vectors.astype(np.float64), np.ones(len(vectors))])


def _penalty(l2: float, size: int) -> NDArray[np.float64]:
    """What the squared weights cost; the last one, the bias, is free."""
    return np.diag([*[l2] * (size - 1), 0.0])


def check_penalty(l2: float) -> None:
    """Refuse a penalty with which the minimum might not be the only one."""
    if not l2 > 0:
        raise RecipeError(f"l2 is {l2}; it must be above 0")


def regression_report(predicted: NDArray[np.float64], numbers: NDArray[np.float64]) -> dict[str, object]:
    """How near predictions come to numbers."""
    errors, spread = numbers - predicted, numbers - numbers.mean()
    scale = float(np.sqrt(np.square(spread).sum() * np.square(predicted - predicted.mean()).sum()))
    correlation = float(spread @ (predicted - predicted.mean())) / scale if scale else 0.0
    middle, reach = np.arctanh(np.clip(correlation, -1 + 1e-15, 1 - 1e-15)), NORMAL_95 / np.sqrt(len(numbers) - 3)
    total = float(np.square(spread).sum())
    return {
        "num_heldout": len(numbers),
        "r_squared": 1 - float(np.square(errors).sum()) / total if total else 0.0,
        "rmse": float(np.sqrt(np.square(errors).mean())),
        "correlation": correlation,
        "correlation_interval": [float(np.tanh(middle - reach)), float(np.tanh(middle + reach))],
    }
