"""Numbers that other code computed with the laws of Goyal et al. 2024, beside what this code makes of the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from winnow.laws.golden import Golden
from winnow.laws.goyal import GoyalUtility
from winnow.laws.goyal_repository import GoyalEffectiveData, GoyalEffectiveUtility
from winnow.laws.setups import Setups

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOL = 12.8e6
"""Samples of each pool: a tenth of DataComp-medium."""
IRREDUCIBLE = 0.1
PIVOT = 1e5
"""The repository's ``normalizer``; with its ``a`` inside the power, n0 = ``PIVOT`` / a."""
POOLS = "top 10%", "10-20%", "20-30%", "30-40%"


class Published(NamedTuple):
    """Parameters from the repository (locuslab/scaling_laws_data_filtering at cf5ced1, results/parameter_values.jsonl).

    Of the four pools, best first, and last of a random quarter of all four. Error is that of ImageNet-1k, zero-shot.
    """

    a: float
    utility: tuple[float, ...]
    half_life: tuple[float, ...]


UTILITY = Published(
    0.025, (0.16, 0.125, 0.1, 0.085, 0.12), (6.7272727272727275, 8.545454545454547, 5.2727272727272725, 25 / 11, 6.0)
)
"""``tmars_imagenet1k_utility``: fitted with ``effective_utility``."""
DATA = Published(
    0.022,
    (0.18227272727272728, 0.14484848484848487, 0.13530303030303031, 0.09757575757575758, 0.141969696969697),
    (4.0, 4.363636363636363, 2.909090909090909, 1.4545454545454546, 3.4545454545454546),
)
"""``tmars_imagenet1k_data``: fitted with ``effective_data``."""

TABLE_BUDGETS = 32e6, 64e6, 128e6, 640e6
TABLES = (
    # What estimate_best_pool.py prints: accuracy in percent at these budgets, on the best one to four pools.
    (
        GoyalEffectiveUtility,
        UTILITY,
        (
            (18.247126374561716, 24.6210362917903, 28.729001275706533, 31.17578663620656),
            (15.836056284546785, 23.30143419887929, 29.599965944742856, 38.55243503168806),
            (13.422100145280858, 20.398019596078655, 26.765962120844843, 37.564849290271106),
            (11.677430543495193, 17.988924530000496, 24.128098334696723, 35.1358946515444),
        ),
    ),
    (
        GoyalEffectiveData,
        DATA,
        (
            (18.248683636949693, 24.579466480053224, 28.633537674888654, 30.76942791674917),
            (17.135231546922782, 24.423749069091073, 30.53162924855596, 39.02313570363566),
            (15.979169799596793, 23.228577629655067, 29.54717024707699, 40.09021567189895),
            (13.907854842318324, 20.83435234017713, 26.940474779388335, 37.9187974597466),
        ),
    ),
)
PAPER_ERRORS = {
    # Equation 4 and theorem 1 with the parameters of UTILITY, at a budget, on the best one to four pools.
    32e6: "0.8296 0.8446 0.8658 0.8832",
    128e6: "0.7361 0.7229 0.7460 0.7685",
    640e6: "0.7143 0.6436 0.6507 0.6715",
}
CURVE_EPOCHS = 2, 4, 6, 8, 10
CURVES: dict[type[GoyalUtility], tuple[str, ...]] = {
    # Errors on each of the five pools alone with the parameters of UTILITY, by the repository's code and by equation 4.
    GoyalEffectiveUtility: (
        "0.841629802741 0.771824296070 0.740767239414 0.723433258764 0.712709987243",
        "0.890608736560 0.829330592386 0.800520745417 0.783646688725 0.772720305117",
        "0.931806693643 0.885861284109 0.866032454884 0.855424008796 0.849166337074",
        "0.963112727762 0.936031647342 0.927670358707 0.924480680362 0.923142829207",
        "0.900463611436 0.845460100539 0.821172699310 0.807825946152 0.799724654534",
    ),
    GoyalUtility: (
        "0.851150181659 0.788849133329 0.761130873266 0.745660386514 0.736089922962",
        "0.898287221167 0.843361239169 0.817537853731 0.802412980963 0.792619238717",
        "0.937703311985 0.896397940388 0.878571629386 0.869034532815 0.863408824862",
        "0.967362783106 0.942974027143 0.935443994186 0.932571424645 0.931366578870",
        "0.907605995006 0.858274556642 0.836491721016 0.824521311854 0.817255441701",
    ),
}
PESSIMISM = "0.51 0.80 0.96 1.04 1.08"
"""Points of error by which theorem 1 overstates that of the random quarter, at ``CURVE_EPOCHS``."""
KEPT_BUDGETS = 32e6, 64e6, 128e6, 256e6, 640e6, 1280e6
SWITCH_BUDGETS = np.geomspace(2e7, 4e9, 4001)
SWITCH_TOLERANCE = 0.002
"""Relative: both switches are read off a grid, at the first budget behind them; the other's grid is not known."""
KEPT: tuple[tuple[type[GoyalUtility], Published, str, str], ...] = (
    # The best percentage to keep at KEPT_BUDGETS; the millions of samples where 10 gives way to 20, and 20 to 30.
    (GoyalEffectiveUtility, UTILITY, "10 10 20 20 20 30", "100.6 1097"),
    (GoyalUtility, UTILITY, "10 10 20 20 20 30", "81.8 991"),
    (GoyalEffectiveData, UTILITY, "10 10 10 20 20 20", "151.8 1845"),
    (GoyalEffectiveData, DATA, "10 10 20 20 30 30", "67.8 344.7"),
    (GoyalEffectiveUtility, DATA, "10 20 20 30 30 30", "53.4 229"),
    (GoyalUtility, DATA, "10 20 20 30 30 30", "41.7 186"),
)


def golden_checks() -> Iterator[Golden]:
    """All of them; each is right where ``found`` is within ``tolerance`` of ``expected``."""
    yield from _tables()
    yield from _paper_errors()
    yield from _curves()
    yield from _recovered()
    yield from _pessimism()
    yield from _kept()


def errors(form: type[GoyalUtility], fitted: Published, setups: Setups, pools: Sequence[int]) -> NDArray[np.float64]:
    """[n] that a form predicts with the fitted parameters of some of the five pools, read as the repository does."""
    theta = [fitted.utility[pool] for pool in pools] + [fitted.half_life[pool] for pool in pools]
    law = form(gamma=1.0, reference=POOL, pivot=PIVOT / fitted.a)
    return law.predict(np.array(theta), np.array([1.0, IRREDUCIBLE]), setups)


def best_pools(budgets: Sequence[float], number: int) -> Setups:
    """Equal draws from the best pools, a row for each budget."""
    shape = len(budgets), number
    seen = np.broadcast_to(np.array(budgets)[:, None] / number, shape)
    return Setups(POOLS[:number], np.full(shape, POOL), seen, np.ones(len(budgets)))


def _kept_errors(form: type[GoyalUtility], fitted: Published, budgets: Sequence[float]) -> NDArray[np.float64]:
    """[4, n] on the best one to four pools."""
    numbers = range(1, len(POOLS) + 1)
    return np.stack([errors(form, fitted, best_pools(budgets, number), range(number)) for number in numbers])


def _tables() -> Iterator[Golden]:
    for form, fitted, table in TABLES:
        found = 100 * (1 - _kept_errors(form, fitted, TABLE_BUDGETS))
        for number, row in enumerate(table):
            for place, expected in enumerate(row):
                name = f"{form.__name__}, accuracy on the top {10 * (number + 1)}% at {TABLE_BUDGETS[place] / 1e6:g}M"
                yield Golden(name, expected, float(found[number, place]), 1e-10 * expected)


def _paper_errors() -> Iterator[Golden]:
    for budget, text in PAPER_ERRORS.items():
        found = _kept_errors(GoyalUtility, UTILITY, [budget])[:, 0]
        yield from _printed(f"equation 4 and theorem 1 at {budget / 1e6:g}M, top 10% to 40%", text, found)


def _curves() -> Iterator[Golden]:
    setups = best_pools([epochs * POOL for epochs in CURVE_EPOCHS], 1)
    for form, rows in CURVES.items():
        for pool, text in enumerate(rows):
            found = errors(form, UTILITY, setups, [pool])
            yield from _printed(f"{form.__name__}, error on {_pool(pool)} after 2 to 10 epochs", text, found)


def _recovered() -> Iterator[Golden]:
    """The repository's grid of utilities and half-lives has the fitted ones at the least sum of squares."""
    setups = best_pools([epochs * POOL for epochs in CURVE_EPOCHS], 1)
    law = GoyalEffectiveUtility(gamma=1.0, reference=POOL, pivot=PIVOT / UTILITY.a)
    utilities, half_lives = np.linspace(0.005, 0.5, 100), np.linspace(1, 10, 100)
    # On one pool the logarithms of terms are proportional to the utility.
    logs = np.stack([np.log(law.terms(np.array([1.0, half_life]), setups)) for half_life in half_lives])
    found = np.exp(utilities[:, None, None, None] * logs) @ np.array([1.0, IRREDUCIBLE])
    for pool, text in enumerate(CURVES[GoyalEffectiveUtility]):
        squares = ((found - np.array(text.split(), np.float64)) ** 2).sum(2)
        utility, half_life = np.unravel_index(squares.argmin(), squares.shape)
        name = f"grid search on {_pool(pool)}"
        yield Golden(f"{name}, utility", UTILITY.utility[pool], float(utilities[utility]), 1e-12)
        yield Golden(f"{name}, half-life", UTILITY.half_life[pool], float(half_lives[half_life]), 1e-12)
        yield Golden(f"{name}, sum of squares", 0.0, float(squares.min()), 1e-20)


def _pessimism() -> Iterator[Golden]:
    """A random quarter of four pools is a mixture of four quarters, of a whole pool's distinct samples."""
    seen = np.array(CURVE_EPOCHS)[:, None] * np.full(len(POOLS), POOL / len(POOLS))
    mixture = Setups(POOLS, np.full(seen.shape, POOL / len(POOLS)), seen, np.ones(len(seen)))
    predicted = errors(GoyalEffectiveUtility, UTILITY, mixture, range(4))
    fitted = errors(GoyalEffectiveUtility, UTILITY, best_pools(seen.sum(1).tolist(), 1), [4])
    yield from _printed(
        "theorem 1 less the fit, points of error after 2 to 10 epochs", PESSIMISM, 100 * (predicted - fitted)
    )


def _kept() -> Iterator[Golden]:
    for form, fitted, kept, switches in KEPT:
        name = f"{form.__name__}, parameters of {'utility' if fitted is UTILITY else 'data'}"
        best = 10 * (1 + _kept_errors(form, fitted, KEPT_BUDGETS).argmin(0))
        yield from _printed(f"{name}, best % to keep", kept, best)
        best = _kept_errors(form, fitted, SWITCH_BUDGETS.tolist()).argmin(0)
        for number, text in enumerate(switches.split(), 1):
            found, expected = float(SWITCH_BUDGETS[(best >= number).argmax()]) / 1e6, float(text)
            pair = f"switch from {10 * number} to {10 * (number + 1)}% in millions"
            yield Golden(f"{name}, {pair}", expected, found, SWITCH_TOLERANCE * expected)


def _printed(name: str, text: str, found: Sequence[float] | NDArray[np.float64]) -> Iterator[Golden]:
    """Numbers as they are printed, right to their last digit."""
    for place, (one, value) in enumerate(zip(text.split(), found, strict=True), 1):
        digits = len(one.partition(".")[2])
        yield Golden(f"{name} ({place})", float(one), float(value), 0.5 * 10.0**-digits)


def _pool(pool: int) -> str:
    return POOLS[pool] if pool < len(POOLS) else "a random quarter of the top 40%"
