"""Newlines in a row: the outcomes that DCLM's tests expect."""

from __future__ import annotations

import pytest
from editing import counted, edited

from winnow.core.errors import RecipeError
from winnow.edit.newlines import NewlineRemoval


@pytest.mark.parametrize(
    ("text", "two", "one"),
    [
        ("", "", ""),
        ("Hello, World", "Hello, World", "Hello, World"),
        ("Hello\n\nWorld", "Hello\n\nWorld", "Hello\nWorld"),
        ("Hello\n\n\n\n\nWorld", "Hello\n\nWorld", "Hello\nWorld"),
        ("A\n\n\nB\n\n\nC\n", "A\n\nB\n\nC\n", "A\nB\nC\n"),
        ("A\n \n\n\r\n\nB", "A\n \n\n\r\n\nB", "A\n \n\r\nB"),
    ],
)
def test_longer_rows_are_cut(text: str, two: str, one: str) -> None:
    assert edited(NewlineRemoval(), text) == [two]
    assert edited(NewlineRemoval(max_consecutive=1), text) == [one]


def test_newlines_are_counted() -> None:
    assert counted(NewlineRemoval(), "A\n\n\n\nB\n\n\nC") == {"num_newlines_removed": 3}


@pytest.mark.parametrize("most", [0, 999])
def test_what_the_regular_expression_cannot_count_is_refused(most: int) -> None:
    with pytest.raises(RecipeError, match="give 1 to 998"):
        NewlineRemoval(max_consecutive=most)
