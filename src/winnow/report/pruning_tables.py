"""The tables of a pruning study's page: other settings, agreement of scores, fine-tuning, every run."""

from __future__ import annotations

from collections.abc import Sequence

from winnow.bench.findings import RANKS, Finding, Part
from winnow.bench.measured import Evidence
from winnow.bench.pruning import Agreement, Study
from winnow.report.figures import count
from winnow.report.leaderboard_pictures import digits, signed
from winnow.report.markup import Markup, join, tag


def contrasted(part: Part) -> str:
    """What was compared, and at which shares of the pool."""
    shares = " and ".join(f"{fraction:.0%}" for fraction in part.fractions)
    return f"{part.what} ({shares})" if shares else part.what


def every_setting(study: Study, findings: Sequence[Finding]) -> Markup | None:
    """Every claim at every setting, and at the base in every other text."""
    shown = [one for one in findings if one.parts and one.metric != RANKS]
    found = {(one.claim, _place(study, one)): one for one in shown}
    places = dict.fromkeys(_place(study, one) for one in sorted(shown, key=lambda one: _rank(study, one)))
    if len(places) < 2:
        return None
    rows = [
        tag("tr", tag("th", claim), *(_cell(found.get((claim, place))) for place in places))
        for claim in dict.fromkeys(one.claim for one in shown)
    ]
    head = [tag("th", ""), *(tag("th", place) for place in places)]
    told = (
        "The same differences at every setting, then at the base in other texts. Green: as the paper says; red: the "
        "other way; grey: undecided. All but the answers above go by their own 95% interval: one in twenty may be luck."
    )
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="grid verdicts settings")
    return join(tag("p", told, class_="what told"), tag("div", table, class_="scroll"))


def _place(study: Study, found: Finding) -> str:
    """The setting, or the text where it is not the one that answers."""
    answers = found.setting != study.base or found.metric in (study.yardstick, *study.accuracies[:1])
    return str(found.setting) if answers else found.metric.removeprefix("heldout/").rpartition("/")[0]


def _rank(study: Study, found: Finding) -> tuple[int, int]:
    """Settings in the study's order, then the other texts in theirs."""
    metrics = (*study.heldout, *study.accuracies)
    other = 0 if _place(study, found) == str(found.setting) else 1 + metrics.index(found.metric)
    return other, study.settings().index(found.setting)


COLOURED = {"reproduced": "better", "contradicted": "worse", "undecided": "open"}


def _cell(found: Finding | None) -> Markup:
    if found is None or not found.parts:
        return tag("td")
    part = found.parts[0]
    half = None if part.interval is None else (part.interval[1] - part.interval[0]) / 2
    told = f"{contrasted(part)}: {found.words}"
    below = "" if half is None else f"± {digits(half, half)}"
    return tag(
        "td",
        tag("b", signed(part.value, half)),
        tag("span", below),
        class_=f"cell {COLOURED[found.verdict]}",
        title=told,
    )


def scores(study: Study) -> Markup | None:
    """How scorings rank documents beside each other, and how finely each tells them apart."""
    if not study.agreements and not study.ties:
        return None
    told = "Spearman's rank correlation of scores over the documents of a pool, with its 95% interval."
    pools = dict.fromkeys(one.one.pool for one in study.agreements)
    matrices = [_matrix(pool, [one for one in study.agreements if one.one.pool == pool]) for pool in pools]
    rows = [
        tag(
            "tr",
            tag("th", f"{one.scoring.pool}: {one.scoring.name}"),
            tag("td", count(one.num_values)),
            tag("td", f"{one.largest:.1%}"),
        )
        for one in study.ties
    ]
    head = tag("tr", *(tag("th", name) for name in ("score", "different values", "documents at the commonest")))
    ties = tag("table", tag("thead", head), tag("tbody", *rows), class_="shares-right") if rows else None
    return join(tag("p", told, class_="what told"), *matrices, tag("h3", "Ties") if rows else None, ties)


def _matrix(pool: str, agreements: Sequence[Agreement]) -> Markup:
    names = list(dict.fromkeys(scoring for one in agreements for scoring in (one.one, one.other)))
    found = {pair: one for one in agreements for pair in ((one.one, one.other), (one.other, one.one))}
    rows = [
        tag("tr", tag("th", one.name), *(_agreement(found.get((one, other)), one == other) for other in names))
        for one in names
    ]
    head = tag("tr", tag("th", ""), *(tag("th", one.name) for one in names))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="grid matrix")
    return tag("section", tag("h3", pool), tag("div", table, class_="scroll"))


def _agreement(found: Agreement | None, same: bool) -> Markup:
    if found is None:
        return tag("td", "1" if same else "", class_="cell")
    return tag(
        "td",
        tag("b", f"{found.value:.2f}"),
        tag("span", f"{found.low:.2f} to {found.high:.2f}"),
        class_="cell heat",
        style=f"--strength:{100 * abs(found.value):.0f}%",
    )


def accuracies(evidence: Evidence) -> Markup | None:
    """What fine-tuned models get, at the base."""
    study, metrics = evidence.study, evidence.study.accuracies
    scored = [arm for arm in study.arms if metrics and arm.name in evidence.scores(study.base.scale, metrics[0])]
    if not scored:
        return None
    head = tag("tr", tag("th", "trained on"), *(tag("th", tag("code", metric)) for metric in metrics))
    rows = [
        tag(
            "tr",
            tag("th", arm.name),
            *(tag("td", _told(evidence, study.base.scale, metric, arm.name)) for metric in metrics),
        )
        for arm in scored
    ]
    told = "Mean accuracy over seeds with the 95% interval of training noise; higher is better."
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="shares-right")
    return join(tag("p", told, class_="what told"), tag("div", table, class_="scroll"))


def _told(evidence: Evidence, scale: str, metric: str, name: str) -> Markup | None:
    """A mean and half its interval."""
    scores = evidence.scores(scale, metric).get(name)
    if scores is None:
        return None
    noise = evidence.noise(scale, metric)
    half = None if noise is None else noise.half(len(scores.values))
    more = "" if half is None else f" ± {digits(half, half)}"
    return join(digits(float(scores.values.mean()), half), tag("span", more, class_="what"))


def runs(evidence: Evidence) -> Markup:
    """Every arm at every scale: scores in all texts, seeds, how often it was seen."""
    study = evidence.study
    head = ("trained on", *study.heldout, "seeds", "epochs", "unique tokens")
    parts = []
    for scale in study.ledger.names("scale"):
        of_scale = study.ledger.where(scale=scale)
        rows = []
        for arm in study.arms:
            runs = of_scale.where(candidate=arm.name).runs
            if runs:
                told = [_told(evidence, scale, metric, arm.name) for metric in study.heldout]
                epochs, unique = runs[0].epochs, runs[0].unique_tokens
                about = (
                    str(len(runs)),
                    "" if epochs is None else f"{epochs:.3g}",
                    "" if unique is None else count(unique),
                )
                rows.append(tag("tr", tag("th", arm.name), *(tag("td", cell) for cell in (*told, *about))))
        table = tag(
            "table",
            tag("thead", tag("tr", *(tag("th", tag("code", name) if "/" in name else name) for name in head))),
            tag("tbody", *rows),
            class_="shares-right",
        )
        title = f"{scale}: {count(len(rows))} arms, {count(len(of_scale))} models"
        parts.append(tag("details", tag("summary", title), tag("div", table, class_="scroll"), class_="idle"))
    return join(*parts)
