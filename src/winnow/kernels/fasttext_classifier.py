"""Prediction of supervised fastText models, straight from Arrow buffers.

The mean of a line's rows is multiplied by the output matrix. Both steps are linear, so where a model has fewer outputs
than dimensions the product of its two matrices is taken when it is opened: of two labels one number a row is left, 1%
of the memory. Probabilities follow by the model's loss, as fastText 0.9.2 gives them (loss.cc), down to the 1e-5 that
it adds to each before its logarithm and the 512 steps of its sigmoid. Beside each stands its logit, exact in both
tails, where those probabilities collapse to a few values.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.core.errors import RecipeError
from winnow.kernels.buffers import text_buffers
from winnow.kernels.fasttext import Lines, fold_characters, make_lines, make_room, sum_lines
from winnow.kernels.fasttext_file import HIERARCHICAL, SOFTMAX, StoredModel, read_model

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OFFSET = 1e-5
"""What fastText adds to every probability."""
_SIGMOID_STEPS, _SIGMOID_END = 512, 8


class Predictions(NamedTuple):
    """Of texts (rows) and labels (columns)."""

    probabilities: Floats
    """In [0, 1]; as fastText reports them, but never above 1."""
    logits: Floats
    """Logarithm of the odds of each label against all others; of ``ova`` and ``ns``, where labels do not exclude each
    other, of the label against its absence."""
    known: NDArray[np.bool_]
    """Whether anything in the text is known to the model; where nothing is, the numbers mean nothing."""


@dataclass(frozen=True)
class Classifier:
    """A model that is open for prediction."""

    labels: tuple[str, ...]
    loss: int
    lines: Lines
    numbers: NDArray[np.float32]
    """What is known of each row of the input matrix."""
    outputs: NDArray[np.float32]
    """What the mean of such numbers is multiplied by (its transpose), to give an output each."""
    label_counts: NDArray[np.int64]

    def predict(self, texts: pa.Array) -> Predictions:
        """Probability and logit of every label for each of some strings; a newline is a space, null is empty."""
        data, offsets = text_buffers(texts)
        room = make_room(self.lines, int(np.diff(offsets).max(initial=0)))
        sums = np.empty((len(texts), self.numbers.shape[1]))
        counts = np.empty(len(texts), np.int64)
        sum_lines(data, offsets, self.lines, room, self.numbers, sums, counts)
        outputs = sums / np.maximum(counts, 1)[:, None] @ self.outputs.T
        if self.loss == SOFTMAX:
            probabilities, logits = _softmax(np.pad(outputs, ((0, 0), (1, 0))))
        elif self.loss == HIERARCHICAL:
            probabilities, logits = _hierarchical(outputs, huffman_paths(self.label_counts))
        else:
            probabilities, logits = _stepped_sigmoid(outputs) + OFFSET, outputs
        return Predictions(np.minimum(probabilities, 1), logits, counts > 0)


def open_classifier(path: Path) -> Classifier:
    """Open a model file; RecipeError for one that cannot be read, or that tells nothing apart."""
    model = read_model(path)
    if len(model.labels) < 2:
        raise RecipeError(f"{path} knows {len(model.labels)} labels: a classifier needs two")
    return make_classifier(model)


def make_classifier(model: StoredModel) -> Classifier:
    """Collapse a model as far as its outputs allow: of a softmax only what sets them apart from the first counts.

    Character n-grams of known words are added up once, here.
    """
    outputs = model.output
    if model.shape.loss == SOFTMAX:
        outputs = outputs[1:] - outputs[:1]
    elif model.shape.loss == HIERARCHICAL:
        outputs = outputs[: len(model.labels) - 1]
    identity = np.eye(min(outputs.shape), dtype=np.float32)
    small, large = (outputs, identity) if len(outputs) <= model.shape.dim else (identity, outputs)
    numbers, entries = model.input.times(small), model.entries
    lines = make_lines(model.shape, entries, model.num_words, model.kept_buckets)
    if lines.max_chars > 0:
        room = make_room(lines, int((entries.ends - entries.starts).max(initial=0)))
        folded = fold_characters(entries.data, entries.starts, entries.ends, lines, room, numbers)
        lines = lines._replace(folded=folded)
    return Classifier(
        labels=model.labels,
        loss=model.shape.loss,
        lines=lines,
        numbers=numbers,
        outputs=large,
        label_counts=entries.counts[model.num_words :],
    )


def _softmax(outputs: Floats) -> tuple[Floats, Floats]:
    """Probabilities, and logits in which the rest is summed up without what is to be told from it."""
    above = outputs - outputs.max(axis=1, keepdims=True)
    shares = np.exp(above)
    top = np.arange(outputs.shape[1]) == outputs.argmax(axis=1)[:, None]
    below = np.where(top, 0, shares).sum(axis=1, keepdims=True)
    rest = np.where(top, below, 1 - shares + below)
    return shares / (1 + below) + OFFSET, above - np.log(rest)


def _hierarchical(outputs: Floats, paths: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """The product of the turns from the root to a leaf, taken by each turn's sigmoid."""
    right, left = (paths == 1).T.astype(float), (paths == -1).T.astype(float)
    turn = _sigmoid(outputs)
    probabilities = np.exp(np.log(turn + OFFSET) @ right + np.log(1 - turn + OFFSET) @ left)
    exact = -np.logaddexp(0, -outputs) @ right - np.logaddexp(0, outputs) @ left
    return probabilities, exact - np.log(-np.expm1(exact))


def _sigmoid(outputs: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -outputs))


def _stepped_sigmoid(outputs: Floats) -> Floats:
    """fastText's: a table of 512 steps from -8 to 8."""
    ends = np.linspace(-_SIGMOID_END, _SIGMOID_END, _SIGMOID_STEPS + 1)
    step = (np.clip(outputs, -_SIGMOID_END, _SIGMOID_END) + _SIGMOID_END) * (_SIGMOID_STEPS / _SIGMOID_END / 2)
    inside = _sigmoid(ends)[step.astype(int)]
    return np.where(outputs < -_SIGMOID_END, 0, np.where(outputs > _SIGMOID_END, 1, inside))


def huffman_paths(counts: NDArray[np.int64]) -> NDArray[np.int8]:
    """The tree of fastText's hierarchical softmax: for each label (row) and inner node 1 for right, -1 for left, 0.

    Labels come with falling counts. Two nodes of the lowest counts are joined until one is left; of a leaf and an inner
    node with equal counts the inner one is taken.
    """
    num_labels = len(counts)
    weights = [*map(float, counts), *[1e15] * (num_labels - 1)]
    leaves: list[list[tuple[int, int]]] = [[] for _ in range(num_labels)]
    below = [[label] for label in range(num_labels)]
    leaf, node = num_labels - 1, num_labels
    for joined in range(num_labels, 2 * num_labels - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        weights[joined] = weights[pair[0]] + weights[pair[1]]
        for child, turn in zip(pair, (-1, 1), strict=True):
            for label in below[child]:
                leaves[label].append((joined - num_labels, turn))
        below.append(below[pair[0]] + below[pair[1]])
    paths = np.zeros((num_labels, num_labels - 1), np.int8)
    for label, turns in enumerate(leaves):
        for inner, turn in turns:
            paths[label, inner] = turn
    return paths
