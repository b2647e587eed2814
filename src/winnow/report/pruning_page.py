"""A study of pruning as one HTML file: the paper's claims with verdicts, and its figures redrawn with intervals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from winnow.bench.claims import ALIKE, APART
from winnow.bench.findings import OUTCOMES, Finding, Part, summary
from winnow.bench.measured import Evidence, Outcome
from winnow.bench.pruning import Study
from winnow.report.figures import count
from winnow.report.leaderboard_pictures import digits, signed
from winnow.report.markup import Markup, join, tag
from winnow.report.page import figure, frame
from winnow.report.pruning_panels import (
    Panel,
    of_checkpoints,
    of_corpora,
    of_metrics,
    of_settings,
    of_sizes,
    strips,
)
from winnow.report.pruning_pictures import legend, limits_of, limits_of_strips, plot, strip
from winnow.report.pruning_tables import accuracies, contrasted, every_setting, runs, scores

PAPER = "When Less is More (Marion et al. 2023)"
SIGNS: dict[Outcome, str] = {"reproduced": "✓", "contradicted": "✕", "undecided": "?", "not run": "·"}
EASY = (
    "Against the share of the pool that is kept. Easy documents are the bottom of perplexity and EL2N and the top of "
    "memorization."
)
MAX_NAMES = 12
"""Arms without runs that are named; more are counted."""


def render(study: Study, findings: Sequence[Finding]) -> str:
    """The page of a study and what ``judge_study`` found in it."""
    evidence = Evidence(study)
    references = [*of_sizes(evidence), *of_corpora(evidence), *of_checkpoints(evidence)]
    sections = [
        ("Claims", _claims(study, findings)),
        ("Order", _order(evidence)),
        ("Metrics", _pictures(list(of_metrics(evidence)), EASY)),
        ("Reference models", _pictures(references, f"The study's own reference model is {study.reference}.")),
        ("Settings", _settings(list(of_settings(evidence)))),
        ("Every setting", every_setting(study, findings)),
        ("Scores", scores(study)),
        ("Fine-tuning", accuracies(evidence)),
        ("Runs", runs(evidence)),
        ("Not run", _not_run(study, findings)),
    ]
    shown = [(name, body) for name, body in sections if body is not None]
    plain = {"study": study.to_plain(), "findings": [one.to_plain() for one in findings]}
    embedded = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    libraries = {"winnow-data": version("winnow-data")}
    return frame("winnow pruning study", _header(study, findings), shown, embedded, libraries)


def _header(study: Study, findings: Sequence[Finding]) -> Markup:
    answered = Counter(one.verdict for one in findings if one.at_base)
    made = max((run.made for run in study.ledger if run.made), default="")
    return tag(
        "header",
        tag("p", tag("span", "winnow", class_="brand"), " pruning study", class_="eyebrow"),
        tag("h1", "Pruning by what a model makes of text"),
        tag("p", summary(findings), f" The claims are those of {PAPER}.", class_="lead"),
        tag(
            "p",
            f"Models of {study.base.scale} trained on parts of {study.base.pool}, scored by {study.reference}",
            *([", last run ", tag("time", made[:16].replace("T", " "), " UTC", datetime=made)] if made else []),
            class_="made",
        ),
        tag(
            "div",
            *(figure(str(answered[name]), name) for name in OUTCOMES if answered[name]),
            figure(count(len(study.ledger)), "models trained"),
            class_="headline",
        ),
    )


def _claims(study: Study, findings: Sequence[Finding]) -> Markup:
    names = ("claim", "verdict here", "difference", "of perplexity", "elsewhere")
    rows = [_claim(study, one, [other for other in findings if _same(one, other)]) for one in _answers(findings)]
    table = tag(
        "table", tag("thead", tag("tr", *(tag("th", name) for name in names))), tag("tbody", *rows), class_="claims"
    )
    return join(tag("p", _how_to_read(study), class_="what told"), tag("div", table, class_="scroll"))


def _how_to_read(study: Study) -> str:
    little = digits(study.margin, study.margin)
    return (
        f"Differences are in bits per byte of {study.yardstick}, first less second: below zero the first is better. "
        "Each is the mean over the shares of the pool in brackets, with its own 95% interval from training noise and "
        "documents. A claim of several differences holds where all do; the one nearest to failing is shown. "
        "Reproduced: the interval lies wholly where the paper says; contradicted: wholly elsewhere. These verdicts "
        f"share one error rate of 5% (Holm). Alike, and little, mean within {little} bits per byte, which is 1% of "
        f"perplexity, the paper's own effect. Two scores rank alike above a correlation of {ALIKE} and tell different "
        f"things within ±{APART}; these verdicts go by their own interval, as do the signs to the right, one for every "
        "other setting or held-out text."
    )


def _answers(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.at_base]


def _same(answer: Finding, other: Finding) -> bool:
    return other.claim == answer.claim and not other.at_base


def _claim(study: Study, found: Finding, others: Sequence[Finding]) -> Markup:
    part = found.parts[0] if found.parts else None
    paper = f"paper, section {found.section}" if found.section[0].isdigit() else "not of the paper"
    at = "" if found.setting == study.base else f", {found.setting}"
    about = [*([contrasted(part) + at] if part is not None else []), ": ".join(filter(None, (paper, found.published)))]
    return tag(
        "tr",
        tag("th", found.claim, *(tag("span", told, class_="what") for told in about)),
        tag("td", _verdict(found)),
        tag("td", _difference(part) if part is not None else ""),
        tag("td", _share(study, found, part)),
        tag("td", *(_sign(one) for one in others)),
    )


def _verdict(found: Finding) -> Markup:
    told = found.words.removeprefix(found.verdict).lstrip(";: ")
    return join(
        tag("b", found.verdict, class_=f"verdict {_kind(found.verdict)}"),
        tag("span", told, class_="what") if told else None,
    )


def _kind(verdict: Outcome) -> str:
    return verdict.replace(" ", "-")


def _difference(part: Part) -> Markup:
    """The value and half its interval; a correlation with its ends, which lie unevenly about it."""
    if part.interval is None:
        return tag("span", f"{part.value:+.4f}")
    low, high = part.interval
    half = (high - low) / 2
    if not part.fractions:
        return join(f"{part.value:.2f}", tag("span", f" ({low:.2f} to {high:.2f})", class_="what"))
    return join(signed(part.value, half), tag("span", f" ± {digits(half, half)}", class_="what"))


def _share(study: Study, found: Finding, part: Part | None) -> str:
    """The difference as a share of perplexity, where it is one of the yardstick's bits."""
    if part is None or found.metric != study.yardstick:
        return ""
    return f"{100 * study.of_perplexity(part.value):+.2f}%"


def _sign(found: Finding) -> Markup:
    told = f"{found.setting}, {found.metric}: {found.words}"
    values = "; ".join(f"{part.what} {part.value:+.4f}" for part in found.parts)
    return tag("span", SIGNS[found.verdict], class_=f"sign {_kind(found.verdict)}", title=f"{told} ({values})")


def _order(evidence: Evidence) -> Markup | None:
    """Which part of a pool is best, setting by setting."""
    found = list(strips(evidence))
    if not found:
        return None
    limits = limits_of_strips(found)
    told = (
        "How far models trained on a part lie from no pruning, in bits per byte with 95% intervals: the better to the "
        "left, the upright line is no pruning. Perplexity of the same reference model in every row; equal steps."
    )
    rows = [
        tag(
            "tr",
            tag("th", str(one.setting), tag("span", f"{one.fraction:.0%} kept", class_="what")),
            tag("td", strip(one, limits)),
            tag("td", ", ".join(mark.subset for mark in one.marks)),
        )
        for one in found
    ]
    head = tag(
        "tr", tag("th", "setting"), tag("th", f"{limits[0]:+.3f} to {limits[1]:+.3f}"), tag("th", "best to worst")
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return join(tag("p", told, class_="what told"), legend(), tag("div", table, class_="scroll"))


def _pictures(panels: Sequence[Panel], about: str) -> Markup | None:
    """Panels of one setting, on one scale."""
    if not panels:
        return None
    limits = limits_of(panels)
    told = f"{about} Bits per byte of held-out text, one scale for all; bands are the 95% interval of training noise."
    return join(
        tag("p", told, class_="what told"),
        tag("div", *(_card(one, plot(one, limits)) for one in panels), class_="cards wide"),
    )


def _card(panel: Panel, drawn: Markup) -> Markup:
    return tag(
        "figure",
        tag("figcaption", tag("b", panel.title), tag("span", panel.about) if panel.about else None),
        drawn,
        class_="card",
    )


def _settings(panels: Sequence[Panel]) -> Markup | None:
    """Panels of several settings, each on its own scale."""
    if not panels:
        return None
    told = (
        "Perplexity of the study's own reference model in every pool and at every size of the trained model, each "
        "picture on its own scale."
    )
    return join(
        tag("p", told, class_="what told"),
        tag("div", *(_card(one, plot(one, limits_of([one]))) for one in panels), class_="cards wide"),
    )


def _not_run(study: Study, findings: Sequence[Finding]) -> Markup | None:
    """Claims and arms without runs."""
    claims = [one.claim for one in _answers(findings) if one.verdict == "not run"]
    ran = set(study.ledger.names("candidate"))
    arms = [arm.name for arm in study.arms if arm.name not in ran]
    if not claims and not arms:
        return None
    more = [tag("li", f"{count(len(arms) - MAX_NAMES)} more arms")] if len(arms) > MAX_NAMES else []
    return join(
        tag("h3", "Claims whose arms were not run") if claims else None,
        tag("ul", *(tag("li", claim) for claim in claims)) if claims else None,
        tag("h3", "Arms without runs") if arms else None,
        tag("ul", *(tag("li", name) for name in arms[:MAX_NAMES]), *more) if arms else None,
    )
