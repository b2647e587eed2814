"""The tables of a rater's study: verdicts, compute, costs that add up, who it pays for, the mixture, every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from winnow.bench.rater import RaterResult
from winnow.bench.rater_cost import Gain
from winnow.bench.rater_gaps import Gap
from winnow.bench.scores import scores_of
from winnow.bench.statistics import noise_floor
from winnow.report.figures import count, percent
from winnow.report.leaderboard_pictures import digits, signed
from winnow.report.markup import Child, Markup, join, tag
from winnow.report.mixture import Shift

MAX_SOURCES = 20
UNDEFINED = "never reached"


def flops(number: float) -> str:
    """FLOPs as a power of ten.

    >>> flops(1.514e20), flops(0)
    ('1.51e20', '0')
    """
    return f"{number:.2e}".replace("e+", "e") if number else "0"


def set_name(metric: str) -> str:
    """The validation set that a metric is of.

    >>> set_name("heldout/news/bits_per_byte")
    'news'
    """
    return metric.removeprefix("heldout/").rpartition("/")[0]


def table(head: Sequence[str], rows: Iterable[Sequence[Child]], class_: str = "shares-right") -> Markup:
    """Rows of a name and cells."""
    body = [tag("tr", tag("th", first), *(tag("td", cell) for cell in cells)) for first, *cells in rows]
    names = tag("tr", *(tag("th", name) for name in head))
    return tag("div", tag("table", tag("thead", names), tag("tbody", *body), class_=class_), class_="scroll")


def difference(gap: Gap) -> Markup:
    """A gap and half its interval."""
    if gap.interval is None:
        return join(f"{gap.value:+.4f}")
    half = (gap.interval[1] - gap.interval[0]) / 2
    return join(signed(gap.value, half), tag("span", f" ± {digits(half, half)}", class_="what"))


def verdict(gap: Gap) -> Markup:
    """Who is better, or what would decide it."""
    if gap.better is None:
        return join(tag("b", "not decided", class_="verdict"), tag("span", _missing(gap), class_="what"))
    better = gap.better == gap.arm
    words = "better" if better else "worse"
    return tag("b", words, class_=f"verdict {'reproduced' if better else 'contradicted'}")


def _missing(gap: Gap) -> str:
    return gap.words.removeprefix("not decided").lstrip(":; ")


def closed(result: RaterResult, scale: str) -> str:
    """How much of the way from the whole pool to the oracle's part the rater goes, where an oracle was run."""
    judged = result.judged.name
    own, whole = (result.gap(arm, "unfiltered", scale) for arm in (judged, "oracle"))
    if own is None or whole is None or whole.value >= 0:
        return ""
    return f"{own.value / whole.value:.0%} of what the oracle gains"


def compute(result: RaterResult) -> Markup:
    """At which share of the unfiltered run's compute each arm is where that one ends."""
    head = ("trained on", "training", "with scoring", "with everything", "net gain", "seeds that get there")
    parts = []
    for scale in result.scales:
        gains = [gain for arm in result.arms if (gain := result.gain(arm.name, scale)) is not None]
        parts.append(join(tag("h3", scale), table(head, map(_gain, gains))))
    return join(*parts)


def _gain(gain: Gain) -> list[Child]:
    there = sum(one is not None for one in gain.shares)
    seeds = f"{there} of {len(gain.shares)}"
    if gain.share is None or gain.with_scoring is None or gain.with_everything is None:
        return [gain.arm, UNDEFINED, "undefined", "undefined", "undefined", seeds]
    half, scored = gain.half, gain.half_with_scoring
    return [
        gain.arm,
        share(gain.share, half),
        share(gain.with_scoring, scored),
        share(gain.with_everything, scored),
        share(1 - gain.with_scoring, scored),
        seeds,
    ]


def share(value: float, half: float | None) -> Markup:
    """A share with half its interval."""
    more = None if half is None else tag("span", f" ± {100 * half:.1f}", class_="what")
    return join(f"{100 * value:.1f}%", more)


def costs(result: RaterResult) -> Markup:
    """What everything cost, to the sum."""
    prices = result.prices
    rows = [
        *((f"meta-learning: {name}", number) for name, number in prices.meta.items()),
        (f"scoring {count(prices.scored)} tokens of the pool, once", prices.scoring),
        *((f"training: {name}, all scales and seeds", number) for name, number in prices.training.items()),
    ]
    told = [(name, flops(number), percent(number, prices.total)) for name, number in rows]
    whole: tuple[Child, ...] = tuple(
        tag("b", cell) for cell in ("all together", flops(prices.total), percent(prices.total, prices.total))
    )
    return table(("", "FLOPs", "share"), [*told, whole])


def amortisation(result: RaterResult) -> Markup | None:
    """At which size of model the rater has paid for itself."""
    if not result.amortised:
        return None
    head = ("one model of", "parameters", "training unfiltered", "saved, net of scoring", "meta-learning of it", "")
    rows = [
        (
            one.scale,
            count(one.num_params),
            flops(one.training),
            flops(one.saved) if one.saved > 0 else f"−{flops(-one.saved)}",
            "" if one.meta is None else _times(one.meta),
            "paid" if one.paid else "not paid",
        )
        for one in result.amortised
    ]
    return table(head, rows)


def _times(meta: float) -> str:
    """As a share of what one model saves, or as models that it takes."""
    if meta < 1:
        return percent(meta, 1)
    return f"{count(meta)} ×" if meta >= 10 else f"{meta:.1f} ×"


def told(result: RaterResult) -> Markup | None:
    """How well scores tell what is spoiled."""
    if not result.pool.told:
        return None
    rows = [
        (
            one.kind,
            count(one.documents),
            join(f"{one.auc:.3f}", tag("span", f" ({one.low:.3f} to {one.high:.3f})", class_="what")),
        )
        for one in result.pool.told
    ]
    return table(("spoiled by", "documents", "AUC"), rows)


def mixture(shifts: Mapping[str, Sequence[Shift]]) -> Markup | None:
    """The share of each source in the pool, and in what each arm keeps."""
    if not shifts:
        return None
    first = next(iter(shifts.values()))
    groups = [shift.group for shift in first[:MAX_SOURCES]]
    if len(groups) < 2:
        return None
    by_arm = {name: {shift.group: shift.after.chars_fraction for shift in some} for name, some in shifts.items()}
    before = {shift.group: shift.before.chars_fraction for shift in first}
    rows = [
        (group or "(none)", percent(before[group], 1), *(percent(some[group], 1) for some in by_arm.values()))
        for group in groups
    ]
    return table(("source", "pool", *(name.removeprefix("rater, ") for name in by_arm)), rows)


def runs(result: RaterResult) -> Markup:
    """Every arm at every scale: bits per byte of all sets, what was kept, how often it was seen."""
    known = any(one.clean is not None for one in result.pool.kept)
    names = map(set_name, result.metrics)
    head = ("trained on", *names, "seeds", "kept", *(["of it clean"] if known else []), "epochs", "unique tokens")
    return join(*(join(tag("h3", scale), table(head, _runs(result, scale))) for scale in result.scales))


def _runs(result: RaterResult, scale: str) -> Iterator[list[Child]]:
    ledger = result.ledger.where(scale=scale)
    scores = scores_of(ledger, result.metrics)
    noises = {metric: noise_floor(scores[metric].values()) for metric in result.metrics}
    kept = {one.arm: one for one in result.pool.kept}
    for arm in result.arms:
        found = ledger.where(candidate=arm.name).runs
        if not found:
            continue
        cells: list[Child] = []
        for metric in result.metrics:
            values, noise = scores[metric][arm.name].values, noises[metric]
            half = None if noise is None else noise.half(len(values))
            more = None if half is None else tag("span", f" ± {digits(half, half)}", class_="what")
            cells.append(join(digits(float(values.mean()), half), more))
        yield [
            arm.name,
            *cells,
            str(len(found)),
            percent(kept[arm.name].share, 1),
            *([] if (clean := kept[arm.name].clean) is None else [percent(clean, 1)]),
            f"{found[0].epochs or 0:.3g}",
            count(found[0].unique_tokens or 0),
        ]
