"""Lines, paragraphs or runs of sentences that stand in the corpus more than once, found exactly and out of core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store
from winnow.dedup.passages import Passages
from winnow.dedup.passages_shuffle import Find, HashedParts, RepeatedParts
from winnow.dedup.preference import Preference
from winnow.kernels.buffers import text_buffers
from winnow.measure.measure import Judge, Measure, column
from winnow.measure.score import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

Unit = Literal["line", "paragraph", "sentences"]


def line_duplicates(
    documents: Rows,
    *,
    unit: Unit = "line",
    min_length: int = 1,
    normalize: bool = False,
    prefer: Sequence[str] = (),
    measures: Sequence[Measure | Aligned] = (),
    seed: int = 0,
) -> Passages:
    """Find lines that stand elsewhere too, in the same document or another; all copies but one are marked.

    Args:
        documents: what is judged; nothing is removed.
        unit: a ``line`` with the newline after it; a ``paragraph``: lines up to a blank one, with the blank ones after
            it; ``sentences``: any three in a row (C4, Raffel et al. 2020).
        min_length: characters of a unit that is looked at: 1 leaves blank lines alone.
        normalize: compare in small letters and without white space at the ends, as C4's code does.
        prefer: which copy is kept (see ``Preference``); between equals, that of the document whose id has the lowest
            hash, the first one in it.
        measures: what ``prefer`` refers to.
        seed: of the hash of ids.
    """
    kind = Units(unit=unit, min_length=min_length, normalize=normalize)
    preference = Preference(by=tuple(prefer), measures=tuple(measures))
    parts = HashedUnits(documents=documents, kind=kind, preference=preference, seed=seed)
    return Passages(documents=documents, found=RepeatedParts(parts=parts), method="lines")


@dataclass(frozen=True, kw_only=True)
class Units:
    """How many lines, paragraphs or runs of sentences a document has."""

    version: ClassVar[str] = "1"
    unit: Unit = "line"
    min_length: int = 1
    normalize: bool = False

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise RecipeError(f"unit={self.unit!r} is not known; {did_you_mean(self.unit, get_args(Unit))}")
        if self.min_length < 0:
            raise RecipeError(f"min_length={self.min_length} is out of range: give a number of characters, 0 or more")

    @property
    def name(self) -> str:
        """``units``."""
        return "units"

    def columns(self) -> pa.Schema:
        """``num_units``."""
        about = "Lines, paragraphs or runs of sentences of some length"
        return pa.schema([column("num_units", pa.int64(), about, range="[0, )")])

    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    def load(self) -> Judge:
        """Nothing to open."""
        return self._judge

    def find(self, texts: pa.Array) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """The units (of UNIT) of all texts, and where those of each text end."""
        from winnow.kernels.paragraphs import UNITS, units

        if self.normalize:
            texts = pc.utf8_lower(texts)
        return units(*text_buffers(texts), UNITS.index(self.unit), self.min_length, self.normalize)

    def _judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        _, ends = self.find(batch.column("text"))
        return pa.RecordBatch.from_arrays([pa.array(np.diff(ends, prepend=0))], schema=self.columns())


@dataclass(frozen=True, kw_only=True)
class HashedUnits(HashedParts):
    """One row per unit."""

    kind: Units

    @property
    def counts(self) -> Score:
        """How many units there are."""
        return Score(documents=self.documents, measure=self.kind)

    def opened(self, store: Store, shard: int) -> Find:
        """Nothing to open."""
        return self.kind.find
