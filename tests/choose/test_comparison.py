"""Several choices from one pool."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toys import Length, Letters

from winnow.choose.comparison import Comparison
from winnow.choose.rank import Bottom, Top
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.step import ordered
from winnow.core.table import Store

DOCUMENTS = Letters(tasks=2, size=10)


def choice(rank: Top | Bottom, documents: Letters = DOCUMENTS) -> Select:
    return Select(documents=documents, measures=(Length(documents=documents),), keep=rank)


LONG, SHORT = choice(Top("length.length", 0.2)), choice(Bottom("length.length", 0.1))


def test_what_each_keeps_is_written_down_and_the_documents_are_measured_once(tmp_path: Path) -> None:
    both = Comparison(choices=(("long", LONG), ("short", SHORT)))
    materialize(both, tmp_path, Inline())
    written = json.loads(Store(tmp_path).table(both).file("choices.json").read_text())
    assert {name: one["kept"] for name, one in written.items()} == {"long": 4, "short": 2}
    assert written["long"]["table"] == LONG.label
    assert len([step for step in ordered(both) if isinstance(step, Length)]) == 1


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ((), "nothing to compare"),
        ((("a", LONG), ("a", SHORT)), "two choices are called 'a'"),
        ((("a", LONG), ("b", choice(Top("length.length", 0.2), Letters(tasks=1)))), "b chooses from letters-"),
    ],
)
def test_what_cannot_be_compared_is_refused(choices: tuple[tuple[str, Select], ...], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Comparison(choices=choices).check()
