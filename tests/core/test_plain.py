from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Doubled, Length, Letters

from winnow.core.errors import RecipeError
from winnow.core.plain import digest, from_plain, to_plain, unfolded


@dataclass(frozen=True, kw_only=True)
class Setting:
    value: Any


def test_a_key_depends_on_class_version_and_fields_alone() -> None:
    assert Letters().key == Letters(tasks=2, size=5).key
    assert Letters().key != Letters(tasks=3).key
    same_fields = Length(documents=Letters())
    assert same_fields.key != Length(documents=Letters(tasks=3)).key
    assert len(Letters().key) == 32


def test_a_float_of_numpy_is_written_as_any_float() -> None:
    assert orjson.dumps(to_plain(Setting(value=np.float64(2.5)))) == orjson.dumps(to_plain(Setting(value=2.5)))


def test_a_raised_version_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Letters().key
    monkeypatch.setattr(Letters, "version", "2")
    assert Letters().key != before


@dataclass(frozen=True, kw_only=True)
class Placed:
    what: str
    where: str = field(default="here", compare=False)


def test_a_field_that_says_where_is_kept_and_is_no_part_of_the_key() -> None:
    def step(where: str) -> Doubled:
        return Doubled(documents=Letters(), bad=(Placed(what="a", where=where),))  # type: ignore[arg-type]

    assert step("there").key == step("here").key
    assert step("there").key != Doubled(documents=Letters(), bad=(Placed(what="b"),)).key  # type: ignore[arg-type]
    assert from_plain(to_plain(step("there"))).bad[0].where == "there"


def test_a_recipe_written_for_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = to_plain(Letters())
    monkeypatch.setattr(Letters, "version", "2")
    with pytest.raises(RecipeError, match="version 1 of toys:Letters, here it is version 2"):
        from_plain(plain)


@pytest.mark.parametrize("step", [Letters(slow=0.5), Doubled(documents=Letters(), bad=("d1", "d2"))])
def test_a_step_is_rebuilt_from_its_plain_form(step: Letters) -> None:
    assert from_plain(to_plain(step)) == step
    assert from_plain(to_plain(step)).key == step.key


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(plain_values)
def test_any_plain_field_survives_the_round_trip(value: Any) -> None:
    assert from_plain(to_plain(Setting(value=value))) == Setting(value=value)


def test_the_order_of_a_mapping_is_part_of_the_key() -> None:
    forwards, backwards = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert digest(to_plain(Setting(value=forwards))) != digest(to_plain(Setting(value=backwards)))


@pytest.mark.parametrize("value", [math.nan, math.inf, {1: 2}, object(), {"a", "b"}])
def test_what_cannot_be_part_of_a_recipe_is_refused_with_its_value(value: Any) -> None:
    with pytest.raises(RecipeError):
        to_plain(Setting(value=value))


def test_a_path_counts_as_its_text() -> None:
    assert to_plain(Setting(value=Path("a/b")))["fields"]["value"] == "a/b"


def test_a_recipe_that_names_what_is_gone_says_so() -> None:
    plain = unfolded(to_plain(Letters()))
    with pytest.raises(RecipeError, match="toys:Gone, which cannot be imported"):
        from_plain({**plain, "type": "toys:Gone"})
    with pytest.raises(RecipeError, match="not a dataclass"):
        from_plain({**plain, "type": "os:getcwd"})


def test_a_step_is_written_once_however_many_build_on_it() -> None:
    step = Doubled(documents=Letters())
    for _ in range(60):  # written wherever it stands, the first would be there 2^60 times
        step = Doubled(documents=step, bad=(step,))  # type: ignore[arg-type]
    plain = to_plain(step)
    assert len(plain["steps"]) == 62
    found = from_plain(plain)
    assert found.key == step.key
    assert found.documents is found.bad[0]


def test_steps_that_are_alike_are_written_once_and_those_that_lie_elsewhere_are_not() -> None:
    alike = Setting(value=(Letters(), Letters(), Doubled(documents=Letters())))
    assert len(to_plain(alike)["steps"]) == 2
    assert from_plain(to_plain(alike)) == alike
    bad: list[Any] = [(Placed(what="a", where=where),) for where in "xy"]
    placed = [Doubled(documents=Letters(), bad=one) for one in bad]
    assert [one.bad[0].where for one in from_plain(to_plain(placed))] == ["x", "y"]


def test_an_unfolded_recipe_has_every_step_where_it_stands() -> None:
    step = Doubled(documents=Letters(tasks=3), bad=("d1",))
    fields = unfolded(to_plain(step))["fields"]
    assert fields["bad"] == ["d1"]
    assert fields["documents"]["fields"]["tasks"] == 3


def test_fields_that_are_replaced_change_the_key_and_nothing_else_does() -> None:
    step = Length(documents=Letters())
    assert replace(step, bad=("d1",)).key != step.key
    assert replace(step).key == step.key
