from __future__ import annotations

import re
from random import Random

import pytest
from corpus import text, words

from winnow.audit.changes import (
    CHANGES,
    RATES,
    dropped_sentences,
    ocr_noise,
    pieces,
    replaced_words,
    sentences,
    swapped_words,
    wrapped,
)

OTHERS = [word.upper() for word in words(300, Random(9))]
TEXT = text(200, Random(1))


@pytest.mark.parametrize("rate", RATES)
def test_exactly_that_share_of_the_words_is_replaced_and_the_rest_stands(rate: float) -> None:
    changed = replaced_words(TEXT, rate, Random(2), OTHERS)
    pairs = list(zip(TEXT.split(), changed.split(), strict=True))
    assert sum(a != b for a, b in pairs) == max(1, round(rate * 200))
    assert all(a == b or b in OTHERS for a, b in pairs)


@pytest.mark.parametrize("rate", RATES)
def test_swapped_words_are_the_same_words_and_move_by_one_place(rate: float) -> None:
    changed = swapped_words(TEXT, rate, Random(2), OTHERS).split()
    old = TEXT.split()
    assert sorted(changed) == sorted(old)
    moved = [place for place, (a, b) in enumerate(zip(old, changed, strict=True)) if a != b]
    assert len(moved) == 2 * max(1, round(rate * 100))
    assert all(changed[place] in (old[place - 1], old[(place + 1) % 200]) for place in moved)


@pytest.mark.parametrize("rate", RATES)
def test_misread_words_differ_in_a_letter_or_two(rate: float) -> None:
    changed = ocr_noise(TEXT, rate, Random(2), OTHERS)
    differing = [(a, b) for a, b in zip(TEXT.split(), changed.split(), strict=True) if a != b]
    assert len(differing) == max(1, round(rate * 200))
    assert all(abs(len(a) - len(b)) <= 1 for a, b in differing)


def test_words_without_a_confusable_letter_are_misread_too() -> None:
    assert ocr_noise("123 – 45", 1.0, Random(0), OTHERS).split() == ["12l", "l", "4l"]


@pytest.mark.parametrize("rate", RATES)
def test_dropped_sentences_leave_whole_sentences_and_no_more_than_that_share_is_gone(rate: float) -> None:
    changed = dropped_sentences(TEXT, rate, Random(2), OTHERS)
    left = re.findall(r"[^.]+\.", changed)
    assert set(left) <= set(re.findall(r"[^.]+\.", TEXT))
    assert 20 - len(left) == max(1, int(rate * 20))


def test_a_text_of_one_sentence_is_not_emptied() -> None:
    assert dropped_sentences("only this", 0.4, Random(0), OTHERS) == "only this"


def test_sentences_end_at_full_stops_and_lines() -> None:
    found = ["".join(sentence).strip() for sentence in sentences('A b. C "d!" e?\nTitle\nf g')]
    assert found == ["A b.", 'C "d!"', "e?", "Title", "f g"]


@pytest.mark.parametrize("rate", RATES)
def test_a_site_around_a_text_is_that_share_of_the_copy(rate: float) -> None:
    changed = wrapped(TEXT, rate, Random(2), OTHERS)
    assert TEXT in changed
    added = len(changed.split()) - 200
    assert added == max(2, round(200 * rate / (1 - rate)))
    assert not changed.startswith(TEXT) and not changed.endswith(TEXT)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_the_same_for_the_same_numbers(kind: str) -> None:
    change = CHANGES[kind]
    assert change(TEXT, 0.1, Random(3), OTHERS) == change(TEXT, 0.1, Random(3), OTHERS) != TEXT


def test_pieces_are_the_text() -> None:
    assert "".join(pieces(" a\n\nb  c")) == " a\n\nb  c"
