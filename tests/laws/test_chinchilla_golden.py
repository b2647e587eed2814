"""The laws of loss make of the papers' own runs what the papers, and others, made of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from winnow.laws.chinchilla import Chinchilla, PenalisedChinchilla, RepeatedChinchilla
from winnow.laws.chinchilla_golden import (
    BESIROGLU,
    DELTA,
    DELTA_NOISE,
    FORMS,
    LAWS,
    chinchilla_checks,
    chinchilla_runs,
    data_checks,
    form_checks,
    golden_checks,
    mixing_checks,
    repeated_checks,
    repeated_runs,
)
from winnow.laws.descent import huber, jacobian
from winnow.laws.fit import AGREEMENT, LEAST_AGREEING, descent, fit
from winnow.laws.golden import Golden
from winnow.laws.setups import Runs

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import laws_forms


@pytest.fixture(scope="module")
def scaling(shared_data: Path) -> Path:
    return shared_data / "scaling"


def hold(checks: Iterable[Golden]) -> int:
    rows = list(checks)
    wrong = [row for row in rows if not abs(row.found - row.expected) <= row.tolerance]
    assert not wrong
    return len(rows)


def test_what_needs_no_data_is_as_published() -> None:
    assert hold(golden_checks()) == 4


def test_the_published_objective_and_one_below_it(scaling: Path) -> None:
    assert hold(repeated_checks(scaling)) == 2


def test_hoffmanns_runs_give_the_optimum_and_the_standard_errors_that_others_found(scaling: Path) -> None:
    assert hold(chinchilla_checks(scaling)) == 11


def test_log_linear_mixing_ranks_mixtures_at_larger_sizes(scaling: Path) -> None:
    assert hold(mixing_checks(scaling)) == 3


def test_forms_come_as_near_to_runs_with_repetition_as_known(scaling: Path) -> None:
    assert hold(form_checks(scaling)) == 16


def test_all_checks_on_data_are_one_list(scaling: Path) -> None:
    assert next(iter(data_checks(scaling))).name.startswith("Muennighoff")


def test_the_forms_stand_in_the_order_of_the_table() -> None:
    order = [(Chinchilla, True), (RepeatedChinchilla, True), (RepeatedChinchilla, False), (PenalisedChinchilla, True)]
    assert [(type(law), getattr(law, "excess", True)) for law in LAWS] == order


def test_the_runs_are_those_of_the_papers(scaling: Path) -> None:
    assert [len(repeated_runs(scaling / "datablations" / file)) for file, *_ in FORMS] == [182, 296]
    runs = chinchilla_runs(scaling / "chinchilla_epoch" / "svg_extracted_data.csv")
    assert len(runs) == len(set(runs.run)) == 240
    assert (runs.epochs == 1).all()
    assert np.median(np.abs(BESIROGLU.law.residuals(BESIROGLU.theta, BESIROGLU.coefficients, runs))) < 0.005


def test_the_script_shows_errors_beside_the_known_ones(scaling: Path) -> None:
    runs = repeated_runs(scaling / "datablations" / FORMS[0][0])
    cells = laws_forms.form_row(Chinchilla(), runs, (0.083, 0.086), num_draws=2).split("|")
    assert [cell.strip() for cell in cells[1:4]] == ["Chinchilla()", "182", "0.0833"]
    assert float(cells[5]) == pytest.approx(float(cells[6]), abs=0.003) == 0.086


class Searches:
    """L-BFGS-B from a grid of starts on Huber's loss of Hoffmann's runs, as is often done."""

    def __init__(self, runs: Runs, scale: float) -> None:
        self.logs = np.log([runs.num_params, runs.tokens, runs.value])
        self.scale = scale

    def __call__(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The objective and its gradient at the logarithms of A, B and E, and the exponents."""
        size, tokens, value = self.logs
        a, b, e, alpha, beta = x
        parts = np.stack([a - alpha * size, b - beta * tokens, np.full_like(size, e)])
        total = np.logaddexp.reduce(parts)
        pulls = np.exp(parts - total) * np.clip(total - value, -DELTA, DELTA)
        slopes = [*pulls.sum(1), -(pulls[0] * size).sum(), -(pulls[1] * tokens).sum()]
        return self.scale * huber(total - value, DELTA), self.scale * np.array(slopes)

    def ends(self, every: int = 1) -> list[OptimizeResult]:
        """Of all starts or some, the best first."""
        grid = np.meshgrid((0, 10, 20), (0, 10, 20), (-1, 0, 1), (0, 0.5, 1, 2), (0, 0.5, 1, 2))
        starts = np.stack([axis.ravel() for axis in grid], 1).astype(float)
        return sorted(
            (minimize(self, x, jac=True, method="L-BFGS-B") for x in starts[::every]), key=lambda end: float(end.fun)
        )

    def agreeing(self, ends: list[OptimizeResult]) -> int:
        """Starts that ended where the best did, as ``fit`` counts them."""
        return sum(end.fun <= ends[0].fun * (1 + AGREEMENT) for end in ends)

    def remaining(self, end: OptimizeResult) -> float:
        """What ``fit`` calls descent."""

        def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
            size, tokens, value = self.logs
            parts = [x[0] - x[3] * size, x[1] - x[4] * tokens, np.full_like(size, x[2])]
            found: NDArray[np.float64] = np.logaddexp.reduce(parts) - value
            return found

        at = residuals(end.x)
        return descent(jacobian(residuals, end.x, at), at, DELTA)


@pytest.fixture(scope="module")
def hoffmann(scaling: Path) -> Runs:
    return chinchilla_runs(scaling / "chinchilla_epoch" / "svg_extracted_data.csv")


def test_the_mean_objective_stalls_and_both_checks_of_convergence_tell(hoffmann: Runs) -> None:
    search = Searches(hoffmann, 1 / len(hoffmann))
    ends = search.ends()
    assert ends[0].success  # by its own account
    assert ends[0].fun * len(hoffmann) == pytest.approx(0.001108, abs=2e-6)
    assert search.agreeing(ends) < LEAST_AGREEING
    assert search.remaining(ends[0]) > 0.01


def test_the_sum_objective_passes_both_checks(hoffmann: Runs) -> None:
    search = Searches(hoffmann, 1.0)
    ends = search.ends(every=4)
    assert ends[0].fun == pytest.approx(0.001018274, abs=1e-9)
    assert search.agreeing(ends) >= 10
    assert search.remaining(ends[0]) < 1e-6


def test_our_fit_reaches_the_optimum_from_every_start(hoffmann: Runs) -> None:
    found = fit(Chinchilla(), hoffmann, noise=DELTA_NOISE, num_starts=16)
    assert found.objective == pytest.approx(0.001018274, abs=1e-9)
    assert found.agreeing == 16
    assert found.descent < 1e-6
