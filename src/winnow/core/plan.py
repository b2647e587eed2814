"""What a run would do: for every step whether its result stands, and if not, why not and which field changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from winnow.core.files import read_json
from winnow.core.plain import Plain, to_plain, unfolded
from winnow.core.run import passes, stale_reason
from winnow.core.step import Step
from winnow.core.table import Store

Status = Literal["done", "begun", "to do"]
Difference = tuple[str, Plain, Plain]
"""Where in the fields, the old value and the new one."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One step of a plan."""

    step: Step
    status: Status
    reason: str
    """Why it is to do; empty where it is done."""
    changes: tuple[str, ...] = ()
    """Fields that differ from the most similar finished step of the same class, old value and new."""


def plan(step: Step, store: Store) -> list[Planned]:
    """The steps in the order in which a run takes them; checks them all first (RecipeError)."""
    steps = [needed for group in passes(step) for needed in group]
    for needed in steps:
        needed.check()
    planned: dict[str, Planned] = {}
    for needed in steps:
        planned[needed.key] = _planned(needed, store, planned)
    return list(planned.values())


def _planned(step: Step, store: Store, before: dict[str, Planned]) -> Planned:
    remade = [needed for needed in step.inputs() if before[needed.key].status != "done"]
    reason = stale_reason(step, store)
    if reason is None and not remade:
        return Planned(step=step, status="done", reason="")
    begun = len(list((store.directory(step) / "tasks").glob("*.json")))
    if remade:
        reason = f"its input {remade[0].label} is to do"
    status: Status = "begun" if begun and not store.finished(step) else "to do"
    if status == "begun":
        reason = f"{begun} tasks are done"
    return Planned(step=step, status=status, reason=reason or "", changes=tuple(_changes(step, store)))


def _changes(step: Step, store: Store) -> list[str]:
    """How the step differs from the finished one of its class that is most like it."""
    new = _own_fields(step, to_plain(step))
    candidates = []
    for manifest in sorted(store.root.glob(f"{step.title}-*/manifest.json")):
        plain = read_json(manifest)
        if plain["key"] != step.key:
            candidates.append(list(_differences(_own_fields(step, plain["recipe"]), new, "")))
    nearest = min(candidates, key=_distance, default=[])
    return [f"{path}: {_short(old)} -> {_short(new)}" for path, old, new in nearest]


def _distance(differences: list[Difference]) -> int:
    return sum(len(str(old)) + len(str(new)) for _, old, new in differences)


def _own_fields(step: Step, plain: Plain) -> Plain:
    """A step's fields without its input steps, which are compared on their own."""
    inputs = {field.name for field in fields(step) if isinstance(getattr(step, field.name), Step)}
    return {name: value for name, value in unfolded(plain)["fields"].items() if name not in inputs}


def _differences(old: Plain, new: Plain, path: str) -> Iterator[Difference]:
    """Where two plain values differ, as deep as their shapes agree."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and "fields" in old and "fields" in new:
        old, new = old["fields"], new["fields"]
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            yield from _differences(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    else:
        yield path, old, new


def _short(value: Plain) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
