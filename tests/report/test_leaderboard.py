from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from ledgers import ACCURACY, BITS, make_ledger

from winnow.bench.ledger import Ledger, Run
from winnow.core.errors import InputError
from winnow.report.leaderboard import collect_leaderboard
from winnow.report.leaderboard_model import MAX_CANDIDATES, MAX_MATRIX, MAX_METRICS

MERITS = {"best": 0.1, "near": 0.099, "far": 0.0}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return make_ledger(tmp_path_factory.mktemp("ledger"), MERITS, scales=["1M", "3M"], seed=1)


def bare(scores: dict[str, list[float]], metric: str = "score") -> Ledger:
    """Runs with nothing but a score each."""
    return Ledger(
        tuple(
            Run(run=f"{name}{seed}", candidate=name, seed=seed, metrics={metric: value})
            for name, values in scores.items()
            for seed, value in enumerate(values)
        )
    )


def test_candidates_are_ranked_and_those_not_told_apart_from_the_best_are_contenders(ledger: Ledger) -> None:
    for board in collect_leaderboard(ledger).boards:
        assert (board.metric, board.metrics) == (BITS, (BITS, ACCURACY))
        assert [row.candidate for row in board.rows][-1] == "far"
        assert [row.contender for row in board.rows] == [True, True, False]
        assert board.rows[0].gap is None
        last = board.rows[2].gap
        assert last is not None and last.value > 0.09 and last.better == board.rows[0].candidate and last.items == 300


def test_a_named_metric_ranks(ledger: Ledger) -> None:
    board = collect_leaderboard(ledger, ACCURACY).boards[0]
    means = [row.scores[ACCURACY].mean for row in board.rows]
    assert board.metric == ACCURACY and means == sorted(means, reverse=True)
    with pytest.raises(InputError, match="did you mean quiz/accuracy"):
        collect_leaderboard(ledger, "quiz/acuracy")


def test_verdicts_are_the_same_from_both_sides(ledger: Ledger) -> None:
    verdicts = collect_leaderboard(ledger).boards[0].verdicts
    for i, row in enumerate(verdicts):
        assert row[i] is None
        for j, gap in enumerate(row):
            other = verdicts[j][i]
            if gap is not None and other is not None:
                assert gap.value == -other.value and gap.words == other.words
                assert gap.interval is not None and other.interval == (-gap.interval[1], -gap.interval[0])


def test_the_noise_floor_tells_what_seeds_can_find(ledger: Ledger) -> None:
    floor = collect_leaderboard(ledger).boards[0].floors[0]
    assert floor.metric == BITS and floor.degrees == 6
    assert floor.interval[0] < floor.deviation < floor.interval[1]
    assert list(floor.detectable) == sorted(floor.detectable, reverse=True)


def test_curves_are_means_over_seeds(ledger: Ledger) -> None:
    (found,) = collect_leaderboard(ledger).boards[0].curves
    runs = [run for run in ledger if run.candidate == "best" and run.scale == "1M"]
    tokens, value = found.lines["best"][-1]
    assert found.metric == BITS and tokens == 20_000_000
    assert value == pytest.approx(sum(run.curves[BITS][-1][1] for run in runs) / 3)


def test_without_held_out_curves_the_training_loss_is_drawn(ledger: Ledger) -> None:
    runs = [dataclasses.replace(run, curves={"train/loss": run.curves["train/loss"]}) for run in ledger]
    (found,) = collect_leaderboard(Ledger(tuple(runs))).boards[0].curves
    assert found.metric == "train/loss"


def test_every_scale_is_held_against_the_largest(ledger: Ledger) -> None:
    ((track, found),) = collect_leaderboard(ledger).transfers
    assert (track, found.small, found.large, found.metric) == ("filtering", "1M", "3M", BITS)
    assert found.num_decided == 2


def test_one_seed_each_leaves_everything_open() -> None:
    board = collect_leaderboard(bare({"a": [1.0], "b": [2.0]})).boards[0]
    assert all(row.contender for row in board.rows) and board.floors == ()
    assert board.rows[0].scores["score"].interval is None
    assert board.rows[1].gap is not None and board.rows[1].gap.short == "noise unknown"


def test_the_data_of_a_row_is_what_its_runs_recorded(ledger: Ledger) -> None:
    row = collect_leaderboard(ledger).boards[0].rows[0]
    assert (row.num_tokens, row.unique_tokens, row.epochs, row.seeds) == (20_000_000, 10_000_000, 2.0, (0, 1, 2))
    nothing = collect_leaderboard(bare({"a": [1.0]})).boards[0].rows[0]
    assert nothing.num_tokens is None and nothing.datasets == ()


def test_what_is_shown_is_bounded() -> None:
    many = bare({f"c{number:03}": [float(number), number + 0.5] for number in range(MAX_CANDIDATES + 20)})
    runs = [dataclasses.replace(run, metrics={**{f"m{k}": 1.0 for k in range(40)}, **run.metrics}) for run in many]
    (board,) = collect_leaderboard(Ledger(tuple(runs)), "score").boards
    assert (len(board.rows), board.num_more, len(board.verdicts)) == (MAX_CANDIDATES, 20, MAX_MATRIX)
    assert len(board.metrics) == MAX_METRICS and board.metric == "score"


def test_an_empty_ledger_is_refused() -> None:
    with pytest.raises(InputError, match="no runs"):
        collect_leaderboard(Ledger(()))


def test_the_data_is_json(ledger: Ledger) -> None:
    plain = json.loads(collect_leaderboard(ledger).to_json())
    assert plain["runs"] == 18 and plain["boards"][0]["rows"][0]["seeds"] == [0, 1, 2]


def test_imported_results_without_scales_or_seeds_are_a_board(tmp_path: Path) -> None:
    runs = tuple(Run(run=str(k), candidate=name, metrics={"Core": 0.1 * k}) for k, name in enumerate("aab"))
    (board,) = collect_leaderboard(Ledger(runs, tmp_path)).boards
    assert [row.seeds for row in board.rows] == [(None,), (None, None)]


def test_candidates_without_the_ranking_metric_are_counted() -> None:
    runs = (Run(run="1", candidate="a", metrics={"x": 1.0}), Run(run="2", candidate="b", metrics={"y": 1.0}))
    (board,) = collect_leaderboard(Ledger(runs), "x").boards
    assert [row.candidate for row in board.rows] == ["a"] and board.num_more == 1
