from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from corpus import text, write

from winnow.audit.audit import audit
from winnow.audit.items import (
    ITEM_RATES,
    REWORDING,
    num_item_cells,
    plant_items,
    published,
    reformatted,
    reworded,
)
from winnow.audit.model import Audit, Cell, Setting
from winnow.audit.plants import Document, Planted, prepare
from winnow.core.errors import InputError
from winnow.decontaminate.items import Item
from winnow.recipes.decontaminate import decontaminate

ITEM = Item(
    id="gases#0",
    task="gases",
    question="Which of the following is used because divers need it?",
    answers=("Helium",),
    choices=("argon, cold", "Xenon"),
    passage="Divers breathe mixtures. " * 20,
)


def items(number: int) -> list[Item]:
    """Invented questions, each with a passage and a word that the list of synonyms knows."""
    chance = Random(7)
    return [
        Item(
            id=f"toy#{place}",
            task="toy",
            question=f"Which {text(18, chance).replace('.', '')}?",
            answers=(text(2, chance),),
            choices=(text(2, chance), text(2, chance)),
            passage=text(60, chance),
        )
        for place in range(number)
    ]


HOSTS = [Document(id=f"d{number}", text=text(150, Random(number))) for number in range(80)]


@pytest.fixture(scope="module")
def planted() -> Planted:
    return plant_items(prepare(HOSTS, 3, num_item_cells(), seed=0), items(5))


def test_an_item_is_published_with_its_choices_in_order_and_the_right_answer() -> None:
    assert published(ITEM).split("\n")[1:] == ["A. Helium", "B. Xenon", "C. argon, cold", "Answer: Helium"]
    assert published(Item(id="a#0", task="a", question="1 + 1 =", answers=("2", "two"))) == "1 + 1 =\nAnswer: 2"


def test_reformatting_leaves_the_words_and_little_else() -> None:
    found = reformatted(published(ITEM))
    assert found == found.upper() and "\n" not in found and "?" not in found
    assert "WHICH OF THE FOLLOWING IS USED BECAUSE DIVERS NEED IT" in found
    assert "(A) HELIUM / (B) XENON / (C) ARGON  COLD /  => HELIUM" in found


def test_rewording_exchanges_phrases_before_words_and_keeps_capitals() -> None:
    assert reworded(ITEM.question) == "Which one of these is employed since divers require it?"
    assert reworded("Many causes, large and SMALL") == "A lot of brings about, big and Little"
    assert reworded("nothing known here") == "nothing known here"


def test_every_synonym_is_another_word() -> None:
    assert all(word != other and word == word.lower() for word, other in REWORDING.items())


def test_every_kind_has_as_many_cases_as_asked_for(planted: Planted) -> None:
    counts: dict[tuple[str, float | None], int] = {}
    for plant in planted.plants:
        counts[plant.kind, plant.rate] = counts.get((plant.kind, plant.rate), 0) + 1
    assert len(counts) == num_item_cells() and set(counts.values()) == {3}
    assert {rate for kind, rate in counts if kind == "item, words replaced"} == set(ITEM_RATES)


def test_what_is_planted_stands_between_two_sentences_of_the_document(planted: Planted) -> None:
    hosts = {host.id: host.text for host in HOSTS}
    for id, inserted in planted.inserted.items():
        before, after = planted.texts[id].split(f"\n\n{inserted}\n\n")
        assert before.endswith(".") and f"{before} {after}" == hosts[id]


def test_cases_claim_what_they_are(planted: Planted) -> None:
    known = {item.id: item for item in items(5)}
    for plant in planted.plants:
        planted_text = planted.inserted[plant.id]
        item = known[plant.others[0]] if plant.others else None
        if plant.kind == "item as published":
            assert item is not None and planted_text == published(item) and plant.jaccard == 1.0
        elif plant.kind == "item reworded by rules":
            assert item is not None and item.question not in planted_text and plant.jaccard != 1.0
        elif plant.kind == "passage of an item":
            assert item is not None and planted_text == item.passage and not plant.wanted
        elif plant.kind == "looks like an item":
            host = next(host.text for host in HOSTS if host.id == plant.id)
            *_, asked, _, _, _, _, answer = planted_text.split("\n")
            assert asked.replace("_____", answer.removeprefix("Answer: ")) in host and not plant.wanted


# --- the whole audit


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tasks") / "toy.jsonl"
    rows = [
        {
            "question": one.question,
            "answer": one.answers[0],
            "choices": [*one.answers, *one.choices],
            "passage": one.passage,
        }
        for one in items(12)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


SETTING = Setting(name="toy", command="winnow audit toy", documents=100, plants=4)


@pytest.fixture(scope="module")
def found(tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    source = write(tmp_path_factory.mktemp("corpus") / "in.jsonl", 80)
    return audit(decontaminate(str(source), tasks=(str(tasks),)), SETTING)


def of_kind(found: Audit, kind: str, rate: float | None = None) -> Cell:
    return next(cell for cell in found.cells if (cell.kind, cell.rate) == (kind, rate))


def test_items_as_published_are_found_and_what_is_no_item_is_not(found: Audit) -> None:
    assert {cell.subject for cell in found.cells} == {"contamination"}
    for kind in ("item as published", "item reformatted"):
        assert of_kind(found, kind).share.hits == of_kind(found, kind).share.of == 4
    assert of_kind(found, "looks like an item").share.hits == 0
    assert found.precision["contamination"].share == 1.0 and list(found.precision) == ["contamination"]


def test_a_missed_item_is_explained_and_shown_beside_what_was_planted(found: Audit) -> None:
    cell = of_kind(found, "item, words replaced", 0.4)
    assert cell.share.hits == 0 and sum(cell.causes.values()) == 4
    (example, *_) = cell.examples
    assert example.other.startswith("toy#") and example.beside is not None
    assert any(stretch.left.startswith("Which") for stretch in example.beside.stretches)


def test_a_recipe_that_only_decontaminates_says_that_duplicates_were_not_audited(found: Audit) -> None:
    assert found.methods == () and found.num_own == 0 and found.bins == ()
    assert found.notes == (
        "the recipe looks for no duplicate documents: none were planted",
        "the recipe chooses by no measure: no documents were spoiled",
    )


def test_tasks_without_an_item_that_is_looked_for_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"question": "-", "answer": "-"}\n')
    source = write(tmp_path / "in.jsonl", 80)
    with pytest.raises(InputError, match="none of the items"):
        audit(decontaminate(str(source), tasks=(str(tmp_path / "t.jsonl"),)), SETTING)
