"""A measure applied to documents: the table of its numbers, aligned with theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from winnow.core.files import fingerprint
from winnow.core.step import Aligned, Step
from winnow.core.table import Store
from winnow.measure.measure import Measure
from winnow.measure.model import fitted_models, with_fitted_models


@dataclass(frozen=True, kw_only=True)
class Score(Aligned):
    """One row of a measure's numbers per document."""

    measure: Measure

    @property
    def name(self) -> str:
        """The measure's namespace in SQL."""
        return self.measure.name

    def inputs(self) -> tuple[Step, ...]:
        """The documents, and the steps that fit the measure's models."""
        return (self.documents, *fitted_models(self.measure))

    def columns(self) -> pa.Schema:
        """The measure's columns."""
        return self.measure.columns()

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Open the measure."""
        return with_fitted_models(self.measure, store).load()

    def outside(self) -> dict[str, str]:
        """Digests of the models and lists that the measure reads."""
        return {path: fingerprint(path) for path in self.measure.files()}
