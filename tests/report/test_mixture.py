"""What a choice does to the mixture of sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import Given, Length

from winnow.choose.rank import Top
from winnow.choose.select import Select
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.measure.score import Score
from winnow.measure.text import Text
from winnow.report.mixture import Share, Shift, mixture_shift

PAGES = Given(
    shards=(
        (("a1", "x" * 10, None, "a"), ("a2", "x" * 30, None, "a"), ("b1", "é" * 40, None, "b")),
        (),
        (("b2", "x" * 20, None, "b"), ("none", None, None, None)),
    )
)
LONGEST = Select(documents=PAGES, measures=(Length(documents=PAGES),), keep=Top("length.length", 0.4))


def shift(select: Select, store: Path, **options: str) -> tuple[Shift, ...]:
    materialize(select, store)
    return mixture_shift(select, Store(store), **options)


def share(documents: int, chars: int, of_documents: int, of_chars: int) -> Share:
    return Share(
        documents=documents,
        chars=chars,
        documents_fraction=documents / of_documents,
        chars_fraction=chars / of_chars,
    )


def test_every_source_is_counted_before_and_after_a_choice(tmp_path: Path) -> None:
    assert shift(LONGEST, tmp_path) == (
        Shift(group="b", before=share(2, 60, 5, 100), after=share(1, 40, 2, 70)),
        Shift(group="a", before=share(2, 40, 5, 100), after=share(1, 30, 2, 70)),
        Shift(group="", before=share(1, 0, 5, 100), after=share(0, 0, 2, 70)),
    )


def test_a_measure_that_counts_characters_spares_the_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Select(documents=PAGES, measures=(Text(), Length(documents=PAGES)), keep=LONGEST.keep)
    by_text = shift(LONGEST, tmp_path)
    materialize(measured, tmp_path)
    monkeypatch.setattr("winnow.report.mixture._lengths", None)
    assert mixture_shift(measured, Store(tmp_path)) == by_text


def test_groups_may_be_any_sql_over_the_columns(tmp_path: Path) -> None:
    found = shift(LONGEST, tmp_path, group="length.length >= 30")
    assert [(one.group, one.before.documents, one.after.documents) for one in found] == [
        ("true", 2, 2),
        ("false", 2, 0),
        ("", 1, 0),
    ]


def test_a_choice_that_keeps_nothing_has_shares_of_none(tmp_path: Path) -> None:
    nothing = Select(documents=PAGES, measures=(Length(documents=PAGES),), keep=Top("nullif(1, 1)", 0.5))
    assert [one.after for one in shift(nothing, tmp_path)] == [
        Share(documents=0, chars=0, documents_fraction=0, chars_fraction=0)
    ] * 3


def test_a_selection_of_no_shards_has_no_groups(tmp_path: Path) -> None:
    empty = Given(shards=())
    assert shift(Select(documents=empty, measures=(Score(documents=empty, measure=Text()),)), tmp_path) == ()
