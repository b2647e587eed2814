"""Draws by score, and what a top leaves."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Given, Length, Letters

from winnow.choose.rank import Band, Bottom, Gumbel, Rank, Top
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.sql import evaluate
from winnow.core.table import Store

LETTERS = Letters(tasks=4, size=50)
LENGTH = Length(documents=LETTERS)


def kept(keep: Rank, store: Path) -> list[int]:
    """The lengths of the documents that are kept."""
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=keep)
    materialize(step, store)
    shards = range(len(Store(store).table(step).manifest.shards))
    return [
        int(id[1:])
        for n in shards
        for batch in step.open_shard(Store(store), n, ["id"])
        for id in batch["id"].to_pylist()
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranks")


def test_a_draw_at_no_temperature_is_the_top(store: Path) -> None:
    for temperature in (0.0, 1e-9):
        assert kept(Gumbel("length.length", 0.2, temperature=temperature), store) == kept(
            Top("length.length", 0.2), store
        )


def test_a_draw_at_a_high_temperature_is_random(store: Path) -> None:
    means = [np.mean(kept(Gumbel("length.length", 0.25, temperature=1e9, seed=seed), store)) for seed in range(12)]
    spread = np.std(range(200)) / np.sqrt(50)
    assert abs(np.mean(means) - 99.5) < 4 * spread / np.sqrt(12)
    assert len({*means}) > 6


def test_between_them_a_warmer_draw_keeps_lower_scores(store: Path) -> None:
    lowest = [np.mean(kept(Gumbel("length.length", 0.25, temperature=t), store)) for t in (1, 20, 60, 1e5)]
    assert lowest == sorted(lowest, reverse=True)


def test_a_smaller_draw_is_part_of_a_larger_one_and_another_seed_draws_others(store: Path) -> None:
    small, large, other = (
        set(kept(Gumbel("length.length", fraction, temperature=50, seed=seed), store))
        for fraction, seed in ((0.1, 1), (0.4, 1), (0.4, 2))
    )
    assert small < large != other
    assert (len(small), len(large)) == (20, 80)


def test_a_document_is_drawn_in_proportion_to_the_exponential_of_its_score() -> None:
    """The first of a Gumbel draw is a draw from the softmax: here of 0, log 2 and log 5, over many groups of ids."""
    names = [f"{group}-{member}" for group in range(4000) for member in range(3)]
    scores = [float(np.log(weight)) for _ in range(4000) for weight in (1, 2, 5)]
    tables = {"documents": pa.table({"id": names}), "given": pa.table({"score": scores})}
    keys = evaluate(tables, {"key": Gumbel("given.score", 0.5).key()}).column("key").to_numpy().reshape(-1, 3)
    won = np.bincount(keys.argmin(axis=1), minlength=3) / 4000
    assert won == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.03)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.9]))
def test_a_top_and_the_bands_below_it_are_everything_once_whatever_the_ties(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], fraction: float
) -> None:
    made = tmp_path_factory.mktemp("rest")
    documents = Given(shards=(tuple((f"d{n:02}", "a" * length) for n, length in enumerate(lengths)),))
    parts, rest = [], (1 - fraction) / 2
    bands = Band("length.length", fraction, rest), Band("length.length", fraction + rest, rest)
    for keep in (Top("length.length", fraction), *bands):
        step = Select(documents=documents, measures=(Length(documents=documents),), keep=keep)
        materialize(step, made)
        parts.append([id for batch in step.open_shard(Store(made), 0, ["id"]) for id in batch["id"].to_pylist()])
    assert sorted(chain.from_iterable(parts)) == [f"d{n:02}" for n in range(len(lengths))]


@pytest.mark.parametrize(("start", "fraction"), [(-0.1, 0.5), (0.75, 0.5)])
def test_a_band_outside_of_the_order_is_refused(start: float, fraction: float) -> None:
    keep = Band("length.length", start, fraction)
    documents = Given(shards=((("a", "a"),),))
    with pytest.raises(RecipeError, match=rf"keep.start is {start} and keep.fraction 0.5; a band ends by 1"):
        Select(documents=documents, measures=(Length(documents=documents),), keep=keep).check()


def test_equal_scores_are_broken_by_chance_and_not_by_the_order_of_ids(tmp_path: Path) -> None:
    documents = Given(shards=(tuple((f"d{n:03}", "aa") for n in range(200)),))
    step = Select(documents=documents, measures=(Length(documents=documents),), keep=Bottom("length.length", 0.5))
    materialize(step, tmp_path)
    places = [int(id[1:]) for batch in step.open_shard(Store(tmp_path), 0, ["id"]) for id in batch["id"].to_pylist()]
    assert len(places) == 100
    assert abs(np.mean(places) - 99.5) < 4 * np.std(range(200)) / 10
