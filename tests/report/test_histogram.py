from __future__ import annotations

import dataclasses
import re

from fakes import SHOWN, histogram, hump

from winnow.report.histogram import WIDTH, draw, position
from winnow.report.model import Mark


def test_a_value_lies_where_its_bin_does_whatever_the_edges() -> None:
    edges = (1.0, 10.0, 100.0)
    assert [position(edges, v) for v in (0, 1, 5.5, 10, 55, 100, 1e9)] == [0, 0, 0.25, 0.5, 0.75, 1, 1]


def test_the_threshold_is_drawn_and_the_rejected_side_shaded() -> None:
    one = histogram(SHOWN[3][0], "choice", hump(0.1, 0.2))
    picture = draw(one)
    x = WIDTH * position(one.edges, 0.2)
    assert f'd="M{x:.1f} ' in picture and "&gt; 0.2" in picture
    assert f'x="{x:.1f}"' in re.search(r'<rect[^>]*class="rejects"', picture).group()  # type: ignore[union-attr]


def test_a_low_threshold_shades_the_low_side() -> None:
    picture = draw(histogram(SHOWN[2][0], "choice", hump(0.1, 0.2)))
    assert 'x="0"' in re.search(r'<rect[^>]*class="rejects"', picture).group()  # type: ignore[union-attr]


def test_a_bin_of_one_whole_number_lies_on_one_side_of_the_threshold() -> None:
    one = histogram(SHOWN[2][0], "choice", hump(0.1, 0.2))
    one = dataclasses.replace(one, edges=(0, 1, 2, 3, 4), kept=(1,) * 4, dropped=(0,) * 4, scale="whole")
    more, less = (Mark(rule="r", operator=operator, threshold=2) for operator in "><")
    assert f'd="M{WIDTH * 3 / 4:.1f} ' in draw(one, [more]) and f'd="M{WIDTH * 2 / 4:.1f} ' in draw(one, [less])


def test_a_threshold_that_rejects_only_with_another_shades_nothing() -> None:
    one = histogram(SHOWN[2][0], "choice", hump(0.1, 0.2))
    picture = draw(one, [dataclasses.replace(one.marks[0], alone=False)])
    assert 'class="mark"' in picture and 'class="rejects"' not in picture


def test_rules_with_the_same_threshold_share_a_line() -> None:
    one = histogram(SHOWN[2][0], "choice", hump(0.1, 0.2))
    assert draw(one, [*one.marks, *one.marks]).count('class="mark"') == 1
