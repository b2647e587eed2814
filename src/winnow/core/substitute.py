"""The same recipe over something else: a step exchanged deep inside the steps that need it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from winnow.core.step import Step

S = TypeVar("S", bound=Step)


def substitute(step: S, change: Callable[[Step], Step]) -> S:
    """The step with every step below it, and itself, replaced by what ``change`` gives for it.

    ``change`` gives a step back as it is where nothing is to be exchanged; what lies below a step that it does exchange
    is not looked at. Steps are found in fields, in tuples and in other frozen dataclasses (a rule set's measures).
    """
    made: dict[int, Any] = {}  # a step that several others share is rebuilt once

    def visit(value: Any) -> Any:
        if id(value) not in made:
            made[id(value)] = _rebuilt(value)
        return made[id(value)]

    def _rebuilt(value: Any) -> Any:
        new = change(value) if isinstance(value, Step) else value
        if new is not value:
            return new
        if isinstance(value, tuple):
            items = tuple(map(visit, value))
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return value
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        changed = {name: visit(old) for name, old in fields.items()}
        changed = {name: found for name, found in changed.items() if found is not fields[name]}
        return dataclasses.replace(value, **changed) if changed else value

    found: S = visit(step)
    return found
