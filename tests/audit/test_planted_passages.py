from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random

import pyarrow as pa
import pytest
from corpus import text, write

from winnow.audit.audit import audit
from winnow.audit.model import Audit, Cell, Setting
from winnow.audit.passages import LINES, PASSAGE_RATES, PASSAGE_WORDS, num_passage_cells, plant_passages
from winnow.audit.plants import Document, Ground, prepare
from winnow.core.step import Rows
from winnow.dedup.bloom import bloom_duplicates
from winnow.dedup.lines import line_duplicates
from winnow.dedup.passages import SPANS
from winnow.dedup.substring import substring_duplicates
from winnow.documents.read import Read
from winnow.edit.cut import Cut
from winnow.measure.measure import Judge
from winnow.measure.score import Score
from winnow.report.similarity import shingles

PLANTS = 3


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return Read(source=str(write(tmp_path_factory.mktemp("corpus") / "in.jsonl", 110)))


def audited(recipe: Rows) -> Audit:
    return audit(recipe, Setting(name="toy", command="winnow audit toy", documents=300, plants=PLANTS))


def of_kind(found: Audit, kind: str, rate: float | None = None) -> Cell:
    return next(cell for cell in found.cells if (cell.kind, cell.rate) == (kind, rate))


def hits(found: Audit) -> dict[str, int]:
    return {cell.kind if cell.rate is None else f"{cell.rate:g}": cell.share.hits for cell in found.cells}


@dataclass(frozen=True, kw_only=True)
class MiddleLines:
    """Marks every line but the first and the last of a document, wherever else it stands."""

    @property
    def name(self) -> str:
        return "middle"

    def columns(self) -> pa.Schema:
        return pa.schema([pa.field("duplicate_spans", SPANS)])

    def files(self) -> tuple[str, ...]:
        return ()

    def load(self) -> Judge:
        return self._judge

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = []
        for whole in batch.column("text").to_pylist():
            ends = [place for place, character in enumerate(whole) if character == "\n"]
            found.append([{"start": start + 1, "end": end} for start, end in itertools.pairwise(ends)])
        return pa.RecordBatch.from_pydict({"duplicate_spans": found}, schema=self.columns())


def test_equal_lines_are_cut_from_one_document_and_changed_ones_from_none(pages: Read) -> None:
    found = audited(Cut(documents=pages, marks=line_duplicates(pages)))
    assert hits(found) == {
        "repeated passage": PLANTS,
        "repeated lines": PLANTS,
        **{f"{rate:g}": 0 for rate in PASSAGE_RATES},
        "passage that stands once": 0,
    }
    assert found.precision["repeated passage"].share == 1.0
    assert of_kind(found, "passage, words replaced", 0.05).causes == {"it was left in both documents": PLANTS}
    assert found.methods == () and found.num_own == 0


@pytest.mark.parametrize("method", [substring_duplicates, lambda pages: bloom_duplicates(pages, unit="paragraph")])
def test_other_methods_are_judged_by_the_same_passages(pages: Read, method: object) -> None:
    found = audited(Cut(documents=pages, marks=method(pages)))  # type: ignore[operator]
    assert of_kind(found, "repeated passage").share.hits == of_kind(found, "repeated lines").share.hits == PLANTS
    assert of_kind(found, "passage, words replaced", 0.1).share.hits == 0
    assert of_kind(found, "passage that stands once").share.hits == 0
    assert {cell.subject for cell in found.cells} == {"repeated passage"}


def test_a_cut_that_leaves_no_copy_finds_nothing_and_is_imprecise(pages: Read) -> None:
    found = audited(Cut(documents=pages, marks=Score(documents=pages, measure=MiddleLines())))
    assert of_kind(found, "repeated passage").causes == {"it was cut from both documents: no copy is left": PLANTS}
    once = of_kind(found, "passage that stands once")
    assert once.share.hits == PLANTS and once.causes == {"it was cut, and stands nowhere else": PLANTS}
    assert found.precision["repeated passage"].share == 0.0


def test_a_method_of_documents_and_paragraphs_is_judged_by_both(pages: Read) -> None:
    found = audited(Cut(documents=pages, marks=bloom_duplicates(pages)))
    assert {cell.subject for cell in found.cells} == {"duplicate", "repeated passage"}


def ground() -> Ground:
    chance = Random(1)
    documents = [Document(id=f"d{number}", text=text(150, chance)) for number in range(60)]
    return prepare(documents, 2, num_passage_cells(), seed=3)


def test_passages_stand_on_lines_of_their_own_in_documents_of_their_own() -> None:
    planted = plant_passages(ground())
    ids = [id for plant in planted.plants for id in (plant.id, *plant.others)]
    assert len(ids) == len(set(ids)) == 2 * num_passage_cells() == len(planted.inserted)
    for id, passage in planted.inserted.items():
        assert len(passage.split()) == PASSAGE_WORDS
        assert f"\n\n{passage}\n\n" in planted.texts[id]
    kinds = {plant.kind: planted.inserted[plant.id].count("\n") + 1 for plant in planted.plants}
    assert kinds["repeated lines"] == LINES and kinds["repeated passage"] == 1


def test_no_two_cases_share_a_run_of_words() -> None:
    planted = plant_passages(ground())
    firsts = [planted.inserted[plant.id] for plant in planted.plants if plant.rate is None]
    grams = [gram for passage in firsts for gram in shingles(passage)]
    assert len(grams) == len(set(grams))
