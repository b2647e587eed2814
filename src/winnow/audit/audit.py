"""How well a recipe finds what it should: known cases planted in a copy of the user's documents, and their fates.

The recipe runs twice on the copy, in a store that is thrown away: once without plants, to know which documents it keeps
and which of the user's own it calls duplicates, and once with them. Plants are made of documents that it keeps, so that
quality rules seldom stand between a plant and what is audited.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from winnow.audit.copy import first_read, over, planted_table, read_sample
from winnow.audit.fates import Fates, finds_documents
from winnow.audit.items import decontamination, num_item_cells, plant_items
from winnow.audit.model import Audit, Setting, Subject
from winnow.audit.passages import last_cut, num_passage_cells, plant_passages
from winnow.audit.plants import Document, Planted, num_cells, plant_duplicates, prepare
from winnow.audit.run import Run, made
from winnow.audit.summary import summarize
from winnow.core.errors import InputError, RecipeError
from winnow.core.step import Rows, Step, ordered
from winnow.core.table import Store


def audit(recipe: Step, setting: Setting) -> Audit:
    """Audit a recipe; RecipeError where it holds nothing to audit, InputError where the documents do not suffice."""
    if not isinstance(recipe, Rows):
        raise RecipeError(f"the recipe {setting.name} gives {type(recipe).__name__}, which has no documents to audit")
    subjects = _subjects(recipe, setting.name)
    read = first_read(recipe)
    with tempfile.TemporaryDirectory(prefix="winnow-audit-") as scratch:
        store = Store(Path(scratch) / "store")
        documents = read_sample(read, store, setting.documents, setting.seed)
        bare = made(over(recipe, read, Path(scratch) / "bare"), store, documents, Path(scratch) / "bare")
        planted, removed = _planted(subjects, bare, setting)
        rows = planted_table(documents, planted, removed, setting.seed)
        run = made(over(recipe, read, Path(scratch) / "planted"), store, rows, Path(scratch) / "planted")
        return summarize(setting, read, subjects, planted, bare, run)


def _subjects(recipe: Rows, name: str) -> tuple[Subject, ...]:
    """What of a recipe can be audited; RecipeError where nothing can."""
    subjects: list[Subject] = []
    if any(map(finds_documents, ordered(recipe))):
        subjects.append("duplicate")
    if last_cut(recipe) is not None:
        subjects.append("repeated passage")
    if decontamination(recipe) is not None:
        subjects.append("contamination")
    if not subjects:
        raise RecipeError(
            f"the recipe {name} looks neither for duplicate documents nor for evaluation items and cuts no passages: "
            "there is nothing to audit; try it on `dedup` or `decontaminate`, or add a step of winnow.dedup or "
            "winnow.decontaminate"
        )
    return tuple(subjects)


def _planted(subjects: Sequence[Subject], bare: Run, setting: Setting) -> tuple[Planted, frozenset[str]]:
    """What is planted, and the documents that are left out for it."""
    needed = {"duplicate": num_cells(), "repeated passage": num_passage_cells(), "contamination": num_item_cells()}
    cells = sum(needed[subject] for subject in subjects)
    ground = prepare(_plantable(bare.documents, bare.fates), setting.plants, cells, setting.seed)
    planted = plant_duplicates(ground) if "duplicate" in subjects else Planted()
    if "repeated passage" in subjects:
        planted.add(plant_passages(ground))
    if bare.decontamination is not None:
        planted.add(plant_items(ground, bare.decontamination.items()))
    return planted, ground.donors


def _plantable(documents: pa.Table, fates: Fates) -> list[Document]:
    """The documents that the recipe keeps and that are alone: no copies of them are there already."""
    repeated = {match.duplicate_of for matches in fates.matches.values() for match in matches.values()}
    gone = {*fates.dropped, *fates.quarantined} | repeated
    ids, texts = (documents.column(name).to_pylist() for name in ("id", "text"))
    found = [Document(id=id, text=text) for id, text in zip(ids, texts, strict=True) if id not in gone and text]
    if not found:
        raise InputError(f"the recipe keeps none of the {documents.num_rows} documents that were read: nothing to copy")
    return found
