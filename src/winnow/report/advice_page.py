"""The advice of scaling laws as one HTML file: how hard to filter and how often to repeat, and how sure that is."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from winnow.core.files import appearing
from winnow.laws.advice import Advice
from winnow.laws.uncertainty import Profile
from winnow.report.advice_charts import shortened
from winnow.report.advice_model import AdviceData, law_name
from winnow.report.advice_pictures import (
    budget_name,
    coloured,
    errors,
    keeping,
    kept,
    likelihood,
    powers,
    predicted,
    repeating,
    residuals,
    sizing,
    worth,
)
from winnow.report.advice_tables import (
    advices,
    chance_of,
    forms,
    identified,
    map_of_chances,
    pools,
    repetitions,
    shown,
    switch_points,
    unique_tokens,
)
from winnow.report.figures import count
from winnow.report.markup import Markup, join, tag
from winnow.report.page import figure, frame

PAPER = "Goyal et al. 2024"
TITLE_LENGTH = 40


def write_advice_page(path: Path, given: AdviceData) -> None:
    """Write the page to a file, whole or not at all."""
    with appearing(path) as temporary:
        temporary.write_text(render(given), encoding="utf-8")


def render(data: AdviceData) -> str:
    """The page as HTML text."""
    sections = [
        ("Advice", _advice(data)),
        ("Expected", _expected(data)),
        ("Repetition", _repetition(data)),
        ("Budgets", _budgets(data)),
        ("Chances", _chances(data)),
        ("Parameters", _parameters(data)),
        ("Residuals", _residuals(data)),
        ("Forms", _forms(data)),
        ("Assumed", _assumed(data)),
    ]
    shown = [(name, body) for name, body in sections if body is not None]
    embedded = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return frame("winnow advice", _header(data), shown, embedded, {"winnow-data": version("winnow-data")})


def _header(data: AdviceData) -> Markup:
    last, off = data.along[-1].recommended, data.best.cross_validated
    return tag(
        "header",
        tag("p", tag("span", "winnow", class_="brand"), " advice for a budget", class_="eyebrow"),
        tag("h1", "How hard to filter, how often to repeat"),
        tag("p", _summary(data), class_="lead"),
        tag("p", f"Measured by {data.metric}; lower is better", class_="made"),
        tag(
            "div",
            figure(kept(last.plan.keep_fraction), f"kept at {_named(data, data.along[-1])}"),
            figure(f"{last.plan.epochs[0]:.3g}×", "the best pool seen there"),
            figure(count(len(set(data.runs.run.tolist()))), "runs learnt from"),
            figure(f"{100 * off:.2g}%", "off on runs held out") if math.isfinite(off) else None,
            class_="headline",
        ),
    )


def _summary(data: AdviceData) -> str:
    first, last = data.along[0], data.along[-1]
    keep, repeat = ([_keep(one) for one in (first, last)], [one.recommended.plan.epochs[0] for one in (first, last)])
    if len(data.along) == 1:
        return f"With {_named(data, last)}: keep {kept(keep[0])} of the pools and see the best {repeat[0]:.3g} times."
    moves = (
        f"goes from {kept(keep[0])} to {kept(keep[1])}" if keep[0] != keep[1] else f"is {kept(keep[0])} at both ends"
    )
    return (
        f"Between {_named(data, first)} and {_named(data, last)} the part of the pools worth keeping {moves}; the best "
        f"pool is seen {repeat[0]:.3g} times, then {repeat[1]:.3g}."
    )


def _keep(advice: Advice) -> float:
    return advice.recommended.plan.keep_fraction


def _named(data: AdviceData, advice: Advice) -> str:
    return budget_name(data, data.amount(advice))


def _advice(data: AdviceData) -> Markup:
    about = (
        "For each budget the plan with the least expected regret over resampled fits of the laws: how much worse than "
        "the best plan of each fit it is, on the mean. Epochs are for each pool, × times what is kept of it; unique "
        "tokens are those drawn at all. Intervals are of a run, its noise included. P(best) is how often no other plan "
        "is better. As good: keep-fractions with a plan whose expected regret is greater by less than the noise of a "
        "run. The runner-up is the best plan with another keep-fraction."
    )
    return join(
        *(tag("p", flag, class_="alarm", role="alert") for flag in data.flags),
        _dial(data),
        tag("p", about, class_="what told"),
        advices(data),
    )


def _dial(data: AdviceData) -> Markup:
    """One budget's advice in large, and the slider that chooses which; it is shown where scripts run."""
    last = len(data.along) - 1
    slider = tag(
        "label",
        "budget",
        tag("input", type="range", min=0, max=last, step=1, value=last),
        class_="dial",
        hidden=True,
    )
    return join(slider if last else None, *(_large(data, one, place) for place, one in enumerate(data.along)))


def _large(data: AdviceData, advice: Advice, place: int) -> Markup:
    best = advice.recommended
    low, high = best.interval_80
    interval = f"{predicted(low, best.interval_80)} to {predicted(high, best.interval_80)}"
    model = f", a model of {count(best.plan.num_params)} parameters" if best.plan.num_params != 1 else ""
    return tag(
        "div",
        tag("h3", _named(data, advice), model),
        tag(
            "div",
            figure(
                kept(best.plan.keep_fraction), f"to keep, {count(unique_tokens(data.pools, best.plan))} unique tokens"
            ),
            figure(predicted(best.value, best.interval_80), f"{data.metric}, 80%: {interval}"),
            figure(f"{chance_of(advice):.2f}", "chance that this keep-fraction is best"),
            class_="headline",
        ),
        repetitions(data.pools, best.plan),
        tag("div", *(tag("p", flag) for flag in advice.flags), class_="alarm") if advice.flags else None,
        class_=shown("at", data, place),
        data_budget=place,
        data_name=_named(data, advice),
    )


def _expected(data: AdviceData) -> Markup:
    model = f" for a model of {count(data.num_params)} parameters" if data.num_params != 1 else ""
    about = (
        f"Expected {data.metric} against tokens{model}, of the best pool alone, the best two, and so on, whole pools "
        f"at equal epochs (as figure 1b of {PAPER}). Bands hold 95% of the resampled fits, without the noise of a run; "
        "circles are runs on just these pools. Dashed: where the next larger part becomes the best; its 95% interval "
        "lies on the floor. The full upright is the budget chosen above, with the plan that is recommended and its 80% "
        "interval; that may keep a part of a pool, and repeat better pools more often than others."
    )
    return join(
        tag("p", about, class_="what told"),
        tag("figure", errors(data), class_="card curve"),
        switch_points(data) if data.switches else None,
    )


def _repetition(data: AdviceData) -> Markup | None:
    drawn = worth(data)
    if drawn is None:
        return None
    about = (
        "What each further epoch over a pool is worth, in epochs of fresh tokens of its kind: the first is 1, one that "
        f"teaches nothing 0, one that harms is below. By {law_name(data.best.fitted.law)}, the best form; bands hold "
        "95% of its resampled fits. A circle is the most epochs of any run; what lies right of it no run has seen."
    )
    return join(tag("p", about, class_="what told"), _legend(data), tag("figure", drawn, class_="card curve"))


def _legend(data: AdviceData) -> Markup:
    keys = [(pool.name, coloured(place)) for place, pool in enumerate(data.pools)]
    return tag("div", *(tag("span", tag("i", class_=f"key {own}"), name) for name, own in keys), class_="legend")


def _budgets(data: AdviceData) -> Markup:
    cards = [
        ("keep-fraction, %", "band: as good within the noise of a run; ring: the runner-up", keeping(data)),
        (f"epochs of {shortened(data.pools[0].name, TITLE_LENGTH)}", "dashed: the most of any run", repeating(data)),
    ]
    if data.unit == "FLOPs":
        cards.append(("parameters of the model", "the size that the FLOPs are best spent on", sizing(data)))
    return _cards(cards)


def _cards(cards: Sequence[tuple[str, str, Markup]]) -> Markup:
    drawn = [
        tag("figure", tag("figcaption", tag("b", title), tag("span", about)), picture, class_="card")
        for title, about, picture in cards
    ]
    return tag("div", *drawn, class_="cards wide")


def _chances(data: AdviceData) -> Markup:
    about = "How often a plan with each keep-fraction is the best, over all resampled fits, budget by budget."
    return join(tag("p", about, class_="what told"), map_of_chances(data))


def _parameters(data: AdviceData) -> Markup | None:
    if not data.profiles:
        return None
    about = (
        f"Of {law_name(data.best.fitted.law)}: how the runs object where a parameter is held at another value "
        "and all others are fitted anew: minus twice "
        "the log likelihood, above its least. Below the dashed line lies the 95% interval. Where the curve ends below "
        "it, the runs do not settle that side, and its end is where the search ended."
    )
    return join(tag("p", about, class_="what told"), tag("div", *map(_profile, data.profiles), class_="cards"))


def _profile(found: Profile) -> Markup:
    return tag(
        "figure", tag("figcaption", tag("b", found.name), identified(found)), likelihood(found), class_="card profile"
    )


def _residuals(data: AdviceData) -> Markup:
    about = (
        f"How much higher {law_name(data.best.fitted.law)} is than each run, in percent; the band is twice the noise "
        "of a run. A bend is something that the law does not know."
    )
    abouts = {
        "epochs": "of the pool that a run repeats most",
        "tokens": "drawn in all",
        "parameters": "of the model",
    }
    cards = [(f"against {name}", abouts[name], drawn) for name, drawn in residuals(data)]
    return join(tag("p", about, class_="what told"), _legend(data), _cards(cards))


def _forms(data: AdviceData) -> Markup:
    about = (
        "Root mean square of how far each law is off: on the runs it was fitted to, on runs held out in turn (± the "
        "standard error of folds), and on the largest fifth of budgets by a fit to the rest. Those within a standard "
        "error of the best make the advice and count alike."
    )
    ranking = None
    if data.ranking is not None:
        names = ", ".join(data.ranking.candidates)
        ranking = tag(
            "p",
            f"Single-scale ranking, best first: {names}. It is of the largest scale that all were tried at, "
            f"{powers(data.ranking.budget)} parameters times tokens.",
            class_="told",
        )
    return join(tag("p", about, class_="what told"), forms(data), ranking)


def _assumed(data: AdviceData) -> Markup:
    low, high = data.believed.params
    believed = " and ".join(law_name(draws.law) for draws in data.believed.draws)
    models = f"models of {count(low)} to {count(high)} parameters, " if high > 1 else ""
    notes = (
        "The pools share nothing, and each is better than the next: a plan that keeps some of a pool keeps all before.",
        "What is kept of a pool is a part of it at random; within a pool no token is better than another.",
        f"The truth is near {believed}. What all of these have wrong, no interval here knows of.",
        "Runs differ by their settings and by noise alone; the training recipe is that of the runs at every budget.",
        f"A run's noise is {100 * data.believed.noise:.2g}% of its value at every budget.",
        f"The runs had {models}up to {count(data.believed.most_tokens)} tokens. Beyond, the laws extrapolate.",
        "Training costs 6 FLOPs for each parameter and token; a plan that needs scores pays for scoring every pool.",
        "Better pools are repeated at most 3 times as often as the next; no other shapes were tried.",
    )
    return join(pools(data), tag("ul", *(tag("li", note) for note in notes), class_="notes"))


def _plain(data: AdviceData) -> dict[str, Any]:
    """What the page shows as JSON; numbers without end are null."""
    plain = {
        "metric": data.metric,
        "pools": [asdict(pool) for pool in data.pools],
        "advices": [
            {
                "budget": asdict(one.budget),
                "recommended": asdict(one.recommended),
                "runner_up": asdict(one.runner_up) if one.runner_up else None,
                "keep_band": one.keep_band,
                "flags": one.flags,
            }
            for one in data.along
        ],
        "switches": [asdict(switch) for switch in data.switches],
        "forms": [
            {"law": law_name(form.fitted.law), "trained": form.trained, "cross_validated": form.cross_validated,
             "standard_error": form.standard_error, "extrapolated": form.extrapolated}
            for form in (*data.forms, *data.baselines)
        ],
        "profiles": [
            {"name": one.name, "value": one.value, "interval": one.interval, "identified": one.identified}
            for one in data.profiles
        ],
        "flags": data.flags,
    }  # fmt: skip
    return {name: _finite(one) for name, one in plain.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
