"""New text for the same documents, and the numbers that say what was taken away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from winnow.core.guard import Guard, guarded_over
from winnow.core.run import num_shards
from winnow.core.step import Part, Reshaping, Rows
from winnow.core.table import ShardWriter, Store
from winnow.edit.editor import Editor, chain


@dataclass(frozen=True, kw_only=True)
class Edit(Reshaping):
    """The documents with their text rewritten by editors, one after the other.

    Ids and every other column stay. The editors' numbers (``words_removed_fraction``, lines removed per rule) become
    columns of the documents, so that a rule may refer to ``documents.words_removed_fraction``. A document that loses
    all its text stays, with an empty one. Numbers of an earlier edit are replaced.
    """

    documents: Rows
    editors: tuple[Editor, ...]

    def schema(self) -> pa.Schema:
        """The documents' columns, then the editors'."""
        added = chain(self.editors).columns()
        kept = [field for field in self.documents.schema() if field.name not in added.names]
        return pa.schema([*kept, *added])

    def split(self, store: Store) -> list[Part]:
        """One part per shard of the documents."""
        return list(range(num_shards(self.documents, store)))

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """One shard of new documents per shard of old ones."""
        return ShardWriter(directory, index, self.schema(), shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Rewrite the documents of one shard."""
        edit = chain(self.editors).load()
        batches = self.documents.open_shard(store, part)
        for rows in guarded_over(batches, self.documents.label, lambda some: _replaced(some, edit(some)), out, guard):
            out.write(rows)


def _replaced(documents: pa.RecordBatch, edited: pa.RecordBatch) -> pa.RecordBatch:
    """The documents with the columns that the editors gave."""
    columns = {name: documents.column(name) for name in documents.schema.names}
    columns |= {name: edited.column(name) for name in edited.schema.names}
    return pa.RecordBatch.from_pydict(columns)
