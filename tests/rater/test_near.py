from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from letters import END

from winnow.rater.chunks import ChunkTable, chunks_of
from winnow.rater.near import near_duplicates, window_for, window_hashes


def chunks(*documents: np.ndarray) -> ChunkTable:
    offsets = np.cumsum([0, *(len(one) + 1 for one in documents)])
    return chunks_of([(np.concatenate([np.append(one, END) for one in documents]), offsets)], 16, END)


def text(seed: int, size: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, size)


def test_copies_are_found_whole_shifted_and_in_part() -> None:
    held, other = text(0), text(1)
    pool = chunks(
        other,
        held,
        held[37:],  # the beginning is gone
        np.concatenate([other[:100], held[:200]]),  # two thirds of it
        np.concatenate([other[:200], held[:100]]),  # a third
    )
    assert near_duplicates(pool, chunks(held)).tolist() == [1, 2, 3]


def test_short_documents_are_compared_whole() -> None:
    pool = chunks(np.array([1, 2, 3]), np.array([1, 2, 4]), np.array([7]))
    assert near_duplicates(pool, chunks(np.array([1, 2, 3]), np.array([7, 7]))).tolist() == [0]


def test_nothing_stands_in_an_empty_set() -> None:
    none = chunks_of([], 16, END)
    assert near_duplicates(none, chunks(text(0))).tolist() == near_duplicates(chunks(text(0)), none).tolist() == []


def test_the_same_windows_are_looked_at_wherever_they_stand() -> None:
    whole, part = text(3), text(3)[50:150]
    assert set(window_hashes(part, 8)) <= set(window_hashes(whole, 8))
    assert 0.15 < len(window_hashes(whole, 8)) / len(whole) < 0.35


def test_a_window_is_as_much_text_whatever_the_tokenizer() -> None:
    assert [window_for(tokens, 1000) for tokens in (1000, 500, 100, 0)] == [40, 20, 8, 8]
