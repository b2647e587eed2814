"""The same facts as the report, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from winnow.evaluate.aggregate import CENTRED

if TYPE_CHECKING:
    from winnow.report.explain import Explanation, Finding
    from winnow.report.model import ReportData
    from winnow.report.passages import SideBySide
    from winnow.report.show import Column, Shown, ShownStore
    from winnow.report.two_runs import TwoRuns

_BLOCKS = " ▁▂▃▄▅▆▇█"
_MAX_LOSSES = 4
ROW_CHARS = 150
"""After a shared stretch of so many characters the two texts begin a row together again."""


def funnel_table(data: ReportData) -> Table:
    """The funnel: what is left after each stage and what took the rest."""
    table = Table(title=f"{data.recipe}: from crawl to chosen set", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage", max_width=28)
    table.add_column("documents", justify="right")
    table.add_column("share", justify="right")
    table.add_column("lost to", no_wrap=True)
    first = data.stages[0].total.documents if data.stages else 0
    for stage in data.stages:
        left = stage.total.documents
        share = f"{left / first:.1%}" if first else ""
        losses = sorted(stage.losses, key=lambda loss: -loss.documents)
        told = [f"{loss.documents:,} {loss.reason}" for loss in losses[:_MAX_LOSSES]]
        if len(losses) > _MAX_LOSSES:
            rest = sum(loss.documents for loss in losses[_MAX_LOSSES:])
            told.append(f"{rest:,} for {len(losses) - _MAX_LOSSES} more reasons")
        name = f"{stage.name} {stage.what}" if stage.what.startswith("by ") else stage.name
        table.add_row(escape(name), f"{left:,}", share, escape("\n".join(told)))
    return table


def removed_table(data: ReportData) -> Table:
    """What the steps removed here and in the paper that the recipe follows."""
    table = Table(title=f"removed of all documents, beside {data.removed[0].source}", title_justify="left", box=None)
    for title in ("step", "here", "there"):
        table.add_column(title, justify="left" if title == "step" else "right")
    for one in data.removed:
        table.add_row(one.what, f"{one.fraction:.1%}", f"{one.published_fraction:.1%}")
    return table


def print_explanation(explanation: Explanation) -> None:
    """Step by step, the verdict first."""
    console = Console()
    verdict = escape(explanation.verdict())
    console.print(f"[bold]{escape(explanation.wanted)}[/bold]: {verdict}", soft_wrap=True, highlight=False)
    for finding in explanation.findings:
        console.print(f"\n[bold]{finding.step}[/bold]{_decision(finding)}")
        if finding.quarantined:
            _print_pairs(console, finding.quarantined)
        for condemned in finding.rejected:
            console.print(f"  {escape(condemned.reason)}: {escape(condemned.condition)}", highlight=False)
            _print_pairs(console, condemned.numbers, indent=4)
        _print_pairs(console, finding.row)
        if finding.beside is not None:
            console.print(beside_table(finding.beside))


def beside_table(two: SideBySide) -> Table:
    """Two texts side by side; what only one of them has is coloured."""
    table = Table(title="side by side", title_justify="left", padding=(0, 1), expand=True)
    for name, words in ((two.left, two.left_words), (two.right, two.right_words)):
        table.add_column(Text(f"{name}, {words:,} words"), ratio=1, overflow="fold")
    sides = Text(), Text()
    for stretch in two.stretches:
        for side, text in zip(sides, (stretch.left, stretch.right), strict=True):
            side.append(text, style="" if stretch.shared else "bold yellow")
            side.append(" " if text else "")
        if stretch.shared and len(stretch.left) > ROW_CHARS:
            table.add_row(*sides)
            sides = Text(), Text()
    table.add_row(*sides)
    told = "" if two.whole else "; long texts are shown in part"
    table.caption = f"{two.shared_words:,} words shared in order; what differs is coloured{told}"
    return table


def print_table(shown: Shown) -> None:
    """A table's facts, its columns with small histograms, its first rows."""
    console = Console()
    console.print(
        f"[bold]{escape(shown.path)}[/bold]\n{shown.step}: {shown.rows:,} rows in {shown.shards} shards, "
        f"{shown.bytes:,} bytes, {shown.quarantined} quarantined, {shown.seconds:.1f} s, made {shown.made}"
    )
    _print_pairs(console, shown.counts)
    table = Table(box=None, pad_edge=False)
    for title in ("column", "type", "nulls", "low", "median", "high", "spread"):
        table.add_column(title, no_wrap=True)
    table.add_column("meaning", overflow="fold")
    for column in shown.columns:
        table.add_row(*_column_cells(column))
    if shown.columns:
        console.print(table)
    for row in shown.first_rows:
        console.print()
        _print_pairs(console, row)
    _print_report(console, shown.report)


def _print_report(console: Console, report: dict[str, Any]) -> None:
    """What a step's report says: its numbers, then each of its lists of records, or of its metrics, as a table."""
    records = {name: _records(value) for name, value in report.items()}
    _print_pairs(console, {name: value for name, value in report.items() if records[name] is None})
    for name, rows in records.items():
        if not rows:
            continue
        titles = list(dict.fromkeys(title for row in rows for title in row))
        table = Table(title=name, title_justify="left", box=None, pad_edge=False)
        for title in titles:
            table.add_column(title, justify="left" if isinstance(rows[0].get(title), str) else "right")
        for row in rows:
            table.add_row(*(_short_number(row.get(title, "")) for title in titles))
        console.print()
        console.print(table)


def _records(value: Any) -> list[dict[str, Any]] | None:
    """Records as they are; metrics called ``task/metric`` as a record per task; None for everything else."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return value
    if not isinstance(value, dict) or not value or not all("/" in str(name) for name in value):
        return None
    tasks: dict[str, dict[str, Any]] = {}
    for name, number in value.items():
        task, metric = name.rsplit("/", 1)
        tasks.setdefault(task, {"": task})[metric.removeprefix(CENTRED)] = number
    return list(tasks.values())


def _short_number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))


def print_store(shown: ShownStore) -> None:
    """One line per table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("table", no_wrap=True)
    for title in ("rows", "quarantined", "seconds"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("made", no_wrap=True)
    for about in shown.tables:
        table.add_row(
            about["table"],
            f"{about['rows']:,}",
            str(about["quarantined"]),
            f"{about['seconds']:.1f}",
            about["made"][:19],
        )
    Console().print(table)


def bars(counts: Sequence[int]) -> str:
    """A histogram in one line of text.

    >>> bars([0, 1, 4, 8])
    ' ▁▄█'
    """
    top = max(counts, default=0)
    return "".join(_BLOCKS[0 if not count else max(1, round(8 * count / top))] for count in counts)


def _column_cells(column: Column) -> list[str]:
    numbers = ["" if value is None else f"{value:.4g}" for value in (column.low, column.median, column.high)]
    nulls = str(column.nulls) if column.nulls else ""
    return [column.name, column.type, nulls, *numbers, bars(column.histogram), escape(column.description)]


def _decision(finding: Finding) -> str:
    return "" if finding.kept is None else ": kept" if finding.kept else ": dropped"


def _print_pairs(console: Console, pairs: dict[str, Any], indent: int = 2) -> None:
    for name, value in pairs.items():
        if value is not None:
            console.print(f"{' ' * indent}{name} = {value}", markup=False, highlight=False, soft_wrap=True)


def print_two_runs(found: TwoRuns) -> None:
    """What both runs kept, what only one did, by source, and which documents to look at."""
    console = Console()
    table = Table(title=f"a = {found.a}, b = {found.b}", title_justify="left", box=None, pad_edge=False)
    for title in ("documents", "number", "characters"):
        table.add_column(title, justify="left" if title == "documents" else "right")
    rows = {"in a": found.in_a, "in b": found.in_b, "in both": found.both}
    for name, amount in (rows | {"only in a": found.only_a, "only in b": found.only_b}).items():
        table.add_row(name, f"{amount.documents:,}", f"{amount.chars:,}")
    console.print(table)
    if found.changed:
        console.print(f"{found.changed:,} of those in both have another text")
    if found.sources:
        sources = Table(title="by source", title_justify="left", box=None, pad_edge=False)
        for title in ("source", "a", "b", "both"):
            sources.add_column(title, justify="left" if title == "source" else "right")
        for one in found.sources:
            sources.add_row(escape(one.source), f"{one.a:,}", f"{one.b:,}", f"{one.both:,}")
        console.print(sources)
    for ids, kept, dropped in ((found.examples_a, "a", found.b), (found.examples_b, "b", found.a)):
        for id in ids[:1]:
            console.print(f"only in {kept}: winnow explain {id} --run {dropped}", highlight=False, soft_wrap=True)
