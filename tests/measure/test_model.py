"""A measure whose model is a file or a step that fits it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from toys import Length, Letters, Longest

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.executors import Inline, Processes
from winnow.core.files import remove
from winnow.core.plain import from_plain, to_plain
from winnow.core.run import materialize
from winnow.core.step import ordered
from winnow.core.storage import place
from winnow.core.table import Store
from winnow.measure.measure import Judge, column
from winnow.measure.model import Model, given_files, model_file
from winnow.measure.score import Score

DOCUMENTS = Letters(tasks=2, size=4)
LONGEST = Longest(lengths=Length(documents=DOCUMENTS))


@dataclass(frozen=True, kw_only=True)
class Relative:
    """Length of a text as a share of the longest, which a model knows."""

    model: Model
    name: str = "relative"

    def columns(self) -> pa.Schema:
        return pa.schema([column("length", pa.float64(), "Share of the longest")])

    def files(self) -> tuple[str, ...]:
        return given_files(self.model)

    def load(self) -> Judge:
        longest = int(model_file(self.model, "longest.txt").read_text())

        def judge(documents: pa.RecordBatch) -> pa.RecordBatch:
            lengths = [len(text) / longest for text in documents.column("text").to_pylist()]
            return pa.record_batch([pa.array(lengths)], schema=self.columns())

        return judge


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("WINNOW_CACHE", str(tmp_path / "cache"))
    yield str(tmp_path / "store") if request.param == "disk" else "memory://models/store"
    remove(place("memory://models"))


def lengths(score: Score, store: str) -> list[float]:
    materialize(score, store, Inline())
    table = Store(store).table(score)
    return [row for shard in range(2) for row in table.shard(shard)["length"].to_pylist()]


def test_a_step_that_fits_the_model_is_made_first_wherever_the_store_lies(store: str) -> None:
    score = Score(documents=DOCUMENTS, measure=Relative(model=LONGEST))
    assert LONGEST in ordered(score)
    assert lengths(score, store) == [n / 7 for n in range(8)]


def test_a_file_of_the_user_serves_as_well_and_is_watched_for_change(tmp_path: Path) -> None:
    given = tmp_path / "longest.txt"
    given.write_text("14")
    score = Score(documents=DOCUMENTS, measure=Relative(model=str(given)))
    assert score.inputs() == (DOCUMENTS,)
    assert lengths(score, str(tmp_path / "store")) == [n / 14 for n in range(8)]
    given.write_text("28")
    assert lengths(score, str(tmp_path / "store")) == [n / 28 for n in range(8)]


def test_a_file_that_is_not_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    score = Score(documents=DOCUMENTS, measure=Relative(model=str(tmp_path / "nothing.txt")))
    with pytest.raises(RecipeError, match=r"relative reads .*nothing.txt, which is not there"):
        materialize(score, tmp_path / "store", Inline())
    assert not list((tmp_path / "store").glob("letters*"))


def test_worker_processes_open_the_fitted_model_and_a_choice_may_rest_on_it(tmp_path: Path) -> None:
    short = RuleSet(name="short", source="", measures=(), rules=(("short", "relative.length < 0.5"),))
    chosen = Select(documents=DOCUMENTS, measures=(Relative(model=LONGEST),), reject=short)
    materialize(chosen, tmp_path, Processes(2))
    assert Store(tmp_path).table(chosen).manifest.counts["kept"] == 4


def test_another_model_gives_another_key_and_a_recipe_with_one_can_be_written_down() -> None:
    score = Score(documents=DOCUMENTS, measure=Relative(model=LONGEST))
    other = Score(documents=DOCUMENTS, measure=Relative(model=Longest(lengths=Length(documents=Letters(tasks=3)))))
    assert score.key != other.key
    assert from_plain(to_plain(score)) == score


def test_a_measure_whose_model_is_not_made_yet_says_what_makes_it() -> None:
    with pytest.raises(RecipeError, match=r"longest-.* is a step: materialize the scores"):
        Relative(model=LONGEST).load()
