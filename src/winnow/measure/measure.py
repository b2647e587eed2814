"""The one small interface that most contributors meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

import pyarrow as pa

Judge = Callable[[pa.RecordBatch], pa.RecordBatch]
"""Takes a batch of documents, gives one row of numbers per document, in the same order."""


class Measure(Protocol):
    """Judges documents: a batch in, one row of numbers per document out.

    A measure is a frozen, keyword-only dataclass: its fields are its whole configuration and enter the key of its
    table. Its class may set ``version`` (a class attribute, default "1"), raised when the same fields give new numbers.
    """

    @property
    def name(self) -> str:
        """Namespace of the columns in SQL: ``text`` makes ``text.num_words``."""

    def columns(self) -> pa.Schema:
        """The columns it writes; each field's metadata holds ``unit``, ``range`` and ``description``."""

    def files(self) -> tuple[str, ...]:
        """Outside files that it reads (a model, a list); where one changes, documents are judged again."""

    def load(self) -> Judge:
        """Open what is needed (a model, a list) and give the function that judges; called once per worker."""


@runtime_checkable
class Priced(Protocol):
    """A measure that costs more than time, and says so before it begins."""

    def announce(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Log what judging the documents will cost, or refuse to (RecipeError); called once, before any is judged."""


def column(name: str, type: pa.DataType, description: str, *, unit: str = "", range: str = "") -> pa.Field:
    """A field whose metadata says what the number means, in which unit, within which range."""
    metadata = {"description": description, "unit": unit, "range": range}
    return pa.field(name, type, metadata={k: v for k, v in metadata.items() if v})
