"""Rule sets: looked up by name, refused when they cannot mean one thing, plain data for a step's key."""

from __future__ import annotations

import dataclasses

import pytest

from winnow.choose.presets import RULE_SETS
from winnow.choose.rules import RuleSet, rule_set
from winnow.core.errors import RecipeError
from winnow.core.plain import from_plain, to_plain


def test_a_preset_is_found_by_its_name() -> None:
    assert rule_set("gopher@dclm").name == "gopher@dclm"


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no rule set is called 'gopher@dcml'; did you mean gopher@dclm"):
        rule_set("gopher@dcml")


def test_a_reason_given_twice_is_refused() -> None:
    with pytest.raises(RecipeError, match="short' twice"):
        RuleSet(name="mine", source="here", measures=(), rules=(("short", "a.b < 1"), ("short", "a.b < 2")))


@pytest.mark.parametrize("name", RULE_SETS)
def test_a_rule_set_survives_the_manifest(name: str) -> None:
    assert from_plain(to_plain(RULE_SETS[name])) == RULE_SETS[name]
    assert hash(RULE_SETS[name]) == hash(dataclasses.replace(RULE_SETS[name]))
