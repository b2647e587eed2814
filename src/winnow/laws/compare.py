"""Which form of law suits the runs: by runs that a fit has not seen, those of the largest budgets above all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.core.errors import InputError
from winnow.laws.fit import Fit, Over, fit, root_mean_square
from winnow.laws.law import Law
from winnow.laws.setups import Runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_FOLDS = 5
LARGEST = 0.2
"""Share of runs that are held out as the largest."""
NUM_STARTS = 16
"""Of a fit to a part of the runs."""


@dataclass(frozen=True)
class Form:
    """A law's fit to all runs, and how far it lies from runs that it was not fitted to."""

    fitted: Fit
    trained: float
    """Root mean square of its log residuals."""
    cross_validated: float
    """The same on runs held out group by group."""
    standard_error: float
    """Of that, by the folds; infinite where one of them cannot be fitted."""
    extrapolated: float
    """The same on the runs of the largest budgets, by a fit to the rest; NaN where that cannot be fitted."""

    @property
    def name(self) -> str:
        """The law's."""
        return type(self.fitted.law).__name__


def compare(
    laws: Sequence[Law],
    runs: Runs,
    groups: NDArray[Any] | None = None,
    noise: float | None = None,
    over: Over = map,
) -> list[Form]:
    """Every law fitted to the runs, the one that predicts best first.

    Runs of one group (their names unless given) are held out together. A law that cannot be fitted to all runs is an
    InputError; one that cannot be fitted to a part of them counts as infinitely far off.
    """
    folds = _folds(runs.run if groups is None else groups)
    largest = runs.num_params * runs.tokens
    held = [folds == fold for fold in np.unique(folds)]
    held.append(largest >= np.quantile(largest, 1 - LARGEST, method="higher"))
    fits = list(over(partial(fit, runs=runs, noise=noise), laws))
    asked = [(one.law, runs, rows, one.noise) for one in fits for rows in held]
    apart = list(over(_apart, *zip(*asked, strict=True)))
    found = [_form(one, runs, apart[place * len(held) :][: len(held)]) for place, one in enumerate(fits)]
    return sorted(found, key=lambda form: form.cross_validated)


def preferred(forms: Sequence[Form]) -> list[Form]:
    """The best form and those within its standard error: decisions are averaged over these."""
    best = min(forms, key=lambda form: form.cross_validated)
    return [form for form in forms if form.cross_validated <= best.cross_validated + best.standard_error]


def _form(fitted: Fit, runs: Runs, apart: Sequence[NDArray[np.float64]]) -> Form:
    """By the residuals of each fold, and last of the largest runs."""
    *folds, largest = apart
    by_fold = [root_mean_square(fold) for fold in folds]
    spread = float(np.std(by_fold, ddof=1)) if np.isfinite(by_fold).all() else np.inf
    return Form(
        fitted=fitted,
        trained=root_mean_square(fitted.residuals(runs)),
        cross_validated=root_mean_square(np.concatenate(folds)),
        standard_error=spread / float(np.sqrt(len(by_fold))),
        extrapolated=root_mean_square(largest),
    )


def _apart(law: Law, runs: Runs, held: NDArray[np.bool_], noise: float) -> NDArray[np.float64]:
    """Log residuals of runs by a fit to the others."""
    try:
        fitted = fit(law, runs.rows(~held), noise=noise, num_starts=NUM_STARTS)
    except InputError:
        return np.full(int(held.sum()), np.inf)
    return fitted.residuals(runs.rows(held))


def _folds(groups: NDArray[Any]) -> NDArray[np.int64]:
    """A fold for each row, whole groups in one, as alike in size as that allows; by the groups' order alone."""
    names, of, sizes = np.unique(groups, axis=0, return_inverse=True, return_counts=True)
    if len(names) < NUM_FOLDS:
        raise InputError(
            f"there are {len(names)} runs or groups of runs; {NUM_FOLDS} are needed to hold some out in turn"
        )
    filled, fold = np.zeros(NUM_FOLDS, np.int64), np.zeros(len(names), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = int(filled.argmin())
        filled[fold[group]] += sizes[group]
    found: NDArray[np.int64] = fold[of.ravel()]
    return found
