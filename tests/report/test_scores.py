"""Scores that documents are chosen by, compared on a small pool of two sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from winnow.choose.comparison import Comparison
from winnow.choose.rank import Accept, BatchTop, Bottom, Middle, Rank, Sample, Top
from winnow.choose.select import Select
from winnow.core.executors import Inline
from winnow.core.run import materialize
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.measure.function import Function
from winnow.measure.text import Text
from winnow.report import scores as module
from winnow.report.collect import collect
from winnow.report.model import ReportData
from winnow.report.page import render
from winnow.report.scores import score_of, scores


def vowels(text: str) -> float | None:
    return sum(letter in "aeiou" for letter in text) / len(text) if text else None


MEASURES = (Text(), Function(name="vowels", function=vowels))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """60 documents: 40 of "prose", longer and longer, 20 of "code" without a vowel, one of them empty."""
    rows = [{"id": f"p{n:02}", "text": "ab " * n + "a", "source": "prose"} for n in range(40)]
    rows += [{"id": f"c{n:02}", "text": "xyz;" * n, "source": "code"} for n in range(20)]
    path = tmp_path_factory.mktemp("pool") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Read(source=str(path))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def choice(pool: Read, rank: Rank) -> Select:
    return Select(documents=pool, measures=MEASURES, keep=rank)


@pytest.fixture(scope="module")
def data(pool: Read, store: Path) -> ReportData:
    choices = {
        "long": choice(pool, Top("text.num_chars", 0.2)),
        "short": choice(pool, Bottom("text.num_chars", 0.2)),
        "vowels": choice(pool, Top("vowels.value", 0.5)),
    }
    compared = Comparison(choices=tuple(choices.items()))
    materialize(compared, store, Inline())
    return collect(compared, Store(store), recipe="compare")


def test_every_score_is_told_with_what_it_keeps(data: ReportData) -> None:
    looks = data.scores[0].scores
    assert [(one.name, one.kept, one.documents) for one in looks] == [
        ("long", 12, 60),
        ("short", 12, 60),
        ("vowels", 30, 60),
    ]
    assert looks[2].histogram.missing == 1
    assert [mark.operator for one in looks for mark in one.histogram.marks] == ["<", ">", "<"]


def test_scores_are_compared_by_order_and_by_what_they_keep(data: ReportData) -> None:
    found = data.scores[0]
    assert found.correlations[0][1] == pytest.approx(1)  # the same score, kept at either end
    assert found.agreements[0][:2] == (1, 0)
    assert found.agreements[0][2] == found.agreements[2][0]
    assert found.agreements[0][2] == pytest.approx(2 / 40)  # p28 and p29 are long and have vowels enough


def test_the_mixture_is_that_of_what_is_kept(data: ReportData) -> None:
    prose, code = data.scores[0].sources
    assert (prose.source, prose.documents) == ("prose", 40)
    assert prose.pool_fraction == pytest.approx(2 / 3)
    assert prose.kept_fractions[2] == 1
    assert code.kept_fractions[2] == 0
    assert code.mean_quantiles[2] == pytest.approx(9.5 / 59)
    assert code.kept_fractions[1] == pytest.approx(5 / 12)  # of 0 to 16 characters, as p00 to p05


def test_a_score_that_follows_length_raises_an_alarm(data: ReportData) -> None:
    assert data.scores[0].scores[0].length_correlation == pytest.approx(1)
    assert any(alarm.startswith("long: text.num_chars rises with longer documents") for alarm in data.alarms())


def test_sources_that_explain_a_score_are_told(data: ReportData) -> None:
    vowels_, long = data.scores[0].scores[2].source_share, data.scores[0].scores[0].source_share
    assert vowels_ is not None
    assert long is not None
    assert vowels_ > 0.6 > long


def test_documents_are_shown_along_the_order_and_on_both_sides_of_the_cut(data: ReportData) -> None:
    long = data.scores[0].scores[0]
    assert [one.quantile for one in long.along] == sorted(one.quantile for one in long.along)
    assert long.along[0].sample.id == "c00"
    assert min(one.value for one in long.just_kept) > max(one.value for one in long.just_dropped)
    assert {one.sample.id for one in long.just_kept} == {"p28", "p29"}
    assert {one.sample.id for one in long.just_dropped} == {"p27", "p26"}


def test_the_page_shows_it(data: ReportData) -> None:
    page = render(data)
    assert "Rank correlation" in page
    assert "Just dropped" in page
    assert "it may measure length" in page


def test_a_single_choice_by_rank_is_looked_at_as_well(pool: Read, store: Path) -> None:
    select = choice(pool, Middle("text.num_chars", 0.5))
    materialize(select, store, Inline())
    found = collect(select, Store(store), recipe="one").scores
    assert len(found) == 1
    assert [mark.operator for mark in found[0].scores[0].histogram.marks] == ["<", ">"]


@pytest.mark.parametrize(("rank", "name"), [(BatchTop, "batchtop 50%"), (Accept, "accept 50%")])
def test_what_is_drawn_by_score_is_told_as_any_choice_by_rank(
    pool: Read, store: Path, rank: type[BatchTop | Accept], name: str
) -> None:
    select = choice(pool, rank("text.num_chars", 0.5, kept=2))
    materialize(select, store, Inline())
    found = collect(select, Store(store), recipe="one")
    assert [one.name for one in found.scores[0].scores] == [f"{name} by text.num_chars"]
    assert found.scores[0].scores[0].kept == Store(store).table(select).manifest.counts["kept"]
    assert "Just dropped" in render(found)


def test_a_random_sample_has_no_score(pool: Read, store: Path) -> None:
    select = choice(pool, Sample(0.5))
    materialize(select, store, Inline())
    assert score_of(select) is None
    assert scores([("any", select)], Store(store)) is None


def test_of_many_documents_those_with_the_lowest_draws_are_compared(
    pool: Read, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_DRAWN", 30)
    select = choice(pool, Top("text.num_chars", 0.2))
    materialize(select, store, Inline())
    found = scores([("long", select)], Store(store))
    assert found is not None
    assert 15 <= found.drawn <= 45
