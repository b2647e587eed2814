from __future__ import annotations

import random
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from winnow.kernels.buffers import text_buffers
from winnow.kernels.substrings import anchors, count_windows, windows
from winnow.kernels.substrings_reference import repeated

texts = st.lists(
    st.sampled_from(["a ", "b ", "a b ", "c\n", "é ", "漢字", "🙂\u00a0", "a b c d e f ", " "]), max_size=30
).map("".join)


def tokens_of(text: str, by_word: bool) -> list[str]:
    return re.findall(r"\S+" if by_word else r"(?s).", text)


def buffers(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return text_buffers(pa.array(texts, pa.string()))


@given(st.lists(texts, max_size=4), st.integers(2, 9), st.booleans())
def test_windows_are_counted(texts: list[str], length: int, by_word: bool) -> None:
    expected = [max(0, len(tokens_of(text, by_word)) - length + 1) for text in texts]
    assert count_windows(*buffers(texts), length, by_word).tolist() == expected


@settings(max_examples=300)
@given(st.lists(texts, min_size=1, max_size=4), st.integers(2, 9), st.booleans())
def test_windows_with_repeated_anchors_hold_all_that_repeats(texts: list[str], length: int, by_word: bool) -> None:
    data, offsets = buffers(texts)
    found, counts = np.unique(anchors(data, offsets, length, by_word), return_counts=True)
    every, _ = windows(data, offsets, length, by_word, found)
    assert len(every) == count_windows(data, offsets, length, by_word).sum()
    some, ends = windows(data, offsets, length, by_word, found[counts > 1])
    marked: list[set[int]] = []
    met: set[tuple[int, int]] = set()
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        marked.append(set())
        for first, last, high, low in some[start:end].tolist():
            if (high, low) in met:
                marked[-1].update(range(first, last))
            met.add((high, low))
    assert marked == repeated(texts, length, by_word)


@given(texts, st.integers(2, 6), st.booleans())
def test_equal_windows_and_no_others_have_equal_hashes(text: str, length: int, by_word: bool) -> None:
    data, offsets = buffers([text])
    found, _ = windows(data, offsets, length, by_word, np.unique(anchors(data, offsets, length, by_word)))
    tokens = tokens_of(text, by_word)
    contents = [tuple(tokens[start : start + length]) for start in range(len(found))]
    for half in ("high", "low"):
        pairs = set(zip(found[half].tolist(), contents, strict=True))
        assert len(pairs) == len(set(contents)) == len(set(found[half].tolist()))


def test_there_are_few_anchors() -> None:
    text = " ".join(f"w{number}" for number in random.Random(1).choices(range(10**6), k=50_000))
    assert len(anchors(*buffers([text]), 50, True)) == pytest.approx(2 * 50_000 / 27, rel=0.03)


def test_a_text_that_says_one_thing_over_and_over_is_read_in_linear_time() -> None:
    data, offsets = buffers(["again and " * 300_000])
    found = anchors(data, offsets, 50, True)
    assert len(windows(data, offsets, 50, True, np.unique(found))[0]) == 600_000 - 49
