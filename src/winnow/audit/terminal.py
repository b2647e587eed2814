"""An audit for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow.audit.model import Audit, Cell, Chosen, Noise, NoisyChoice, NoisyScore, Ordered, Share

MAX_CAUSES = 12
MAX_COLUMNS = 3
"""Choices or scores that stand side by side in eighty columns."""


def print_audit(audit: Audit) -> None:
    """The tables, the totals, and why cases were missed."""
    console = Console()
    for wanted, title in ((True, "found of what was planted"), (False, "dropped, though it should not be")):
        cells = [cell for cell in audit.cells if cell.wanted == wanted]
        if cells:
            console.print(f"[bold]{title}[/bold] (95% interval; J: true similarity)", highlight=False)
            console.print(_table(cells))
            console.print()
    if audit.noise is not None:
        _print_noise(console, audit.noise)
    if audit.above is not None and audit.above.of:
        console.print(f"recall at or above the threshold of {audit.threshold:g}: {_told(audit.above)}", highlight=False)
    for subject, share in audit.precision.items():
        if share.of:
            console.print(f"precision of what was dropped as {subject}: {_told(share)}", highlight=False)
    if audit.methods:
        text = f"the documents' own duplicates: {audit.num_own:,} of {audit.documents:,} dropped"
        console.print(f"{text} (see the page; not counted above)", highlight=False)
    for note in audit.notes:
        console.print(escape(note), soft_wrap=True, highlight=False)
    _print_causes(console, audit.cells)


def _table(cells: Sequence[Cell]) -> Table:
    """One row per kind, one column per rate."""
    rates = sorted({cell.rate for cell in cells if cell.rate is not None})
    columns = [None, *rates] if any(cell.rate is None for cell in cells) else rates
    table = Table(box=None, pad_edge=False)
    table.add_column("kind")
    for rate in columns:
        table.add_column("" if rate is None else f"{rate:.0%}", justify="right", no_wrap=True)
    by_place = {(cell.kind, cell.rate): cell for cell in cells}
    for kind in dict.fromkeys(cell.kind for cell in cells):
        table.add_row(escape(kind), *(_cell(by_place.get((kind, rate))) for rate in columns))
    return table


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.share.share is None:
        return f"[dim]{cell.lost} lost[/dim]"
    good = cell.share.share if cell.wanted else 1 - cell.share.share
    colour = "green" if good >= 0.9 else "yellow" if good >= 0.5 else "red"
    similarity = "" if cell.similarity is None else f"J {cell.similarity:.2f}"
    interval = f"{100 * cell.share.low:.0f}-{100 * cell.share.high:.0f}"
    return f"[bold {colour}]{100 * cell.share.share:.0f}%[/]\n[dim]{interval}\n{similarity}[/dim]"


def _print_noise(console: Console, noise: Noise) -> None:
    """What choices drop and how scores order, by kind of noise; scores that no rank reads are left to the page."""
    console.print("[bold]spoiled documents that are dropped[/bold] (95% interval; A: AUC of the rank)", highlight=False)
    for start in range(0, len(noise.choices), MAX_COLUMNS):
        console.print(_choices(noise, noise.choices[start : start + MAX_COLUMNS]))
        console.print()
    for choice in noise.choices:
        for told, kinds in (
            ("keeps rather than untouched text", choice.prefers),
            ("does not tell from untouched text", choice.misses),
        ):
            if kinds:
                console.print(f"{escape(choice.name)} {told}: {', '.join(kinds)}", highlight=False, soft_wrap=True)
    ranked = [score for score in noise.scores if score.is_ranked_by]
    if ranked:
        console.print("\n[bold]AUC of spoiled against untouched[/bold] (95%; above 0.5: higher when spoiled)")
    for start in range(0, len(ranked), MAX_COLUMNS):
        console.print(_scores(noise, ranked[start : start + MAX_COLUMNS]))
        console.print()


def _choices(noise: Noise, choices: Sequence[NoisyChoice]) -> Table:
    table = _by_kind([choice.name for choice in choices])
    table.add_row("untouched", *(_percent(choice.untouched) for choice in choices))
    for kind in noise.kinds:
        table.add_row(escape(kind.name), *(_chosen(choice.kinds[kind.name]) for choice in choices))
    return table


def _scores(noise: Noise, scores: Sequence[NoisyScore]) -> Table:
    table = _by_kind([score.column for score in scores])
    for kind in noise.kinds:
        table.add_row(escape(kind.name), *(_ordered(score.kinds[kind.name]) for score in scores))
    return table


def _by_kind(names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("kind", no_wrap=True)
    for name in names:
        table.add_column(escape(name))
    return table


def _chosen(one: Chosen) -> str:
    colour = "yellow" if one.more is None else "green" if one.more.low > 0 else "red" if one.more.high < 0 else "yellow"
    area = "" if one.auc is None else f" A {one.auc.value:.2f}"
    return f"[{colour}]{_percent(one.dropped)}[/]{area}"


def _percent(share: Share) -> str:
    if share.share is None:
        return "-"
    return f"[bold]{100 * share.share:.0f}%[/bold] [dim]{100 * share.low:.0f}-{100 * share.high:.0f}[/dim]"


def _ordered(one: Ordered) -> str:
    return (
        "-" if one.auc is None else f"[bold]{one.auc.value:.2f}[/bold] [dim]{one.auc.low:.2f}-{one.auc.high:.2f}[/dim]"
    )


def _told(share: Share) -> str:
    middle = "-" if share.share is None else f"{100 * share.share:.1f}%"
    return f"[bold]{middle}[/bold] ({share.hits:,} of {share.of:,}; {100 * share.low:.1f} to {100 * share.high:.1f}%)"


def _print_causes(console: Console, cells: Sequence[Cell]) -> None:
    """Why cases were missed, lost or wrongly dropped, over all kinds, the most frequent first."""
    causes: Counter[str] = Counter()
    for cell in cells:
        causes.update(cell.causes)
    if causes:
        console.print("\n[bold]missed, lost or wrongly dropped[/bold]")
    for cause, number in causes.most_common(MAX_CAUSES):
        console.print(f"  {number:,}: {escape(cause)}", highlight=False, soft_wrap=True)
