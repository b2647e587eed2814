"""The only room where rows disappear: rules reject, ranks keep, and every decision is kept with its reason.

A ``Select`` stores one row per document of its input: whether it is kept, the first reason against it and all of them.
The text stays where it was; who reads the selection sees the kept documents through the list. So choosing again reads
columns of numbers only and takes seconds.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from winnow.choose.rank import RANKED, Rank, weight
from winnow.choose.rules import RuleSet, rule_set
from winnow.core.database import connect
from winnow.core.errors import RecipeError
from winnow.core.guard import Guard
from winnow.core.run import check_aligned, num_shards
from winnow.core.sql import NUMBERS, ORDERED, check_expressions, evaluate, namespaces, read_columns
from winnow.core.step import Aligned, Part, Reshaping, Rows, Step
from winnow.core.table import ShardWriter, Store
from winnow.measure.measure import Measure
from winnow.measure.score import scores_of

DECISIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kept", pa.bool_()),
        pa.field("reason", pa.string(), metadata={"description": "the first rule that rejects; null where kept"}),
        pa.field("rejected_by", pa.list_(pa.string()), metadata={"description": "every rule that rejects"}),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Select(Reshaping):
    """The documents that no rule rejects and, of those, the share that a rank keeps."""

    version: ClassVar[str] = "2"

    documents: Rows
    measures: tuple[Measure | Aligned, ...] = ()
    """What conditions may refer to besides the measures that the rule sets bring along."""
    reject: str | RuleSet | tuple[str | RuleSet, ...] = ()
    """Rule sets, or their names (``"gopher@dclm"``); all are evaluated, the first reason in order is the reason."""
    keep: Rank | None = None
    by_group: str | None = None
    """SQL of a group (``"language.lang"``): the rank's share is then kept within every group."""

    def rule_sets(self) -> tuple[RuleSet, ...]:
        """The rule sets, names looked up."""
        given = self.reject if isinstance(self.reject, tuple) else (self.reject,)
        return tuple(rule_set(one) if isinstance(one, str) else one for one in given)

    def rules(self) -> dict[str, str]:
        """``set:reason`` to the condition that rejects, in order."""
        return {f"{one.name}:{reason}": sql for one in self.rule_sets() for reason, sql in one.rules}

    def scores(self) -> tuple[Aligned, ...]:
        """The aligned tables that the conditions read, each once."""
        measures = [*self.measures, *(measure for one in self.rule_sets() for measure in one.measures)]
        return scores_of(self.documents, measures)

    def order(self) -> tuple[str, str, str]:
        """SQL of what a selection with a rank orders documents by, of what each weighs, and of its group."""
        assert self.keep is not None
        group = "''" if self.by_group is None else f"coalesce(CAST(({self.by_group}) AS VARCHAR), '')"
        return self.keep.key(), f"CAST({self._weight()} AS DOUBLE)", group

    def inputs(self) -> tuple[Step, ...]:
        """The documents and everything that judges them."""
        return (self.documents, *self.scores())

    def schema(self) -> pa.Schema:
        """That of the documents: a selection is read as the documents it keeps."""
        return self.documents.schema()

    def check(self) -> None:
        """Bind every condition to the columns and check its type."""
        for score in self.scores():
            if score.documents.key != self.documents.key:
                raise RecipeError(f"{score.label} judges {score.documents.label}, not {self.documents.label}")
        known = namespaces(self.documents, self.scores())
        check_expressions(known, self.rules(), ["BOOLEAN"])
        if self.keep is not None:
            if not 0 < self.keep.fraction <= 1:
                raise RecipeError(f"keep.fraction is {self.keep.fraction}; it must lie in (0, 1]")
            self.keep.window()  # refuses what makes no batch
            check_expressions(known, {"keep": self.keep.key(), "keep.by": self._weight()}, NUMBERS)
        if self.by_group is not None:
            check_expressions(known, {"by_group": self.by_group}, ["VARCHAR", *ORDERED])

    def split(self, store: Store) -> list[Part]:
        """One part per shard of the documents, with what the rank keeps of it, which needs a look at all of them."""
        shards = range(num_shards(self.documents, store))
        ranked = [None] * len(shards) if self.keep is None else self._chosen(self.keep, store, shards)
        return [{"shard": shard, "ranked": bits} for shard, bits in zip(shards, ranked, strict=True)]

    def writer(self, directory: Path, index: int, part: Part) -> ShardWriter:
        """One shard of decisions per shard of documents."""
        return ShardWriter(directory, index, DECISIONS, shard_bytes=None)

    def make(self, part: Part, store: Store, out: ShardWriter, guard: Guard) -> None:
        """Decide on the documents of one shard."""
        tables = read_columns(self.documents, self.scores(), store, part["shard"], self._conditions().values())
        rejected = self._rejected(tables)
        reasons = list(rejected)
        if part["ranked"] is not None:
            rows = tables["documents"].num_rows
            rejected["rank"] = _open(rejected, rows) & ~_unpacked(part["ranked"], rows)
            reasons.append("rank")
        self._write(tables["documents"], reasons, rejected, out)

    def open_shard(self, store: Store, shard: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The kept documents of one shard."""
        decisions = store.table(self).shard(shard, ["id", "kept"]).combine_chunks()
        ids, kept = (decisions.column(name).combine_chunks() for name in ("id", "kept"))
        wanted = None if columns is None else list(dict.fromkeys(["id", *columns]))
        start = 0
        for batch in self.documents.open_shard(store, shard, wanted):
            rows = batch.num_rows
            check_aligned(self.documents.label, batch.column("id"), self.label, ids.slice(start, rows))
            chosen = batch.filter(kept.slice(start, rows))
            start += rows
            if chosen.num_rows:
                yield chosen if columns is None else chosen.select(list(columns))

    def _conditions(self) -> dict[str, str]:
        """Reason to condition, first of all for documents that broke a measure."""
        broken = {f"quarantined:{score.name}": f"{score.name}.quarantined" for score in self.scores()}
        return {**broken, **self.rules()}

    def _rejected(self, tables: Mapping[str, pa.Table]) -> dict[str, NDArray[np.bool_]]:
        """For every reason, the documents it rejects."""
        conditions = self._conditions()
        if not conditions:
            return {}
        named = {str(index): f"coalesce({sql}, false)" for index, sql in enumerate(conditions.values())}
        found = evaluate(tables, named)
        return {reason: found.column(index).to_numpy() for index, reason in enumerate(conditions)}

    def _write(
        self,
        documents: pa.Table,
        reasons: Sequence[str],
        rejected: Mapping[str, NDArray[np.bool_]],
        out: ShardWriter,
    ) -> None:
        rows = documents.num_rows
        matrix = np.stack([rejected[reason] for reason in reasons]) if reasons else np.zeros((0, rows), bool)
        times = matrix.sum(axis=0)
        kept = times == 0
        first = np.argmax(matrix, axis=0) if reasons else np.zeros(rows, int)
        self._count(reasons, matrix, times, first, out)
        names = pa.array([*reasons, None], pa.string())
        which, documents_of = np.nonzero(matrix.T)[::-1]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(documents_of, minlength=rows))]).astype(np.int32)
        decisions = pa.RecordBatch.from_arrays(
            [
                documents.column("id").combine_chunks(),
                pa.array(kept),
                names.take(pa.array(np.where(kept, len(reasons), first))),
                pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(which))),
            ],
            schema=DECISIONS,
        )
        out.num_bytes = documents.nbytes
        out.write(decisions)

    def _count(self, reasons: Sequence[str], matrix: Any, times: Any, first: Any, out: ShardWriter) -> None:
        """The three counts of every reason: rejected first by it, by it at all, by nothing else."""
        out.count("kept", int((times == 0).sum()))
        for index, reason in enumerate(reasons):
            out.count(f"first: {reason}", int(((times > 0) & (first == index)).sum()))
            out.count(f"any: {reason}", int(matrix[index].sum()))
            out.count(f"only: {reason}", int((matrix[index] & (times == 1)).sum()))

    def _weight(self) -> str:
        assert self.keep is not None
        return weight(self.keep, [score.name for score in self.scores() if "num_chars" in score.columns().names])

    def _ranked(self, tables: Mapping[str, pa.Table]) -> pa.Table:
        """Key, tie-breaker, weight and group of every document; the id itself may follow the order of the corpus."""
        key, weight, group = self.order()
        weight = f"coalesce({weight}, 0)"
        return evaluate(tables, {"key": key, "tie": "md5(documents.id)", "weight": weight, "group": group})

    def _chosen(self, keep: Rank, store: Store, shards: Sequence[int]) -> list[str]:
        """For every shard a bit per document: whether the rank keeps it of those that no rule rejects."""
        expressions = [*self._conditions().values(), *self.order()]
        connection = connect()
        connection.execute(f"CREATE TEMP TABLE ranked ({RANKED})")
        starts = [0]
        for shard in shards:
            tables = read_columns(self.documents, self.scores(), store, shard, expressions)
            rows = self._ranked(tables)
            places = np.arange(rows.num_rows) + 8 * starts[-1]
            open_ = _open(self._rejected(tables), rows.num_rows)
            connection.register("rows", rows.add_column(0, "place", pa.array(places)).filter(pa.array(open_)))
            connection.execute("INSERT INTO ranked SELECT * FROM rows WHERE key IS NOT NULL AND NOT isnan(key)")
            starts.append(starts[-1] + -(-rows.num_rows // 8))
        bits = np.zeros(starts[-1], np.uint8)
        for chosen in keep.choose(connection):
            np.bitwise_or.at(bits, chosen >> 3, (128 >> (chosen & 7)).astype(np.uint8))
        return [_packed(bits[start:end]) for start, end in pairwise(starts)]


def _open(rejected: Mapping[str, NDArray[np.bool_]], rows: int) -> NDArray[np.bool_]:
    """The documents that nothing rejects."""
    found: NDArray[np.bool_] = ~np.logical_or.reduce([np.zeros(rows, bool), *rejected.values()])
    return found


def _packed(bits: NDArray[np.uint8]) -> str:
    return b64encode(bits.tobytes()).decode()


def _unpacked(text: str, rows: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(b64decode(text), np.uint8), count=rows).astype(bool)
