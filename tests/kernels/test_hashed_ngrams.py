"""Hashed n-grams against their readable twin, and what is learnt from them against plain arithmetic."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.kernels import hashed_ngrams_reference as reference
from winnow.kernels.hashed_ngrams import count_ngrams, first_ngrams, learn, mean_shares, weigh

words = st.sampled_from(
    ["a", "be", "Sea", "It's", "écho", "한글", "नमस्ते", "x" * 70, "...", "7", "_", "\n", "Straße", "ΟΔΟΣ"]
)
texts = st.one_of(st.lists(words, max_size=60).map(" ".join), st.text(max_size=80))


def counted(text: str, ngram: int, num_buckets: int) -> dict[int, int]:
    counts = np.zeros(num_buckets, np.int64)
    count_ngrams(pa.array([text], pa.string()), ngram, counts)
    return {bucket: int(count) for bucket, count in enumerate(counts) if count}


@given(texts, st.integers(1, 4), st.sampled_from([1, 1000, 1 << 16]))
def test_ngrams_are_the_twins(text: str, ngram: int, num_buckets: int) -> None:
    assert counted(text, ngram, num_buckets) == reference.count_buckets(text, ngram, num_buckets)


@given(texts)
def test_tokens_are_those_of_wordpunct_on_small_letters(text: str) -> None:
    plain = text.replace("İ", "i").replace("Σ", "σ")
    assert reference.tokens(plain) == re.findall(r"\w+|[^\w\s]+", plain.lower())


def test_ngrams_are_tokens_and_runs_of_them() -> None:
    assert reference.tokens("It's 3.5 km_a!? 漢字") == ["it", "'", "s", "3", ".", "5", "km_a", "!?", "漢字"]
    assert list(reference.ngrams("a b c", 2)) == [("a",), ("b",), ("a", "b"), ("c",), ("b", "c")]
    assert len(list(reference.ngrams("a b c", 9))) == 6


def test_an_ngram_is_neither_its_reverse_nor_its_tokens_joined() -> None:
    buckets = {reference.bucket(ngram, 1 << 30) for ngram in [("a", "b"), ("b", "a"), ("ab",), ("a",), ("b",)]}
    assert len(buckets) == 5


def test_buckets_are_filled_evenly() -> None:
    counts = np.zeros(100, np.int64)
    count_ngrams(pa.array([" ".join(f"w{n}" for n in range(20_000))]), 2, counts)
    expected = counts.sum() / 100
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 99 + 5 * np.sqrt(2 * 99)


@given(st.lists(texts, max_size=5), st.integers(1, 3))
def test_a_weight_counts_once_for_each_ngram_of_its_bucket(some: list[str], ngram: int) -> None:
    weights = np.random.default_rng(0).normal(size=97).astype(np.float32)
    sums, numbers = weigh(pa.array(some, pa.string()), ngram, weights)
    counts = [reference.count_buckets(text, ngram, 97) for text in some]
    assert numbers.tolist() == [sum(count.values()) for count in counts]
    assert sums == pytest.approx([sum(float(weights[b]) * n for b, n in count.items()) for count in counts], abs=1e-4)


def test_sliced_null_and_broken_texts_are_read_like_others() -> None:
    weights = np.ones(10, np.float32)
    texts = pa.array(["left out", "a b", None, ""]).slice(1)
    assert weigh(texts, 2, weights)[1].tolist() == [3, 0, 0]
    broken = pa.array([b"a \xff\xfe b"]).view(pa.string())
    assert weigh(broken, 1, weights)[1].tolist() == [3]


def test_a_long_document_is_weighed_like_its_parts() -> None:
    part = "word and another one, in 3 lines.\n"
    long = weigh(pa.array([part * 40_000]), 1, np.full(7, 0.5, np.float32))
    assert long[1][0] == 40_000 * 9
    assert long[0][0] == 40_000 * 9 * 0.5


def slow_learn(
    some: list[str], targets: list[float], is_logistic: bool, ngram: int, size: int, epochs: int, rate: float
) -> tuple[dict[int, float], float]:
    """AdaGrad in plain Python: the bias plus the mean weight, one occurrence of an n-gram after the other."""
    weights: dict[int, float] = defaultdict(float)
    squares: dict[int, float] = defaultdict(float)
    bias = bias_squares = 0.0
    for _ in range(epochs):
        for text, target in zip(some, targets, strict=True):
            buckets = [reference.bucket(found, size) for found in reference.ngrams(text, ngram)]
            if not buckets:
                continue
            value = bias + sum(weights[b] for b in buckets) / len(buckets)
            error = (1 / (1 + np.exp(-value)) if is_logistic else value) - target
            gradient = error / len(buckets)
            if gradient**2 < 1e-45:
                continue
            for b in buckets:
                squares[b] += gradient**2
                weights[b] -= rate * gradient / np.sqrt(squares[b])
            bias_squares += error**2
            bias -= rate * error / np.sqrt(bias_squares)
    return weights, bias


@settings(max_examples=40)
@given(
    st.lists(st.tuples(texts, st.sampled_from([0.0, 1.0])), min_size=1, max_size=6),
    st.booleans(),
    st.integers(1, 3),
)
def test_what_is_learnt_is_what_plain_arithmetic_gives(
    examples: list[tuple[str, float]], is_logistic: bool, ngram: int
) -> None:
    some, targets = [text for text, _ in examples], [target for _, target in examples]
    weights, bias = learn(
        pa.array(some, pa.string()),
        np.array(targets),
        is_logistic=is_logistic,
        ngram=ngram,
        num_buckets=64,
        epochs=2,
        rate=0.25,
    )
    slow, slow_bias = slow_learn(some, targets, is_logistic, ngram, 64, 2, 0.25)
    assert bias == pytest.approx(slow_bias, abs=1e-3)
    assert weights.tolist() == pytest.approx([slow.get(b, 0.0) for b in range(64)], abs=1e-3)


def test_shares_are_means_over_documents() -> None:
    shares = mean_shares(pa.array(["a b", "a", ""]), 1, 1 << 16, np.array([0.5, 0.25, 9.0]))
    assert shares[reference.bucket(("a",), 1 << 16)] == pytest.approx(0.5)
    assert shares[reference.bucket(("b",), 1 << 16)] == pytest.approx(0.25)
    assert shares.sum() == pytest.approx(0.75)


def test_a_bucket_is_named_by_the_first_ngram_in_it() -> None:
    texts = pa.array(["nothing here", "See: Über  die\nBrücke, über die"])
    wanted = [("see",), ("über", "die"), ("die", "brücke"), (",",), ("missing",)]
    buckets = np.array([reference.bucket(ngram, 1 << 20) for ngram in wanted])
    assert first_ngrams(texts, 2, 1 << 20, buckets) == ["see", "über die", "die brücke", ",", ""]
