"""RefinedWeb's line rules: each on its own, and the outcomes that DCLM's tests expect of its modifiers."""

from __future__ import annotations

import pytest
from editing import counted, edited

from winnow.edit.refinedweb import RefinedWebLines

DCLM, FIXED = RefinedWebLines(), RefinedWebLines(rules="fixed")
STAYS = "This line stays."


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("ABC dE", "removed_uppercase"),
        ("ÀÉ жЖ Ж", "removed_uppercase"),
        ("12345", "removed_numeric"),
        ("٣²", "removed_numeric"),
        ("3 likes", "removed_counter"),
        ("3,000 likes", "removed_counter"),
        ("123K likes!", "removed_counter"),
        (" 5.1M   Followers  ", "removed_counter"),
        ("word", "removed_short"),
        (" \t ", "removed_short"),
        ("Items In Cart", "cut_items_in_cart"),
        ("Read more...", "cut_read_more"),
        ("sign-in  ", "removed_short"),
    ],
)
def test_a_line_goes_by_the_first_rule_it_breaks(line: str, rule: str) -> None:
    text = f"{STAYS}\n{line}\n{STAYS}"
    assert edited(DCLM, text) == [f"{STAYS}\n{STAYS}"]
    assert counted(DCLM, text) == {f"num_lines_{rule}": 1}


@pytest.mark.parametrize(
    "line",
    [
        "AB cd",
        "1 2",
        "12 of",
        "3 like",
        "My 3 likes",
        "3likes 4",
        "3 likes and",
        "3 likeſ",
        "two words",
        "",
        "Read more… here",
    ],
)
def test_a_line_that_only_looks_alike_stays(line: str) -> None:
    text = f"{STAYS}\n{line}\n{STAYS}"
    assert edited(DCLM, text) == [text]
    assert counted(DCLM, text) == {}


def test_the_ends_are_stripped_between_the_rules() -> None:
    assert counted(DCLM, f"{STAYS}\n123 ") == {"num_lines_removed_numeric": 1}
    assert counted(DCLM, f"{STAYS}\n123 \n{STAYS}") == {"num_lines_removed_short": 1}
    assert edited(DCLM, f"LOUD\n\n  {STAYS}  \n\nLOUD") == [STAYS]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "You have 7 items in cart right now\n  items in cart  \nYou have 7 items in cart right now but you can add "
            "more by clicking back onto the homepage.",
            "You have 7 right now\nYou have 7 items in cart right now but you can add more by clicking back onto the "
            "homepage.",
        ),
        (
            "sign-in for full access\nsign-in  \nThis is an article about how to sign-in.",
            "for full access\nThis is an article about how to sign-in.",
        ),
        (
            "Please do read more...\n  read more...\nRead more...and find out!\n\nThis is a short summary about the "
            "article, which can be expanded upon if you wish. Read more...",
            "Please do\nRead more...and find out!\n\nThis is a short summary about the article, which can be expanded "
            "upon if you wish. Read more...",
        ),
        (
            "123K quotes\n\nHello, World.\n\nHello, World with 3 views.\n3 views",
            "Hello, World.\n\nHello, World with 3 views.",
        ),
        ("HELLO WORLD\n\nhello world\nHello, World\n\nHello, world", "hello world\nHello, World\n\nHello, world"),
    ],
)
def test_outcomes_of_dclm(text: str, expected: str) -> None:
    assert edited(DCLM, text) == edited(FIXED, text) == [expected]


def test_dots_are_any_three_characters_only_for_dclm() -> None:
    assert edited(DCLM, "Please do read more on\nLet us read more日本é") == ["Please do\nLet us"]
    assert edited(FIXED, "Please do read more on\nLet us read more...") == ["Please do read more on\nLet us"]


def test_a_phrase_is_cut_as_often_as_it_stands_with_one_space_before_it() -> None:
    assert edited(FIXED, "Now  items in cart, ITEMS IN CARTitems in cart here") == ["Now , here"]
    assert counted(FIXED, "Now  items in cart, ITEMS IN CARTitems in cart here") == {"num_lines_cut_items_in_cart": 1}


def test_one_space_goes_with_a_phrase() -> None:
    assert edited(FIXED, "Two words\nSign-in  please do\nTwo  read more...") == ["Two words\n please do\nTwo"]
    assert edited(FIXED, "Two words\nLet us  read more...\nTwo words") == ["Two words\nLet us \nTwo words"]


def test_letters_that_ignorecase_takes_for_i_and_s_count() -> None:
    assert edited(FIXED, "ſıgn-İn please do\nTwo ıtemſ İn cart") == ["please do\nTwo"]
