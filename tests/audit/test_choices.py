from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow.audit.choices import All, Cut, Decided, Rules, choices_of, columns_read, innermost, positions, scores_of
from winnow.choose.comparison import Comparison
from winnow.choose.rank import Accept, Band, BatchTop, Bottom, ByScore, Gumbel, Middle, Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.choose.unique import unique
from winnow.core.run import materialize
from winnow.core.step import Step
from winnow.core.table import Store
from winnow.dedup.exact import exact_duplicates
from winnow.documents.read import Read
from winnow.measure.function import Function


def number(text: str) -> float | None:
    return float(text.split()[0]) if text.split()[0] != "none" else None


def half(text: str) -> float:
    return 0.5


NUMBER = Function(name="score", function=number)
SHORT = RuleSet(
    name="toy", source="here", measures=(NUMBER,), rules=(("low", "score.value < 1"), ("odd", "score.value = 7"))
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Read:
    path = tmp_path_factory.mktemp("corpus") / "in.jsonl"
    rows = [{"id": f"d{place}", "text": f"{place} words", "source": f"s{place % 2}"} for place in range(10)]
    rows.append({"id": "without", "text": "none", "source": "s0"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Read(source=str(path))


def decided(step: Step, tmp_path: Path, place: int = 0) -> Decided:
    materialize(step, tmp_path / "store")
    return choices_of(step)[place].decided(Store(tmp_path / "store"))


def distances(pages: Read, keep: ByScore, tmp_path: Path, by_group: str | None = None) -> dict[str, float]:
    select = Select(documents=pages, measures=(NUMBER,), keep=keep, by_group=by_group)
    return decided(select, tmp_path).distances


def test_a_rule_set_drops_for_its_own_rules_and_a_cut_judges_what_they_leave(pages: Read, tmp_path: Path) -> None:
    select = Select(documents=pages, reject=SHORT, keep=Bottom("score.value", 0.5))
    rules, cut, whole = (decided(select, tmp_path, place) for place in range(3))
    assert {id for id, why in rules.reasons.items() if why} == {"d0", "d7"} and rules.reasons["d7"] == ("toy:odd",)
    assert len(rules.reasons) == 11 and not rules.distances
    assert not {"d0", "d7"} & {*cut.reasons}
    assert {id for id, why in cut.reasons.items() if not why} == {"d1", "d2", "d3", "d4"}
    assert {id for id, why in whole.reasons.items() if not why} == {"d1", "d2", "d3", "d4"} and len(whole.reasons) == 11


def test_the_distance_of_a_rank_grows_as_documents_are_dropped(pages: Read, tmp_path: Path) -> None:
    lowest = distances(pages, Bottom("score.value", 0.5), tmp_path)
    assert lowest["d0"] == pytest.approx(0.05) and lowest["d9"] == pytest.approx(0.95)
    highest = distances(pages, Top("score.value", 0.5), tmp_path)
    assert highest["d0"] == pytest.approx(0.95) and highest["d9"] == pytest.approx(0.05)
    rest = distances(pages, Band("score.value", 0.5, 0.5), tmp_path)
    assert rest == {id: pytest.approx(value) for id, value in lowest.items()}


def test_the_middle_goes_by_the_distance_from_the_median_rank(pages: Read, tmp_path: Path) -> None:
    found = distances(pages, Middle("score.value", 0.2), tmp_path)
    assert [found[f"d{place}"] for place in (0, 4, 5, 9)] == pytest.approx([0.45, 0.05, 0.05, 0.45])


def test_what_is_drawn_by_score_goes_by_the_score(pages: Read, tmp_path: Path) -> None:
    """Which documents are kept differs by the draw; how far each is from the first does not."""
    top = distances(pages, Top("score.value", 0.5), tmp_path)
    assert distances(pages, BatchTop("score.value", 0.5, kept=2), tmp_path) == top
    assert distances(pages, Accept("score.value", 0.5, kept=1), tmp_path) == top


def test_a_document_without_a_score_is_dropped_last_of_all(pages: Read, tmp_path: Path) -> None:
    assert distances(pages, Top("score.value", 0.5), tmp_path)["without"] == np.inf


def test_a_rank_within_groups_counts_in_each(pages: Read, tmp_path: Path) -> None:
    found = distances(pages, Bottom("score.value", 0.5), tmp_path, by_group="documents.source")
    assert found["d0"] == found["d1"] == pytest.approx(0.1) and found["d8"] == found["d9"] == pytest.approx(0.9)


def test_a_rank_by_weight_counts_what_weighs(pages: Read, tmp_path: Path) -> None:
    found = distances(pages, Bottom("score.value", 0.5, by="score.value"), tmp_path)
    assert found["d9"] == pytest.approx((45 - 9 / 2) / 45)


@pytest.mark.parametrize(
    ("keep", "point"),
    [
        (Top("x", 0.1), 0),
        (Bottom("x", 1.0), 0),
        (Middle("x", 0.3), 0.5),
        (Band("x", 0.8, 0.2), 1),
        (Band("x", 0.25, 0.25), 1 / 3),
        (Gumbel("x", 0.5), 0),
        (BatchTop("x", 0.5), 0),
        (Accept("x", 0.9), 0),
    ],
)
def test_every_rank_closes_in_on_a_point_with_as_much_kept_on_each_side_as_dropped(keep: ByScore, point: float) -> None:
    assert innermost(keep) == pytest.approx(point)
    low, high = keep.window()
    assert low == pytest.approx(point * (1 - (high - low)))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_positions_are_mid_ranks(keys: list[int]) -> None:
    found = positions(np.array(keys, float), np.ones(len(keys)))
    wanted = [(sum(a < b for a in keys) + sum(a == b for a in keys) / 2) / len(keys) for b in keys]
    assert found == pytest.approx(wanted)


def test_duplicates_are_no_choice_by_a_measure(pages: Read) -> None:
    apart = unique(exact_duplicates(pages))
    assert choices_of(apart) == () and choices_of(pages) == ()
    assert [one.name for one in choices_of(Select(documents=apart, reject=SHORT))] == ["toy"]


def test_what_a_comparison_chooses_has_its_names(pages: Read) -> None:
    both = Select(documents=pages, reject=SHORT, keep=Top("score.value", 0.1))
    one = Select(documents=pages, measures=(NUMBER,), keep=Middle("score.value", 0.5))
    found = choices_of(Comparison(choices=(("both", both), ("one", one))))
    assert [choice.name for choice in found] == ["both: toy", "both: top 10% by score.value", "one"]
    assert [type(choice) for choice in found] == [Rules, Cut, Cut]
    assert [type(choice) for choice in choices_of(both)] == [Rules, Cut, All]


def test_columns_are_told_by_who_names_them(pages: Read) -> None:
    other = Function(name="other", function=half)
    select = Select(documents=pages, measures=(other,), reject=SHORT, keep=Top("other.value", 0.1))
    choices = choices_of(select)
    read = {score.name: columns_read(choices, score) for score in scores_of(choices)}
    assert read == {"other": ({"other.value"}, {"other.value"}), "score": ({"score.value"}, set())}
