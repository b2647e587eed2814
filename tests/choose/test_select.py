from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Length, Letters

from winnow.choose.rank import Bottom, Middle, Rank, Sample, Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.executors import Processes
from winnow.core.run import materialize
from winnow.core.table import Store

LETTERS = Letters(tasks=3, size=10)
LENGTH = Length(documents=LETTERS)


def rules(**conditions: str) -> RuleSet:
    return RuleSet(name="toy", source="here", measures=(), rules=tuple(conditions.items()))


def kept(step: Select, store: Path) -> list[str]:
    """Ids that are read through the selection."""
    materialize(step, store, failure_budget=1.0)
    shards = range(len(Store(store).table(step).manifest.shards))
    return [id for i in shards for batch in step.open_shard(Store(store), i) for id in batch.column("id").to_pylist()]


def decisions(step: Select, store: Path) -> list[dict[str, Any]]:
    table = Store(store).table(step)
    return [row for i in range(len(table.manifest.shards)) for row in table.shard(i).to_pylist()]


def test_a_rule_rejects_and_the_kept_are_read_through_the_selection(tmp_path: Path) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=rules(short="length.length < 25"))
    assert kept(step, tmp_path) == [f"d{n}" for n in range(25, 30)]
    texts = [batch.column("text").to_pylist() for batch in step.open_shard(Store(tmp_path), 2, ["text"])]
    assert texts == [["a" * n for n in range(25, 30)]]


def test_a_column_may_stand_without_its_namespace_and_in_any_case(tmp_path: Path) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=rules(short='"LENGTH" < 10', long="Length >= 15"))
    assert kept(step, tmp_path) == [f"d{n}" for n in range(10, 15)]


def test_a_condition_of_several_values_is_refused_by_its_name(tmp_path: Path) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=rules(fine="length.length < 3", many="COLUMNS(*) > 1"))
    with pytest.raises(RecipeError, match=r"^toy:many: "):
        step.check()


def test_the_first_reason_is_the_reason_and_all_are_kept(tmp_path: Path) -> None:
    both = rules(short="length.length < 3", even="length.length % 2 = 0", never="length.length < 0")
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=both)
    kept(step, tmp_path)
    by_id = {row["id"]: row for row in decisions(step, tmp_path)}
    assert by_id["d2"]["reason"] == "toy:short" and by_id["d2"]["rejected_by"] == ["toy:short", "toy:even"]
    assert by_id["d1"]["rejected_by"] == ["toy:short"]
    assert by_id["d5"] == {"id": "d5", "kept": True, "reason": None, "rejected_by": []}
    counts = Store(tmp_path).table(step).manifest.counts
    assert (counts["first: toy:short"], counts["any: toy:short"], counts["only: toy:short"]) == (3, 3, 1)
    assert (counts["first: toy:even"], counts["any: toy:even"], counts["only: toy:even"]) == (13, 15, 13)
    assert (counts["first: toy:never"], counts["kept"]) == (0, 14)


def test_a_condition_that_is_null_does_not_reject(tmp_path: Path) -> None:
    divided = rules(ratio="1 / length.length > 0.5", infinite="0 / length.length > 1")
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=divided)
    assert "d0" in kept(step, tmp_path)
    assert "d1" not in kept(step, tmp_path)


def test_a_document_that_broke_a_measure_is_not_kept(tmp_path: Path) -> None:
    broken = Length(documents=LETTERS, bad=("d7",))
    step = Select(documents=LETTERS, measures=(broken,), reject=rules(short="length.length < 5"))
    assert kept(step, tmp_path) == [f"d{n}" for n in range(5, 30) if n != 7]
    assert decisions(step, tmp_path)[7]["reason"] == "quarantined:length"


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (Top("length.length", 0.1), [27, 28, 29]),
        (Bottom("length.length", 0.1), [0, 1, 2]),
        (Middle("length.length", 0.2), [12, 13, 14, 15, 16, 17]),
        (Top("length.length", 1.0), list(range(30))),
        (Top("length.length", 0.5, by="length.length"), [21, 22, 23, 24, 25, 26, 27, 28, 29]),
        (Top("length.length % 2", 0.1), [17, 27, 29]),  # of equals the first by the MD5 of their ids
    ],
)
def test_ranks_keep_an_exact_share(tmp_path: Path, keep: Rank, expected: list[int]) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=keep)
    assert kept(step, tmp_path) == [f"d{n}" for n in expected]


def test_a_rank_counts_only_what_the_rules_left(tmp_path: Path) -> None:
    odd = rules(odd="length.length % 2 = 1")
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=odd, keep=Top("length.length", 0.2))
    assert kept(step, tmp_path) == ["d24", "d26", "d28"]
    assert {row["reason"] for row in decisions(step, tmp_path)} == {None, "toy:odd", "rank"}


def test_what_has_no_weight_is_kept_with_what_stands_beside_it(tmp_path: Path) -> None:
    by = "CASE WHEN length.length IN (3, 27, 28) THEN NULL ELSE 1 END"
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=Top("length.length", 0.1, by=by))
    assert kept(step, tmp_path) == ["d25", "d26", "d27", "d28", "d29"]


def test_a_rank_within_groups_keeps_the_share_of_each(tmp_path: Path) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=Top("length.length", 0.2), by_group="length.length >= 20")
    assert kept(step, tmp_path) == ["d16", "d17", "d18", "d19", "d28", "d29"]


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another(tmp_path: Path) -> None:
    one = kept(Select(documents=LETTERS, keep=Sample(0.4, seed=1)), tmp_path)
    assert one == kept(Select(documents=LETTERS, keep=Sample(0.4, seed=1)), tmp_path / "again")
    assert len(one) == 12
    assert one != kept(Select(documents=LETTERS, keep=Sample(0.4, seed=2)), tmp_path)


@settings(max_examples=15)
@given(fraction=st.floats(0.01, 1.0), size=st.integers(1, 60))
def test_a_share_by_documents_is_exact_to_one_document(
    tmp_path_factory: pytest.TempPathFactory, fraction: float, size: int
) -> None:
    letters = Letters(tasks=2, size=size)
    step = Select(documents=letters, measures=(Length(documents=letters),), keep=Top("length.length", fraction))
    found = kept(step, tmp_path_factory.mktemp("store"))
    assert abs(len(found) - fraction * 2 * size) < 1 + 1e-6


def test_a_choice_of_a_choice_reads_what_the_first_kept(tmp_path: Path) -> None:
    first = Select(documents=LETTERS, measures=(LENGTH,), reject=rules(short="length.length < 5"))
    second = Select(documents=first, measures=(Length(documents=first),), reject=rules(long="length.length > 24"))
    assert kept(second, tmp_path) == [f"d{n}" for n in range(5, 25)]


def test_workers_decide_alike(tmp_path: Path) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), keep=Middle("length.length", 0.3))
    materialize(step, tmp_path / "one")
    materialize(step, tmp_path / "two", Processes(2))
    tables = [Store(tmp_path / name).table(step).manifest.digest for name in ("one", "two")]
    assert tables[0] == tables[1]


def test_another_threshold_makes_only_the_choice_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    materialize(Select(documents=LETTERS, measures=(LENGTH,), reject=rules(short="length.length < 5")), store)
    untouched = {step.key: (store.directory(step) / "manifest.json").stat().st_mtime_ns for step in (LETTERS, LENGTH)}
    other = Select(documents=LETTERS, measures=(LENGTH,), reject=rules(short="length.length < 6"))
    assert not store.finished(other)
    materialize(other, store)
    for step in (LETTERS, LENGTH):
        assert (store.directory(step) / "manifest.json").stat().st_mtime_ns == untouched[step.key]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("length.lenght < 5", "names 'length.lenght', which no measure has; did you mean length.length"),
        ("lenght.length < 5", "did you mean length.length"),
        ("documents.text = ''", "names 'documents.text'"),
        ("length.length", "is BIGINT, but must be BOOLEAN"),
        ("length.length <", "is not SQL"),
        ("length.length < 'many'", "Could not convert string 'many'"),
    ],
)
def test_a_condition_that_cannot_work_is_refused_before_anything_runs(
    tmp_path: Path, condition: str, message: str
) -> None:
    step = Select(documents=LETTERS, measures=(LENGTH,), reject=rules(bad=condition))
    with pytest.raises(RecipeError, match=message):
        materialize(step, tmp_path)
    assert not list(tmp_path.iterdir())


def test_ranks_that_cannot_work_are_refused() -> None:
    for keep, message in [
        (Top("length.length", 1.5), "keep.fraction is 1.5"),
        (Top("length.size", 0.5), "length.size"),
        (Top("length.length", 0.5, by="tokens"), "needs the Text measure"),
        (Top("length.length", 0.5, by="documents.id"), "must be"),
    ]:
        with pytest.raises(RecipeError, match=message):
            Select(documents=LETTERS, measures=(LENGTH,), keep=keep).check()


def test_measures_that_could_not_be_told_apart_are_refused() -> None:
    other = Length(documents=LETTERS, bad=("d1",))
    with pytest.raises(RecipeError, match="two measures are called 'length'"):
        Select(documents=LETTERS, measures=(LENGTH, other)).check()


def test_a_score_of_other_documents_is_refused() -> None:
    other = Length(documents=Letters(tasks=9))
    with pytest.raises(RecipeError, match=r"judges letters-.*, not letters-"):
        Select(documents=LETTERS, measures=(other,)).check()


def test_an_unknown_rule_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"did you mean gopher@dclm"):
        Select(documents=LETTERS, reject="gopher@dcml").check()
