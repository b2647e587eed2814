"""A bounded copy of the documents that a recipe reads, and the recipe over such a copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.audit.plants import Planted
from winnow.core.errors import RecipeError
from winnow.core.run import materialize
from winnow.core.step import Rows, Step
from winnow.core.substitute import substitute
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.documents.source import File, list_files
from winnow.report.stages import line

R = TypeVar("R", bound=Step)

NUM_FILES = 8
"""Files that documents are read from where they hold enough; which, is drawn by chance."""
ROWS_PER_FILE = 1000
"""Documents per file of the copy: several files, as a crawl has."""


def first_read(recipe: Rows) -> Read:
    """The step that reads the recipe's documents; RecipeError where they come from elsewhere."""
    first = line(recipe)[0]
    if not isinstance(first, Read):
        raise RecipeError(f"the recipe's documents come from {first.label}; an audit needs a Read to plant in")
    return first


def over(recipe: R, read: Read, directory: Path) -> R:
    """The recipe with another source: the Parquet files of a copy."""
    copy = Read(source=str(directory))
    key = read.key

    def change(step: Step) -> Step:
        return copy if isinstance(step, Read) and step.key == key else step

    return substitute(recipe, change)


def read_sample(read: Read, store: Store, number: int, seed: int) -> pa.Table:
    """About so many documents: the first ones of ``NUM_FILES`` files of the source, of more where these are small."""
    sources = (read.source,) if isinstance(read.source, str) else read.source
    files = list_files(sources, read.name)
    drawn = Random(seed).sample(files, len(files))
    first = sorted(drawn[:NUM_FILES], key=lambda file: file.size)  # what small ones lack, larger ones give
    found: list[pa.Table] = []
    left = number
    for place, file in enumerate([*first, *drawn[NUM_FILES:]]):
        if left <= 0:
            break
        found.append(_documents_of(file, read, store, -(-left // max(1, len(first) - place))))
        left -= found[-1].num_rows
    return _with_own_ids(pa.concat_tables(found, promote_options="permissive").combine_chunks())


def _documents_of(file: File, read: Read, store: Store, number: int) -> pa.Table:
    """The first documents of one file."""
    part = dataclasses.replace(read, source=file.path, name=file.source, limit=number)
    materialize(part, store, failure_budget=1.0)
    table = store.table(part)
    return pa.concat_tables([table.shard(shard) for shard in range(len(table.manifest.shards))])


def write_copy(documents: pa.Table, directory: Path) -> None:
    """Write documents as Parquet files that a Read takes."""
    directory.mkdir(parents=True)
    for number, start in enumerate(range(0, max(1, documents.num_rows), ROWS_PER_FILE)):
        pq.write_table(documents.slice(start, ROWS_PER_FILE), directory / f"{number:05d}.parquet")


def planted_table(documents: pa.Table, planted: Planted, removed: frozenset[str], seed: int) -> pa.Table:
    """The documents with what is planted and without some, in an order by chance."""
    ids = documents.column("id").to_pylist()
    texts = documents.column("text").to_pylist()
    place = {id: row for row, id in enumerate(ids)}
    rows = [(place[id], id, planted.texts.get(id, text), False) for id, text in zip(ids, texts, strict=True)]
    rows = [row for row in rows if row[1] not in removed]
    rows += [(place[original], id, text, True) for id, (original, text) in planted.copies.items()]
    Random(seed).shuffle(rows)
    taken = documents.take(pa.array([row[0] for row in rows], pa.int64()))
    urls = [f"https://planted.example/{row[1]}" if row[3] else None for row in rows]
    old = taken.column("url").to_pylist()
    columns = {
        "id": pa.array([row[1] for row in rows], pa.string()),
        "text": pa.array([row[2] for row in rows], pa.string()),
        "url": pa.array([new or url for new, url in zip(urls, old, strict=True)], pa.string()),
    }
    for name, column in columns.items():
        taken = taken.set_column(taken.schema.get_field_index(name), name, column)
    return taken


def _with_own_ids(documents: pa.Table) -> pa.Table:
    """The documents with ids made unique: two files may hold the same document without an id."""
    seen: dict[str, int] = {}
    ids = []
    for id in documents.column("id").to_pylist():
        seen[id] = seen.get(id, 0) + 1
        ids.append(id if seen[id] == 1 else f"{id}-{seen[id]}")
    return documents.set_column(documents.schema.get_field_index("id"), "id", pa.array(ids, pa.string()))
