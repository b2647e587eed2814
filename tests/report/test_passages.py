from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.report.passages import CONTEXT, MAX_CHARS, MAX_PIECE_CHARS, MAX_WORDS, SideBySide, Stretch, side_by_side


def aligned(left: str, right: str) -> SideBySide:
    return side_by_side(left, right, names=("l", "r"))


def test_what_is_shared_stands_beside_itself_and_what_differs_between() -> None:
    found = aligned("one two three four five", "zero one two three 4 five six seven")
    assert found.stretches == (
        Stretch(shared=False, left="", right="zero"),
        Stretch(shared=True, left="one two three", right="one two three"),
        Stretch(shared=False, left="four five", right="4 five six seven"),
    )
    assert (found.left_words, found.right_words, found.shared_words, found.whole) == (5, 8, 3, True)


def test_case_and_punctuation_do_not_part_texts_and_are_shown_as_they_stand() -> None:
    (stretch,) = aligned("It was, he said, DARK.", "it was he said: dark").stretches
    assert stretch == Stretch(shared=True, left="It was, he said, DARK.", right="it was he said: dark")


def test_a_word_or_two_in_common_is_chance() -> None:
    (stretch,) = aligned("a b of the c d", "e f of the g h").stretches
    assert not stretch.shared


def test_lines_are_kept() -> None:
    assert aligned("one\ntwo\n\nthree", "one\ntwo\n\nthree").stretches[0].left == "one\ntwo\n\nthree"


def test_repetitive_texts_are_aligned_from_both_ends() -> None:
    found = aligned("buy cheap now " * 300, "buy cheap now " * 150 + "changed " + "buy cheap now " * 150)
    assert [(one.shared, one.right) for one in found.stretches if not one.shared] == [(False, "changed")]


def test_the_middle_of_a_long_stretch_is_counted() -> None:
    text = " ".join(f"w{n}" for n in range(500))
    (stretch,) = aligned(text, text).stretches
    assert stretch.left.startswith("w0 w1 ") and stretch.left.endswith(" w498 w499")
    assert f"[… {500 - 2 * CONTEXT} words …]" in stretch.left


def test_scripts_without_spaces_are_compared_by_character() -> None:
    found = aligned("麦と籾殻を分ける道具", "麦と籾殻を選ぶ道具")
    assert [one.left for one in found.stretches if one.shared] == ["麦と籾殻を"]


@pytest.mark.parametrize(("left", "right", "number"), [("", "", 0), ("a b c", "", 1), ("", "a", 1)])
def test_empty_texts_have_nothing_in_common(left: str, right: str, number: int) -> None:
    found = aligned(left, right)
    assert len(found.stretches) == number and found.shared_words == 0


words = st.lists(st.sampled_from(["a", "b", "c", "d", "E.", "f\n"]), max_size=40).map(" ".join)


@given(left=words, right=words)
def test_every_word_of_both_stands_in_one_stretch_and_shared_ones_are_equal(left: str, right: str) -> None:
    found = aligned(left, right)
    if not found.whole:
        return
    assert " ".join(one.left for one in found.stretches).split() == left.split()
    assert " ".join(one.right for one in found.stretches).split() == right.split()
    for one in found.stretches:
        assert not one.shared or one.left.lower().split() == one.right.lower().split()


def test_what_comes_out_is_bounded_whatever_comes_in() -> None:
    left = " ".join(f"x{n} the same words {n}" for n in range(3000))
    found = aligned(left, left.replace("x1", "y") + " z" * 100_000)
    assert MAX_CHARS / 2 < sum(len(one.left + one.right) for one in found.stretches) <= MAX_CHARS and not found.whole
    assert found.shared_words <= MAX_WORDS
    assert len(aligned("x" * 10**6, "y" * 10**6).stretches[0].left) == MAX_PIECE_CHARS + 1
