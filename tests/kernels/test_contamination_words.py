"""The words by which texts are compared: formatting never matters, and the readable twin agrees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels.buffers import text_buffers
from winnow.kernels.matching_reference import split_words_reference
from winnow.kernels.matching_words import folds, gram_hash, new_words, powers, split_words


def words_of(text: bytes) -> tuple[list[int], list[tuple[int, int]]]:
    """Hash and span of each word."""
    data, offsets = text_buffers(pa.array([text], pa.binary()))
    words = new_words(len(text))
    number = split_words(data, int(offsets[0]), int(offsets[1]), folds(), words)
    hashes = [int(gram_hash(words.prefixes, at, 1, powers())) for at in range(number)]
    return hashes, [(int(words.starts[at]), int(words.ends[at])) for at in range(number)]


def same(left: str, right: str) -> bool:
    return words_of(left.encode())[0] == words_of(right.encode())[0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("What is the capital?", "WHAT IS THE\n\ncapital"),
        ("“Don’t,” he said", '"Don\'t" he said'),
        ("(A) one (B) two", "A. one\nB) two"),
        ("café naïve", "cafe\u0301 naive"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("ＡＢＣ １２", "abc 12"),
        ("x=3*(y+1)", "x = 3 * ( y + 1 )"),
        ("東京は", "東 京\nは"),
        ("♜♞", "♜ ♞"),
        ("", " .,;\n"),
    ],
)
def test_formatting_does_not_matter(left: str, right: str) -> None:
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("cat", "cats"), ("a b", "ab"), ("1 2", "12"), ("東京", "京東"), ("की", "का"), ("♜", "♞"), ("한국", "한글")],
)
def test_words_matter(left: str, right: str) -> None:
    assert not same(left, right)


texts = st.one_of(
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet="aB1é\u0301 .-\n東ไ\u0e34한♜\u200b'", max_size=40).map(str.encode),
    st.binary(max_size=40),
)


@given(text=texts)
def test_the_twin_agrees(text: bytes) -> None:
    hashes, spans = words_of(text)
    expected = split_words_reference(text)
    assert spans == [(word.start, word.end) for word in expected]
    number_of = {word.text: hashed for word, hashed in zip(expected, hashes, strict=True)}
    assert [number_of[word.text] for word in expected] == hashes
    assert len(set(number_of.values())) == len(number_of)


@given(words=st.lists(st.sampled_from(["a", "bc", "d"]), min_size=1, max_size=12), size=st.integers(1, 4))
def test_grams_are_equal_exactly_when_their_words_are(words: list[str], size: int) -> None:
    text = " ".join(words).encode()
    data, offsets = text_buffers(pa.array([text], pa.binary()))
    found = new_words(len(text))
    number = split_words(data, 0, int(offsets[1]), folds(), found)
    grams = [tuple(words[at : at + size]) for at in range(number - size + 1)]
    hashes = [int(gram_hash(found.prefixes, at, size, powers())) for at in range(number - size + 1)]
    for left, one in zip(grams, hashes, strict=True):
        for right, other in zip(grams, hashes, strict=True):
            assert (left == right) == (one == other)


def test_all_real_text_is_split_as_the_twin_splits_it() -> None:
    text = "Ünïcode ﬁne ½ ² Ω \U0001f600\U000e0041 \ud7a3 İstanbul ß ŉ".encode("utf-8", "surrogatepass")
    assert words_of(text)[1] == [(word.start, word.end) for word in split_words_reference(text)]
    assert np.iinfo(np.int32).max > int(folds().max())
