"""The pictures of an advice: what to expect of each keep-fraction, what epochs are worth, how sure the fits are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from winnow.laws.uncertainty import CHI2_95, Profile
from winnow.report.advice_charts import (
    Axis,
    Chart,
    Curve,
    Dot,
    Mark,
    Upright,
    draw,
    number,
    padded_axis,
    spanned,
)
from winnow.report.advice_model import AdviceData, Prediction, curves, measured, most_epochs, worths
from winnow.report.figures import count
from winnow.report.leaderboard_pictures import NUM_COLOURS, digits
from winnow.report.markup import Markup

ROOM = 0.5
"""Of the height that curves take, how much their bands may take beyond them to either side."""
ASIDE = 1.03
"""Times a budget that stands alone, to where its band goes."""
ONE_SIZE = 1.01
"""Models that differ by less are of one size."""


def kept(fraction: float) -> str:
    """A keep-fraction in percent.

    >>> kept(0.25), kept(0.4375), kept(1.0)
    ('25%', '43.8%', '100%')
    """
    return f"{100 * fraction:.3g}%"


def powers(flops: float) -> str:
    """FLOPs as a power of ten.

    >>> powers(2e9), powers(2.31e20)
    ('2e9', '2.31e20')
    """
    return f"{flops:.3g}".replace("e+0", "e").replace("e+", "e")


def coloured(place: int) -> str:
    """The class of a pool, or of the keep-fraction whose last pool that is."""
    return f"c{place % NUM_COLOURS}"


def budget_name(data: AdviceData, amount: float) -> str:
    """A budget with its unit."""
    return f"{amount_name(data, amount)} {data.unit}"


def amount_name(data: AdviceData, amount: float) -> str:
    """A budget as a number."""
    return count(amount) if data.unit == "tokens" else powers(amount)


def errors(data: AdviceData) -> Markup:
    """What to expect of the first pool, the first two, and so on, against tokens; where one overtakes the other."""
    found = curves(data)
    names = [kept(share) for share in data.keep_fractions]
    recommended = [advice.recommended for advice in data.along]
    least = np.min([curve.middle for curve in found], axis=0)
    dots = list(_runs(data))
    heights = [*least.tolist(), *(curve.middle[0] for curve in found), *(one.y for one in dots)]
    heights += [end for one in recommended for end in (one.value, one.interval_80[0])]
    drawn = [_banded(curve, names[place], coloured(place)) for place, curve in enumerate(found)]
    return draw(
        Chart(
            about=f"{data.metric} against tokens for each keep-fraction",
            x=spanned(found[0].at, "tokens", count),
            y=_holding(heights, found),
            curves=drawn,
            dots=dots,
            uprights=list(_switches(data)),
            marks=[
                _mark(data, place, one.plan.tokens, one.value, one.interval_80) for place, one in enumerate(recommended)
            ],
        )
    )


def _holding(heights: Sequence[float], found: Sequence[Prediction]) -> Axis:
    """An axis for all of these heights, and for bands as far as these leave something to see."""
    low, high = min(heights), max(heights)
    room = ROOM * (high - low)
    lowest, highest = min(curve.low.min() for curve in found), max(curve.high.max() for curve in found)
    return padded_axis([low, high, max(lowest, low - room), min(highest, high + room)])


def _banded(curve: Prediction, name: str, colour: str) -> Curve:
    points = [(float(x), float(y)) for x, y in zip(curve.at, curve.middle, strict=True)]
    ends = zip(curve.at.tolist(), curve.low.tolist(), curve.high.tolist(), strict=True)
    return Curve(name=name, colour=colour, points=points, band=list(ends), told=f"{name}: {points[-1][1]:.4g} last")


def _runs(data: AdviceData) -> Iterator[Dot]:
    for place, runs in enumerate(measured(data)):
        for run, tokens, value in zip(runs.run, runs.tokens, runs.value, strict=True):
            yield Dot(
                x=tokens, y=value, colour=coloured(place), told=f"run {run}: {value:.4f} after {count(tokens)} tokens"
            )


def _switches(data: AdviceData) -> Iterator[Upright]:
    for switch in data.switches:
        low, high = switch.interval
        place = int(np.abs(data.keep_fractions - switch.keep_fraction).argmin())
        yield Upright(
            x=switch.tokens,
            interval=switch.interval,
            colour=coloured(place),
            told=f"{kept(switch.keep_fraction)} from {until(switch.tokens)} tokens on ({until(low)} to {until(high)})",
        )


def until(tokens: float) -> str:
    """Tokens, or that they were not reached.

    >>> until(74e6), until(float("inf"))
    ('74M', 'never')
    """
    return count(tokens) if math.isfinite(tokens) else "never"


def _mark(
    data: AdviceData, place: int, x: float, y: float | None = None, interval: tuple[float, float] | None = None
) -> Mark:
    return Mark(budget=place, shown=place == len(data.advices) - 1, x=x, y=y, interval=interval)


def worth(data: AdviceData) -> Markup | None:
    """What each further epoch over each pool is worth by the best form, and where the runs end."""
    found = worths(data, data.best)
    if any(np.isnan(curve.middle).any() for curve in found):
        return None
    names = [pool.name for pool in data.pools]
    dots = [
        _end(found[place], names[place], seen, coloured(place))
        for place, seen in enumerate(data.believed.most_epochs)
        if seen >= 1
    ]
    return draw(
        Chart(
            about="worth of each epoch in fresh epochs, against epochs",
            x=Axis(low=1, high=most_epochs(data), name="epochs", logarithmic=True),
            y=_holding([0.0, 1.0, *(one for curve in found for one in curve.middle)], found),
            curves=[_banded(curve, names[place], coloured(place)) for place, curve in enumerate(found)],
            dots=dots,
            level=0.0,
        )
    )


def _end(curve: Prediction, name: str, epochs: float, colour: str) -> Dot:
    """Where the runs of a pool end on its curve."""
    y = float(np.interp(epochs, curve.at, curve.middle))
    return Dot(x=epochs, y=y, colour=colour, told=f"{name}: {y:.2f} at {epochs:.3g} epochs, the most of any run")


def keeping(data: AdviceData) -> Markup:
    """The keep-fraction that is recommended against the budget, and those as good."""
    recommended, second, bands = [], [], []
    for advice in data.along:
        amount, keep = data.amount(advice), advice.recommended.plan.keep_fraction
        told = f"{budget_name(data, amount)}: keep {kept(keep)}"
        recommended.append(Dot(x=amount, y=100 * keep, colour="c0", told=told))
        if advice.runner_up is not None:
            other = advice.runner_up.plan.keep_fraction
            second.append(Dot(x=amount, y=100 * other, colour="c1", told=f"runner-up: keep {kept(other)}", hollow=True))
        low, high = advice.keep_band
        bands.append((amount, 100 * low, 100 * high))
    if len(bands) == 1:
        ((only, low, high),) = bands
        bands = [(only / ASIDE, low, high), (only * ASIDE, low, high)]
    return draw(
        Chart(
            about="keep-fraction against the budget",
            x=_budgets(data),
            y=Axis(low=0.0, high=104.0, name="%"),
            curves=[Curve(name="", colour="c0", points=[(dot.x, dot.y) for dot in recommended], band=bands)],
            dots=[*second, *recommended],
            marks=[_mark(data, place, dot.x) for place, dot in enumerate(recommended)],
        )
    )


def repeating(data: AdviceData) -> Markup:
    """How often the best pool is seen against the budget, and the most of any run."""
    seen = [advice.recommended.plan.epochs[0] for advice in data.along]
    most = data.believed.most_epochs[0]
    told = [f"{epochs:.3g} epochs" for epochs in seen]
    return _along(data, "epochs of the best pool", seen, told, padded_axis([0.0, *seen, most]), most)


def sizing(data: AdviceData) -> Markup:
    """The model that is recommended against the budget."""
    sizes = [advice.recommended.plan.num_params for advice in data.along]
    told = [f"{count(size)} parameters" for size in sizes]
    return _along(data, "parameters of the model", sizes, told, spanned(sizes, told=count))


def _along(
    data: AdviceData, about: str, values: Sequence[float], told: Sequence[str], y: Axis, level: float | None = None
) -> Markup:
    """A number of each recommendation against the budget."""
    points = list(zip([data.amount(advice) for advice in data.along], values, strict=True))
    dots = [
        Dot(x=x, y=y, colour="c0", told=f"{budget_name(data, x)}: {one}")
        for (x, y), one in zip(points, told, strict=True)
    ]
    return draw(
        Chart(
            about=f"{about} against the budget",
            x=_budgets(data),
            y=y,
            curves=[Curve(name="", colour="c0", points=points)],
            dots=dots,
            level=level,
            marks=[_mark(data, place, x) for place, (x, _) in enumerate(points)],
        )
    )


def _budgets(data: AdviceData) -> Axis:
    told = count if data.unit == "tokens" else powers
    return spanned([data.amount(advice) for advice in data.advices], data.unit, told)


def likelihood(found: Profile) -> Markup:
    """How the runs object to other values of a parameter, up to the 95% line."""
    points = [(float(x), float(y)) for x, y in zip(found.values, found.deviance, strict=True)]
    told = f"{found.name}: {found.value:.4g}"
    return draw(
        Chart(
            about=f"profile likelihood of {found.name}",
            x=spanned([x for x, _ in points], told=number),
            y=Axis(low=0.0, high=1.3 * CHI2_95),
            curves=[Curve(name="", colour="c2", points=points, told=told)],
            dots=[Dot(x=found.value, y=0.0, colour="c2", told=told)],
            level=CHI2_95,
        )
    )


def residuals(data: AdviceData) -> list[tuple[str, Markup]]:
    """By how much the best form is off, against epochs, tokens and, where there are several, sizes of models."""
    form, runs = data.best, data.runs
    off = 100 * form.fitted.residuals(runs)
    twice = 200 * form.fitted.noise
    against = [("epochs", runs.epochs.max(1), number), ("tokens", runs.tokens, count)]
    if runs.num_params.max() > ONE_SIZE * runs.num_params.min():
        against.append(("parameters", runs.num_params, count))
    main = runs.shares.argmax(1)
    return [
        (
            name,
            draw(
                Chart(
                    about=f"residuals against {name}",
                    x=spanned(places.tolist(), name, told),
                    y=padded_axis([*off.tolist(), -twice, twice]),
                    dots=[
                        Dot(x=x, y=y, colour=coloured(pool), told=f"run {run}, mostly {runs.pools[pool]}: {y:+.2f}%")
                        for x, y, pool, run in zip(places.tolist(), off.tolist(), main, runs.run, strict=True)
                    ],
                    level=0.0,
                    level_band=(-twice, twice),
                )
            ),
        )
        for name, places, told in against
    ]


def predicted(value: float, interval: tuple[float, float]) -> str:
    """A value with the digits that its interval allows."""
    return digits(value, (interval[1] - interval[0]) / 2)
