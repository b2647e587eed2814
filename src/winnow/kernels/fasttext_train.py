"""fastText's supervised training for two labels: the vocabulary, stochastic gradient descent, what tells most.

The algorithm of fastText 0.9.2 on one thread (``FastText::trainThread``, ``SoftmaxLoss::forward``): one example after
the other, a learning rate that falls linearly with the words read, the gradient divided by the number of rows. Two
labels begin with equal output rows, so one of these is always the other's negative, and one is kept. Unlike there, the
whole input matrix begins random: fastText with one thread draws a tenth of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.kernels.buffers import PADDING
from winnow.kernels.fasttext import Lines, Room, add_up, find_slot, line_rows, make_lines, make_room, read_words
from winnow.kernels.fasttext_file import LABEL_PREFIX, SOFTMAX, Dense, Entries, Shape, StoredModel
from winnow.kernels.hashing import hash_bytes
from winnow.kernels.jit import inlined, kernel, leaf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.kernels.buffers import Bytes

COUNTED = np.dtype([("hash", np.uint64), ("count", np.int64), ("start", np.int64), ("end", np.int64)])
"""Of a table of words: how often one occurs and where it stood first."""
_FIRST_SLOTS = 1 << 16
_TOKENS_BETWEEN_RATES = 100
"""The learning rate falls after so many tokens."""


class Vocabulary(NamedTuple):
    """What is known of the texts before training."""

    entries: Entries
    """The words, the most frequent first, among them ``</s>``; then the two labels."""
    num_tokens: int
    """Words that were read, ``</s>`` and labels among them."""


def count_vocabulary(
    data: Bytes, offsets: NDArray[np.int64], positive: NDArray[np.bool_], labels: tuple[str, str], min_count: int
) -> Vocabulary:
    """The words that occur ``min_count`` times; ``labels`` are those of texts that are not ``positive``, and are."""
    nothing = Shape(dim=0, loss=SOFTMAX, word_ngrams=1, min_chars=0, max_chars=0, bucket=0)
    lines = make_lines(nothing, _entries([]), 0)
    room = make_room(lines, int(np.diff(offsets).max(initial=0)))
    slots, counts = np.zeros(_FIRST_SLOTS, COUNTED), np.zeros(2, np.int64)
    text, num_texts = 0, len(positive)
    while (text := count_words(data, offsets, text, lines, room, slots, counts)) < num_texts:
        known, slots = slots[slots["hash"] != 0], np.zeros(2 * len(slots), COUNTED)
        insert_counted(known, slots)
    found = slots[(slots["hash"] != 0) & (slots["count"] >= min_count)]
    found = found[np.lexsort([found["start"], -found["count"]])]
    words = [(data[start:end].tobytes(), count) for _, count, start, end in found.tolist()]
    words.insert(int((found["count"] > num_texts).sum()), (b"</s>", num_texts))
    sizes = np.bincount(positive, minlength=2).tolist()
    named = [((LABEL_PREFIX + label).encode(), size) for label, size in zip(labels, sizes, strict=True)]
    return Vocabulary(_entries(words + named), int(counts[1]) + num_texts)


def _entries(words: list[tuple[bytes, int]]) -> Entries:
    lengths = np.array([len(word) for word, _ in words], np.int64)
    ends = np.cumsum(lengths)
    data = np.frombuffer(b"".join(word for word, _ in words) + bytes(PADDING), np.uint8).copy()
    return Entries(data, ends - lengths, ends, np.array([count for _, count in words], np.int64))


@kernel
def count_words(
    data: Bytes,
    offsets: NDArray[np.int64],
    text: int,
    lines: Lines,
    room: Room,
    slots: NDArray[np.void],
    counts: NDArray[np.int64],
) -> int:
    """Count the words of texts from ``text`` on into a table, as long as it has room for all of the next one's.

    ``counts`` holds the number of words in the table and the number read, ``</s>`` among these. Gives the next text.
    """
    while text < offsets.size - 1:
        num_words = read_words(data, offsets[text], offsets[text + 1], lines, room.words)
        if 3 * (counts[0] + num_words) > 2 * slots.size:
            break
        counts[1] += num_words
        for index in range(num_words - 1):
            word = room.words[index]
            hashed = hash_bytes(data, word.start, word.end)
            place = find_slot(slots, hashed)
            slot = slots[place]
            if slot.hash == 0:
                slot.hash, slot.count, slot.start, slot.end = hashed, 0, word.start, word.end
                counts[0] += 1
            slot.count += 1
        text += 1
    return text


@kernel
def insert_counted(known: NDArray[np.void], slots: NDArray[np.void]) -> None:
    """Put words into a larger, empty table."""
    for index in range(known.size):
        slots[find_slot(slots, known[index].hash)] = known[index]


def train(
    data: Bytes,
    offsets: NDArray[np.int64],
    positive: NDArray[np.bool_],
    vocabulary: Vocabulary,
    shape: Shape,
    *,
    epochs: int,
    rate: float,
    seed: int,
) -> StoredModel:
    """A model of the second label against the first, learnt from the texts in their order, ``epochs`` times."""
    entries = vocabulary.entries
    lines = make_lines(shape, entries, len(entries) - 2)
    room = make_room(lines, int(np.diff(offsets).max(initial=0)))
    inputs = np.random.default_rng(seed).random((lines.num_words + shape.bucket, shape.dim), np.float32)
    inputs -= np.float32(0.5)
    inputs *= np.float32(2 / shape.dim)
    output = np.zeros(shape.dim, np.float32)
    descend(data, offsets, positive, lines, room, inputs, output, epochs * vocabulary.num_tokens, rate)
    return StoredModel(
        shape=shape,
        entries=entries,
        num_words=lines.num_words,
        kept_buckets=None,
        input=Dense(inputs),
        output=np.stack([-output, output]),
    )


@kernel
def descend(
    data: Bytes,
    offsets: NDArray[np.int64],
    positive: NDArray[np.bool_],
    lines: Lines,
    room: Room,
    inputs: NDArray[np.float32],
    output: NDArray[np.float32],
    num_tokens: int,
    rate: float,
) -> None:
    """Move the rows of each text and the positive label's output row along the gradient, until so many tokens."""
    gradient = np.empty(output.size, np.float32)
    sums = np.empty((1, output.size))
    text = tokens = pending = 0
    while tokens < num_tokens:
        num_words = read_words(data, offsets[text], offsets[text + 1], lines, room.words)
        num_rows = line_rows(data, lines, room, num_words)
        if num_rows > 0:
            add_up(inputs, room.rows, num_rows, sums[0])
            step = rate * (1 - tokens / num_tokens)
            _learn(room.rows, num_rows, positive[text], step, inputs, output, sums[0], gradient)
        pending += num_words + 1
        if pending > _TOKENS_BETWEEN_RATES:
            tokens += pending
            pending = 0
        text = (text + 1) % positive.size


@leaf
def _learn(
    rows: NDArray[np.int32],
    num_rows: int,
    is_positive: bool,
    step: float,
    inputs: NDArray[np.float32],
    output: NDArray[np.float32],
    sums: NDArray[np.float64],
    gradient: NDArray[np.float32],
) -> None:
    """One step for one text: the two output rows are ``output`` and its negative."""
    logit = 0.0
    for column in range(output.size):
        sums[column] /= num_rows
        logit += 2 * sums[column] * output[column]
    error = step * ((1.0 if is_positive else 0.0) - 1 / (1 + np.exp(-logit)))
    for column in range(output.size):
        gradient[column] = 2 * error * output[column] / num_rows
        output[column] += error * sums[column]
    for index in range(num_rows):
        row = rows[index]
        for column in range(output.size):
            inputs[row, column] += gradient[column]


def telling_ngrams(
    data: Bytes,
    offsets: NDArray[np.int64],
    positive: NDArray[np.bool_],
    lines: Lines,
    numbers: NDArray[np.float32],
    number: int,
) -> list[dict[str, object]]:
    """The n-grams that part positive texts from the others most: at most ``number`` that speak for them, then against.

    ``weight`` is what an n-gram says alone, in nats; ``adds`` how much further apart it brings the mean logits of the
    two sets. Of n-grams that share a bucket the one met first is named.
    """
    adds, first = np.zeros(len(numbers)), np.full((len(numbers), 2), -1, np.int64)
    room = make_room(lines, int(np.diff(offsets).max(initial=0)))
    signs = np.where(positive, 1 / max(1, positive.sum()), -1 / max(1, (~positive).sum()))
    add_contributions(data, offsets, signs, lines, room, numbers, adds, first)
    weights = numbers[:, 0]
    chosen: list[int] = []
    for of_side in (np.where(weights > 0, adds, 0), np.where(weights < 0, adds, 0)):
        order = np.argsort(-of_side, kind="stable")[:number]
        chosen += order[of_side[order] > 0].tolist()
    return [
        {
            "ngram": _ngram(data, *first[row].tolist()),
            "weight": float(weights[row]),
            "adds": float(adds[row]),
        }
        for row in chosen
    ]


def _ngram(data: Bytes, start: int, end: int) -> str:
    words = data[start : ~end if end < 0 else end].tobytes().decode("utf-8", "replace").split()
    return " ".join([*words, "</s>"] if end < 0 else words)


@kernel
def add_contributions(
    data: Bytes,
    offsets: NDArray[np.int64],
    signs: NDArray[np.float64],
    lines: Lines,
    room: Room,
    numbers: NDArray[np.float32],
    adds: NDArray[np.float64],
    first: NDArray[np.int64],
) -> None:
    """Add up, over texts times their signs, what each row of a model of words and word n-grams adds to the logit.

    ``first`` (rows, 2) is filled with where the row's n-gram first stood; its end is complemented (~) where it includes
    ``</s>``. Rows that no text has keep what they hold.
    """
    for text in range(offsets.size - 1):
        num_words = read_words(data, offsets[text], offsets[text + 1], lines, room.words)
        num_rows = line_rows(data, lines, room, num_words)
        index = 0
        for word in range(num_words):
            if room.words[word].row >= 0:
                _add(room, num_words, index, word, word, signs[text] / num_rows, numbers, adds, first)
                index += 1
        for start in range(num_words):
            for last in range(start + 1, min(num_words, start + lines.word_ngrams)):
                _add(room, num_words, index, start, last, signs[text] / num_rows, numbers, adds, first)
                index += 1


@inlined
def _add(
    room: Room,
    num_words: int,
    index: int,
    start: int,
    last: int,
    share: float,
    numbers: NDArray[np.float32],
    adds: NDArray[np.float64],
    first: NDArray[np.int64],
) -> None:
    row = room.rows[index]
    adds[row] += numbers[row, 0] * share
    if first[row, 0] < 0:
        end = room.words[last].end
        first[row, 0] = room.words[start].start
        first[row, 1] = ~end if last == num_words - 1 else end
