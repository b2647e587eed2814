"""Shingles against their readable twin: the set of n-grams, each once, in order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels import shingles_reference
from winnow.kernels.buffers import text_buffers
from winnow.kernels.minhash import Sketcher, permutations, sketch
from winnow.kernels.normalize import character_folds, normalize
from winnow.kernels.shingles import num_begins, sort_distinct

words = st.sampled_from(["a", "be", "sea", "delta", "echoes", "été", "한글", "x" * 20, "y" * 70, "...", "7"])
texts = st.lists(words, max_size=200).map(" ".join)


def shingles_of(texts: list[str], of: str = "words", ngram: int = 5) -> list[list[int]]:
    sketcher = Sketcher(*permutations(4, 1), 2, 2, ngram, of == "words", 1, character_folds())
    found = sketch(*text_buffers(pa.array(texts, pa.string())), sketcher)
    return [
        found.shingles[start:end].tolist() for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)
    ]


@given(st.lists(st.one_of(texts, st.text()), max_size=4), st.sampled_from(["words", "characters"]), st.integers(1, 8))
def test_shingles_are_the_twins(some: list[str], of: str, ngram: int) -> None:
    normal = normalize(pa.array(some, pa.string())).to_pylist()
    expected = [shingles_reference.shingles(text, of, ngram) for text in normal]
    assert shingles_of(some, of, ngram) == expected


def test_there_are_as_many_as_there_are_different_ngrams() -> None:
    assert shingles_reference.ngrams("a b c d".split(), 3) == [("a", "b", "c"), ("b", "c", "d")]
    assert [len(found) for found in shingles_of(["a b c d e f g", "a b a b a b a b", "a b", "", "?!"])] == [
        3,
        2,
        1,
        0,
        0,
    ]


def test_the_order_of_words_counts_and_their_case_and_marks_do_not() -> None:
    one, other, turned = shingles_of(
        ["The quick (brown) fox jumps!", "the QUICK brown fox -- jumps", "jumps fox brown quick the"]
    )
    assert one == other
    assert not set(one) & set(turned)


def test_a_document_shorter_than_an_ngram_is_one_shingle_of_all_its_words() -> None:
    short, same, longer = shingles_of(["two words", "Two words.", "two words more"])
    assert len(short) == len(longer) == 1
    assert short == same != longer


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000, 70_000])
@pytest.mark.parametrize("high", [1, 5, 1 << 32])
def test_sorting_leaves_each_once(size: int, high: int) -> None:
    drawn = np.random.default_rng(size).integers(0, high, size, np.uint32)
    out = np.empty(size, np.uint32)
    number = sort_distinct(drawn, np.empty(num_begins(size), np.int32), np.empty(size, np.uint32), out)
    assert out[:number].tolist() == sorted(set(drawn.tolist()))
