"""A measure applied to documents: the table of its numbers, aligned with theirs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from winnow.core.errors import RecipeError
from winnow.core.files import fingerprint
from winnow.core.run import num_shards
from winnow.core.step import Aligned, Rows, Step
from winnow.core.table import Store
from winnow.measure.measure import Measure, Priced
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

    def check(self) -> None:
        """Refuse a file that is not there before anything runs."""
        missing = [path for path in self.measure.files() if "://" not in path and not Path(path).exists()]
        if missing:
            raise RecipeError(f"{self.name} reads {missing[0]}, which is not there: give the path of a file")

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Open the measure."""
        return with_fitted_models(self.measure, store).load()

    def announce(self, store: Store) -> None:
        """What the measure says of its cost, if it has one besides time."""
        if isinstance(self.measure, Priced):
            shards = range(num_shards(self.documents, store))
            batches = (self.documents.open_shard(store, shard, ["id", "text"]) for shard in shards)
            self.measure.announce(itertools.chain.from_iterable(batches))

    def outside(self) -> dict[str, str]:
        """Digests of the models and lists that the measure reads."""
        return {path: fingerprint(path) for path in self.measure.files()}


def scores_of(documents: Rows, measures: Iterable[Measure | Aligned]) -> tuple[Aligned, ...]:
    """The aligned tables of some measures of documents, each once; what is a table already stays as it is."""
    scores = [m if isinstance(m, Aligned) else Score(documents=documents, measure=m) for m in measures]
    return tuple({score.key: score for score in scores}.values())
