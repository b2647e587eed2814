from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from powers import Power, measured, trainings

from winnow.core.errors import InputError
from winnow.laws.compare import compare, preferred
from winnow.laws.law import Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from winnow.laws.setups import Setups


@dataclass(frozen=True)
class Logarithm(Power):
    """E + B (c - ln D): falls for ever, as a power does for a while."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return (Parameter("c", float(np.log(setups.tokens.max())), 1e3),)

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        return np.stack([np.ones(len(setups)), theta[0] - np.log(setups.tokens)], 1)


def test_the_form_that_predicts_what_it_has_not_seen_comes_first() -> None:
    forms = compare([Logarithm(), Power()], measured(trainings(30), noise=0.005))
    assert [form.name for form in forms] == ["Power", "Logarithm"]
    power, logarithm = forms
    assert power.cross_validated == pytest.approx(0.005, rel=0.4)
    assert power.trained < power.cross_validated
    assert logarithm.extrapolated > 5 * power.extrapolated
    assert preferred(forms) == [power]


def test_forms_that_predict_alike_are_both_preferred() -> None:
    forms = compare([Power(), Power()], measured(trainings(30), noise=0.005))
    assert preferred(forms) == forms


@dataclass(frozen=True)
class Wide(Power):
    """A sum of nine powers: too many for some of ten runs."""

    def parameters(self, setups: Setups) -> tuple[Parameter, ...]:
        return ()

    def coefficients(self, setups: Setups) -> tuple[str, ...]:
        return tuple("abcdefghi")

    def terms(self, theta: NDArray[np.float64], setups: Setups) -> NDArray[np.float64]:
        return setups.tokens[:, None] ** -np.linspace(0, 1, 9)


def test_a_form_that_cannot_be_fitted_to_a_part_of_the_runs_is_infinitely_far_off() -> None:
    runs = measured(trainings(10), noise=0.005)
    forms = compare([Wide(), Power()], runs)
    assert [form.name for form in forms] == ["Power", "Wide"] and preferred(forms) == forms[:1]
    assert forms[1].trained < 0.01
    assert forms[1].cross_validated == forms[1].standard_error == forms[1].extrapolated == np.inf
    assert preferred(compare([Wide()], runs))  # something is believed even so


def test_a_group_is_held_out_as_a_whole() -> None:
    runs = measured(trainings(30), noise=0.02)
    copies = runs.rows(np.repeat(np.arange(30), 2))  # were one of a pair seen, the other would be no test
    alone, paired = (compare([Power()], some)[0] for some in (runs, copies))
    assert paired.cross_validated == pytest.approx(alone.cross_validated, rel=0.25)


def test_too_few_groups_are_refused() -> None:
    runs = measured(trainings(30), noise=0.02)
    with pytest.raises(InputError, match="there are 3 runs or groups of runs; 5 are needed"):
        compare([Power()], runs, groups=np.arange(30) % 3)
