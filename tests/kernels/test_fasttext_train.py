"""Training: against a loop that a reader can follow, and written so that the reference package reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from winnow.kernels.buffers import text_buffers
from winnow.kernels.fasttext_classifier import make_classifier, open_classifier
from winnow.kernels.fasttext_file import SOFTMAX, Dense, Shape, StoredModel, write_model
from winnow.kernels.fasttext_reference import line_rows_reference
from winnow.kernels.fasttext_train import Vocabulary, count_vocabulary, telling_ngrams, train

TEXTS = ["the stars and the sun", "buy cheap pills now", "the sun is a star", "cheap cheap watches now!", "", "star"]
POSITIVE = np.array([True, False, True, False, False, True])
SHAPE = Shape(dim=3, loss=SOFTMAX, word_ngrams=2, min_chars=0, max_chars=0, bucket=64)


def vocabulary_of(texts: list[str], positive: NDArray[np.bool_], min_count: int = 1) -> Vocabulary:
    return count_vocabulary(*text_buffers(pa.array(texts)), positive, ("cc", "hq"), min_count)


def trained(epochs: int = 30, seed: int = 0, rate: float = 0.5) -> StoredModel:
    data, offsets = text_buffers(pa.array(TEXTS))
    vocabulary = vocabulary_of(TEXTS, POSITIVE)
    return train(data, offsets, POSITIVE, vocabulary, SHAPE, epochs=epochs, rate=rate, seed=seed)


def test_the_vocabulary_is_ordered_by_frequency_then_by_first_place() -> None:
    vocabulary = vocabulary_of(TEXTS, POSITIVE)
    words = [vocabulary.entries.text(index) for index in range(len(vocabulary.entries))]
    assert words[:5] == ["</s>", "the", "cheap", "sun", "star"]
    assert words[5:14] == "stars and buy pills now is a watches now!".split()
    assert words[14:] == ["__label__cc", "__label__hq"]
    counts = dict(zip(words, vocabulary.entries.counts.tolist(), strict=True))
    assert counts["</s>"] == len(TEXTS)
    assert (counts["the"], counts["cheap"], counts["sun"], counts["now!"]) == (3, 3, 2, 1)
    assert (counts["__label__cc"], counts["__label__hq"]) == (3, 3)
    assert vocabulary.num_tokens == sum(map(len, map(str.split, TEXTS))) + 2 * len(TEXTS)


def test_rare_words_are_left_out_and_yet_read() -> None:
    all_of_them, frequent = vocabulary_of(TEXTS, POSITIVE), vocabulary_of(TEXTS, POSITIVE, min_count=2)
    kept = [frequent.entries.text(index) for index in range(len(frequent.entries) - 2)]
    assert kept == ["</s>", "the", "cheap", "sun", "now", "star"] or set(kept) == {
        "</s>",
        "the",
        "cheap",
        "sun",
        "star",
    }
    assert frequent.num_tokens == all_of_them.num_tokens


def test_a_vocabulary_larger_than_its_first_table_is_counted_whole() -> None:
    texts = [" ".join(f"w{number}" for number in range(start, start + 700)) for start in range(0, 70_000, 350)]
    entries = vocabulary_of(texts, np.arange(len(texts)) % 2 == 0).entries
    counts = {entries.text(index): int(entries.counts[index]) for index in range(len(entries))}
    assert len(counts) == 70_000 + 350 + 3
    assert (counts["w0"], counts["w400"], counts["w69999"]) == (1, 2, 2)


def descend_by_hand(model: StoredModel, seed: int, epochs: int, rate: float, num_tokens: int) -> NDArray[np.float64]:
    """The logits of the texts after plain stochastic gradient descent in double precision, with both output rows."""
    inputs = (np.random.default_rng(seed).random((model.num_words + SHAPE.bucket, SHAPE.dim), np.float32) - 0.5) * (
        2 / SHAPE.dim
    )
    inputs, output = inputs.astype(float), np.zeros((2, SHAPE.dim))
    tokens = pending = text = 0
    while tokens < epochs * num_tokens:
        rows = line_rows_reference(TEXTS[text].encode(), model)
        hidden = inputs[rows].mean(axis=0)
        odds = np.exp(output @ hidden)
        alpha = rate * (1 - tokens / (epochs * num_tokens)) * (np.eye(2)[int(POSITIVE[text])] - odds / odds.sum())
        gradient = alpha @ output / len(rows)
        output += np.outer(alpha, hidden)
        for row in rows:
            inputs[row] += gradient
        pending += len(TEXTS[text].split()) + 2
        if pending > 100:
            tokens, pending = tokens + pending, 0
        text = (text + 1) % len(TEXTS)
    rows_of_texts = [line_rows_reference(text.encode(), model) for text in TEXTS]
    return np.array([(output[1] - output[0]) @ inputs[rows].mean(axis=0) for rows in rows_of_texts])


def test_training_is_the_descent_that_a_reader_can_follow() -> None:
    model = trained()
    got = make_classifier(model).predict(pa.array(TEXTS)).logits[:, 1]
    expected = descend_by_hand(model, 0, 30, 0.5, vocabulary_of(TEXTS, POSITIVE).num_tokens)
    assert got.tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    assert ((got > 0) == POSITIVE).mean() > 0.8


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert isinstance(first := trained().input, Dense)
    assert isinstance(again := trained().input, Dense)
    assert isinstance(other := trained(seed=1).input, Dense)
    assert first.values.tobytes() == again.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


def test_what_is_written_is_read_back_and_the_package_reads_it_too(tmp_path: Path) -> None:
    model, path = trained(), tmp_path / "model.bin"
    with path.open("wb") as opened:
        write_model(opened, model, epoch=30, min_count=1, num_tokens=42)
    texts = [*TEXTS, "the cheap star is unknown", "été"]
    expected = make_classifier(model).predict(pa.array(texts))
    got = open_classifier(path).predict(pa.array(texts))
    assert got.logits.tolist() == expected.logits.tolist()
    package = pytest.importorskip("fasttext").load_model(str(path))
    assert package.labels == ["__label__cc", "__label__hq"]
    for text, probabilities in zip(texts, expected.probabilities.tolist(), strict=True):
        told = {label: probability for probability, label in package.f.predict(text + "\n", -1, 0.0, "strict")}
        assert [told[label] for label in package.labels] == pytest.approx(probabilities, abs=1e-6)


def test_the_telling_ngrams_are_those_of_one_set_alone() -> None:
    model = trained(epochs=100)
    classifier = make_classifier(model)
    told = telling_ngrams(*text_buffers(pa.array(TEXTS)), POSITIVE, classifier.lines, classifier.numbers, 6)
    speak_for = {str(each["ngram"]) for each in told if float(str(each["weight"])) > 0}
    speak_against = {str(each["ngram"]) for each in told if float(str(each["weight"])) < 0}
    assert {"star </s>", "sun"} & speak_for
    assert "cheap" in speak_against
    assert all(float(str(each["adds"])) > 0 for each in told)


def test_what_ngrams_add_sums_up_to_the_distance_of_the_means() -> None:
    classifier = make_classifier(trained())
    told = telling_ngrams(*text_buffers(pa.array(TEXTS)), POSITIVE, classifier.lines, classifier.numbers, 1000)
    logits = classifier.predict(pa.array(TEXTS)).logits[:, 1]
    distance = logits[POSITIVE].mean() - logits[~POSITIVE].mean()
    assert 0 < distance <= sum(float(str(each["adds"])) for each in told) + 1e-6
