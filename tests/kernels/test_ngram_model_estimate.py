"""Kneser-Ney estimates: by hand, by lmplz, by the readable twin; and probabilities that sum to 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.kernels.buffers import text_buffers
from winnow.kernels.ngram_model import score_texts
from winnow.kernels.ngram_model_arpa import read_arpa
from winnow.kernels.ngram_model_estimate import FALLBACK, estimate
from winnow.kernels.ngram_model_file import make_model
from winnow.kernels.ngram_model_reference import Model, as_dictionary, estimate_reference, sentence_score, word_score
from winnow.kernels.ngram_model_words import new_words, number_texts, spell

DATA = Path(__file__).parents[1] / "measure" / "data" / "ngram_model"
SENTENCES = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=8), min_size=1, max_size=30)


def estimated(text: str, order: int, prune: Sequence[int] = ()) -> Model:
    words, tokens = number_texts(*text_buffers(pa.array([text])), new_words())
    return as_dictionary(spell(words), estimate(tokens, int(words.size[0]), order, prune).ngrams)


def assert_equal(found: Model, expected: Model) -> None:
    assert found.keys() == expected.keys()
    for gram, weights in expected.items():
        assert found[gram] == pytest.approx(weights, abs=1e-5), gram


def test_bigrams_of_three_sentences_are_as_computed_by_hand() -> None:
    """Bigrams: <s> a thrice, a b and b </s> twice, a c and c </s> once, so Y = 2/6 and D = 1/3, 3/2, 3.

    Words: a, b and c follow one word each, </s> two; no word follows three, so D = 1/2, 1, 3/2. What is discounted of
    the five is 5/2, which five words share: 1/10 each.
    """
    found = estimated("a b\na b\na c", 2)
    probability = {" ".join(gram): 10**log10 for gram, (log10, _) in found.items()}
    left = {" ".join(gram): 10**backoff for gram, (_, backoff) in found.items() if len(gram) == 1}
    assert probability == pytest.approx(
        {
            "<unk>": 0.1, "<s>": 1.0, "a": 0.2, "b": 0.2, "c": 0.2, "</s>": 0.3,
            "<s> a": 0 + 1 * 0.2,
            "a b": (2 - 1.5) / 3 + 11 / 18 * 0.2,
            "a c": (1 - 1 / 3) / 3 + 11 / 18 * 0.2,
            "b </s>": (2 - 1.5) / 2 + 0.75 * 0.3,
            "c </s>": (1 - 1 / 3) / 1 + 1 / 3 * 0.3,
        },
        abs=1e-6,
    )  # fmt: skip
    assert left == pytest.approx(
        {"<s>": 1, "a": (1.5 + 1 / 3) / 3, "b": 0.75, "c": 1 / 3, "<unk>": 1, "</s>": 1}, abs=1e-6
    )


def test_a_model_is_that_of_lmplz() -> None:
    assert_equal(estimated((DATA / "toy.txt").read_text(), 3), as_dictionary(*read_arpa(DATA / "toy.arpa")))


def test_a_pruned_model_is_that_of_lmplz() -> None:
    """``lmplz -o 4 --prune 0 1 2 2 --discount_fallback < toy.txt > pruned.arpa``."""
    pruned = estimated((DATA / "toy.txt").read_text(), 4, (0, 1, 2))
    assert_equal(pruned, as_dictionary(*read_arpa(DATA / "pruned.arpa")))


@settings(max_examples=40)
@given(SENTENCES, st.integers(2, 5), st.sampled_from([(), (0, 1), (0, 0, 2)]))
def test_estimates_agree_with_the_readable_twin(sentences: list[list[str]], order: int, prune: tuple[int, ...]) -> None:
    text = "\n".join(map(" ".join, sentences))
    assert_equal(estimated(text, order, prune[:order]), estimate_reference(sentences, order, prune))


@settings(max_examples=40)
@given(SENTENCES, st.lists(st.sampled_from("abcdez"), max_size=4), st.booleans(), st.sampled_from([(), (0, 1)]))
def test_probabilities_sum_to_one_after_any_words(
    sentences: list[list[str]], before: list[str], begins: bool, prune: tuple[int, ...]
) -> None:
    model = estimated("\n".join(map(" ".join, sentences)), 3, prune)
    context = tuple(word if (word,) in model else "<unk>" for word in (["<s>"] if begins else []) + before)[-2:]
    words = [gram[0] for gram in model if len(gram) == 1 and gram != ("<s>",)]
    assert sum(10 ** word_score(model, context, word) for word in words) == pytest.approx(1, abs=1e-5)


def test_a_model_scores_what_its_ngrams_say() -> None:
    text = "a b c\na b\nb c a b\nc"
    words, tokens = number_texts(*text_buffers(pa.array([text])), new_words())
    fitted = estimate(tokens, int(words.size[0]), 4)
    scores = score_texts(pa.array(["a b c a z\nb\nz z"]), make_model(spell(words), fitted.ngrams))
    known = as_dictionary(spell(words), fitted.ngrams)
    expected = [sentence_score(known, 4, sentence) for sentence in (["a", "b", "c", "a", "z"], ["b"], ["z", "z"])]
    assert scores.log10_prob == pytest.approx(expected, abs=1e-5)


def test_discounts_fall_back_where_no_ngram_occurs_once() -> None:
    words, tokens = number_texts(*text_buffers(pa.array(["a b\n" * 9])), new_words())
    fitted = estimate(tokens, int(words.size[0]), 2)
    assert all(discount.is_fallback and discount.amounts == FALLBACK for discount in fitted.discounts)


def test_special_words_in_the_text_are_left_out() -> None:
    text = "a <s> b\n<unk> a </s> b\n<s>"
    assert estimated(text, 3) == estimated("a b\na b", 3)


def test_words_are_numbered_as_they_are_met_however_many() -> None:
    names = [f"w{number:x}" * (1 + number % 40) for number in range(5000)]
    words, tokens = number_texts(*text_buffers(pa.array([" ".join(names), " ".join(reversed(names))])), new_words())
    assert spell(words) == [b"<unk>", b"<s>", b"</s>", *(name.encode() for name in names)]
    assert np.array_equal(tokens[1:5001], tokens[5003:10003][::-1])
