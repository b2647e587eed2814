"""Numbers that others computed with the laws of loss and their fits, beside what this code makes of the same."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.laws.baselines import LogLinearMixing
from winnow.laws.chinchilla import PIVOT, Chinchilla, PenalisedChinchilla, RepeatedChinchilla
from winnow.laws.descent import huber
from winnow.laws.fit import HUBER_NOISES, Fit, fit, refit, root_mean_square
from winnow.laws.golden import Golden
from winnow.laws.law import Law
from winnow.laws.setups import Runs, Setups, one_pool
from winnow.laws.uncertainty import bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Published(NamedTuple):
    """A law with somebody's parameters."""

    law: Law
    theta: NDArray[np.float64]
    coefficients: NDArray[np.float64]

    def predict(self, setups: Setups) -> NDArray[np.float64]:
        """[n] values."""
        return self.law.predict(self.theta, self.coefficients, setups)


def repeated(e: float, a: float, b: float, alpha: float, beta: float, tokens: float, params: float) -> Published:
    """The full law of Muennighoff et al. from E, A, B, alpha, beta, R_D* and R_N*."""
    optimal = (alpha * a / (beta * b) * PIVOT**beta) ** (1 / alpha)
    theta = np.array([alpha, beta, tokens, params, optimal])
    return Published(RepeatedChinchilla(), theta, np.array([e, b]))


HOFFMANN = Published(Chinchilla(), np.array([0.34, 0.28]), np.array([1.69, 406.4, 410.7]))
"""Hoffmann et al. 2022, section D.3. Its digits are too few, and its optimum was none: see ``BESIROGLU``."""
BESIROGLU = Published(Chinchilla(), np.array([0.34781, 0.36585]), np.array([1.81686, 482.00572, 2085.4342]))
"""The same runs fitted again (Besiroglu et al. 2024, arXiv 2404.10102, table 1)."""
BESIROGLU_ERRORS = {"E": 0.02566, "A": 124.52, "B": 1293.28, "alpha": 0.0154, "beta": 0.0206}
"""Standard errors of these."""
_MUENNIGHOFF_A = float(np.exp(6.255414))
MUENNIGHOFF = repeated(
    e=float(np.exp(0.6254804)),
    a=_MUENNIGHOFF_A,
    b=float(np.exp(7.3049974)),
    alpha=0.3526596,
    beta=0.3526596,
    tokens=15.387756,
    params=5.309743,
)
"""Muennighoff et al. 2023 (huggingface/datablations, utils/parametric_fit.ipynb). On the authors' runs and objective
these are not the optimum (see ``least_decay``), and R_D* is bounded from below alone: no constant to build on."""
DECAY = Published(
    RepeatedChinchilla(excess=False),
    MUENNIGHOFF.theta[:3],
    np.insert(MUENNIGHOFF.coefficients, 1, _MUENNIGHOFF_A),
)
"""The same, with parameters that do not lose value: a truth to simulate, with as many constants as are known."""

MUENNIGHOFF_LOSSES = (
    # Parameters, tokens, unique tokens, and the loss by the authors' code.
    (6.34e9, 242e9, 25e9, 2.2256440889984477),
    (8.67e9, 178e9, 25e9, 2.2269634075087867),
)
HOFFMANN_LOSSES = (
    # Chinchilla and Gopher: E, and what the size and the tokens add, as widely quoted.
    (70e9, 1.4e12, 1.69 + 0.083 + 0.163),
    (280e9, 300e9, 1.69 + 0.052 + 0.251),
)
DELTA = 1e-3
"""Of Huber's loss in both papers; the fits are of least absolute log residuals, nearly."""
DELTA_NOISE = DELTA / HUBER_NOISES
FORMS_NOISE = 0.03 / HUBER_NOISES
"""Huber's loss with delta 0.03 gives the errors of ``FORMS``, whose own loss was not written down."""
FORMS = (
    # Root mean square of log residuals of the joint fit to all runs, and of runs held out by size and unique tokens.
    ("datablations_fit182.csv", (0.083, 0.064, 0.064, 0.047), (0.086, 0.069, 0.072, 0.055)),
    ("datablations_runs.csv", (0.227, 0.162, 0.160, 0.085), (0.227, 0.168, 0.165, 0.089)),
)
LAWS = Chinchilla(), RepeatedChinchilla(), RepeatedChinchilla(excess=False), PenalisedChinchilla()
"""The forms in the order of ``FORMS``."""
FORMS_TOLERANCE = 0.003
NUM_FOLDS = 10
NUM_STARTS, NUM_DRAWS = 8, 300
MIXTURES = {"1m": 0.964, "60m": 0.959, "1B": 0.988}
"""Spearman's correlation of losses on Pile-CC with what log-linear mixing, fitted to RegMix's 512 runs of 1M
parameters, predicts of other mixtures at each size: by this code, kept so that a change is seen."""


def golden_checks() -> Iterator[Golden]:
    """Those that need no data; each is right where ``found`` is within ``tolerance`` of ``expected``."""
    for params, tokens, unique, expected in MUENNIGHOFF_LOSSES:
        found = MUENNIGHOFF.predict(one_pool([unique], [tokens], [params]))[0]
        name = f"Muennighoff, loss of {params:g} parameters on {tokens:g} tokens of {unique:g}"
        yield Golden(name, expected, float(found), 1e-12)
    for params, tokens, expected in HOFFMANN_LOSSES:
        found = HOFFMANN.predict(one_pool([tokens], [tokens], [params]))[0]
        yield Golden(f"Hoffmann, loss of {params:g} parameters on {tokens:g} tokens", expected, float(found), 1.5e-3)


def data_checks(directory: Path) -> Iterator[Golden]:
    """Those on the runs of others: ``datablations``, ``chinchilla_epoch`` and ``regmix`` in a directory. A minute."""
    yield from repeated_checks(directory)
    yield from chinchilla_checks(directory)
    yield from mixing_checks(directory)
    yield from form_checks(directory)


def repeated_checks(directory: Path) -> Iterator[Golden]:
    """The published objective at the published point, and at the best constants of decay, all others held."""
    runs = repeated_runs(directory / "datablations" / FORMS[0][0])
    yield Golden("Muennighoff, objective at the published point", 0.0158259, _absolute(MUENNIGHOFF, runs), 5e-8)
    best = _absolute(least_decay(runs), runs)
    yield Golden("Muennighoff, least objective over the constants of decay", 0.0158047, best, 5e-8)


def chinchilla_checks(directory: Path) -> Iterator[Golden]:
    """The fit of least absolute residuals to Hoffmann's runs, and its standard errors by bootstrap."""
    runs = chinchilla_runs(directory / "chinchilla_epoch" / "svg_extracted_data.csv")
    fitted = fit(Chinchilla(), runs, noise=DELTA_NOISE, num_starts=NUM_STARTS)
    yield Golden("Chinchilla, least objective", 0.001018274, fitted.objective, 1e-8)
    found = _named(fitted.theta, fitted.coefficients)
    for name, expected in {"A": 477.82, "B": 2143.5, "E": 1.8172, "alpha": 0.34731, "beta": 0.36717}.items():
        yield Golden(f"Chinchilla, {name}", expected, float(found[name]), 1e-4 * expected)
    draws = bootstrap(fitted, runs, NUM_DRAWS)
    spread = _named(draws.theta.std(0, ddof=1), draws.coefficients.std(0, ddof=1))
    for name, expected in BESIROGLU_ERRORS.items():
        yield Golden(f"Chinchilla, standard error of {name}", expected, float(spread[name]), 0.25 * expected)


def form_checks(directory: Path) -> Iterator[Golden]:
    """How near the forms come to runs with repetition, fitted to them and held out."""
    for file, trained, held_out in FORMS:
        runs = repeated_runs(directory / "datablations" / file)
        for law, inside, outside in zip(LAWS, trained, held_out, strict=True):
            fitted = fit(law, runs, noise=FORMS_NOISE, num_starts=NUM_STARTS)
            name = f"{law}, error on {len(runs)} runs"
            yield Golden(f"{name}, fitted to them", inside, error(fitted, runs), FORMS_TOLERANCE)
            yield Golden(f"{name}, held out", outside, error_held_out(fitted, runs), FORMS_TOLERANCE)


def mixing_checks(directory: Path) -> Iterator[Golden]:
    """Rank correlations of log-linear mixing on Pile-CC."""
    fitted = fit_mixing(directory / "regmix", "pile_cc")
    for size, expected in MIXTURES.items():
        runs = mixing_runs(directory / "regmix", f"test_{size}", "pile_cc")
        found = rank_correlation(fitted.predict(runs), runs.value)
        yield Golden(f"RegMix, rank correlation on Pile-CC at {size}", expected, found, 5e-3)


def repeated_runs(path: Path) -> Runs:
    """C4 runs of Muennighoff et al., from huggingface/datablations' notebook; every row is a training."""
    rows = _read(path)
    columns = [
        np.array([float(row[name]) for row in rows])
        for name in ("unique_tokens_U", "tokens_D", "params_N", "c4_val_loss")
    ]
    names = np.array([f"{row['name']}/{number}" for number, row in enumerate(rows)])
    return Runs(("c4",), columns[0][:, None], columns[1][:, None], columns[2], columns[3], names)


def chinchilla_runs(path: Path) -> Runs:
    """Hoffmann's runs as read off a figure (epoch-research/analyzing-chinchilla), less the five of highest loss.

    Tokens follow from compute: D = FLOP / 6N.
    """
    rows = _read(path)
    params, flops, loss = (
        np.array([float(row[name]) for row in rows]) for name in ("Model Size", "Training FLOP", "loss")
    )
    kept = np.sort(np.argsort(loss)[:-5])
    tokens = (flops / (6 * params))[kept, None]
    return Runs(("all",), tokens, tokens, params[kept], loss[kept], kept.astype(str))


def mixing_runs(directory: Path, part: str, domain: str) -> Runs:
    """RegMix's runs (sail-sg/regmix): shares of 17 parts of the Pile, and the loss on one of 13."""
    mixtures, losses = (
        _read(directory / f"{part.replace('_', f'_{kind}_', 1)}.csv") for kind in ("mixture", "pile_loss")
    )
    pools = [name for name in mixtures[0] if name != "index"]
    shares = np.array([[float(row[name]) for name in pools] for row in mixtures])
    value = np.array([float(row[f"metric/the_pile_{domain}_val_loss"]) for row in losses])
    names = tuple(name.removeprefix("train_the_pile_") for name in pools)
    run = np.array([row["index"] for row in mixtures])
    return Runs(names, np.ones_like(shares), shares, np.ones(len(shares)), value, run)


def least_decay(runs: Runs) -> Published:
    """The published law with the constants of decay at which the published objective is least."""
    from scipy.optimize import minimize

    def at(logs: NDArray[np.float64]) -> Published:
        theta = MUENNIGHOFF.theta.copy()
        theta[2:4] = np.exp(logs)
        return MUENNIGHOFF._replace(theta=theta)

    # It is made of straight lines, nearly, and flat: a search that needs no slopes, from many starts.
    starts = [np.log([tokens, params]) for tokens in (5, 15, 50, 100, 200) for params in (1.5, 5)]
    options = {"xatol": 1e-8, "fatol": 1e-14}
    found = [minimize(lambda logs: _absolute(at(logs), runs), x, method="Nelder-Mead", options=options) for x in starts]
    return at(min(found, key=lambda one: one.fun).x)


def fit_mixing(directory: Path, domain: str) -> Fit:
    """Log-linear mixing for one domain's loss, from RegMix's 512 runs."""
    return fit(LogLinearMixing(), mixing_runs(directory, "train_1m", domain), num_starts=NUM_STARTS)


def rank_correlation(predicted: NDArray[np.float64], measured: NDArray[np.float64]) -> float:
    """Spearman's."""
    from scipy.stats import spearmanr

    return float(spearmanr(predicted, measured).statistic)


def error(fitted: Fit, runs: Runs) -> float:
    """Root mean square of log residuals."""
    return root_mean_square(fitted.residuals(runs))


def error_held_out(fitted: Fit, runs: Runs, seed: int = 0) -> float:
    """The same of runs that a fit has not seen: a tenth at a time, those of like parameters and unique tokens together.

    What is held out is drawn, and for a law that is far off where it has seen nothing the draw matters.
    """
    groups = np.unique(np.stack([runs.num_params, runs.unique[:, 0]], 1), axis=0, return_inverse=True)[1].ravel()
    folds = (np.random.default_rng(seed).permutation(groups.max() + 1) % NUM_FOLDS)[groups]
    residuals = np.zeros(len(runs))
    for held in (folds == number for number in range(NUM_FOLDS)):
        found = refit(fitted.law, runs.rows(~held), fitted.theta, fitted.coefficients, fitted.noise)
        residuals[held] = fitted.law.residuals(found.theta, found.coefficients, runs.rows(held))
    return root_mean_square(residuals)


def _absolute(published: Published, runs: Runs) -> float:
    """The published objective: a sum."""
    return huber(published.law.residuals(published.theta, published.coefficients, runs), DELTA)


def _named(theta: NDArray[np.float64], coefficients: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(("alpha", "beta", "E", "A", "B"), [*theta, *coefficients], strict=True))


def _read(path: Path) -> Sequence[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
