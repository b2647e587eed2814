"""A study of a rater as one HTML file: whether its choice trains better models, what that costs, what it prefers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version

from winnow.bench.rated_pool import Shown
from winnow.bench.rater import RaterResult
from winnow.report import histogram
from winnow.report.figures import count, duration
from winnow.report.leaderboard_pictures import colours, curves
from winnow.report.markup import Markup, join, tag
from winnow.report.mixture import Shift
from winnow.report.model import LENGTH_ALARM, Sample
from winnow.report.page import figure, frame
from winnow.report.pruning_pictures import limits_of, plot
from winnow.report.rater_pictures import histograms, learning_curves, sweep, trace
from winnow.report.rater_tables import (
    amortisation,
    closed,
    compute,
    costs,
    difference,
    flops,
    mixture,
    runs,
    set_name,
    share,
    table,
    told,
    verdict,
)
from winnow.report.rules import excerpt

PAPER = "DataRater (Calian et al. 2025)"
CONVERGED = 0.95
"""Autocorrelation of scores above which the paper takes a rater to be learnt."""
TRACES = {
    "outer_loss": ("held-out loss", "nats per token of the inner models, after their weighted steps", None),
    "advantage": ("advantage", "held-out nats by which the first inner model leads its twin of equal weights", 0.0),
    "sample_size": ("effective sample size", "share of a batch that the softmax weighs: 1 is all alike", None),
    "score_spread": ("spread of the scores", "standard deviation over the probes", None),
    "autocorrelation": (
        "autocorrelation",
        "of the probes' scores, a look to the next; 0.95 is the paper's sign",
        CONVERGED,
    ),
    "length_correlation": ("correlation with length", "of the probes' scores and their tokens", 0.0),
}
"""What is drawn of meta-learning: its title, what it is, and the level that it is read by."""


def render(result: RaterResult, shifts: Mapping[str, Sequence[Shift]]) -> str:
    """The page of a study; ``shifts`` are what each choice does to the sources of the pool, by the arm's name."""
    sections = [
        ("Verdicts", _verdicts(result)),
        ("Loss curves", _curves(result)),
        ("Compute", _compute(result)),
        ("Discard", _discard(result)),
        ("Cost", _cost(result)),
        ("Amortisation", _amortisation(result)),
        ("Learning", _learning(result)),
        ("Scores", _scores(result)),
        ("Mixture", _mixture(shifts)),
        ("Documents", _documents(result)),
        ("Runs", runs(result)),
    ]
    shown = [(name, body) for name, body in sections if body is not None]
    plain = {**result.to_plain(), "mixture": {name: [asdict(one) for one in some] for name, some in shifts.items()}}
    embedded = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    libraries = {"winnow-data": version("winnow-data")}
    return frame("winnow study of a rater", _header(result), shown, embedded, libraries)


def _header(result: RaterResult) -> Markup:
    made = max((run.made for run in result.ledger if run.made), default="")
    when = [", last run ", tag("time", made[:16].replace("T", " "), " UTC", datetime=made)] if made else []
    best = [gain.with_scoring for scale in result.scales[-1:] if (gain := result.gain(result.judged.name, scale))]
    reached = f"{best[0]:.0%}" if best and best[0] is not None else "–"
    return tag(
        "header",
        tag("p", tag("span", "winnow", class_="brand"), " study of a rater", class_="eyebrow"),
        tag("h1", "What documents are worth for training"),
        tag("p", _summary(result), class_="lead"),
        tag(
            "p", f"The method is that of {PAPER}; documents are dropped by the rule {result.rule}", *when, class_="made"
        ),
        tag(
            "div",
            figure(f"{100 * result.judged.discard:g}%", "of the pool dropped"),
            figure(reached, f"of the compute to the unfiltered end, scoring included, {result.scales[-1]}"),
            figure(count(len(result.ledger)), "models trained"),
            class_="headline",
        ),
    )


def _summary(result: RaterResult) -> str:
    """Where the judged arm is better than the whole pool and than a random part."""
    judged, random = result.judged.name, result.named("random")
    sentences = []
    for other in ("unfiltered", *(arm.name for arm in random)):
        found = [gap for scale in result.scales if (gap := result.gap(judged, other, scale)) is not None]
        better = [gap.scale for gap in found if gap.better == judged]
        worse = [gap.scale for gap in found if gap.better == other]
        open_ = [gap.scale for gap in found if gap.better is None]
        parts = [
            f"{name} than {other} at {' and '.join(some)}"
            for name, some in (("are better", better), ("are worse", worse), ("are not told to be better", open_))
            if some
        ]
        sentences += parts
    return f"Models trained on the rater's choice {'; '.join(sentences)}."


def _verdicts(result: RaterResult) -> Markup:
    alarms = [
        f"{count(number)} {'document' if number == 1 else 'documents'} of {name} can be found in the pool or in the "
        "held-out set too: what is said of it is partly learnt by heart."
        for name, number in result.overlaps.items()
        if number
    ]
    if result.learnt.heldout == "split":
        alarms.append("The rater was learnt for a part of the pool itself: junk that can be learnt counts as worth it.")
    first, judging = result.scales[0], set_name(result.metrics[0])
    about = (
        f"Bits per byte of {judging} after equal steps, first less second: below zero the first is better, with 95% "
        "intervals of training noise and documents. Verdicts of a scale share one error rate of 5% over all pairs that "
        f"are compared (Holm). The arm that is judged is the best at {first}; at {first} itself it was chosen by the "
        "same numbers that judge it."
    )
    rows = []
    for scale in result.scales:
        for arm in result.arms:
            gap = result.gap(result.judged.name, arm.name, scale)
            if gap is not None:
                rows.append(
                    (
                        join(f"{gap.arm} less {gap.other}", tag("span", scale, class_="what")),
                        verdict(gap),
                        difference(gap),
                        " and ".join(map(str, gap.seeds)),
                        closed(result, scale) if arm.kind == "oracle" else "",
                    )
                )
    return join(
        *(tag("p", alarm, class_="alarm", role="alert") for alarm in alarms),
        tag("p", about, class_="what told"),
        table(("compared", "verdict", "bits per byte", "seeds", ""), rows, "claims"),
    )


def _curves(result: RaterResult) -> Markup | None:
    colour = colours([arm.name for arm in result.arms])
    cards = []
    for scale in result.scales:
        drawn = curves(learning_curves(result, scale), colour)
        if drawn is not None:
            cards.append(tag("figure", tag("figcaption", tag("b", scale)), drawn, class_="card"))
    if not cards:
        return None
    judging = set_name(result.metrics[0])
    about = f"Bits per byte of {judging} against tokens, the mean over seeds, from a quarter of the run on."
    return join(tag("p", about, class_="what told"), tag("div", *cards, class_="cards wide"))


def _compute(result: RaterResult) -> Markup:
    about = (
        "The share of the unfiltered run's compute at which an arm is where that run ends, seed by seed, between "
        "measurements by a straight line. With scoring: the rater reads 1 / (1 − dropped) tokens for each that is "
        "kept. With everything: and the whole of meta-learning is charged to this one run. Undefined where one seed "
        "never gets there. An arm is met in the middle of its schedule, before its learning rate has fallen, so that "
        f"the shares are rather too large: along a run there are {_measurements(result)} measurements, and what lies "
        "before the first counts as the first. ± is the 95% interval of training noise, pooled over the arms of a "
        "scale."
    )
    return join(tag("p", about, class_="what told"), compute(result))


def _discard(result: RaterResult) -> Markup:
    panels = [sweep(result, scale) for scale in result.scales]
    cards = [
        tag(
            "figure",
            tag("figcaption", tag("b", panel.title), tag("span", f"best: {100 * result.optimal[scale]:g}% dropped")),
            plot(panel, limits_of([panel])),
            class_="card",
        )
        for scale, panel in zip(result.scales, panels, strict=True)
    ]
    about = (
        "Bits per byte against the share of the pool's tokens that is dropped, each scale on its own axis; bands are "
        "the 95% interval of training noise. All train for equal steps: what is smaller is repeated."
    )
    return join(tag("p", about, class_="what told"), tag("div", *cards, class_="cards wide"))


def _cost(result: RaterResult) -> Markup:
    prices = result.prices
    about = (
        "FLOPs of everything that the study did. Training is 6 per parameter and token; a forward pass of the rater is "
        f"{count(prices.rating)} per token. The pool is scored once and every arm chooses from that; the section on "
        "compute charges each run with the scoring of all that it would have drawn."
    )
    return join(tag("p", about, class_="what told"), costs(result))


def _amortisation(result: RaterResult) -> Markup:
    scale, judged = result.scales[-1], result.judged
    drawn, gain = amortisation(result), result.gain(judged.name, scale)
    if drawn is None or gain is None or gain.share is None:
        return tag(
            "p",
            f"{judged.name} does not reach the unfiltered runs' end at {scale} with every seed: what it saves is "
            "undefined.",
        )
    about = join(
        f"Meta-learning took {flops(result.prices.meta_learning)} FLOPs. If a model of another size too gets by with ",
        share(gain.share, gain.half),
        f" of its training, as {scale} does with {100 * judged.discard:g}% dropped, and the rater is used for that one "
        "model, it saves this much. That the share carries over is an assumption: nothing here measures it.",
    )
    return join(tag("p", about, class_="what told"), drawn)


def _learning(result: RaterResult) -> Markup:
    learnt = result.learnt
    cards = [
        tag("figure", tag("figcaption", tag("b", title), tag("span", what)), trace(title, curve, level), class_="card")
        for name, (title, what, level) in TRACES.items()
        if len(curve := learnt.curves.get(name, ())) > 1
    ]
    about = (
        f"{count(learnt.steps)} meta-steps in {duration(learnt.seconds)}, products with Hessians: {learnt.backend}; "
        f"{count(learnt.chunks)} chunks of the pool, {count(learnt.heldout_chunks)} held out, {count(learnt.left_out)} "
        "documents left out because they stand in the held-out set too. Peaks of the loss are inner models that begin "
        "anew."
    )
    alarms = [tag("p", text, class_="alarm", role="alert") for text in learnt.warnings]
    return join(tag("p", about, class_="what told"), *alarms, tag("div", *cards, class_="cards wide"))


def _scores(result: RaterResult) -> Markup:
    pool, judged = result.pool, result.judged.name
    rho, low, high = pool.length_correlation
    whose = "an untouched document's" if pool.told else "a document's"
    length = f"Rank correlation of {whose} score with its tokens: {rho:+.2f} ({low:+.2f} to {high:+.2f})."
    alarm = (
        tag("p", f"{length} It may measure length.", class_="alarm", role="alert") if abs(rho) > LENGTH_ALARM else None
    )
    cards = [
        tag(
            "figure",
            tag(
                "figcaption",
                tag("b", one.source or "(none)"),
                tag("span", f"{count(one.documents)} documents, median {_median(one.quantiles)}"),
            ),
            histogram.draw(drawn),
            class_="card",
        )
        for one, drawn in histograms(pool, judged)
    ]
    legend = [tag("span", tag("i", class_=f"key {name}"), name) for name in ("kept", "dropped")]
    return join(
        alarm or tag("p", length, class_="what told"),
        join(
            tag("h3", "What is spoiled"),
            tag("p", "How often an untouched document scores above one that is spoiled.", class_="what"),
            drawn,
        )
        if (drawn := told(result)) is not None
        else None,
        tag("h3", "By source"),
        tag(
            "div",
            *legend,
            tag("span", f"by {judged}; a bar's height is the square root of its documents"),
            class_="legend",
        ),
        tag("div", *cards, class_="cards"),
    )


def _measurements(result: RaterResult) -> str:
    """How often the judging set was measured along a run."""
    numbers = sorted({len(run.curves.get(result.metrics[0], ())) for run in result.ledger})
    return " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]])))


def _median(quantiles: Sequence[float]) -> str:
    return f"{quantiles[len(quantiles) // 2]:+.3g}" if quantiles else "none"


def _mixture(shifts: Mapping[str, Sequence[Shift]]) -> Markup | None:
    drawn = mixture(shifts)
    if drawn is None:
        return None
    return join(
        tag(
            "p",
            "Shares of characters in the pool and in what each arm keeps, the largest sources first.",
            class_="what told",
        ),
        drawn,
    )


def _documents(result: RaterResult) -> Markup:
    pool = result.pool
    return join(
        tag("div", tag("h4", "Lowest"), *map(_document, pool.lowest), class_="samples rejected"),
        tag("div", tag("h4", "Highest"), *map(_document, pool.highest), class_="samples spared"),
    )


def _document(shown: Shown) -> Markup:
    sample = Sample(id=shown.id, url="", source=shown.source, excerpt=shown.text, num_chars=shown.num_chars, values={})
    facts = (("score", f"{shown.score:+.3g}"), ("tokens", count(shown.tokens)))
    return tag(
        "article",
        tag("ul", *(tag("li", tag("code", name), tag("b", number)) for name, number in facts), class_="values"),
        excerpt(sample),
        tag("p", tag("code", shown.id), tag("span", shown.source), class_="id"),
    )
