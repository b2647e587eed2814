"""What is made of a column of vectors that stands beside documents: their text is not read, no vector made again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import fingerprint
from winnow.core.step import Aligned
from winnow.core.table import Store
from winnow.measure.kmeans import dimensions, unit_vectors
from winnow.measure.model import Model, given_files, model_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

JudgeVectors = Callable[["NDArray[np.float32]"], pa.RecordBatch]
"""Unit vectors in, one a row; one row of numbers for each out."""


@dataclass(frozen=True, kw_only=True)
class OfVectors(Aligned):
    """Judges documents by their vectors and a model; one without a vector gets nulls."""

    reads: ClassVar[tuple[str, ...] | None] = ()
    file: ClassVar[str]
    """The name of the model's file."""

    vectors: Aligned
    """Any aligned table of these documents with a column of fixed-size vectors; only their directions count."""
    model: Model
    """The step that fits it, or the path of the file that the step wrote."""
    column: str = "vector"

    def check(self) -> None:
        """Refuse vectors of other documents, and a column that holds none."""
        if self.vectors.documents.key != self.documents.key:
            raise RecipeError(f"{self.vectors.label} describes other documents than {self.documents.label}")
        dimensions(self.vectors, self.column)

    def outside(self) -> dict[str, str]:
        """The digest of a model that is a file."""
        return {path: fingerprint(str(model_file(path, self.file))) for path in given_files(self.model)}

    @abstractmethod
    def open(self, path: Path) -> JudgeVectors:
        """Open the model's file and give the function that judges vectors."""

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Judge all vectors of one shard; its documents are then looked up."""
        made = self.model if isinstance(self.model, str) else str(store.table(self.model).files())
        judge = self.open(model_file(made, self.file))
        rows = store.table(self.vectors).shard(shard, ["id", self.column])
        valid = rows.filter(pc.is_valid(rows.column(self.column))).combine_chunks()
        judged = judge(unit_vectors(combined(valid.column(self.column))))
        ids = combined(valid.column("id"))
        return lambda batch: judged.take(pc.index_in(batch.column("id"), ids))


def combined(column: pa.ChunkedArray) -> pa.Array:
    """A column of a table as one array, also where it has no rows."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def check_size(vectors: NDArray[np.float32], size: int, path: Path) -> None:
    """Refuse (InputError) vectors of another size than those that a model was fitted on."""
    if vectors.shape[1] != size:
        raise InputError(
            f"{path} is for vectors of {size} numbers, these have {vectors.shape[1]}: use the embedding that it was "
            "fitted on"
        )


def read_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays of a model's file; RecipeError where there is none, InputError where it is another's."""
    if not path.is_file():
        raise RecipeError(f"there is no model at {path}: give the file that a fit wrote, or the step itself")
    try:
        with path.open("rb") as opened, np.load(opened) as held:
            return [held[name] for name in names]
    except (ValueError, KeyError, OSError, EOFError, TypeError, AttributeError, BadZipFile) as error:
        raise InputError(f"{path} is no such model, which holds {', '.join(names)} ({error}): fit it again") from error
