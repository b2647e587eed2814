from __future__ import annotations

import doctest

import pytest

from winnow.report import figures, limits, markup


@pytest.mark.parametrize("module", [figures, markup, limits])
def test_examples_in_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(("part", "whole"), [(1, 100_000), (99_999, 100_000)])
def test_a_share_is_never_rounded_to_none_or_all(part: int, whole: int) -> None:
    assert figures.percent(part, whole) not in ("0.0%", "0%", "100%", "100.0%")


def test_a_share_of_nothing_is_nothing() -> None:
    assert figures.percent(0, 0) == "0%"
