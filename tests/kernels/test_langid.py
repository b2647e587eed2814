"""Language shares: closed forms on a model of two letters, the readable twin on the shipped model."""

from __future__ import annotations

import math
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from winnow.kernels.langid import (
    EVIDENCE,
    LETTER_BITS,
    SPACE,
    WEIGHTS_PER_NAT,
    WINDOW,
    Model,
    language_shares,
    language_shares_reference,
    make_model,
)

A, B = SPACE + 1, SPACE + 2
NAT = WEIGHTS_PER_NAT


def letters(*codes: int) -> int:
    packed = 0
    for code in codes:
        packed = packed << LETTER_BITS | code
    return packed


@pytest.fixture(scope="module")
def toy() -> Model:
    """Two languages: 'aa' speaks for the first with 1 nat, 'bb' for the second with 2, 'aab' for the second with 3."""
    alphabet = np.zeros(1 << 16, np.uint16)
    for character, letter in {"a": A, "A": A, "b": B, "é": B}.items():
        alphabet[ord(character)] = letter
    ngrams = np.array([letters(A, A), letters(B, B), letters(A, A, B)], np.uint32)
    weights = np.array([[NAT, 0], [0, 2 * NAT], [0, 3 * NAT]], np.int8)
    return make_model(("first", "second"), alphabet, ngrams, weights)


@pytest.fixture(scope="module")
def shipped() -> Model:
    with resources.files("winnow.measure").joinpath("data/langid.npz").open("rb") as opened, np.load(opened) as trained:
        return make_model(
            tuple(trained["languages"].tolist()), trained["alphabet"], trained["ngrams"], trained["weights"]
        )


def shares_of(model: Model, *texts: str | bytes, max_bytes: int = 1 << 40) -> NDArray[np.float32]:
    encoded = [text if isinstance(text, bytes) else text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    data = np.frombuffer(b"".join(encoded) + b"\0", np.uint8)
    shares = np.full((len(texts), len(model.languages)), np.nan, np.float32)
    language_shares(data, offsets, max_bytes, model.alphabet, model.slots, model.rows, model.weights, shares)
    return shares


def first_share(nats_for_first: float) -> float:
    """The first language's share where its log-likelihood is ahead by so many nats."""
    return 1 / (1 + math.exp(-EVIDENCE * nats_for_first))


@pytest.mark.parametrize(
    ("text", "nats_for_first"),
    [
        ("aa", 1),
        ("aaa", 2),
        ("bb", -2),
        ("ab", 0),  # no such bigram is known
        ("aab", 1 - 3),  # the trigram, not its bigram
        ("éé", -2),  # two bytes a letter
        ("aA", 1),
        ("a a", 0),
        (" 12aa!?", 1),  # what is no letter is space
        ("aa\U0001f600aa", 2),
    ],
)
def test_shares_are_the_softmax_of_the_evidence(toy: Model, text: str, nats_for_first: float) -> None:
    expected = first_share(nats_for_first)
    assert shares_of(toy, text)[0].tolist() == pytest.approx([expected, 1 - expected], abs=1e-6)


@pytest.mark.parametrize("text", ["", " ", "123 \n!", "漢\U0001f600"])
def test_a_text_without_letters_has_no_shares(toy: Model, text: str) -> None:
    assert shares_of(toy, text).tolist() == [[0.0, 0.0]]


def test_a_text_of_two_halves_is_shared_between_them(toy: Model) -> None:
    text = "a" * WINDOW + "b" * (WINDOW - 1)  # and the space that ends it
    assert shares_of(toy, text)[0].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)


def test_the_last_window_counts_by_its_length(toy: Model) -> None:
    share = shares_of(toy, "a" * WINDOW + "b" * 63)[0, 0]  # and the space that ends it
    assert share == pytest.approx(WINDOW / (WINDOW + 64), abs=1e-4)


def test_the_strongest_weights_fill_a_window_without_overflow(toy: Model) -> None:
    ngrams = np.array([letters(A, A), letters(B, B)], np.uint32)
    strongest = make_model(toy.languages, toy.alphabet, ngrams, np.array([[127, -127], [-127, 127]], np.int8))
    assert shares_of(strongest, "a" * 5000, "b" * 5000).tolist() == [[1, 0], [0, 1]]


def test_only_the_first_bytes_are_read(toy: Model) -> None:
    expected = shares_of(toy, "aaa", "aa")
    assert shares_of(toy, "aaabbbbb", "aaé", max_bytes=3).tolist() == expected.tolist()


def test_broken_utf8_counts_as_space(toy: Model) -> None:
    broken = [b"aa\xff\xffaa", b"aa\xc3aa", b"aa\xe2\x82", b"\xf0\x9f aa aa"]
    expected = shares_of(toy, "aa aa", "aa aa", "aa", "aa aa")
    assert shares_of(toy, *broken).tolist() == expected.tolist()


def test_every_ngram_of_a_crowded_table_is_found() -> None:
    random = np.random.default_rng(1)
    ngrams = np.unique(random.integers(1, 1 << 3 * LETTER_BITS, 20_000).astype(np.uint32))
    model = make_model(("only",), np.zeros(1 << 16, np.uint16), ngrams, np.zeros((len(ngrams), 1), np.int8))
    rows = dict(zip(model.slots.tolist(), model.rows.tolist(), strict=True))
    assert [rows[ngram] for ngram in ngrams.tolist()] == list(range(1, len(ngrams) + 1))


SAMPLES = [
    "The committee adjourned until the following Thursday, when the budget would be discussed again.",
    "Ĉu vi parolas Esperanton? Jes, mi lernis ĝin antaŭ multaj jaroj. " * 12,
    "Прогноз погоды на завтра: небольшой дождь 🌧, ветер северный, до +7°C.",
    "この文章は日本語で書かれています。漢字とかなが混ざっています。",
    "Mixed: the first half is English, et la deuxième moitié est en français. " * 9,
]


@pytest.mark.parametrize("text", SAMPLES)
def test_the_twin_agrees_on_sentences(shipped: Model, text: str) -> None:
    expected = language_shares_reference(text, shipped)
    assert shares_of(shipped, text)[0].tolist() == pytest.approx(list(expected.values()), abs=2e-5)


@given(st.text(max_size=400))
def test_the_twin_agrees_on_any_text(shipped: Model, text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    shares = shares_of(shipped, text)[0]
    assert shares.tolist() == pytest.approx(list(language_shares_reference(text, shipped).values()), abs=2e-5)
    assert shares.sum() == pytest.approx(1, abs=1e-4) or not shares.any()


def test_neighbours_do_not_matter(shipped: Model) -> None:
    alone = [shares_of(shipped, text)[0].tolist() for text in SAMPLES]
    assert shares_of(shipped, *SAMPLES).tolist() == alone
