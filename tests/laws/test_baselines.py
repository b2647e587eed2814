"""What laws are compared with: one scale's ranking, and mixing without repetition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from winnow.core.errors import InputError
from winnow.laws.baselines import LogLinearMixing, SingleScaleRanking
from winnow.laws.fit import fit
from winnow.laws.setups import Runs, Setups

SLOPES = np.array([0.0, -4.0, 1.0])
C, K = 2.0, 1.5


def mixtures(number: int = 60, pools: int = 3, seed: int = 0) -> Setups:
    random = np.random.default_rng(seed)
    seen = random.dirichlet(np.ones(pools), number) * 1e6
    names = tuple(f"pool {name}" for name in "abc"[:pools])
    return Setups(names, np.full_like(seen, 1e5), seen, np.exp(random.uniform(10, 15, number)))


def runs_of(setups: Setups, values: NDArray[np.float64]) -> Runs:
    run = np.arange(len(setups)).astype(str)
    return Runs(setups.pools, setups.unique, setups.seen, setups.num_params, values, run)


def mixed(setups: Setups) -> NDArray[np.float64]:
    """Data Mixing Laws as printed."""
    losses: NDArray[np.float64] = C + K * np.exp(setups.shares @ SLOPES)
    return losses


def test_log_linear_mixing_finds_the_exponents_that_made_the_losses() -> None:
    runs = runs_of(mixtures(), mixed(mixtures()))
    found = fit(LogLinearMixing(), runs, num_starts=16)
    np.testing.assert_allclose(np.log(found.theta), SLOPES[1:], atol=1e-4)
    np.testing.assert_allclose(found.coefficients, [C, K], rtol=1e-4)


def test_it_finds_them_where_size_and_tokens_differ_too() -> None:
    setups = mixtures()
    tokens = np.geomspace(0.1, 10, len(setups))[np.random.default_rng(1).permutation(len(setups))]
    setups = replace(setups, seen=setups.seen * tokens[:, None])
    values = mixed(setups) + 30 * setups.num_params**-0.3 + 90 * setups.tokens**-0.4
    found = fit(LogLinearMixing(budgets=True), runs_of(setups, values), num_starts=16)
    np.testing.assert_allclose(found.theta[:2], [0.3, 0.4], rtol=1e-3)
    np.testing.assert_allclose(np.log(found.theta[2:]), SLOPES[1:], atol=1e-3)


def test_mixing_does_not_see_how_much_there_is_nor_the_unit() -> None:
    setups, theta, coefficients = mixtures(), np.exp(SLOPES[1:]), np.array([C, K])
    other = replace(setups, unique=setups.unique / 7, seen=setups.seen * 1e3, num_params=setups.num_params * 2)
    law = LogLinearMixing()
    predicted = law.predict(theta, coefficients, setups)
    np.testing.assert_allclose(predicted, mixed(setups), rtol=1e-12)
    np.testing.assert_allclose(law.predict(theta, coefficients, other), predicted, rtol=1e-12)


def test_a_pool_in_two_halves_mixes_as_it_did_whole() -> None:
    setups, theta, coefficients = mixtures(pools=2), np.exp(SLOPES[1:2]), np.array([C, K])
    seen = setups.seen[:, [0, 1, 1]] * [1, 0.5, 0.5]
    split = Setups(("a", "b1", "b2"), np.full_like(seen, 1e5), seen, setups.num_params)
    law = LogLinearMixing()
    np.testing.assert_allclose(
        law.predict(theta[[0, 0]], coefficients, split), law.predict(theta, coefficients, setups), rtol=1e-12
    )


def test_any_order_of_pools_fits_the_same_losses() -> None:
    setups = mixtures()
    values = mixed(setups) * np.exp(0.003 * np.random.default_rng(0).standard_normal(len(setups)))
    turned = Setups(setups.pools[::-1], setups.unique[:, ::-1], setups.seen[:, ::-1], setups.num_params)
    one, other = (fit(LogLinearMixing(), runs_of(some, values), num_starts=16) for some in (setups, turned))
    np.testing.assert_allclose(one.predict(setups), other.predict(turned), rtol=1e-5)


def at_scales(rows: list[tuple[str, float, float, float]]) -> tuple[Runs, list[str]]:
    """Rows of candidate, parameters, tokens and value."""
    candidates, *columns = (list(column) for column in zip(*rows, strict=True))
    params, tokens, values = (np.array(column) for column in columns)
    setups = Setups(("pool",), tokens[:, None], tokens[:, None], params)
    return runs_of(setups, values), [str(name) for name in candidates]


def test_a_ranking_is_of_the_largest_scale_that_has_all_candidates() -> None:
    rows = [
        *[("kept", 1e6, 1e7, 4.0), ("raw", 1e6, 1e7, 3.0)],
        *[("kept", 1e7, 1e8, 2.9), ("raw", 1e7, 1.01e8, 3.1), ("kept", 1e7, 1e8, 3.1)],
        ("raw", 1e8, 1e9, 2.0),
    ]
    found = SingleScaleRanking.of(*at_scales(rows))
    assert found.candidates == ("kept", "raw")
    np.testing.assert_allclose(found.values, [3.0, 3.1])
    assert found.budget == pytest.approx(1e15, rel=0.01)


def test_without_a_common_scale_there_is_no_ranking() -> None:
    runs, candidates = at_scales([("kept", 1e6, 1e7, 4.0), ("raw", 1e7, 1e7, 3.0)])
    with pytest.raises(InputError, match=r"no scale has runs of all 2 candidates \(kept, raw\)"):
        SingleScaleRanking.of(runs, candidates)


def test_every_run_is_of_a_candidate() -> None:
    runs, candidates = at_scales([("kept", 1e6, 1e7, 4.0), ("raw", 1e6, 1e7, 3.0)])
    with pytest.raises(InputError, match="2 runs and the candidates of 1"):
        SingleScaleRanking.of(runs, candidates[:1])
