from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from corpus import text

from winnow.audit.changes import RATES
from winnow.audit.plants import CHAIN, Document, Ground, Planted, num_cells, plant_duplicates, prepare
from winnow.core.errors import InputError
from winnow.report.similarity import jaccard, shingles

DOCUMENTS = [Document(id=f"d{number}", text=text(200, Random(number))) for number in range(150)]


def ground(number: int = 3) -> Ground:
    return prepare(DOCUMENTS, number, num_cells(), seed=0)


def grown(documents: Sequence[Document], number: int, seed: int) -> Planted:
    return plant_duplicates(prepare(documents, number, num_cells(), seed))


@pytest.fixture(scope="module")
def planted() -> Planted:
    return grown(DOCUMENTS, 3, 0)


def texts(planted: Planted) -> dict[str, str]:
    """Every document of the planted copy."""
    there = {one.id: planted.texts.get(one.id, one.text) for one in DOCUMENTS}
    return there | {id: text for id, (_, text) in planted.copies.items()}


def test_every_kind_and_rate_has_as_many_cases_as_asked_for(planted: Planted) -> None:
    counts: dict[tuple[str, float | None], int] = {}
    for plant in planted.plants:
        counts[plant.kind, plant.rate] = counts.get((plant.kind, plant.rate), 0) + 1
    assert {number for (_, rate), number in counts.items() if rate in RATES} == {3}
    assert counts["exact copy", None] == 3 and counts["shared licence", 0.9] == 3
    assert counts["chain", None] == 3 * (CHAIN - 1) and counts["chain ends", None] == 3 * 4


def test_the_similarity_told_is_that_of_the_texts(planted: Planted) -> None:
    known = texts(planted)
    for plant in planted.plants:
        assert plant.jaccard == jaccard(shingles(known[plant.id]), shingles(known[plant.others[0]]))


def test_replacing_a_word_costs_at_most_five_shingles_on_each_side(planted: Planted) -> None:
    for plant in planted.plants:
        if plant.kind in ("words replaced", "misread words") and plant.rate is not None:
            lost = 5 * max(1, round(plant.rate * 200))
            assert plant.jaccard is not None and plant.jaccard >= (196 - lost) / (196 + lost)


def test_windows_of_a_chain_overlap_as_told_whatever_the_text(planted: Planted) -> None:
    # 200 words: windows of 156, 11 apart; of their 152 shingles 11 are new at every step.
    for kind, shared in (("chain", 152 - 11), ("chain ends", 152 - 33)):
        found = {plant.jaccard or 0.0 for plant in planted.plants if plant.kind == kind}
        assert max(found) == pytest.approx(shared / (2 * 152 - shared))
    ends = min(plant.jaccard or 0.0 for plant in planted.plants if plant.kind == "chain ends")
    assert ends == pytest.approx((152 - 44) / (152 + 44))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_a_licence_is_that_share_of_different_documents(planted: Planted, share: float) -> None:
    known = texts(planted)
    ids = [plant.id for plant in planted.plants if plant.rate == share and plant.kind == "shared licence"]
    own, licences = zip(*(known[id].split("\n\n") for id in ids), strict=True)
    assert len({len(text.split()) for text in own}) == 1 and len(set(licences)) == 1
    assert len(licences[0].split()) / len(known[ids[0]].split()) == pytest.approx(share, abs=0.001)
    assert not shingles(own[0]) & shingles(own[1])


def test_cases_share_no_documents_and_have_none_of_the_donors(planted: Planted) -> None:
    donors = ground().donors
    assert donors and not donors & {*planted.texts, *(original for original, _ in planted.copies.values())}
    pairs = [plant for plant in planted.plants if plant.rate in RATES]
    assert len({plant.others[0] for plant in pairs}) == len(pairs)


def test_what_must_not_be_found_is_said_apart_from_what_must(planted: Planted) -> None:
    kinds = {plant.kind for plant in planted.plants if not plant.wanted}
    assert kinds == {"chain ends", "shared licence"}


def test_few_documents_have_fewer_cases_and_too_few_are_refused() -> None:
    few = grown(DOCUMENTS[:90], 40, 0)
    assert sum(plant.kind == "exact copy" for plant in few.plants) == (90 - 18) // num_cells()
    with pytest.raises(InputError, match="read more"):
        grown(DOCUMENTS[:30], 1, 0)


def test_the_same_seed_plants_the_same() -> None:
    assert grown(DOCUMENTS, 2, 5) == grown(DOCUMENTS, 2, 5) != grown(DOCUMENTS, 2, 6)
