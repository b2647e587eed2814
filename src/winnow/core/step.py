"""What a result is, apart from where and how it is made.

A step is a frozen, keyword-only dataclass that says how to make one immutable directory. Constructing one does no work.
Its fields are its whole configuration, fields that are steps are its inputs, and its key is a digest of its class name,
``version`` and fields. Where the store lies, which executor runs it and on how many workers never enters the key.

Three shapes, and no fourth:

=========  ==========================================  =====================================
Reshaping  new rows, its own split into tasks          Read, Edit, Select
Aligned    one row per document of another step,       Score
           same shards, same ids, same order
Whole      one directory of any files                  a model, an index, an export
=========  ==========================================  =====================================
"""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from winnow.core.plain import Plain, digest, identity

if TYPE_CHECKING:
    import pyarrow as pa

    from winnow.core.guard import Guard
    from winnow.core.table import ShardWriter, Store

Part = Plain
"""What one task of a step works on: plain data, chosen by ``split``, the same for any number of workers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step(ABC):  # noqa: B024 - abstract by its three shapes
    """How to make one immutable directory."""

    version: ClassVar[str] = "1"
    """Raised when the same fields give another result."""

    @functools.cached_property
    def key(self) -> str:
        """128-bit hexadecimal digest of the class name, the version and the fields; inputs count by their keys."""
        return digest(identity(self))

    @property
    def title(self) -> str:
        """What kind of step it is, in one word or two: the readable part of its label."""
        return type(self).__name__.lower()

    @property
    def label(self) -> str:
        """The directory's name in a store: readable, unique."""
        return f"{self.title}-{self.key[:16]}"

    def inputs(self) -> tuple[Step, ...]:
        """The steps whose results this one reads: those among its fields, also inside tuples."""
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return tuple(unique(step for value in values for step in _steps_in(value)))

    def check(self) -> None:  # noqa: B027 - most steps have nothing to refuse
        """Refuse what cannot work (RecipeError) before anything runs."""

    def announce(self, store: Store) -> None:  # noqa: B027 - most steps cost time alone
        """Say what making it will cost, or refuse to (RecipeError), once its inputs stand and before its first task."""

    def outside(self) -> dict[str, str]:
        """Fingerprint of each outside file that the result depends on; where one changes, the result is made again."""
        return {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows(Step):
    """A step whose result is a table: Parquet shards with one schema."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Schema of the rows that ``open_shard`` yields."""

    def open_shard(self, store: Store, shard: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of one shard as batches of bounded size, whole or only some columns."""
        return store.table(self).batches(shard, columns)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reshaping(Rows):
    """New rows: says how its work splits into tasks and how one task is done."""

    @abstractmethod
    def split(self, store: Store) -> list[Part]:
        """The parts of the work, in the order of the result's shards; a function of the inputs alone."""

    @abstractmethod
    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Do one part: write rows to ``out``; called in a worker."""

    @abstractmethod
    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """What one task writes its rows with: which columns, which kind of file, when the next shard begins."""

    def finish(self, store: Store) -> None:
        """Last work once every task is done, in the parent; must be repeatable, since it may be killed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Aligned(Rows):
    """One row per document of another step: same shards, same ids, same order."""

    reads: ClassVar[tuple[str, ...] | None] = None
    """The documents' columns that it looks at besides ``id``; None for all. Where no step of a pass looks at the text,
    the text is not read."""

    documents: Rows

    @property
    @abstractmethod
    def name(self) -> str:
        """Namespace of its columns in SQL: ``text`` makes ``text.num_words``."""

    @property
    def title(self) -> str:
        """The class and the namespace: ``score-text``."""
        return f"{type(self).__name__.lower()}-{self.name}"

    @abstractmethod
    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Open what one shard needs (a model, the results of other steps) and give the function that fills columns."""

    @abstractmethod
    def columns(self) -> pa.Schema:
        """The columns it writes, besides ``id`` and ``quarantined``."""

    def schema(self) -> pa.Schema:
        """``id``, the columns, and ``quarantined`` (the document broke this step; its columns are null)."""
        import pyarrow as pa

        return pa.schema([pa.field("id", pa.string()), *self.columns(), pa.field("quarantined", pa.bool_())])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Whole(Step):
    """One directory of any files, made by one task."""

    side_by_side: ClassVar[bool] = False
    """Whether others may be made at the same moment; not where one takes the machine's memory for itself."""

    @abstractmethod
    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Write the files into the empty directory; gives counts for the manifest."""


def ordered(step: Step) -> list[Step]:
    """The step and everything it needs, each once, inputs before what reads them."""
    seen: dict[str, Step] = {}

    def visit(current: Step) -> None:
        if current.key in seen:
            return
        for needed in current.inputs():
            visit(needed)
        seen[current.key] = current

    visit(step)
    return list(seen.values())


def unique(steps: Iterator[Step]) -> list[Step]:
    """The steps without repeats (by key), in order."""
    return list({step.key: step for step in steps}.values())


def _steps_in(value: Any) -> Iterator[Step]:
    if isinstance(value, Step):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _steps_in(item)
