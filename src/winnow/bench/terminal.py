"""A comparison, a ledger and the findings of a study for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow.bench.compare import Compared, ComparisonResult
from winnow.bench.findings import Finding, summary
from winnow.bench.ledger import Ledger
from winnow.bench.metrics import by_weight
from winnow.bench.rater import RaterResult
from winnow.bench.rater_cost import Gain
from winnow.bench.rater_gaps import Gap
from winnow.bench.scores import repeats, scores_of
from winnow.bench.statistics import Noise, Scores, noise_floor

MAX_METRICS = 2
"""Columns of scores in a terminal; the leaderboard and the ledger hold more."""


def print_comparison(result: ComparisonResult) -> None:
    """One table per track and scale, the noise it was judged by, and what was decided."""
    console = Console()
    for place in dict.fromkeys((row.track, row.scale) for row in result.rows):
        rows = [row for row in result.rows if (row.track, row.scale) == place]
        at = "".join(f", {one}" for one in place if one)
        title = f"[bold]{escape(result.a)}[/bold] less [bold]{escape(result.b)}[/bold]{escape(at)}"
        console.print(title, highlight=False, soft_wrap=True)
        console.print(_table(result, rows))
        for row in rows:
            console.print(f"  {escape(f'{row.metric}: {row.verdict.words}')}", highlight=False, soft_wrap=True)
        console.print(f"{escape(_basis(rows))}\n", highlight=False, soft_wrap=True)
    console.print(escape(result.summary()), highlight=False, soft_wrap=True)


def _table(result: ComparisonResult, rows: Sequence[Compared]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for name in (result.a, result.b, "difference, 95%", "p"):
        table.add_column(escape(name), justify="right", no_wrap=True)
    for row in rows:
        colour = {result.a: "green", result.b: "red"}.get(row.verdict.better or "", "dim")
        half = "?" if row.interval is None else f"{(row.interval[1] - row.interval[0]) / 2:.4f}"
        table.add_row(
            f"[{colour}]{escape(row.metric)}[/]",
            f"{row.a:.4f}",
            f"{row.b:.4f}",
            f"{row.difference:+.4f} ± {half}",
            "" if row.adjusted_p is None else f"{row.adjusted_p:.2g}",
        )
    return table


def _basis(rows: Sequence[Compared]) -> str:
    """How many seeds the rows rest on, and how well the noise is known."""
    a, b = rows[0].seeds
    seeds = f"{a} and {b} seeds" if (a, b) != (1, 1) else "one seed of each"
    degrees = max((row.noise_degrees or 0 for row in rows), default=0)
    noise = f"training noise from {degrees} degrees of freedom" if degrees else "training noise unknown"
    asked = sorted({row.items for row in rows if row.items is not None})
    items = " to ".join(f"{number:,}" for number in dict.fromkeys(asked[:1] + asked[-1:]))
    whole = "" if all(row.items for row in rows) else "; metrics without items by their whole runs"
    return f"{seeds}; {noise}; {f'{items} items' if items else 'no items'}{whole}; p is Holm's"


def print_findings(findings: Sequence[Finding]) -> None:
    """A line per claim: the verdict, the difference that is nearest to failing; then how many were answered how."""
    console = Console()
    for one in findings:
        if one.at_base:
            colour = {"reproduced": "green", "contradicted": "red"}.get(one.verdict, "dim")
            about = "; ".join(filter(None, (_measured(one), one.words.removeprefix(one.verdict).lstrip(":; "))))
            told = f"[{colour}]{one.verdict:12}[/] {escape(one.claim)}"
            console.print(f"{told}[dim]{escape(f'  {about}') if about else ''}[/dim]", highlight=False, soft_wrap=True)
    console.print(summary(findings), highlight=False, soft_wrap=True)


def _measured(found: Finding) -> str:
    """The difference, or the correlation, that decides a claim."""
    if not found.parts:
        return ""
    part = found.parts[0]
    if part.interval is None:
        return f"{part.value:+.4f}"
    low, high = part.interval
    return (
        f"{part.value:+.4f} ± {(high - low) / 2:.4f}"
        if part.fractions
        else f"{part.value:.2f} ({low:.2f} to {high:.2f})"
    )


def print_rater(result: RaterResult) -> None:
    """For every scale: the judged arm beside each other one, and how early it is where the unfiltered runs end."""
    console, judged = Console(), result.judged.name
    for scale in result.scales:
        about = f"best at {100 * result.optimal[scale]:g}% dropped"
        console.print(f"[bold]{escape(scale)}[/bold]  {escape(about)}", highlight=False, soft_wrap=True)
        for arm in result.arms:
            gap = result.gap(judged, arm.name, scale)
            if gap is not None:
                console.print(f"  {escape(_told_gap(gap))}", highlight=False, soft_wrap=True)
        gain = result.gain(judged, scale)
        if gain is not None:
            console.print(f"  {escape(_told_gain(gain))}", highlight=False, soft_wrap=True)


def _told_gap(gap: Gap) -> str:
    half = "" if gap.interval is None else f" ± {(gap.interval[1] - gap.interval[0]) / 2:.4f}"
    return f"{gap.arm} less {gap.other}: {gap.value:+.4f}{half} bits per byte; {gap.words}"


def _told_gain(gain: Gain) -> str:
    if gain.share is None or gain.with_scoring is None or gain.with_everything is None:
        return f"{gain.arm} does not reach the unfiltered runs' end with every seed: its net gain is undefined"
    return (
        f"{gain.arm} is where the unfiltered runs end at {gain.share:.0%} of their compute, {gain.with_scoring:.0%} "
        f"with scoring, {gain.with_everything:.0%} with meta-learning too"
    )


def print_ledger(ledger: Ledger) -> None:
    """For every track and scale a row per candidate: its runs, epochs and leading scores, with the noise's interval."""
    console = Console()
    metrics = by_weight(ledger)[:MAX_METRICS]
    for part in ledger.parts():
        first = part.runs[0]
        console.print(f"[bold]{escape(', '.join(name for name in (first.track, first.scale) if name))}[/bold]")
        table = Table(box=None, pad_edge=False)
        table.add_column("candidate", no_wrap=True)
        for name in ("runs", "epochs", *metrics):
            table.add_column(escape(name.replace("/", "/\n")), justify="right", no_wrap=True)
        scores = scores_of(part, metrics)
        noises = {metric: noise_floor(scores[metric].values()) for metric in metrics}
        for candidate, runs in repeats(part).items():
            told = [_score(scores[metric].get(candidate), noises[metric]) for metric in metrics]
            epochs = "" if runs[0].epochs is None else f"{runs[0].epochs:.3g}"
            table.add_row(escape(candidate), str(len(runs)), epochs, *told)
        console.print(table)


def _score(scores: Scores | None, noise: Noise | None) -> str:
    if scores is None:
        return ""
    mean = f"{scores.values.mean():.4f}"
    return mean if noise is None else f"{mean} [dim]± {noise.half(len(scores.values)):.4f}[/dim]"
