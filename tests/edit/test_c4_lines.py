"""C4's line rules: each on its own, and where the two implementations part."""

from __future__ import annotations

import pytest
from editing import counted, edited

from winnow.edit.c4 import C4Lines

TFDS = C4Lines()
DATATROVE = C4Lines(rules="datatrove")
FINEWEB = C4Lines(rules="datatrove", terminal_punctuation=False)
STAYS = "This line is one that stays."


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("This line ends without a mark", "no_end_mark"),
        ("This line ends in an ellipsis...", "no_end_mark"),
        ("This line ends in one character…", "no_end_mark"),
        ("Four words are few.", "few_words"),
        (f"A word of {'é' * 1001} is too long.", "long_word"),
        ("Please turn on JavaScript to read this.", "javascript"),
        ("This site USES cookies to follow you.", "policy"),
        ("By this you accept our Terms of Use.", "policy"),
        ("This page on javascript has a privacy policy.", "javascript"),
    ],
)
def test_a_line_goes_by_the_first_rule_it_breaks(line: str, rule: str) -> None:
    assert edited(TFDS, f"{STAYS}\n{line}\n{STAYS}") == [f"{STAYS}\n{STAYS}"]
    assert counted(TFDS, f"{STAYS}\n{line}\n{STAYS}") == {f"num_lines_removed_{rule}": 1}


@pytest.mark.parametrize(
    ("mark", "kept_by"),
    [(mark, "tfds datatrove") for mark in '.?!"'] + [("'", "datatrove"), (":", "")],
)
def test_end_marks_of_each_implementation(mark: str, kept_by: str) -> None:
    line = f"Does this line of words end{mark}"
    assert [bool(edited(C4Lines(rules=rules), line)[0]) for rules in ("tfds", "datatrove")] == [
        rules in kept_by.split() for rules in ("tfds", "datatrove")
    ]
    assert edited(FINEWEB, line) == [line]


def test_tfds_counts_five_words_after_citations_and_datatrove_three_before() -> None:
    lines = ["Now four words here.", "Now three [1] [2].", "Two [1].", "Now [1] ."]
    assert edited(TFDS, *lines, "Five [1] words without the citation.") == [
        "",
        "",
        "",
        "",
        "Five  words without the citation.",
    ]
    assert edited(DATATROVE, *lines) == ["Now four words here.", "Now three  .", "", "Now  ."]


def test_citations_go_and_what_stands_beside_them_stays() -> None:
    text = "[edit]A wiki citation looks like this[134].\nIt is to go away[citation needed].\nBut not so [Edit] or [x1]."
    expected = "A wiki citation looks like this.\nIt is to go away.\nBut not so [Edit] or [x1]."
    assert edited(TFDS, text) == edited(DATATROVE, text) == [expected]
    assert counted(TFDS, text) == {"num_citations_removed": 3}


def test_a_citation_after_the_mark_leaves_a_space_that_costs_the_line() -> None:
    assert edited(TFDS, "This line has its mark here. [1]") == [""]
    assert edited(TFDS, "This line has its mark here.[1]") == ["This line has its mark here."]


def test_lines_end_as_for_splitlines_and_are_stripped() -> None:
    text = f"\ufeff{STAYS}\r\n  {STAYS}\u3000\u2028{STAYS}\x85\x1c\n \n{STAYS}\r"
    assert edited(TFDS, text) == [f"\ufeff{STAYS}\n{STAYS}\n{STAYS}\n{STAYS}"]
    assert counted(TFDS, text) == {}


def test_a_word_of_a_thousand_characters_is_not_too_long() -> None:
    line = f"This word of {'日' * 1000} is not too long."
    assert edited(TFDS, line) == [line]


def test_rules_about_documents_are_left_to_others() -> None:
    text = "Lorem ipsum dolor sit amet.\nThis line has a { in it."
    assert edited(TFDS, text) == [text]
