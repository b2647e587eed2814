from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from winnow.kernels.bloom import BLOCK_BYTES, blocks_for, count_seen, false_positive_rate, new_blocks
from winnow.kernels.bloom_ngrams import Ngrams, paragraph_ngrams
from winnow.kernels.bloom_reference import look_up, ngrams, paragraphs
from winnow.kernels.buffers import text_buffers

pieces = st.one_of(
    st.sampled_from(["a", "b", "word", "don't", "a.b", "3", "1.5", "_", "l'été", "https://x.org/?q=1", "-"]),
    st.sampled_from([" ", "  ", "\n", "\r\n", "\u00a0", "\u2028", "\x1c", ".", "'", ":", ",", '"']),
    st.sampled_from(["é", "\u0301", "\u200d", "🙂", "漢字", "カ", "א"]),
)
texts = st.lists(pieces, max_size=40).map("".join)


def found(text: list[str], size: int = 2, shortest: int = 1, by_line: bool = True) -> Ngrams:
    return paragraph_ngrams(*text_buffers(pa.array(text, pa.string())), size, shortest, by_line)


def looked(texts: list[str], size: int, shortest: int, threshold: float, by_line: bool) -> list[tuple[int, ...]]:
    grams = found(texts, size, shortest, by_line)
    seen = np.empty(len(grams.paragraphs), np.int32)
    count_seen(new_blocks(512), grams.hashes, grams.paragraphs["num_ngrams"].copy(), threshold, seen)
    return [(*paragraph.tolist(), number) for paragraph, number in zip(grams.paragraphs, seen.tolist(), strict=True)]


@settings(max_examples=150)
@given(st.lists(texts, max_size=4), st.integers(1, 4), st.integers(1, 4), st.floats(0, 1), st.booleans())
@example(["\n\n", "", "\na b", "a b\n"], 2, 1, 0.5, True)
def test_a_pass_finds_what_its_reference_finds(
    texts: list[str], size: int, shortest: int, threshold: float, by_line: bool
) -> None:
    shortest = min(size, shortest)
    expected = look_up(texts, size=size, shortest=shortest, threshold=threshold, by_line=by_line)
    flat = [(one.start, one.end, one.num_ngrams, one.num_seen) for text in expected for one in text]
    assert looked(texts, size, shortest, threshold, by_line) == flat


@given(st.lists(texts, max_size=4))
def test_paragraphs_belong_to_their_documents(texts: list[str]) -> None:
    numbers = [sum(bool(ngrams(text[a:b], 2, 1)) for a, b in paragraphs(text)) for text in texts]
    assert np.diff(found(texts).ends, prepend=0).tolist() == numbers


@given(texts, st.integers(1, 5))
def test_equal_ngrams_and_no_others_have_equal_hashes(text: str, size: int) -> None:
    grams = [gram for start, end in paragraphs(text) for gram in ngrams(text[start:end], size, size)]
    numbers = {gram: number for number, gram in enumerate(dict.fromkeys(grams))}
    _, hashes = np.unique(found([text], size, size).hashes, return_inverse=True)
    assert len(set(zip(hashes.tolist(), map(numbers.get, grams), strict=True))) == len(numbers)


def test_a_document_without_newlines_may_be_large() -> None:
    text = "one two three four " * 500_000
    grams = found([text, "a b"], 13)
    assert len(grams.hashes) == 2_000_000 - 12 + 1
    assert grams.paragraphs.tolist() == [(0, len(text), 1_999_988), (0, 3, 1)]
    assert len(set(grams.hashes.tolist())) == 5


def test_a_nested_slice_of_texts_is_read_from_its_start() -> None:
    texts = pa.array(["x y", "a b\nc d", "e f"]).slice(1, 1)
    grams = paragraph_ngrams(*text_buffers(texts), 2, 2, True)
    assert grams.paragraphs.tolist() == [(0, 3, 1), (3, 7, 1)]


def test_no_entry_is_forgotten() -> None:
    blocks, hashes = new_blocks(10), np.random.default_rng(1).integers(0, 2**64, 5000, np.uint64)
    seen = np.empty(2, np.int32)
    count_seen(blocks, np.concatenate([hashes, hashes]), np.full(2, 5000, np.int32), 1.0, seen)
    assert seen[1] == 5000


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.001])
def test_the_rate_of_false_positives_is_the_one_asked_for(rate: float) -> None:
    hashes = np.random.default_rng(2).integers(0, 2**64, 600_000, np.uint64)
    blocks, seen = new_blocks(blocks_for(200_000, rate)), np.empty(1, np.int32)
    count_seen(blocks, hashes[:200_000], np.array([200_000], np.int32), 1.0, seen)
    count_seen(blocks, hashes[200_000:], np.array([400_000], np.int32), 0.0, seen)
    assert seen[0] / 400_000 == pytest.approx(rate, rel=0.08)


@settings(max_examples=30)
@given(st.integers(1, 10**12), st.floats(1e-6, 0.9))
def test_the_filter_is_the_smallest_that_keeps_the_rate(entries: int, rate: float) -> None:
    blocks = blocks_for(entries, rate)
    assert false_positive_rate(entries / blocks) <= rate
    assert blocks < 1000 or false_positive_rate(entries / (0.99 * blocks)) > rate


def test_a_filter_takes_few_bits_more_than_a_classic_one() -> None:
    assert blocks_for(10**6, 0.01) * BLOCK_BYTES * 8 / 10**6 == pytest.approx(10.1, abs=0.05)  # classic: 9.6


def test_blocks_start_at_cache_lines() -> None:
    assert all(new_blocks(number).ctypes.data % 64 == 0 for number in range(1, 20))
