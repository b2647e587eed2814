"""An audit for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow.audit.model import Audit, Cell, Share

MAX_CAUSES = 12


def print_audit(audit: Audit) -> None:
    """The tables, the totals, and why cases were missed."""
    console = Console()
    for wanted, title in ((True, "found of what was planted"), (False, "dropped, though it should not be")):
        cells = [cell for cell in audit.cells if cell.wanted == wanted]
        if cells:
            console.print(f"[bold]{title}[/bold] (95% interval; J: true similarity)", highlight=False)
            console.print(_table(cells))
            console.print()
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
