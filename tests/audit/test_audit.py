from __future__ import annotations

import json
from pathlib import Path

import pytest
from brute import all_pairs
from corpus import write

from winnow.audit.audit import audit
from winnow.audit.changes import RATES
from winnow.audit.model import Audit, Cell, Setting, wilson
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.choose.unique import unique
from winnow.core.errors import InputError, RecipeError
from winnow.core.step import Rows
from winnow.dedup.exact import exact_duplicates
from winnow.documents.read import Read
from winnow.measure.function import Function

SETTING = Setting(name="toy", command="winnow audit toy", documents=300, plants=3)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpus") / "in.jsonl", 160)


def audited(recipe: Rows) -> Audit:
    return audit(recipe, SETTING)


@pytest.fixture(scope="module")
def perfect(source: Path) -> Audit:
    return audited(all_pairs(str(source), threshold=0.6))


def of_kind(found: Audit, kind: str, rate: float | None = None) -> Cell:
    return next(cell for cell in found.cells if (cell.kind, cell.rate) == (kind, rate))


def test_a_recipe_that_finds_every_pair_has_recall_1(perfect: Audit) -> None:
    assert perfect.above is not None and perfect.above.hits == perfect.above.of > 0
    assert perfect.threshold == 0.6
    for cell in perfect.cells:
        if cell.wanted and cell.similarity is not None and cell.similarity > 0.7:
            assert cell.share.hits == cell.share.of == cell.planted, cell.kind


def test_what_is_below_the_threshold_is_missed_and_said_to_be(perfect: Audit) -> None:
    worst = of_kind(perfect, "words replaced", 0.4)
    assert worst.share.hits == 0 and worst.causes == {"its similarity is below the threshold of 0.6": 3}
    (example, *_) = worst.examples
    assert example.outcome == "missed" and example.similarity is not None and example.similarity < 0.6
    assert example.beside is not None and example.beside.shared_words < 150


def test_documents_under_one_licence_are_kept_apart_until_it_is_most_of_them(perfect: Audit) -> None:
    assert [of_kind(perfect, "shared licence", share).share.hits for share in (0.5, 0.8)] == [0, 2]
    assert perfect.precision["duplicate"].hits < perfect.precision["duplicate"].of


def test_chaining_takes_the_ends_of_a_chain_for_copies_and_greedy_choice_does_not(source: Path) -> None:
    chained = audited(all_pairs(str(source), threshold=0.8, chained=True))
    greedy = audited(all_pairs(str(source), threshold=0.8))
    for found in (chained, greedy):
        assert of_kind(found, "chain").share.hits == 12
    assert of_kind(greedy, "chain ends").share.hits == 0
    assert of_kind(chained, "chain ends").share.hits > 0


def test_exact_deduplication_finds_copies_and_nothing_else(source: Path) -> None:
    found = audited(unique(exact_duplicates(Read(source=str(source)))))
    assert of_kind(found, "exact copy").share == wilson(3, 3)
    assert {cell.share.hits for cell in found.cells if cell.rate in RATES} == {0}
    assert found.threshold is None and found.above is None
    assert of_kind(found, "words replaced", 0.01).causes == {"the texts are not the same": 3}


def test_a_silly_threshold_misses_what_others_find_and_the_misses_are_explained(source: Path) -> None:
    found = audited(all_pairs(str(source), threshold=0.999))
    one = of_kind(found, "words replaced", 0.01)
    assert one.share.hits == 0 and list(one.causes) == ["its similarity is below the threshold of 0.999"]
    assert of_kind(found, "exact copy").share.hits == 3


def is_short(text: str) -> float:
    return float(len(text.split()) < 130)


def test_what_other_rules_remove_counts_for_neither_side(source: Path) -> None:
    measure = Function(name="short", function=is_short)
    rules = RuleSet(name="length", source="here", measures=(measure,), rules=(("short", "short.value > 0"),))
    long_ = Select(documents=Read(source=str(source)), reject=rules)
    found = audited(unique(exact_duplicates(long_)))
    chain = of_kind(found, "chain")
    assert chain.lost == chain.planted == 12 and chain.share.of == 0
    assert set(chain.causes) == {"it was removed before by length:short"}
    assert of_kind(found, "exact copy").share.hits == 3


def test_a_mark_that_no_rule_reads_drops_nothing(source: Path) -> None:
    pages = Read(source=str(source))
    found = audited(Select(documents=pages, measures=(exact_duplicates(pages),)))
    assert of_kind(found, "exact copy").causes == {"it is marked as a duplicate, but no rule drops it": 3}


def test_the_users_own_duplicates_are_told_apart(source: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    rows += [{**row, "id": f"{row['id']}-again", "text": row["text"] + " end"} for row in rows[:5]]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = audited(all_pairs(str(tmp_path / "in.jsonl"), threshold=0.9))
    assert found.num_own == 5 == len(found.own)
    assert {one.duplicate_of for one in found.own} == {f"d{number:04d}" for number in range(5)}
    assert all(one.similarity == pytest.approx(146 / 147, abs=1e-4) == one.reported for one in found.own)
    assert found.documents == 165 and found.kept == 160
    assert found.precision["duplicate"].share == 1.0


def test_an_audit_is_the_same_again(source: Path, perfect: Audit) -> None:
    again = audited(all_pairs(str(source), threshold=0.6))
    assert (again.cells, again.bins, again.own) == (perfect.cells, perfect.bins, perfect.own)


def test_a_recipe_without_anything_to_audit_is_refused(source: Path) -> None:
    with pytest.raises(RecipeError, match="nothing to audit"):
        audited(Select(documents=Read(source=str(source))))


def test_a_source_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="larger source"):
        audited(all_pairs(str(write(tmp_path / "in.jsonl", 10))))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (5, 10, 0.2366, 0.7634), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval_is_that_of_the_literature(hits: int, of: int, low: float, high: float) -> None:
    # 81 of 263: Newcombe 1998, Statistics in Medicine 17, table I (0.2553 to 0.3662).
    found = wilson(hits, of)
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-5)
