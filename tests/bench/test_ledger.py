from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import make_ledger

from winnow.bench.ledger import MAX_POINTS, Ledger, Run, read_curves, read_ledger, write_ledger
from winnow.core.errors import InputError

BARE = Run(run="1", candidate="clean")
FULL = Run(
    run="2",
    candidate="spoiled",
    track="filtering",
    scale="1M",
    seed=3,
    dataset="d",
    recipe='{"keep": 0.1}',
    num_params=1_000_000,
    num_tokens=20_000_000,
    unique_tokens=10_000_000,
    epochs=2.0,
    flops=1.2e14,
    metrics={"heldout/wiki/bits_per_byte": 1.25, "core/centered_v2": -0.01},
    curves={"train/loss": ((10, 3.0), (20, 2.5))},
    items="items.parquet",
    machine="a machine",
    seconds=1.5,
    commit="abc",
    made="2026-01-01T00:00:00+00:00",
)

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    digests = draw(st.lists(names, unique=True, max_size=4))
    return [
        Run(
            run=digest,
            candidate=draw(names),
            scale=draw(st.none() | names),
            seed=draw(st.none() | st.integers(0, 9)),
            metrics=draw(st.dictionaries(names, numbers, max_size=3)),
            curves=draw(st.dictionaries(names, st.lists(st.tuples(st.integers(0, 9), numbers)).map(tuple), max_size=2)),
        )
        for digest in digests
    ]


def test_parquet_and_json_hold_the_same(tmp_path: Path) -> None:
    written = write_ledger([FULL, BARE], tmp_path)
    assert read_ledger(tmp_path / "ledger.parquet") == read_ledger(tmp_path / "ledger.json") == written
    assert written.runs == (BARE, FULL)


@settings(max_examples=30)
@given(made=runs())
def test_what_was_written_is_read_back(made: list[Run], tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("ledger")
    write_ledger(made, directory)
    for name in ("ledger.parquet", "ledger.json"):
        assert sorted(read_ledger(directory / name), key=lambda run: run.run) == sorted(made, key=lambda run: run.run)


def test_runs_are_added_to_those_that_are_there_and_replace_their_own(tmp_path: Path) -> None:
    write_ledger([BARE, FULL], tmp_path)
    better = dataclasses.replace(FULL, metrics={"core/centered_v2": 0.3})
    third = Run(run="3", candidate="other")
    assert write_ledger([better, third], tmp_path).runs == (BARE, third, better) == read_ledger(tmp_path).runs


def test_rows_are_in_order_of_scale_candidate_and_seed_however_they_came(tmp_path: Path) -> None:
    made = make_ledger(tmp_path / "one", {"a": 0.0, "b": 0.0}, scales=["10M", "1M", "3M"], seeds=2, items=3)
    assert made.names("scale") == ("1M", "3M", "10M")
    assert [run.run for run in made][:5] == ["a-1M-0", "a-1M-1", "b-1M-0", "b-1M-1", "a-3M-0"]
    again = write_ledger(reversed(made.runs), tmp_path / "two")
    assert again.runs == made.runs
    assert (tmp_path / "one/ledger.json").read_bytes() == (tmp_path / "two/ledger.json").read_bytes()


def test_the_ledgers_of_a_store_are_read_together(tmp_path: Path) -> None:
    write_ledger([BARE], tmp_path / "bench-1" / "files")
    write_ledger([FULL], tmp_path / "bench-2")
    found = {run.run: run for run in read_ledger(tmp_path)}
    assert found["1"] == BARE
    assert found["2"].items == str(tmp_path / "bench-2" / "items.parquet")


def test_items_lie_beside_the_ledger_unless_their_path_is_whole(tmp_path: Path) -> None:
    ledger = Ledger((), tmp_path)
    assert ledger.items_path(FULL) == tmp_path / "items.parquet"
    assert ledger.items_path(dataclasses.replace(FULL, items="/else/items.parquet")) == Path("/else/items.parquet")
    assert str(ledger.items_path(dataclasses.replace(FULL, items="s3://b/items.parquet"))) == "s3://b/items.parquet"
    assert ledger.items_path(BARE) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"metrics": {"core": math.nan}}, "leave a metric out where it was not measured"),
        ({"metrics": {"core": "0.1"}}, "'0.1'"),
        ({"epochs": 0.0}, "must be above 0"),
        ({"seed": "0"}, "not int"),
    ],
)
def test_what_no_ledger_can_hold_is_refused(change: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        write_ledger([dataclasses.replace(FULL, **change)], tmp_path)  # type: ignore[arg-type]
    assert not (tmp_path / "ledger.parquet").exists()


def test_files_that_are_no_ledgers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no ledger\.parquet"):
        read_ledger(tmp_path)
    with pytest.raises(InputError, match="there is no ledger"):
        read_ledger(tmp_path / "ledger.parquet")
    (tmp_path / "ledger.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no ledger"):
        read_ledger(tmp_path)
    for text, told in (("{", "is no ledger"), ("3", "one object per run"), ('[{"run": "1"}]', "without candidate")):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(InputError, match=told):
            read_ledger(tmp_path / "other.json")
    (tmp_path / "other.json").write_text(json.dumps([{"run": "1", "candidate": "a", "sede": 3}]))
    with pytest.raises(InputError, match="did you mean seed"):
        read_ledger(tmp_path / "other.json")


def test_curves_of_a_training_run_are_thinned_by_means(tmp_path: Path) -> None:
    steps = 1000
    losses = {"tokens": [10 * (step + 1) for step in range(steps)], "loss": [float(step) for step in range(steps)]}
    pq.write_table(pa.table(losses), tmp_path / "losses.parquet")
    heldout = {"tokens": [20, 10, 10], "name": ["wiki", "wiki", "web"], "bits_per_byte": [1.5, 2.0, 3.0]}
    pq.write_table(pa.table(heldout), tmp_path / "heldout.parquet")
    curves = read_curves(tmp_path / "losses.parquet", tmp_path / "heldout.parquet")
    assert curves["heldout/wiki/bits_per_byte"] == ((10, 2.0), (20, 1.5))
    assert curves["heldout/web/bits_per_byte"] == ((10, 3.0),)
    assert len(curves["train/loss"]) == MAX_POINTS
    assert curves["train/loss"][0] == (50, 2.0) and curves["train/loss"][-1][0] == 10 * steps


def test_a_short_curve_keeps_every_point(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tokens": [1, 2], "loss": [3.0, 2.0]}), tmp_path / "losses.parquet")
    assert read_curves(tmp_path / "losses.parquet") == {"train/loss": ((1, 3.0), (2, 2.0))}
