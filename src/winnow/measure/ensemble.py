"""Several scores as one: where a document stands among all by each of them, and what is made of that.

Scores of different measures have different scales; their quantiles have one. The mean of quantiles is the rank average;
the highest bucket of 20 is Nemotron-CC's ensemble (Su et al. 2024, arXiv 2412.02595), which keeps what any one of the
classifiers finds good; a learned combination weighs them by two sets of documents. A quantile within a group
(``by_group="language.lang"``) is what CCNet cuts head, middle and tail by (Wenzek et al. 2020, arXiv 1911.00359: below
0.3 and 0.6 of the perplexities of a language).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from winnow.core.database import connect
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.files import read_json, write_json
from winnow.core.run import num_shards
from winnow.core.sql import ORDERED, check_expressions, evaluate, namespaces, read_columns
from winnow.core.step import Aligned, Rows, Step, Whole
from winnow.core.table import Store
from winnow.measure.examples import FitOnTwoSets, heldout_report
from winnow.measure.fit_linear import check_penalty, logistic_regression
from winnow.measure.linear import probabilities
from winnow.measure.measure import Measure, column
from winnow.measure.score import scores_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

How = Literal["mean", "max", "learned"]
QUANTILES = "quantiles"

MAX_POINTS = 1 << 16
"""Values that a score's quantiles are kept for; of more, those at even steps, so a quantile is off by 1/65,536."""


def ensemble(
    documents: Rows,
    *,
    scores: Mapping[str, str],
    measures: Sequence[Measure | Aligned],
    how: How = "mean",
    by_group: str | None = None,
    num_buckets: int = 20,
    name: str = "ensemble",
) -> Ensemble:
    """One score from several, each in SQL by a name: ``{"fluency": "-perplexity.perplexity", "page": "fasttext.hq"}``.

    What is high counts as good, so a score of which the low is wanted gets a minus.
    """
    named = tuple(scores.items())
    fitted = FitQuantiles(documents=documents, measures=tuple(measures), scores=named, by_group=by_group)
    return Ensemble(documents=documents, quantiles=fitted, how=how, num_buckets=num_buckets, called=name)


@dataclass(frozen=True, kw_only=True)
class FitQuantiles(Whole):
    """Which share of the documents scores lower, for every value of some scores; half of the equal ones count.

    Writes ``quantiles.parquet``: ``score``, ``group``, ``value``, ``quantile``, in this order. Works out of core.
    """

    documents: Rows
    measures: tuple[Measure | Aligned, ...]
    scores: tuple[tuple[str, str], ...]
    """Names, and SQL of a number over ``documents`` and the measures; NULL and NaN have no quantile."""
    by_group: str | None = None
    """SQL of a group: quantiles are then those among the documents of the same group."""

    def inputs(self) -> tuple[Step, ...]:
        """The documents and their scores."""
        return (self.documents, *scores_of(self.documents, self.measures))

    def check(self) -> None:
        """Bind the scores and the group to the columns."""
        if not self.scores:
            raise RecipeError("scores is empty: name at least one score")
        names = [name for name, _ in self.scores]
        if wrong := [name for name in names if not name.isidentifier() or names.count(name) > 1]:
            raise RecipeError(f"scores are called {', '.join(names)}: {wrong[0]!r} must be a name, and once")
        known = namespaces(self.documents, scores_of(self.documents, self.measures))
        check_expressions(known, {f"scores[{name}]": sql for name, sql in self.scores}, ORDERED)
        if self.by_group is not None:
            check_expressions(known, {"by_group": self.by_group}, ["VARCHAR", *ORDERED])

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Count the values of every score, and keep the quantiles of enough of them."""
        connection = connect()
        connection.execute("CREATE TEMP TABLE scored (score INTEGER, grp VARCHAR, value DOUBLE)")
        for shard in range(num_shards(self.documents, store)):
            connection.register("rows", self.read(self.documents, store, shard))
            for index, (name, _) in enumerate(self.scores):
                valid = f'"{name}" IS NOT NULL AND NOT isnan("{name}")'
                connection.execute(f'INSERT INTO scored SELECT {index}, "group", "{name}" FROM rows WHERE {valid}')
        found = connection.sql(_QUANTILES, params=[MAX_POINTS]).to_arrow_table()
        names = pa.array([name for name, _ in self.scores]).take(found.column("score").combine_chunks())
        pq.write_table(found.set_column(0, "score", names), directory / "quantiles.parquet")
        return {"values": found.num_rows}

    def read(self, documents: Rows, store: Store, shard: int) -> pa.Table:
        """The scores of one shard of these or other documents: ``id``, ``group``, and a column for each score."""
        group = "''" if self.by_group is None else f"coalesce(CAST(({self.by_group}) AS VARCHAR), '')"
        wanted = {name: f"CAST(({sql}) AS DOUBLE)" for name, sql in self.scores}
        expressions = {"id": "documents.id", "group": group, **wanted}
        tables = read_columns(documents, scores_of(documents, self.measures), store, shard, expressions.values())
        return evaluate(tables, expressions)

    def places(self, store: Store) -> Callable[[str, pa.Table], NDArray[np.float64]]:
        """A function of a score's name and the rows of ``read``: the quantile of each, NaN for those without."""
        table = pq.read_table(store.table(self).file("quantiles.parquet"))
        keys = zip(table.column("score").to_pylist(), table.column("group").to_pylist(), strict=True)
        starts: dict[tuple[str, str], int] = {}
        for row, key in enumerate(keys):
            starts.setdefault(key, row)
        spans = dict(zip(starts, itertools.pairwise([*starts.values(), table.num_rows]), strict=True))
        values, quantiles = (table.column(name).to_numpy() for name in ("value", "quantile"))

        def place(name: str, rows: pa.Table) -> NDArray[np.float64]:
            scores = rows.column(name).combine_chunks().fill_null(np.nan).to_numpy(zero_copy_only=False)
            groups = rows.column("group").combine_chunks()
            placed = np.full(len(scores), np.nan)
            for group in pc.unique(groups).to_pylist():
                if (name, group) in spans:
                    inside = pc.equal(groups, group).to_numpy(zero_copy_only=False) & ~np.isnan(scores)
                    known = slice(*spans[name, group])
                    placed[inside] = np.interp(scores[inside], values[known], quantiles[known])
            return placed

        return place


@dataclass(frozen=True, kw_only=True)
class Ensemble(Aligned):
    """Where a document stands by several scores: the quantile by each, their mean or maximum, and its bucket.

    A score that a document does not have is passed over; without any the document has no score.
    """

    reads: ClassVar[tuple[str, ...] | None] = ()

    quantiles: FitQuantiles
    """May be fitted on other documents: then a score stands where it would among those."""
    how: How = "mean"
    weights: FitWeights | None = None
    """For ``learned``: the score is then a probability."""
    num_buckets: int = 20
    called: str = "ensemble"

    @property
    def name(self) -> str:
        """As it is called."""
        return self.called

    def inputs(self) -> tuple[Step, ...]:
        """The documents, their scores, and the quantiles."""
        learned = () if self.weights is None else (self.weights,)
        return (self.documents, *scores_of(self.documents, self.quantiles.measures), self.quantiles, *learned)

    def check(self) -> None:
        """Refuse a way to combine that there is not, and scores of other documents."""
        if self.how not in get_args(How):
            raise RecipeError(f"how is {self.how!r}; {did_you_mean(self.how, get_args(How))}")
        if (self.how == "learned") != (self.weights is not None):
            raise RecipeError(
                f"how is {self.how!r} and weights are {self.weights}: 'learned', and no other, needs them"
            )
        if self.num_buckets < 1:
            raise RecipeError(f"num_buckets is {self.num_buckets}; it must be at least 1")
        for score in scores_of(self.documents, self.quantiles.measures):
            if score.documents.key != self.documents.key:
                raise RecipeError(f"{score.label} judges {score.documents.label}, not {self.documents.label}")

    def columns(self) -> pa.Schema:
        """``score``, ``bucket``, ``<name>_quantile`` for every score, and all of these as a vector."""
        way = {"mean": "Mean", "max": "Highest", "learned": "Weighted sum"}[self.how]
        buckets = f"[0, {self.num_buckets - 1}]"
        members = [
            column(f"{name}_quantile", pa.float64(), f"Share of documents that {sql} puts lower", range="[0, 1]")
            for name, sql in self.quantiles.scores
        ]
        score = column("score", pa.float64(), f"{way} of the quantiles; null where there is none", range="[0, 1]")
        vector = pa.list_(pa.float32(), len(members))
        together = column(QUANTILES, vector, "The quantiles, 0.5 where there is none; null without any")
        bucket = column("bucket", pa.int32(), "The score in equal steps", range=buckets)
        return pa.schema([score, bucket, *members, together])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Place the scores of one shard."""
        rows = self.quantiles.read(self.documents, store, shard)
        ids, place = rows.column("id").combine_chunks(), self.quantiles.places(store)
        members = np.stack([place(name, rows) for name, _ in self.quantiles.scores], axis=1)
        some = ~np.isnan(members).all(axis=1)
        filled = np.where(np.isnan(members), 0.5, members)
        score = np.where(some, self._combined(members, filled, store), np.nan)
        bucket = np.minimum(np.where(some, score, 0) * self.num_buckets, self.num_buckets - 1).astype(np.int32)
        columns = [pa.array(score, from_pandas=True), pa.array(bucket, mask=~some)]
        columns += [pa.array(member, from_pandas=True) for member in members.T]
        vector = self.columns().field(QUANTILES).type
        columns.append(
            pa.FixedSizeListArray.from_arrays(filled.astype(np.float32).ravel(), type=vector, mask=pa.array(~some))
        )
        placed = pa.record_batch(columns, schema=self.columns())

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            return placed.take(pc.index_in(batch.column("id"), ids))

        return look_up

    def _combined(self, members: NDArray[np.float64], filled: NDArray[np.float64], store: Store) -> NDArray[np.float64]:
        """One number a document; what it is where there is no quantile does not matter."""
        there = ~np.isnan(members)
        if self.weights is not None:
            return self.weights.probabilities(filled, store)
        if self.how == "max":
            highest: NDArray[np.float64] = np.where(there, members, -1).max(axis=1)
            return highest
        mean: NDArray[np.float64] = np.where(there, members, 0).sum(axis=1) / np.maximum(1, there.sum(axis=1))
        return mean


@dataclass(frozen=True, kw_only=True)
class FitWeights(FitOnTwoSets):
    """How much each score's quantile says: logistic regression on two sets that the members did not learn from.

    ``positives`` and ``negatives`` are ``Ensemble``s of the two sets, their quantiles fitted on the pool. Writes
    ``weights.json`` (``bias``, and a weight for every score by its name) and ``report.json`` (``measure.examples``).
    """

    positives: Ensemble
    negatives: Ensemble
    l2: float = 1.0
    """Strength of the penalty on the weights, as in ``FitLinear``."""

    def check(self) -> None:
        """Refuse sets whose quantiles are different ones."""
        super().check()
        if self.positives.quantiles.key != self.negatives.quantiles.key:
            raise RecipeError("positives and negatives stand among the quantiles of different pools: fit them once")
        check_penalty(self.l2)

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Fit on the examples, judge those held out."""
        examples = self.examples(store, QUANTILES)
        values = examples.column(QUANTILES).combine_chunks().flatten().to_numpy().reshape(examples.num_rows, -1)
        positive, heldout = (examples.column(name).to_numpy() for name in ("positive", "heldout"))
        weights, bias = logistic_regression(values[~heldout], positive[~heldout], self.l2)
        names = [name for name, _ in self.positives.quantiles.scores]
        learnt = {"bias": bias, "weights": dict(zip(names, weights.tolist(), strict=True))}
        write_json(directory / "weights.json", learnt)
        logits = values[heldout] @ weights + bias
        write_json(directory / "report.json", heldout_report(logits, probabilities(logits), examples))
        return {"learnt_from": int((~heldout).sum())}

    def probabilities(self, quantiles: NDArray[np.float64], store: Store) -> NDArray[np.float64]:
        """Of being wanted, by the quantiles of each document."""
        learnt = read_json(store.table(self).file("weights.json"))
        return probabilities(quantiles @ np.array(list(learnt["weights"].values())) + learnt["bias"])


_QUANTILES = """
    WITH counted AS (SELECT score, grp, value, count(*) AS num FROM scored GROUP BY ALL),
    placed AS (
        SELECT score, grp, value, (sum(num) OVER before - num / 2) / sum(num) OVER (PARTITION BY score, grp) AS quantile
        FROM counted WINDOW before AS (PARTITION BY score, grp ORDER BY value ROWS UNBOUNDED PRECEDING)
    ),
    kept AS (
        SELECT score, grp, min(value) AS value, min(quantile) AS quantile FROM placed
        GROUP BY score, grp, floor(quantile * ?)
        UNION SELECT score, grp, max(value), max(quantile) FROM placed GROUP BY score, grp
    )
    SELECT score, grp AS "group", value, quantile FROM kept ORDER BY score, grp, value
"""
