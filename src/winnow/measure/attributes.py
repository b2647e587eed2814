"""Numbers that another tool has written about the same documents: Dolma's ``attributes/`` as a measure.

Dolma's taggers leave, in files beside the documents, lines of ``id`` and ``attributes``: numbers, or spans
``[start, end, score]`` of the text (allenai/dolma, docs/data-format.md). They are joined to the documents by id, out of
core, so neither the files' names nor their order need to fit. ``ExportAttributes`` writes the same form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.guard import Guard, guarded_over, with_names
from winnow.core.run import num_shards
from winnow.core.shuffle import (
    Gathering,
    Scattering,
    ScatterWriter,
    gather,
    gather_hashes,
    num_partitions,
    partition_of,
)
from winnow.core.step import Aligned, Part, Rows
from winnow.core.table import Store
from winnow.documents.read import Read
from winnow.measure.measure import column
from winnow.measure.vectors import combined

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW_BYTES = 150
"""Of an id with a few numbers, about."""


def imported_attributes(
    documents: Rows, *, source: str | Sequence[str], attributes: Mapping[str, str], name: str = "attributes"
) -> Attributes:
    """Attributes from files in Dolma's form as columns of a measure: ``{"toxicity": "toxicity__v1__score"}``.

    Args:
        documents: what the attributes are about; those without a line get nulls.
        source: JSONL files with ``id`` and ``attributes``, directories, globs or fsspec URLs.
        attributes: a column's name to the attribute that fills it; a dotted path for one inside another. A number stays
            what it is; of spans the mean score is taken, each weighed by its length, so a span over the whole document
            gives its score, and no spans give 0.
        name: the namespace in SQL.
    """
    sources = source if isinstance(source, str) else tuple(source)
    lines = Read(source=sources, text_key="id")  # so a line's text is the id of the document that it is about
    values = AttributeValues(documents=lines, attributes=tuple(attributes.items()))
    joined = JoinedAttributes(values=values, ids=DocumentIds(documents=documents))
    return Attributes(documents=documents, joined=joined, called=name)


@dataclass(frozen=True, kw_only=True)
class AttributeValues(Scattering):
    """One row per line of attributes, brought together by its id."""

    attributes: tuple[tuple[str, str], ...]

    def check(self) -> None:
        """Refuse names that are no columns."""
        names = [name for name, _ in self.attributes]
        if not names:
            raise RecipeError("attributes is empty: name at least one, as {'toxicity': 'toxicity__v1__score'}")
        if wrong := [name for name in names if not name.isidentifier() or names.count(name) > 1]:
            raise RecipeError(f"the column {wrong[0]!r} must be a name, and given once")

    def schema(self) -> pa.Schema:
        """The hash of the id, the id, and a number for every attribute."""
        numbers = [pa.field(name, pa.float64()) for name, _ in self.attributes]
        return pa.schema([pa.field("key", pa.uint64()), pa.field("id", pa.string()), *numbers])

    def partitions(self, store: Store) -> int:
        """By the number of lines."""
        return num_partitions(store.table(self.documents).manifest.rows * ROW_BYTES)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the numbers of one shard of lines."""
        batches = self.documents.open_shard(store, shard, with_names(["text", "metadata"], self.documents))
        for rows in guarded_over(batches, self.documents.label, self._rows, out, guard):
            out.scatter(rows, partition_of(rows.column("key").to_numpy(), out.num_partitions))

    def _rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        lines = [_attributes_of(line) for line in batch.column("metadata").to_pylist()]
        numbers = {name: [_number(line, path) for line in lines] for name, path in self.attributes}
        columns = {"key": _keys(batch.column("text")), "id": batch.column("text"), **numbers}
        return pa.RecordBatch.from_pydict(columns, schema=self.schema())


@dataclass(frozen=True, kw_only=True)
class DocumentIds(Scattering):
    """One row per document, brought together by its id."""

    def schema(self) -> pa.Schema:
        """The hash of the id, the id, and the document's shard."""
        return pa.schema([("key", pa.uint64()), ("id", pa.string()), ("shard", pa.int32())])

    def partitions(self, store: Store) -> int:
        """By the number of documents."""
        return num_partitions(store.table(self.documents).manifest.rows * ROW_BYTES)

    def scatter(self, shard: int, store: Store, out: ScatterWriter, guard: Guard) -> None:
        """Scatter the ids of one shard."""
        for batch in self.documents.open_shard(store, shard, ["id"]):
            out.num_bytes += batch.nbytes
            keys = _keys(batch.column("id"))
            rows = {"key": keys, "id": batch.column("id"), "shard": np.full(len(keys), shard, np.int32)}
            out.scatter(pa.RecordBatch.from_pydict(rows, schema=self.schema()), partition_of(keys, out.num_partitions))


@dataclass(frozen=True, kw_only=True)
class JoinedAttributes(Gathering):
    """The numbers of the documents that have some."""

    values: AttributeValues
    ids: DocumentIds

    def schema(self) -> pa.Schema:
        """``id`` and a number for every attribute."""
        return self.values.schema().remove(0)

    @property
    def gathered(self) -> tuple[AttributeValues, DocumentIds]:
        """Numbers and ids."""
        return (self.values, self.ids)

    @property
    def judged(self) -> Rows:
        """The documents."""
        return self.ids.documents

    def settle(self, part: Part, store: Store, out: ScatterWriter) -> None:
        """Find the numbers of the documents of one partition."""
        values, ids = (gather_hashes(step, store, part["partition"], part["of"], "key") for step in self.gathered)
        out.num_bytes, out.num_records = values.nbytes + ids.nbytes, ids.num_rows
        places = pc.index_in(ids.column("id"), combined(values.column("id")))
        there = places.is_valid()
        found = values.take(places.drop_null()).select(self.schema().names)
        out.count("documents", found.num_rows)
        shards = ids.column("shard").filter(there).to_numpy()
        for batch in found.combine_chunks().to_batches():
            out.scatter(batch, shards)


@dataclass(frozen=True, kw_only=True)
class Attributes(Aligned):
    """The imported numbers; null for documents of which the files say nothing."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    joined: JoinedAttributes
    called: str = "attributes"

    @property
    def name(self) -> str:
        """As it is called."""
        return self.called

    def columns(self) -> pa.Schema:
        """A number for every attribute."""
        pairs = self.joined.values.attributes
        return pa.schema([column(name, pa.float64(), f"{path}; null where there is none") for name, path in pairs])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Read the numbers of one shard; InputError where no document of any shard has some."""
        if num_shards(self.documents, store) and not store.table(self.joined).manifest.counts.get("documents"):
            raise InputError(
                f"no id in {self.joined.values.documents.label} is that of a document: is it the right folder?"
            )
        found = gather(self.joined, store, shard)
        ids = combined(found.column("id"))
        numbers = found.select(self.columns().names)

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            rows = numbers.take(pc.index_in(batch.column("id"), ids))
            return pa.RecordBatch.from_arrays([combined(values) for values in rows.columns], schema=self.columns())

        return look_up


def _keys(ids: pa.Array) -> NDArray[np.uint64]:
    from winnow.kernels.passages import hash_strings

    return hash_strings(ids, 0)


def _attributes_of(metadata: str | None) -> Mapping[str, Any]:
    """What a line says; ValueError where it has no attributes."""
    found = orjson.loads(metadata or "{}").get("attributes")
    if not isinstance(found, dict):
        raise ValueError(
            f"the line has no object 'attributes', but {(metadata or '{}')[:200]}: is it a folder of documents?"
        )
    return found


def _number(attributes: Mapping[str, Any], path: str) -> float | None:
    """The number at a path, or the mean score of the spans there, weighed by length; None where there is neither."""
    value: Any = attributes.get(path)
    if path not in attributes:
        value = attributes
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, list):
        return None
    return _mean_score(value, path)


def _mean_score(spans: Sequence[Any], path: str) -> float | None:
    if not all(isinstance(span, list) and len(span) == 3 for span in spans):
        raise ValueError(f"{path} is {json.dumps(spans)[:200]}: neither a number nor spans [start, end, score]")
    scored = [(end - start, score) for start, end, score in spans if score is not None]
    if not scored:
        return 0.0 if not spans else None
    weights = [max(length, 0) for length, _ in scored]
    if not sum(weights):  # a span over an empty document
        return float(np.mean([score for _, score in scored]))
    return float(np.average([score for _, score in scored], weights=weights))
