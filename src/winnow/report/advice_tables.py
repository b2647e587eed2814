"""The tables of an advice: budget by budget, where keep-fractions switch, which forms fit, what pools there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from winnow.laws.advice import Advice, Choice
from winnow.laws.compare import Form
from winnow.laws.plans import Plan, Pool
from winnow.laws.uncertainty import Profile
from winnow.report.advice_charts import number, shortened
from winnow.report.advice_model import AdviceData, chances, law_name
from winnow.report.advice_pictures import amount_name, kept, powers, predicted, until
from winnow.report.figures import count
from winnow.report.markup import Child, Markup, join, tag
from winnow.report.rater_tables import table

NAME_LENGTH = 26
MOST_FLAGS = 2
LEAST_CHANCE = 0.005
"""What rounds to a percent."""


def advices(data: AdviceData) -> Markup:
    """A row for each budget."""
    head = (
        f"budget, {data.unit}",
        "keep",
        "epochs",
        "unique tokens",
        data.metric,
        "P(best)",
        "regret",
        "as good",
        "runner-up",
    )
    rows = [_advice(data, advice, place) for place, advice in enumerate(data.along)]
    names = tag("tr", *(tag("th", name) for name in head))
    return tag("div", tag("table", tag("thead", names), tag("tbody", *rows), class_="advices"), class_="scroll")


def _advice(data: AdviceData, advice: Advice, place: int) -> Markup:
    best = advice.recommended
    low, high = advice.keep_band
    cells: list[Child] = [
        tag("b", kept(best.plan.keep_fraction)),
        repetitions(data.pools, best.plan),
        count(unique_tokens(data.pools, best.plan)),
        join(*prediction(best)),
        join(f"{best.p_best:.2f}", what(f"as much kept: {chance_of(advice):.2f}")),
        join(regret(best.expected_regret), what(f"90%: {regret(best.regret_90)}")),
        f"{kept(low)} to {kept(high)}" if low < high else kept(low),
        _runner_up(advice.runner_up, best),
    ]
    own = tag(
        "tr",
        tag("th", amount_name(data, data.amount(advice)), *_model(data, best.plan)),
        *(tag("td", cell) for cell in cells),
        class_=shown("", data, place),
        data_budget=place,
    )
    if not advice.flags:
        return own
    flags = tag("td", _flags(advice.flags), colspan=len(cells))
    return join(own, tag("tr", tag("td"), flags, class_=shown("flags", data, place), data_budget=place))


def _flags(flags: Sequence[str]) -> Markup:
    """What the advice rests on that no run has seen; more than two can be opened."""
    told = [tag("p", "⚑ ", flag, class_="flag") for flag in flags]
    if len(flags) <= MOST_FLAGS:
        return join(*told)
    return tag("details", tag("summary", f"⚑ {len(flags)} flags", class_="flag"), *told)


def shown(class_: str, data: AdviceData, place: int) -> str:
    """A class of what belongs to a budget; the largest is looked at first."""
    return f"{class_} now".strip() if place == len(data.advices) - 1 else class_


def what(text: str) -> Markup | None:
    """A remark below a number."""
    return tag("span", text, class_="what") if text else None


def _model(data: AdviceData, plan: Plan) -> tuple[Markup | None, ...]:
    """The model and its tokens, where they are not the budget itself, and what scoring takes."""
    model = f"{count(plan.num_params)} parameters" if plan.num_params != 1 else ""
    tokens = f"{count(plan.tokens)} tokens" if data.unit == "FLOPs" else ""
    scoring = f"{powers(plan.scoring_flops)} FLOPs for scoring" if plan.scoring_flops else ""
    return what(model), what(tokens), what(scoring)


def repetitions(pools: Sequence[Pool], plan: Plan) -> Markup:
    """How often each pool is seen, and how much of it."""
    items = [
        tag(
            "li",
            tag("span", shortened(pool.name, NAME_LENGTH), title=pool.name),
            tag("b", f"{epochs:.3g}×"),
            tag("span", f"of {kept(share)}") if share < 1 else None,
        )
        for pool, share, epochs in zip(pools, plan.kept, plan.epochs, strict=True)
        if epochs
    ]
    return tag("ul", *items, class_="values")


def unique_tokens(pools: Sequence[Pool], plan: Plan) -> float:
    """Different tokens that a plan draws."""
    parts = zip(pools, plan.kept, plan.epochs, strict=True)
    return sum(pool.unique_tokens * share * min(epochs, 1.0) for pool, share, epochs in parts)


def prediction(choice: Choice) -> list[Markup | None]:
    """The value that is predicted, and its two intervals."""
    intervals = [(80, choice.interval_80), (95, choice.interval_95)]
    return [
        tag("b", predicted(choice.value, choice.interval_80)),
        *(
            what(f"{level}%: {predicted(low, choice.interval_80)} to {predicted(high, choice.interval_80)}")
            for level, (low, high) in intervals
        ),
    ]


def chance_of(advice: Advice) -> float:
    """How often a plan with the recommended keep-fraction is the best."""
    fraction = advice.recommended.plan.keep_fraction
    return math.fsum(one.p_best for one in advice.choices if one.plan.keep_fraction == fraction)


def regret(value: float) -> str:
    """A regret with two digits.

    >>> regret(0.0), regret(0.00012345)
    ('0', '0.00012')
    """
    return f"{value:.2g}" if value else "0"


def _runner_up(choice: Choice | None, best: Choice) -> Child:
    if choice is None:
        return "none"
    value, regretted = predicted(choice.value, best.interval_80), regret(choice.expected_regret)
    chance = what(f"P(best) {choice.p_best:.2f}")
    return join(f"{kept(choice.plan.keep_fraction)}, {value}", chance, what(f"regret {regretted}"))


def map_of_chances(data: AdviceData) -> Markup:
    """How often each keep-fraction is the best, budget by budget."""
    found = {fraction: row for fraction, row in chances(data.along).items() if max(row) >= LEAST_CHANCE}
    best = [advice.recommended.plan.keep_fraction for advice in data.along]
    head = [
        tag("th", amount_name(data, data.amount(one)), class_=shown("", data, place), data_budget=place)
        for place, one in enumerate(data.along)
    ]
    rows = [
        tag("tr", tag("th", f"keep {kept(fraction)}"), *(
            _chance(data, chance, place, fraction == best[place]) for place, chance in enumerate(row)))
        for fraction, row in found.items()
    ]  # fmt: skip
    drawn = tag(
        "table",
        tag("thead", tag("tr", tag("th", f"budget, {data.unit}"), *head)),
        tag("tbody", *rows),
        class_="grid chances",
    )
    return tag("div", drawn, class_="scroll")


def _chance(data: AdviceData, chance: float, place: int, recommended: bool) -> Markup:
    told = f"{100 * chance:.0f}%" if chance >= LEAST_CHANCE else ""
    return tag(
        "td",
        tag("b", told) if told else "",
        tag("span", "recommended") if recommended else None,
        class_=shown("cell heat", data, place),
        style=f"--strength:{100 * min(chance, 1.0):.0f}%",
        data_budget=place,
    )


def switch_points(data: AdviceData) -> Markup:
    """From which budget on each larger part of the pools is best."""
    rows = [
        (
            f"keep {kept(switch.keep_fraction)}",
            until(switch.tokens) if math.isfinite(switch.tokens) else "not within the budgets looked at",
            _between(*switch.interval),
        )
        for switch in data.switches
    ]
    return table(("whole pools at equal epochs", "best from, tokens", "95% interval"), rows)


def _between(low: float, high: float) -> str:
    if not math.isfinite(low):
        return "beyond the budgets looked at"
    if low == high:
        return "the same by all fits"
    return f"{count(low)} to {count(high)}" if math.isfinite(high) else f"{count(low)} or more, no upper end"


def forms(data: AdviceData) -> Markup:
    """How far each law is off, on runs it was fitted to and on others; baselines last."""
    head = ("law", "parameters", "fitted to", "cross-validated", "largest budgets", "starts that agree", "counts")
    believed = [draws.law for draws in data.believed.draws]
    ordered = sorted(data.forms, key=lambda form: form.cross_validated)
    rows = [_form(form, "in the advice" if form.fitted.law in believed else "") for form in ordered]
    return table(head, [*rows, *(_form(form, "baseline") for form in data.baselines)])


def _form(form: Form, counts: str) -> list[Child]:
    fitted = form.fitted
    parameters = str(len(fitted.theta) + len(fitted.coefficients))
    error = "" if not math.isfinite(form.standard_error) else what(f" ± {100 * form.standard_error:.2g}")
    return [
        law_name(fitted.law),
        parameters,
        _off(form.trained),
        join(_off(form.cross_validated), error or None),
        _off(form.extrapolated),
        f"{fitted.agreeing} of {fitted.num_starts}",
        counts,
    ]


def _off(value: float) -> str:
    return f"{100 * value:.3g}%" if math.isfinite(value) else "cannot be fitted"


def identified(found: Profile) -> Markup:
    """Which sides of a parameter the runs settle."""
    low, high = map(number, found.interval)
    words = {
        "both sides": ("identified", f"95%: {low} to {high}"),
        "below": ("from below only", f"at least {low}; the runs set no upper end"),
        "above": ("from above only", f"at most {high}; the runs set no lower end"),
        "not identified": ("not identified", f"anything from {low} to {high} fits"),
    }
    verdict, told = words[found.identified]
    kind = {"identified": "reproduced", "not identified": "contradicted"}.get(verdict, "")
    return join(tag("b", verdict, class_=f"verdict {kind}".strip()), what(f"{number(found.value)}; {told}"))


def pools(data: AdviceData) -> Markup:
    """What there is, best first, and what the runs saw of it."""
    rows = [
        (
            pool.name,
            count(pool.unique_tokens),
            kept(share),
            f"{most:.3g}",
            powers(pool.scoring_flops) if pool.scoring_flops else "free",
        )
        for pool, share, most in zip(data.pools, data.keep_fractions, data.believed.most_epochs, strict=True)
    ]
    return table(
        ("pool, best first", "unique tokens", "with those before", "most epochs of any run", "FLOPs to score a token"),
        rows,
    )
