"""What a bench writes down of the runs that it compares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from winnow.bench.ledger import Run, read_ledger, write_ledger
from winnow.bench.tracks import Candidate, Trial, bench
from winnow.core.run import materialize
from winnow.documents.read import Read
from winnow.lm.mix import Mix
from winnow.lm.token_table import TokenTable
from winnow.lm.tokenize import Tokenize

ONE_STEP = 2049
"""Tokens of the smallest scale's batch, and the one that follows them."""


@pytest.fixture
def tokens(tmp_path: Path) -> TokenTable:
    path = tmp_path / "documents.jsonl"
    path.write_text("".join(json.dumps({"id": str(n), "text": f"Letter {n}. " * 20}) + "\n" for n in range(12)))
    return Tokenize(documents=Read(source=str(path)), tokenizer="bytes")


def trial(tokens: TokenTable) -> Trial:
    heldout = Mix(sources=(("letters", tokens),), num_tokens=300)
    return Trial(scales=("0.3M",), seeds=(0,), num_tokens=ONE_STEP, heldout=(("letters", heldout),))


def runs_of(names: tuple[str, ...], tokens: TokenTable, measured: Trial, store: Path) -> tuple[Run, ...]:
    candidates = [Candidate(name, (("all", tokens),)) for name in names]
    return read_ledger(materialize(bench("filtering", candidates, measured), store) / "files").runs


def test_one_set_under_two_names_is_two_rows(tokens: TokenTable, tmp_path: Path) -> None:
    one, other = runs_of(("one", "other"), tokens, trial(tokens), tmp_path / "store")
    assert (one.candidate, other.candidate) == ("one", "other")
    assert one.metrics == other.metrics and one.dataset == other.dataset


def test_a_run_that_is_measured_otherwise_takes_the_place_of_its_row(tokens: TokenTable, tmp_path: Path) -> None:
    first = trial(tokens)
    ((_, mix),) = first.heldout
    again = replace(first, heldout=(("more", replace(mix, num_tokens=400)),))
    for measured in (first, again):
        write_ledger(runs_of(("one",), tokens, measured, tmp_path / "store"), tmp_path / "ledger")
    (run,) = read_ledger(tmp_path / "ledger")
    assert set(run.metrics) == {"heldout/more/bits_per_byte"}
