"""What a leaderboard shows, gathered from a ledger: who leads, by how much, and whether that is more than noise."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

from winnow.bench.ledger import Curve, Ledger, Run
from winnow.bench.metrics import by_weight, lower_is_better
from winnow.bench.scores import repeats, scores_of
from winnow.bench.statistics import Noise, Scores, difference, holm, noise_floor
from winnow.bench.transfer import Transfer, transfer
from winnow.bench.verdict import judge
from winnow.core.errors import InputError, did_you_mean
from winnow.report.leaderboard_model import (
    MAX_CANDIDATES,
    MAX_CURVES,
    MAX_MATRIX,
    MAX_METRICS,
    SEED_NUMBERS,
    Board,
    Curves,
    Floor,
    Gap,
    Leaderboard,
    Row,
    Score,
)
from winnow.report.leaderboard_page import render_leaderboard


def render(ledger: Ledger, metric: str | None = None) -> str:
    """The leaderboard of a ledger as one HTML file; ``metric`` ranks the candidates wherever it was measured."""
    return render_leaderboard(collect_leaderboard(ledger, metric))


def collect_leaderboard(ledger: Ledger, metric: str | None = None) -> Leaderboard:
    """What the page shows; ``metric`` ranks the candidates wherever it was measured.

    Raises InputError for an empty ledger and for a metric that no run has.
    """
    if not ledger.runs:
        raise InputError("the ledger has no runs: there is nothing to show")
    if metric is not None and metric not in ledger.metrics():
        raise InputError(f"no run has the metric {metric!r}; {did_you_mean(metric, ledger.metrics())}")
    boards = [_board(part, metric) for part in ledger.parts()]
    return Leaderboard(
        source=str(ledger.directory or ""),
        made=max((run.made for run in ledger if run.made), default=""),
        runs=len(ledger),
        candidates=ledger.names("candidate"),
        tracks=ledger.names("track"),
        scales=ledger.names("scale"),
        boards=tuple(board for board in boards if board is not None),
        transfers=tuple(_transfers(ledger, [board for board in boards if board is not None])),
        libraries={"winnow-data": version("winnow-data")},
    )


def _board(part: Ledger, wanted: str | None) -> Board | None:
    """One track at one scale; None where nothing was measured."""
    metrics = by_weight(part, wanted)[:MAX_METRICS]
    if not metrics:
        return None
    first, runs = metrics[0], repeats(part)
    scores = scores_of(part, metrics)
    noises = {metric: noise_floor(scores[metric].values()) for metric in metrics}
    sign = -1 if lower_is_better(first) else 1
    order = sorted(scores[first], key=lambda name: (-sign * scores[first][name].values.mean(), name))
    gaps = _gaps([(name, order[0]) for name in order[1:]], first, scores[first], noises[first])
    shown, judged = order[:MAX_CANDIDATES], order[:MAX_MATRIX]
    return Board(
        track=part.runs[0].track,
        scale=part.runs[0].scale,
        metric=first,
        metrics=metrics,
        rows=tuple(_row(name, runs[name], scores, noises, gaps.get((name, order[0]))) for name in shown),
        num_more=len(runs) - len(shown),
        verdicts=_matrix(judged, first, scores[first], noises[first]),
        floors=tuple(_floor(metric, noise) for metric, noise in noises.items() if noise is not None),
        curves=_curves(part, judged),
    )


def _gaps(
    pairs: Sequence[tuple[str, str]], metric: str, scores: Mapping[str, Scores], noise: Noise | None
) -> dict[tuple[str, str], Gap]:
    """The difference of every pair, first less second, judged together (Holm)."""
    found = [difference(scores[one], scores[other], noise) for one, other in pairs]
    gaps = {}
    for pair, one, p in zip(pairs, found, holm([one.p for one in found]), strict=True):
        verdict = judge(*pair, metric, one, p)
        told = {name: getattr(verdict, name) for name in ("better", "words", "short")}
        gaps[pair] = Gap(value=one.value, interval=one.interval, items=one.items, **told)
    return gaps


def _matrix(
    names: Sequence[str], metric: str, scores: Mapping[str, Scores], noise: Noise | None
) -> tuple[tuple[Gap | None, ...], ...]:
    """Every two candidates, once each way."""
    gaps = _gaps(list(itertools.combinations(names, 2)), metric, scores, noise)
    return tuple(
        tuple(gaps.get((row, column)) or _turned(gaps.get((column, row))) for column in names) for row in names
    )


def _turned(gap: Gap | None) -> Gap | None:
    if gap is None:
        return None
    interval = None if gap.interval is None else (-gap.interval[1], -gap.interval[0])
    return replace(gap, value=-gap.value, interval=interval)


def _row(
    name: str,
    runs: Sequence[Run],
    scores: Mapping[str, Mapping[str, Scores]],
    noises: Mapping[str, Noise | None],
    gap: Gap | None,
) -> Row:
    having = {metric: of_metric[name] for metric, of_metric in scores.items() if name in of_metric}
    return Row(
        candidate=name,
        scores={metric: _score(one, noises[metric]) for metric, one in having.items()},
        gap=gap,
        contender=gap is None or gap.better is None,
        seeds=tuple(run.seed for run in runs),
        num_params=_whole([run.num_params for run in runs]),
        num_tokens=_whole([run.num_tokens for run in runs]),
        unique_tokens=_whole([run.unique_tokens for run in runs]),
        epochs=_mean([run.epochs for run in runs]),
        flops=_mean([run.flops for run in runs]),
        seconds=_mean([run.seconds for run in runs]),
        datasets=tuple(sorted({run.dataset for run in runs if run.dataset})),
        machines=tuple(sorted({run.machine for run in runs if run.machine})),
    )


def _score(scores: Scores, noise: Noise | None) -> Score:
    mean, seeds = float(scores.values.mean()), tuple(map(float, scores.values))
    if noise is None:
        return Score(mean=mean, interval=None, seeds=seeds)
    half = noise.half(len(seeds))
    return Score(mean=mean, interval=(mean - half, mean + half), seeds=seeds)


def _mean(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _whole(values: Sequence[int | None]) -> int | None:
    mean = _mean(values)
    return None if mean is None else round(mean)


def _floor(metric: str, noise: Noise) -> Floor:
    return Floor(
        metric=metric,
        deviation=noise.deviation,
        interval=noise.interval,
        degrees=noise.degrees,
        detectable=tuple(noise.detectable(seeds) for seeds in SEED_NUMBERS),
    )


def _curves(part: Ledger, shown: Sequence[str]) -> tuple[Curves, ...]:
    """Curves on held-out sets, or of the training loss where there are none; the mean over the seeds."""
    names = sorted({name for run in part for name in run.curves})
    heldout = [name for name in names if name.startswith("heldout/")]
    found = []
    for name in (heldout or names)[:MAX_CURVES]:
        runs = {one: [run.curves[name] for run in part if run.candidate == one and name in run.curves] for one in shown}
        found.append(Curves(metric=name, lines={one: _averaged(curves) for one, curves in runs.items() if curves}))
    return tuple(found)


def _averaged(curves: Sequence[Curve]) -> Curve:
    """The mean of several curves where all of them have a point."""
    values: dict[int, list[float]] = defaultdict(list)
    for curve in curves:
        for tokens, value in curve:
            values[tokens].append(value)
    complete = {tokens: found for tokens, found in values.items() if len(found) == len(curves)}
    return tuple((tokens, sum(found) / len(found)) for tokens, found in sorted(complete.items()))


def _transfers(ledger: Ledger, boards: Sequence[Board]) -> Iterator[tuple[str | None, Transfer]]:
    """Every scale of a track against its largest one, in the metric that ranks there."""
    for track in dict.fromkeys(board.track for board in boards):
        of_track = [board for board in boards if board.track == track and board.scale is not None]
        runs = Ledger(tuple(run for run in ledger if run.track == track), ledger.directory)
        for board in of_track[:-1]:
            small, large, metric = board.scale, of_track[-1].scale, of_track[-1].metric
            both = [{row.candidate for row in one.rows if metric in row.scores} for one in (board, of_track[-1])]
            if small is not None and large is not None and len(both[0] & both[1]) > 2:
                yield track, transfer(runs, small, large, metric)
