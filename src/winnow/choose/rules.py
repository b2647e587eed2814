"""Rule sets: named, versioned, ordered mappings from a reason to the SQL condition that rejects for it.

The tools of the field disagree on 15% of documents under one name, so a rule set's name says whose reading it is:
``gopher@dclm``. Its conditions are DuckDB SQL over the columns of its measures (``text.num_words < 50``) and contain
every threshold, so that a rule set is plain data: it can be printed, compared, put in a manifest and hashed into a
step's key. Rejected: one class per rule with thresholds as fields (datatrove's way); it hides the order of the rules
and what is divided by what.
"""

from __future__ import annotations

from dataclasses import dataclass

from winnow.core.errors import RecipeError, did_you_mean
from winnow.measure.measure import Measure

Rule = tuple[str, str]
"""A reason and the SQL condition under which a document is rejected for it."""


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """Rules in the order in which their reference checks them; a document's reason is the first that holds.

    A condition that is NULL does not reject. RecipeError for a reason that is given twice.
    """

    name: str
    """What the rules are and whose reading of them: ``gopher@dclm``."""
    source: str
    """The paper or tool, with version and place, that the rules are taken from."""
    measures: tuple[Measure, ...]
    """What has to be measured before the conditions can be evaluated."""
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        reasons = [reason for reason, _ in self.rules]
        twice = sorted({reason for reason in reasons if reasons.count(reason) > 1})
        if twice:
            raise RecipeError(f"rule set {self.name} gives the reason {twice[0]!r} twice: name each rule once")


def rule_set(name: str) -> RuleSet:
    """The shipped rule set of that name, as in ``gopher@dclm``; RecipeError with the nearest names for another."""
    from winnow.choose.presets import RULE_SETS

    if name not in RULE_SETS:
        raise RecipeError(f"no rule set is called {name!r}; {did_you_mean(name, RULE_SETS)}")
    return RULE_SETS[name]
