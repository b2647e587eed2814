from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest
from corpus import text, write

from winnow.audit.audit import audit
from winnow.audit.model import Chosen, Noise, NoisyChoice, Ordered, Setting, Share, difference, wilson
from winnow.audit.noise import NOISE
from winnow.audit.spoiled import MOST_SPOILED, spoil
from winnow.choose.comparison import Comparison
from winnow.choose.rank import Bottom, Middle, Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.choose.unique import unique
from winnow.core.errors import InputError
from winnow.core.step import Step
from winnow.dedup.exact import exact_duplicates
from winnow.documents.read import Read
from winnow.measure.examples import Auc
from winnow.measure.function import Function

SETTING = Setting(name="toy", command="winnow audit toy", documents=300, plants=5)
ON_LINES = ("lines repeated", "menu", "teasers")
"""Kinds of noise that break a text into more than five lines."""


def lines(text: str) -> float:
    return float(text.count("\n"))


def letters(text: str) -> float:
    return float(text.count("e"))


def letters_in_prose(text: str) -> float | None:
    return None if lines(text) > 5 else letters(text)


LINES, LETTERS = Function(name="lines", function=lines), Function(name="letters", function=letters)
SHORT_LINES = RuleSet(name="prose", source="here", measures=(LINES,), rules=(("lines", "lines.value > 5"),))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return Read(source=str(write(tmp_path_factory.mktemp("corpus") / "in.jsonl", 260)))


def noise(recipe: Step) -> Noise:
    found = audit(recipe, SETTING).noise
    assert found is not None
    return found


def of_choice(found: Noise, name: str) -> NoisyChoice:
    return next(one for one in found.choices if one.name == name)


def ordered(found: Noise, column: str, kind: str) -> Ordered:
    return next(one.kinds[kind] for one in found.scores if one.column == column)


def table(number: int, size: int = 150) -> pa.Table:
    rows = [{"id": f"d{place}", "text": text(size, Random(place))} for place in range(number)]
    return pa.Table.from_pylist(rows)


# --- which documents are spoiled


def test_every_kind_spoils_as_many_documents_of_its_own_in_place() -> None:
    documents = table(300)
    found = spoil(documents, 4, seed=1)
    assert {kind: len(ids) for kind, ids in found.ids.items()} == dict.fromkeys(NOISE, 4)
    known = dict(zip(documents["id"].to_pylist(), documents["text"].to_pylist(), strict=True))
    assert len(found.texts) == 4 * len(NOISE) == 300 - len(found.untouched)
    assert all(found.texts[id] != known[id] == original for id, original in found.originals.items())
    assert not {*found.untouched} & {*found.texts}


def test_what_is_too_short_is_neither_spoiled_nor_compared_with() -> None:
    found = spoil(pa.concat_tables([table(100), pa.table({"id": ["s", "none"], "text": ["too short", None]})]), 1, 0)
    assert not {"s", "none"} & {*found.texts, *found.untouched}


def test_a_document_that_noise_leaves_as_it_is_is_not_taken_for_it() -> None:
    rows = [{"id": f"d{place}", "text": text(150, Random(place)).replace(".", "")} for place in range(150)]
    rows += [{"id": f"q{place}", "text": text(150, Random(place)).replace(".", "'")} for place in range(6)]
    found = spoil(pa.Table.from_pylist(rows), 2, 0)
    assert all(id.startswith("q") for kind in ("mojibake", "mojibake twice") for id in found.ids[kind])


def test_no_more_than_a_quarter_is_spoiled_and_too_few_documents_are_refused() -> None:
    found = spoil(table(100), 40, 0)
    assert len(found.texts) == int(100 * MOST_SPOILED) // len(NOISE) * len(NOISE)
    with pytest.raises(InputError, match=r"47 of the documents .* takes 48: read more"):
        spoil(table(47), 40, 0)


def test_the_same_seed_spoils_the_same() -> None:
    assert spoil(table(100), 2, 5) == spoil(table(100), 2, 5) != spoil(table(100), 2, 6)


# --- what choices make of them


@pytest.fixture(scope="module")
def found(pages: Read) -> Noise:
    def choose(keep: Top | Bottom | Middle) -> Select:
        return Select(documents=pages, measures=(LINES, LETTERS), keep=keep)

    choices = (
        ("rules", Select(documents=pages, reject=SHORT_LINES)),
        ("fewest lines", choose(Bottom("lines.value", 0.5))),
        ("most lines", choose(Top("lines.value", 0.5))),
        ("middle", choose(Middle("lines.value", 0.5))),
    )
    return noise(Comparison(choices=choices))


def test_rules_drop_the_kinds_that_they_see_and_none_of_the_others(found: Noise) -> None:
    rules = of_choice(found, "rules")
    assert rules.untouched == wilson(0, 200) and found.untouched == 200
    for kind, one in rules.kinds.items():
        assert one.dropped == wilson(5 if kind in ON_LINES else 0, 5) and one.auc is None
        assert one.newly_dropped == one.dropped and one.newly_kept.of == 0
        assert one.reasons == ({"prose:lines": 5} if kind in ON_LINES else {})
    assert {*rules.misses} == {*NOISE} - {*ON_LINES} and rules.prefers == ()


def test_a_rank_that_keeps_the_noise_has_the_auc_of_the_other_way_round(found: Noise) -> None:
    fewest, most = of_choice(found, "fewest lines"), of_choice(found, "most lines")
    for kind in NOISE:
        one, other = fewest.kinds[kind].auc, most.kinds[kind].auc
        assert one is not None and other is not None and one.value == pytest.approx(1 - other.value)
        expected = 1.0 if kind in (*ON_LINES, "markup left in") else 0.5
        assert one.value == expected == of_auc(ordered(found, "lines.value", kind)).value
    assert {*ON_LINES} <= {*most.prefers} and not {*ON_LINES} & {*fewest.prefers, *fewest.misses}
    assert all(most.kinds[kind].newly_kept.share == 1.0 for kind in ON_LINES if most.kinds[kind].newly_kept.of)


def test_the_middle_drops_what_lies_on_either_side(found: Noise) -> None:
    middle = of_choice(found, "middle")
    assert all(middle.kinds[kind].dropped.share == 1.0 for kind in ON_LINES)
    assert all(of_auc(middle.kinds[kind]).value == 1.0 for kind in ON_LINES)


def test_a_column_that_no_choice_names_is_told_too(found: Noise) -> None:
    assert {(one.column, one.is_read, one.is_ranked_by) for one in found.scores} == {
        ("lines.value", True, True),
        ("letters.value", False, False),
    }
    assert ordered(found, "letters.value", "words shuffled").raised.of == 0
    assert ordered(found, "lines.value", "menu").raised == wilson(5, 5)


def test_choices_one_after_the_other_judge_what_comes_to_them(pages: Read) -> None:
    first = Select(documents=pages, reject=SHORT_LINES)
    found = noise(Select(documents=first, measures=(LETTERS,), keep=Top("letters.value", 0.5)))
    assert [one.name for one in found.choices] == ["prose", "top 50% by letters.value", "the whole recipe"]
    cut, whole = found.choices[1:]
    assert cut.kinds["menu"].dropped.of == 0 and cut.kinds["menu"].more is None and cut.kinds["menu"].auc is None
    assert whole.kinds["menu"].dropped == wilson(5, 5) and whole.untouched.of == 200
    assert cut.kinds["keywords"].dropped == whole.kinds["keywords"].dropped
    assert ordered(found, "letters.value", "menu") == Ordered(auc=None, raised=wilson(0, 0), missing=0)


def test_documents_without_a_number_are_counted_and_left_out(pages: Read) -> None:
    measure = Function(name="letters", function=letters_in_prose)
    found = noise(Select(documents=pages, measures=(measure,), keep=Top("letters.value", 0.5)))
    menu = ordered(found, "letters.value", "menu")
    assert menu == Ordered(auc=None, raised=wilson(0, 0), missing=5)
    cut = of_choice(found, "top 50% by letters.value").kinds["menu"]
    assert cut.dropped == wilson(5, 5) and of_auc(cut).value == 1.0


def with_a_space(text: str, chance: Random) -> str:
    """A space is put behind it."""
    return f"{text} "


def test_noise_that_no_score_can_see_is_dropped_as_often_as_the_rest(
    pages: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NOISE, "a space", with_a_space)
    found = noise(Select(documents=pages, measures=(LETTERS,), keep=Top("letters.value", 0.1)))
    (cut,) = found.choices
    assert "a space" in cut.misses and cut.kinds["a space"].newly_dropped.hits == 0
    area = of_auc(ordered(found, "letters.value", "a space"))
    assert area.low < 0.5 < area.high


def test_a_recipe_that_finds_duplicates_and_chooses_is_audited_for_both(pages: Read) -> None:
    apart = unique(exact_duplicates(pages))
    found = audit(Select(documents=apart, reject=SHORT_LINES), SETTING)
    assert {cell.subject for cell in found.cells} == {"duplicate"} and found.noise is not None
    assert [one.name for one in found.noise.choices] == ["prose"]
    assert found.notes == ("the recipe looks for no evaluation items: none were planted",)


def test_an_audit_of_noise_is_the_same_again(pages: Read) -> None:
    recipe = Select(documents=pages, reject=SHORT_LINES, keep=Top("lines.value", 0.5))
    assert noise(recipe) == noise(recipe)


def of_auc(one: Ordered | Chosen) -> Auc:
    assert one.auc is not None
    return one.auc


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombes_interval_is_that_of_the_paper(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10.
    found = difference(wilson(*one), wilson(*other))
    assert found is not None and (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_a_difference_to_no_cases_is_none() -> None:
    nothing: Share = wilson(0, 0)
    assert difference(nothing, wilson(1, 2)) is None and difference(wilson(1, 2), nothing) is None
