"""How well a recipe finds what it should: known cases planted in a copy of the user's documents, and their fates.

The recipe runs on the copy in a store that is thrown away: once without plants, to know which documents it keeps and
which of the user's own it calls duplicates; once with cases that it should find, where it looks for any, made of
documents that it keeps, so that quality rules seldom stand between a plant and what is audited; and once with spoiled
documents, where it chooses by a measure.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from winnow.audit.choices import choices_of, documents_of
from winnow.audit.copy import first_read, over, planted_table, read_sample, write_copy
from winnow.audit.fates import Fates, finds_documents
from winnow.audit.items import decontamination, num_item_cells, plant_items
from winnow.audit.model import Audit, Noise, Setting, Subject
from winnow.audit.passages import last_cut, num_passage_cells, plant_passages
from winnow.audit.plants import Document, Planted, num_cells, plant_duplicates, prepare
from winnow.audit.run import Run, made
from winnow.audit.spoiled import judge_noise, spoil
from winnow.audit.summary import summarize
from winnow.core.errors import InputError, RecipeError
from winnow.core.run import materialize
from winnow.core.step import Rows, Step, ordered
from winnow.core.table import Store
from winnow.documents.read import Read


def audit(recipe: Step, setting: Setting) -> Audit:
    """Audit a recipe; RecipeError where it holds nothing to audit, InputError where the documents do not suffice."""
    rows = documents_of(recipe)
    if rows is None:
        raise RecipeError(f"the recipe {setting.name} gives {type(recipe).__name__}, which has no documents to audit")
    subjects, choices = _subjects(rows), choices_of(recipe)
    if not subjects and not choices:
        raise RecipeError(_NOTHING.format(setting.name))
    read = first_read(rows)
    with tempfile.TemporaryDirectory(prefix="winnow-audit-") as scratch:
        store = Store(Path(scratch) / "store")
        documents = read_sample(read, store, setting.documents, setting.seed)
        bare = made(over(rows, read, Path(scratch) / "bare"), store, documents, Path(scratch) / "bare")
        run, planted = bare, Planted()
        if subjects:
            planted, removed = _planted(subjects, bare, setting)
            copy = planted_table(documents, planted, removed, setting.seed)
            run = made(over(rows, read, Path(scratch) / "planted"), store, copy, Path(scratch) / "planted")
        noise = _noise(recipe, read, documents, Path(scratch), setting) if choices else None
        return summarize(setting, read, subjects, planted, bare, run, noise)


_NOTHING = (
    "the recipe {} looks neither for duplicate documents nor for evaluation items, cuts no passages and chooses by no "
    "measure: there is nothing to audit; try it on `dedup` or `decontaminate`, or add a step of winnow.dedup or "
    "winnow.decontaminate, or a Select with rules or a rank"
)


def _subjects(recipe: Rows) -> tuple[Subject, ...]:
    """What of a recipe is audited by cases that it should find."""
    subjects: list[Subject] = []
    if any(map(finds_documents, ordered(recipe))):
        subjects.append("duplicate")
    if last_cut(recipe) is not None:
        subjects.append("repeated passage")
    if decontamination(recipe) is not None:
        subjects.append("contamination")
    return tuple(subjects)


def _noise(recipe: Step, read: Read, documents: pa.Table, scratch: Path, setting: Setting) -> Noise:
    """What the recipe makes of spoiled documents beside the bare copy, which stands there already."""
    store = Store(scratch / "store")
    spoiled = spoil(documents, setting.plants, setting.seed)
    copy = planted_table(documents, Planted(texts=spoiled.texts), frozenset(), setting.seed)
    write_copy(copy, scratch / "noise")
    clean, noisy = over(recipe, read, scratch / "bare"), over(recipe, read, scratch / "noise")
    for step in (clean, noisy):
        materialize(step, store, failure_budget=1.0)
    return judge_noise(spoiled, clean, noisy, store)


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
