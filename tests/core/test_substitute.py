from __future__ import annotations

from pathlib import Path

from toys import Doubled, Length, Letters, Longest

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.run import materialize
from winnow.core.step import Step, ordered
from winnow.core.substitute import substitute

OLD, NEW = Letters(size=3), Letters(size=4)


def exchange(step: Step) -> Step:
    return NEW if step == OLD else step


def test_a_step_is_exchanged_wherever_it_is_needed() -> None:
    step = Longest(lengths=Length(documents=Doubled(documents=OLD)))
    found = substitute(step, exchange)
    assert found == Longest(lengths=Length(documents=Doubled(documents=NEW)))
    assert step.lengths.documents.documents == OLD  # type: ignore[attr-defined]


def test_steps_inside_tuples_and_other_dataclasses_are_found(tmp_path: Path) -> None:
    rules = RuleSet(name="r", source="s", measures=(Length(documents=OLD),), rules=(("long", "length.length > 2"),))  # type: ignore[arg-type]
    found = substitute(Select(documents=OLD, reject=(rules, "gopher@dclm")), exchange)
    assert OLD not in ordered(found) and NEW in ordered(found)
    alone = substitute(Select(documents=OLD, reject=rules), exchange)
    assert materialize(alone, tmp_path).is_dir()


def test_what_nothing_is_exchanged_in_is_the_same_object() -> None:
    step = Doubled(documents=NEW)
    assert substitute(step, exchange) is step


def test_a_shared_step_is_rebuilt_once() -> None:
    shared = Doubled(documents=OLD)
    seen = []

    def change(step: Step) -> Step:
        seen.append(step)
        return exchange(step)

    substitute(
        Select(documents=shared, measures=(Length(documents=shared), Length(documents=shared, called="b"))), change
    )
    assert sum(step == shared for step in seen) == 1
