"""Choices that follow from what stands elsewhere: one of each, and none that holds an evaluation item."""

from __future__ import annotations

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.decontaminate.contamination import Contamination
from winnow.dedup.duplicates import Duplicates

_OVERLAPS = "contamination.overlap >= "


def unique(duplicates: Duplicates) -> Select:
    """The documents that a method of deduplication keeps."""
    rules = RuleSet(
        name=duplicates.name,
        source=f"winnow.dedup.{duplicates.name}",
        measures=(),
        rules=(("duplicate", f"{duplicates.name}.duplicate_of IS NOT NULL"),),
    )
    return Select(documents=duplicates.documents, measures=(duplicates,), reject=rules)


def uncontaminated(measure: Contamination, threshold: float | None = None) -> Select:
    """The documents whose overlap with every item is below a threshold; default: that of the method.

    RecipeError for a threshold below which overlaps are not kept.
    """
    least = measure.threshold(threshold)
    rules = RuleSet(
        name="contamination",
        source=f"winnow.decontaminate: {measure.index.method}",
        measures=(),
        rules=(("evaluation_item", f"{_OVERLAPS}{least!r}"),),
    )
    return Select(documents=measure.documents, measures=(measure,), reject=rules)


def contaminated_from(select: Select) -> float | None:
    """The overlap from which a selection of ``uncontaminated`` leaves documents out; None for another selection."""
    condition = select.rules().get("contamination:evaluation_item", "")
    return float(condition.removeprefix(_OVERLAPS)) if condition.startswith(_OVERLAPS) else None
