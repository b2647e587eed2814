from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledgers import ACCURACY, BITS, make_ledger

from winnow.bench.compare import compare
from winnow.bench.ledger import Ledger, Run, write_ledger
from winnow.bench.terminal import print_ledger
from winnow.core.errors import AlignmentError, InputError


def test_a_true_difference_is_found(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"clean": 0.05, "spoiled": 0.0})
    (row,) = compare(ledger, "clean", "spoiled", metrics=[BITS]).rows
    assert row.verdict.better == "clean" and row.interval is not None
    assert row.interval[0] < -0.05 < row.interval[1] < 0
    assert (row.seeds, row.items, row.noise_degrees) == ((3, 3), 300, 4)


def test_two_halves_of_one_set_are_not_decided(tmp_path: Path) -> None:
    result = compare(make_ledger(tmp_path, {"half a": 0.0, "half b": 0.0}), "half a", "half b")
    assert [row.metric for row in result.rows] == [BITS, ACCURACY]
    assert not any(row.verdict.decided for row in result.rows)
    assert all(row.verdict.words.startswith("not decided; ") for row in result.rows)


def test_equal_candidates_are_seldom_told_apart(tmp_path: Path) -> None:
    """Of 40 comparisons over two metrics, 5% share one error rate: two are expected, six would be a surprise."""
    decided = 0
    for seed in range(40):
        ledger = make_ledger(tmp_path / str(seed), {"a": 0.0, "b": 0.0}, items=60, seed=seed)
        decided += any(row.verdict.decided for row in compare(ledger, "a", "b").rows)
    assert decided < 6


def test_turning_the_candidates_round_turns_the_signs(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"a": 0.01, "b": 0.0})
    for one, other in zip(compare(ledger, "a", "b").rows, compare(ledger, "b", "a").rows, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert one.p == pytest.approx(other.p) and one.verdict == other.verdict


def test_one_seed_alone_decides_nothing_but_among_repeated_others_it_may(tmp_path: Path) -> None:
    alone = make_ledger(tmp_path / "alone", {"a": 0.2, "b": 0.0}, seeds=1)
    (row,) = compare(alone, "a", "b", metrics=[BITS]).rows
    assert row.interval is not None and row.interval[1] < 0 and not row.verdict.decided
    assert row.verdict.words == "not decided: one seed cannot decide, training noise is unknown"
    others = make_ledger(tmp_path / "others", {"c": 0.1, "d": 0.1}, seeds=3)
    (row,) = compare(write_ledger(others.runs, tmp_path / "alone"), "a", "b", metrics=[BITS]).rows
    assert row.verdict.better == "a" and row.noise_degrees == 4


def test_noise_comes_from_the_same_scale_and_track_alone(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"a": 0.2, "b": 0.0}, seeds=1)
    other = make_ledger(tmp_path / "other", {"a": 0.2, "b": 0.0}, scales=["3M"])
    mixing = [dataclasses.replace(run, run=run.run + "m", scale="1M", track="mixing") for run in other]
    both = write_ledger([*other, *mixing], tmp_path)
    rows = {(row.track, row.scale): row for row in compare(both, "a", "b", metrics=[BITS]).rows}
    assert list(rows) == [("filtering", "1M"), ("filtering", "3M"), ("mixing", "1M")]
    assert rows["filtering", "1M"].noise is None and rows["mixing", "1M"].noise_degrees == 4
    assert len(ledger) == 2


def test_runs_without_items_are_compared_by_their_seeds(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"clean": 0.05, "spoiled": 0.0})
    bare = Ledger(tuple(dataclasses.replace(run, items=None) for run in ledger))
    (row,) = compare(bare, "clean", "spoiled", metrics=[BITS]).rows
    assert row.items is None and row.verdict.better == "clean"
    lost = Ledger(ledger.runs, tmp_path / "elsewhere")
    assert compare(lost, "clean", "spoiled", metrics=[BITS]).rows == (row,)


def test_categories_count_alike(tmp_path: Path) -> None:
    runs = []
    for candidate, right in (("a", [1.0, 1.0, 0.0, 1.0]), ("b", [1.0, 0.0, 0.0, 1.0])):
        for seed in range(2):
            shown = right if seed else [*right[:3], 0.0]
            items = {
                "item": list("wxyz"),
                "category": ["p", "p", "p", "q"],
                "numerator": shown,
                "denominator": [1.0] * 4,
            }
            table = pa.table({"task": ["mmlu"] * 4, "metric": ["accuracy"] * 4, **items})
            pq.write_table(table, tmp_path / f"{candidate}{seed}.parquet")
            macro = (sum(shown[:3]) / 3 + shown[3]) / 2
            digest = f"{candidate}{seed}"
            made = Run(run=digest, candidate=candidate, scale="1M", seed=seed, items=f"{digest}.parquet")
            runs.append(dataclasses.replace(made, metrics={"mmlu/accuracy": macro}))
    (row,) = compare(write_ledger(runs, tmp_path), "a", "b").rows
    assert row.items == 4 and row.difference == pytest.approx(1 / 6)
    wrong = [dataclasses.replace(run, metrics={"mmlu/accuracy": 0.9}) for run in runs]
    with pytest.raises(InputError, match="come from another evaluation"):
        compare(write_ledger(wrong, tmp_path), "a", "b")


def test_other_items_are_refused(tmp_path: Path) -> None:
    make_ledger(tmp_path, {"a": 0.0}, items=20)
    other = make_ledger(tmp_path / "other", {"b": 0.0}, items=30)
    runs = [dataclasses.replace(run, items=f"other/{run.items}") for run in other]
    with pytest.raises(AlignmentError, match="same items"):
        compare(write_ledger(runs, tmp_path), "a", "b")


def test_two_runs_of_one_seed_are_refused(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"a": 0.0, "b": 0.0}, seeds=1)
    again = ledger.merged([dataclasses.replace(ledger.runs[0], run="again")])
    with pytest.raises(InputError, match="two runs of a at 1M, seed 0: a-1M-0 and again"):
        compare(again, "a", "b")


def test_unknown_names_are_told(tmp_path: Path) -> None:
    ledger = make_ledger(tmp_path, {"clean": 0.0, "spoiled": 0.0}, items=5)
    for arguments, told in (
        (("claen", "spoiled"), "did you mean clean"),
        (("clean", "clean"), "compared with itself"),
        (("clean", "spoiled", "2M"), "no scale '2M'"),
        (("clean", "spoiled", None, ["quiz/acuracy"]), "did you mean quiz/accuracy"),
    ):
        with pytest.raises(InputError, match=told):
            compare(ledger, *arguments)
    apart = Ledger(tuple(dataclasses.replace(run, scale=run.candidate) for run in ledger))
    with pytest.raises(InputError, match="run both on one track at one scale"):
        compare(apart, "clean", "spoiled")


def test_a_comparison_is_plain_data_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = compare(make_ledger(tmp_path, {"[clean]": 0.05, "spoiled": 0.0}), "[clean]", "spoiled")
    plain = json.loads(json.dumps(result.to_plain()))
    assert plain["rows"][0]["verdict"]["better"] == "[clean]" and plain["rows"][0]["seeds"] == [3, 3]
    result.print()
    told = " ".join(capsys.readouterr().out.split())
    assert "[clean] less spoiled, filtering, 1M" in told
    assert "of 2 comparisons:" in told and "3 and 3 seeds; training noise from 4 degrees of freedom" in told


def test_a_ledger_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_ledger(make_ledger(tmp_path, {"[clean]": 0.05, "spoiled": 0.0}, scales=["1M", "3M"]))
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "filtering, 3M" in told
    assert any(line.startswith("[clean] 3 2 1.") and " ± 0." in line for line in told)
    print_ledger(Ledger((Run(run="1", candidate="a", metrics={"score": 0.5}),)))
    assert "a 1 0.5000" in " ".join(capsys.readouterr().out.split())
