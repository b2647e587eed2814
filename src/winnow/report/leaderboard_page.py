"""The leaderboard as one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from winnow.bench.metrics import lower_is_better
from winnow.bench.transfer import Estimate, Transfer
from winnow.report.figures import count, duration
from winnow.report.leaderboard_model import MAX_MATRIX, SEED_NUMBERS, Board, Floor, Gap, Leaderboard, Row, Score
from winnow.report.leaderboard_pictures import colours, curves, digits, dots, scatter, signed, spread
from winnow.report.markup import Markup, join, tag
from winnow.report.page import figure, frame

ANY = "any"


def render_leaderboard(data: Leaderboard) -> str:
    """The page as HTML text."""
    colour = colours(data.candidates)
    sections = [
        ("Leaderboard", _boards(data, lambda board: _table(board, colour))),
        ("Verdicts", _boards(data, lambda board: _verdicts(board, colour))),
        ("Learning curves", _boards(data, lambda board: _curves(board, colour))),
        ("Scales", join(*(_transfer(track, one, colour) for track, one in data.transfers)) or None),
        ("Noise floor", _boards(data, _floors)),
        ("Data", _boards(data, _data)),
    ]
    shown = [(name, body) for name, body in sections if body is not None]
    return frame("winnow leaderboard", _header(data), shown, data.to_json(), data.libraries)


def _header(data: Leaderboard) -> Markup:
    made = tag("time", data.made[:16].replace("T", " "), " UTC", datetime=data.made) if data.made else None
    return tag(
        "header",
        tag("p", tag("span", "winnow", class_="brand"), " leaderboard", class_="eyebrow"),
        tag("h1", " and ".join(data.tracks) or "Runs"),
        tag("p", "from ", tag("code", data.source), *([", last run ", made] if made else []), class_="made"),
        tag(
            "div",
            figure(count(len(data.candidates)), "candidates"),
            figure(count(len(data.scales)), "scale" if len(data.scales) == 1 else "scales"),
            figure(count(data.runs), "runs"),
            class_="headline",
        ),
    )


def _boards(data: Leaderboard, draw: Callable[[Board], Markup | None]) -> Markup | None:
    """One part per track and scale, and the buttons that choose among them."""
    parts = [
        tag(
            "section",
            tag("h3", " · ".join(filter(None, (board.track, board.scale))) or "all runs"),
            body,
            class_="board",
            data_track=board.track or "",
            data_scale=board.scale or "",
        )
        for board in data.boards
        if (body := draw(board)) is not None
    ]
    return join(_filters(data), *parts) if parts else None


def _filters(data: Leaderboard) -> Markup | None:
    rows = [
        tag(
            "div",
            tag("span", what),
            *(
                tag("button", name, type="button", data_filter=what, data_value=value, aria_pressed=pressed)
                for name, value, pressed in [("all", ANY, "true"), *((name, name, "false") for name in names)]
            ),
            class_="sorts",
            role="group",
            aria_label=f"show one {what}",
        )
        for what, names in (("track", data.tracks), ("scale", data.scales))
        if len(names) > 1
    ]
    return tag("div", *rows, class_="filters") if rows else None


def _table(board: Board, colour: Mapping[str, str]) -> Markup:
    first, others = board.metrics[0], board.metrics[1:]
    limits = spread(row.scores[first] for row in board.rows)
    head = [
        tag("th", "candidate"),
        tag("th", tag("code", first), _direction(first)),
        tag("th", "score"),
        tag("th", "from the best"),
        *(tag("th", tag("code", metric), _direction(metric)) for metric in others),
        tag("th", "runs"),
    ]
    rows = [
        tag(
            "tr",
            tag("th", tag("i", class_=f"key {colour[row.candidate]}"), row.candidate),
            tag("td", dots(row.scores[first], limits, colour[row.candidate])),
            tag("td", _told(row.scores[first])),
            tag("td", _behind(row.gap), class_="gap"),
            *(tag("td", _told(row.scores[metric]) if metric in row.scores else "") for metric in others),
            tag("td", str(len(row.seeds))),
            class_="contender" if row.contender else None,
        )
        for row in board.rows
    ]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="ranks")
    more = (
        f" Not shown: {count(board.num_more)} more that rank below or were not measured in this."
        if board.num_more
        else ""
    )
    return join(tag("p", _leaders(board) + more, class_="what"), tag("div", table, class_="scroll"))


def _direction(metric: str) -> Markup:
    return tag("span", "lower is better" if lower_is_better(metric) else "higher is better", class_="what")


def _leaders(board: Board) -> str:
    """One sentence on who leads, and what the bars are."""
    names = [row.candidate for row in board.rows if row.contender]
    if len(names) == 1:
        told = f"{names[0]} is better than every other candidate"
    elif len(names) == len(board.rows):
        told = "No candidate is told apart from the best"
    else:
        told = f"{len(names)} of {len(board.rows)} candidates are not told apart from the best: {', '.join(names)}"
    return (
        f"{told} (all against the best, p-values by Holm). Ticks are runs, bars the 95% interval of training noise on "
        "these items; the gap's interval counts other items too."
    )


def _told(score: Score) -> Markup:
    """A mean and half its interval."""
    if score.interval is None:
        return tag("span", digits(score.mean, None))
    half = (score.interval[1] - score.interval[0]) / 2
    return join(digits(score.mean, half), tag("span", f" ± {digits(half, half)}", class_="what"))


def _behind(gap: Gap | None) -> Markup:
    if gap is None:
        return tag("b", "best")
    told = tag("span", _signed(gap), _interval(gap))
    return join(told, tag("span", gap.words if gap.better is None else "worse", class_="what verdict"))


def _signed(gap: Gap) -> str:
    return signed(gap.value, _half(gap))


def _half(gap: Gap) -> float | None:
    return None if gap.interval is None else (gap.interval[1] - gap.interval[0]) / 2


def _interval(gap: Gap) -> Markup | None:
    half = _half(gap)
    return None if half is None else tag("span", f" ± {digits(half, half)}", class_="what")


def _verdicts(board: Board, colour: Mapping[str, str]) -> Markup | None:
    """Every two candidates: the row less the column."""
    if len(board.verdicts) < 2:
        return None
    names = [row.candidate for row in board.rows[: len(board.verdicts)]]
    head = [tag("th", ""), *(tag("th", name) for name in names)]
    rows = [
        tag(
            "tr",
            tag("th", tag("i", class_=f"key {colour[name]}"), name),
            *(_verdict(gap, name, other) for gap, other in zip(line, names, strict=True)),
        )
        for name, line in zip(names, board.verdicts, strict=True)
    ]
    cut = f" Of the {MAX_MATRIX} best candidates." if len(board.rows) > len(names) else ""
    pairs = len(names) * (len(names) - 1) // 2
    told = (
        f"Row less column in {board.metric}. Green: the row is better; red: the column is; grey: not decided, and what "
        f"would decide. P-values of all {pairs} pairs are adjusted together (Holm).{cut}"
    )
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="grid verdicts")
    return join(tag("p", told, class_="what"), tag("div", table, class_="scroll"))


def _verdict(gap: Gap | None, name: str, other: str) -> Markup:
    if gap is None:
        return tag("td")
    outcome = "open" if gap.better is None else "better" if gap.better == name else "worse"
    interval = "" if gap.interval is None else f", 95% interval {gap.interval[0]:+.4f} to {gap.interval[1]:+.4f}"
    items = "" if gap.items is None else f", {count(gap.items)} items"
    return tag(
        "td",
        tag("b", _signed(gap)),
        tag("span", gap.short or outcome),
        class_=f"cell {outcome}",
        title=f"{name} less {other}: {gap.words}{interval}{items}",
    )


def _curves(board: Board, colour: Mapping[str, str]) -> Markup | None:
    pictures = [
        tag("figure", tag("figcaption", tag("code", one.metric)), drawn, class_="card")
        for one in board.curves
        if (drawn := curves(one, colour)) is not None
    ]
    return tag("div", *pictures, class_="cards wide") if pictures else None


def _transfer(track: str | None, found: Transfer, colour: Mapping[str, str]) -> Markup:
    """One scale against another, in numbers and drawn."""
    pairs = f"{found.num_decided} of {found.num_pairs} pairs that {found.large} decides"
    accuracy = (
        [_fact("decision accuracy", found.accuracy, f"of one run each, over the {pairs}", share=True)]
        if found.accuracy
        else []
    )
    over_all = f"over all {found.num_pairs} pairs" + ("" if found.num_decided else f"; {found.large} decides none")
    facts = [
        *accuracy,
        _fact("decision accuracy, all pairs", found.accuracy_of_all, over_all, share=True),
        _fact("rank correlation", found.spearman, "Spearman"),
        _fact("Kendall's tau", found.kendall, "tau-b"),
        _fact("correlation", found.pearson, "Pearson"),
    ]
    head = " · ".join(filter(None, (track, f"{found.small} against {found.large}")))
    return tag(
        "section",
        tag("h3", head, tag("code", found.metric, class_="label")),
        tag("div", tag("table", tag("tbody", *facts)), tag("figure", scatter(found, colour)), class_="beside"),
    )


def _fact(name: str, estimate: Estimate | None, about: str, *, share: bool = False) -> Markup:
    def number(value: float) -> str:
        return f"{100 * value:.0f}%" if share else f"{value:.2f}"

    if estimate is None:
        return tag("tr", tag("th", name), tag("td", "not defined"), tag("td", about, class_="what"))
    low_high = estimate.interval
    told = (
        "too few candidates for an interval" if low_high is None else f"{number(low_high[0])} to {number(low_high[1])}"
    )
    return tag(
        "tr",
        tag("th", name, tag("span", about, class_="what")),
        tag("td", tag("b", number(estimate.value))),
        tag("td", told, class_="what"),
    )


def _floors(board: Board) -> Markup | None:
    if not board.floors:
        return tag("p", "No candidate was run with two seeds here, so training noise is unknown.", class_="alarm")
    names = ("metric", "noise of one run", "95% interval", "degrees of freedom")
    seeds = [f"{number} {'seed' if number == 1 else 'seeds'}" for number in SEED_NUMBERS]
    head = [*(tag("th", name) for name in names), *(tag("th", f"found by {one}") for one in seeds)]
    told = (
        "Standard deviation of a score when nothing but the seed changes, pooled over candidates; and the smallest "
        "difference between two candidates that so many seeds of each find in 80 of 100 cases, on these items."
    )
    table = tag(
        "table", tag("thead", tag("tr", *head)), tag("tbody", *map(_floor, board.floors)), class_="shares-right"
    )
    return join(tag("p", told, class_="what"), tag("div", table, class_="scroll"))


def _floor(floor: Floor) -> Markup:
    low, high = floor.interval
    return tag(
        "tr",
        tag("th", tag("code", floor.metric)),
        tag("td", digits(floor.deviation, floor.deviation)),
        tag("td", f"{digits(low, low)} to {digits(high, high)}"),
        tag("td", str(floor.degrees)),
        *(tag("td", digits(one, one)) for one in floor.detectable),
    )


def _data(board: Board) -> Markup:
    names = (
        "candidate",
        "tokens",
        "unique tokens",
        "epochs",
        "parameters",
        "FLOPs",
        "time of a run",
        "seeds",
        "dataset",
    )
    head = [tag("th", name) for name in names]
    table = tag(
        "table", tag("thead", tag("tr", *head)), tag("tbody", *map(_data_row, board.rows)), class_="shares-right"
    )
    return tag("div", table, class_="scroll")


def _data_row(row: Row) -> Markup:
    seeds = [str(seed) for seed in row.seeds if seed is not None]
    cells = [
        _known(row.num_tokens, count),
        _known(row.unique_tokens, count),
        _known(row.epochs, lambda value: f"{value:.3g}"),
        _known(row.num_params, count),
        _known(row.flops, lambda value: f"{value:.2e}".replace("e+", "e")),
        _known(row.seconds, duration),
        ", ".join(seeds) or f"{len(row.seeds)} runs",
    ]
    datasets = tag("td", *(tag("code", name[:12]) for name in row.datasets), title=", ".join(row.machines))
    return tag("tr", tag("th", row.candidate), *(tag("td", cell) for cell in cells), datasets)


def _known(value: float | None, write: Callable[[float], str]) -> str:
    return "" if value is None else write(value)
