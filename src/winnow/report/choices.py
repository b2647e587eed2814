"""What every choice did: its rules with their counts, distributions and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.run import num_shards
from winnow.core.sql import NUMBERS, check_expressions, columns_in, namespaces
from winnow.core.table import Store
from winnow.report.distributions import distributions
from winnow.report.limits import Limits, limits_of
from winnow.report.look import look, spread
from winnow.report.model import Choice, Histogram, Mark, Rule
from winnow.report.samples import Pick, nearest, read_samples, rejected, sample
from winnow.report.stages import describe


@dataclass(frozen=True)
class Examined:
    """A rule before its examples have their text."""

    name: str
    condition: str
    limits: Limits
    expressions: tuple[str, ...]
    """What to show of a document."""


def examine(select: Select, store: Store, max_samples: int, max_histograms: int) -> tuple[Choice, list[Histogram]]:
    """One choice, and how what it looked at is distributed; thresholds first, at most ``max_histograms``."""
    rules = _examined(select)
    manifest = store.table(select).manifest
    choice = Choice(
        name=describe(select),
        label=select.label,
        documents=manifest.rows,
        kept=manifest.counts.get("kept", 0),
        rules=_with_samples(select, store, rules, max_samples),
    )
    return choice, distributions(select, store, _marks(rules), max_histograms)


def _reasons(select: Select) -> dict[str, str]:
    """Every reason of a choice and its condition, in the order in which they count."""
    broken = {f"quarantined:{score.name}": f"{score.name}.quarantined" for score in select.scores()}
    rank = {"rank": repr(select.keep)} if select.keep is not None else {}
    return {**broken, **select.rules(), **rank}


def _examined(select: Select) -> list[Examined]:
    known = namespaces(select.documents, select.scores())
    found = {name: limits_of(condition) for name, condition in _reasons(select).items()}
    numbers = _numbers([one.expression for limits in found.values() for one in limits.limits], known)
    rules = []
    for name, condition in _reasons(select).items():
        limits = Limits(tuple(one for one in found[name].limits if one.expression in numbers), found[name].together)
        sql = select.keep.key() if name == "rank" and select.keep is not None else condition
        rules.append(Examined(name, condition, limits, _shown(sql, limits, known)))
    return rules


def _shown(sql: str, limits: Limits, known: Mapping[str, pa.Schema]) -> tuple[str, ...]:
    """What to show of a document: what is compared with a number, then the columns that are not."""
    compared = [one.expression for one in limits.limits]
    inside = {column for expression in compared for column in columns_in(expression, known)}
    return tuple(dict.fromkeys([*compared, *(column for column in columns_in(sql, known) if column not in inside)]))


def _numbers(expressions: Sequence[str], known: Mapping[str, pa.Schema]) -> set[str]:
    """The expressions that are numbers; they are bound one by one only if binding all of them fails."""
    try:
        check_expressions(known, dict(zip(expressions, expressions, strict=True)), NUMBERS)
    except RecipeError:
        return {one for one in expressions if len(expressions) > 1 and _numbers([one], known)}
    return set(expressions)


def _marks(rules: Sequence[Examined]) -> dict[str, list[Mark]]:
    """The thresholds to draw, by expression."""
    marks: dict[str, list[Mark]] = {}
    for rule in rules:
        for limit in rule.limits.limits:
            alone = not rule.limits.together
            mark = Mark(rule=rule.name, operator=limit.operator, threshold=limit.threshold, alone=alone)
            marks.setdefault(limit.expression, []).append(mark)
    return marks


def _with_samples(select: Select, store: Store, rules: Sequence[Examined], max_samples: int) -> tuple[Rule, ...]:
    """The rules with their counts and, while there is room, with examples."""
    counts = store.table(select).manifest.counts
    expressions = list(dict.fromkeys(expression for rule in rules for expression in rule.expressions))
    looks = [look(select, store, shard, expressions) for shard in spread(num_shards(select.documents, store))]
    picked: dict[str, list[list[Pick]]] = {}
    for rule in rules:
        if counts.get(f"any: {rule.name}"):
            found = [rejected(looks, rule.name, rule.expressions), nearest(looks, rule.limits, rule.expressions)]
            max_samples -= sum(map(len, found))
            if max_samples >= 0:
                picked[rule.name] = found
    shown = [pick for found in picked.values() for some in found for pick in some]
    texts = read_samples(select.documents, store, shown)
    return tuple(_rule(rule, counts, picked.get(rule.name, [[], []]), texts) for rule in rules)


def _rule(
    rule: Examined, counts: Mapping[str, int], picked: Sequence[Sequence[Pick]], texts: Mapping[str, dict[str, Any]]
) -> Rule:
    rejected_, nearest_ = (tuple(sample(pick, texts[pick.id]) for pick in some) for some in picked)
    return Rule(
        name=rule.name,
        condition=rule.condition,
        first=counts.get(f"first: {rule.name}", 0),
        any=counts.get(f"any: {rule.name}", 0),
        only=counts.get(f"only: {rule.name}", 0),
        limits=rule.limits.limits,
        rejected=rejected_,
        nearest=nearest_,
    )
