"""Runs for laws: what a ledger tells of them, and what a bench of pools trains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from token_tables import GivenTokens

from winnow.bench.ledger import Drawn, Ledger, Run, read_ledger, write_ledger
from winnow.bench.scaling import ScalingBench, runs_of, scaling_bench
from winnow.bench.tracks import Trial
from winnow.core.errors import InputError
from winnow.core.run import materialize
from winnow.evaluate.evaluate import Evaluate
from winnow.laws.plans import Pool
from winnow.lm.mix import Mix
from winnow.lm.train import Train

LOSS = "heldout/web/bits_per_byte"
POOLS = Pool("good", 100), Pool("poor", 300)


def run(name: str, sources: dict[str, Drawn], **metrics: float) -> Run:
    given = metrics or {LOSS: 1.5}
    return Run(run=name, candidate=name, num_params=1000, sources=sources, metrics=given)


def ledger(*runs: Run) -> Ledger:
    return Ledger(runs)


def pools(length: int = 10) -> list[tuple[str, GivenTokens]]:
    """Two tables of 40 and 80 documents."""
    return [
        (name, GivenTokens(name=name, shards=(tuple((1 + place % 200,) * length for place in range(number)),)))
        for name, number in (("good", 40), ("poor", 80))
    ]


def test_a_ledger_keeps_what_runs_drew_of_their_sources(tmp_path: Path) -> None:
    written = write_ledger([run("a", {"good": Drawn(50, 100), "poor": Drawn(600, 300)})], tmp_path)
    assert read_ledger(tmp_path / "ledger.parquet").runs == written.runs
    assert read_ledger(tmp_path / "ledger.json").runs == written.runs
    assert written.runs[0].sources["poor"].size == 300


def test_runs_are_those_that_drew_from_the_pools_alone() -> None:
    both = run("both", {"good": Drawn(50, 100), "poor": Drawn(600, 300)})
    cut = run("cut", {"poor": Drawn(160, 40)})
    other, mixed = run("other", {"web": Drawn(9, 9)}), run("mixed", {"good": Drawn(1, 9), "web": Drawn(9, 9)})
    found, metric = runs_of(ledger(both, other, cut, mixed, run("none", {})), POOLS)
    assert metric == LOSS and found.pools == ("good", "poor") and found.run.tolist() == ["both", "cut"]
    assert found.seen.tolist() == [[50, 600], [0, 160]] and found.unique.tolist() == [[100, 300], [0, 40]]
    assert found.epochs.tolist() == [[0.5, 2.0], [0, 4.0]]
    assert found.value.tolist() == [1.5, 1.5] and found.num_params.tolist() == [1000, 1000]


@pytest.mark.parametrize(
    ("given", "metric", "complaint"),
    [
        (ledger(run("a", {"web": Drawn(9, 9)})), None, r"no run of the ledger drew from good, poor alone; .*: web"),
        (
            ledger(run("a", {"good": Drawn(9, 9)})),
            "heldout/wob/bits_per_byte",
            r"no run has the metric .*mean heldout/",
        ),
        (ledger(run("a", {"good": Drawn(9, 9)})), "core/accuracy", r"core/accuracy is better when higher"),
        (ledger(run("a", {}, x=1.0)), None, r"the ledger has 0 losses \(none\): name one by --metric"),
        (
            ledger(run("a", {"good": Drawn(9, 9)}, **{LOSS: 1.0, "heldout/news/bits_per_byte": 2.0})),
            None,
            r"has 2 losses \(heldout/news/bits_per_byte, heldout/web/bits_per_byte\): name one",
        ),
    ],
)
def test_what_a_ledger_cannot_tell_is_an_error(given: Ledger, metric: str | None, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        runs_of(given, POOLS, metric)


def test_pools_are_trained_on_alone_and_the_first_together_for_every_number_of_epochs(tmp_path: Path) -> None:
    made = scaling_bench(pools(), Trial(scales=("0.1M",), seeds=(0, 1), num_tokens=500), epochs=(0.5, 4))
    assert list(dict.fromkeys(name for name, _ in made.entries)) == [
        *(f"{pool}, {times} epochs" for pool in ("good", "poor", "good + poor") for times in ("0.5", "4"))
    ]
    assert len(made.entries) == 12
    drawn = {
        name: json.loads((materialize(mix, tmp_path) / "files" / "mix.json").read_text()) for name, mix in mixes(made)
    }
    assert drawn["good, 0.5 epochs"]["num_tokens"] == 200  # of 400: half an epoch needs no cut
    four = drawn["good + poor, 4 epochs"]
    assert [(one["unique_tokens"], one["num_tokens"]) for one in four["sources"]] == [(40, 160), (80, 320)]


def mixes(made: ScalingBench) -> list[tuple[str, Mix]]:
    found = []
    for name, (one,) in made.entries:
        assert isinstance(one, Evaluate) and isinstance(one.model, Train)
        found.append((name, one.model.tokens))
    return found


def test_a_bench_of_pools_is_what_laws_are_fitted_to(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    heldout = (("web", Mix(sources=(pools()[0],), num_tokens=100)),)
    some = pools(length=100)
    made = scaling_bench(some, Trial(scales=("0.1M",), seeds=(0,), num_tokens=6200, heldout=heldout), epochs=(2, 16))
    files = materialize(made, tmp_path) / "files"
    found, metric = runs_of(read_ledger(files), [Pool("good", 4000), Pool("poor", 8000)])
    assert json.loads((files / "pools.json").read_text()) == [
        {"name": "good", "unique_tokens": 4000, "scoring_flops": 0.0},
        {"name": "poor", "unique_tokens": 8000, "scoring_flops": 0.0},
    ]
    assert metric == LOSS and len(found) == 6
    assert sorted({*found.epochs.ravel().tolist()}) == [0, 2, 16] and (found.tokens <= 6200).all()
    assert np.isfinite(found.value).all() and found.num_params[0] > 100_000
