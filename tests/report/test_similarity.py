from __future__ import annotations

import pytest

from winnow.report.similarity import jaccard, shingles


def test_shingles_are_the_runs_of_words_without_case_and_punctuation() -> None:
    assert shingles("To be, or not to BE!", 3) == {
        ("to", "be", "or"),
        ("be", "or", "not"),
        ("or", "not", "to"),
        ("not", "to", "be"),
    }


def test_a_text_shorter_than_a_shingle_is_one() -> None:
    assert shingles("Hello world") == {("hello", "world")}
    assert shingles("?!") == frozenset()


def test_shingles_of_characters_have_one_space_between_words() -> None:
    assert shingles("Ab,\n c", 3, of="characters") == {("a", "b", " "), ("b", " ", "c")}


@pytest.mark.parametrize("changed", range(1, 20))
def test_words_changed_far_apart_cost_five_shingles_each(changed: int) -> None:
    words = [f"w{n}" for n in range(204)]
    other = [f"x{n}" if n % 10 == 5 and n < 10 * changed else word for n, word in enumerate(words)]
    found = jaccard(shingles(" ".join(words)), shingles(" ".join(other)))
    assert found == (200 - 5 * changed) / (200 + 5 * changed)


def test_empty_texts_are_alike_and_like_nothing_else() -> None:
    assert jaccard(shingles(""), shingles("")) == 1.0
    assert jaccard(shingles(""), shingles("a")) == 0.0
