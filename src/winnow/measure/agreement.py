"""How far one score agrees with another: what a cheap measure is worth in place of a dear one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError, RecipeError
from winnow.core.files import write_json
from winnow.core.run import num_shards
from winnow.core.sql import ORDERED, check_expressions, evaluate, namespaces, read_columns
from winnow.core.step import Aligned, Whole
from winnow.core.table import Store
from winnow.measure.examples import NORMAL_95, auc
from winnow.measure.ranks import spearman

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_EXAM = 20
"""Fewer documents of an exam tell nothing."""


@dataclass(frozen=True, kw_only=True)
class Agreement(Whole):
    """How far two scores of the same documents agree, on those that the student was not fitted on.

    Writes ``report.json``: ``num_documents``; ``auc``, how well the student tells the teacher's top ``fraction`` from
    the rest, with DeLong's interval; ``spearman`` of the two scores with its interval (Bonett & Wright 2000);
    ``overlap``, the share of the teacher's top fraction that is in the student's.
    """

    teacher: Aligned
    score: str
    student: Aligned
    student_score: str
    exam: str
    """SQL of whether a document counts."""
    fraction: float

    def check(self) -> None:
        """Bind the scores; refuse scores of different documents."""
        if self.teacher.documents.key != self.student.documents.key:
            raise RecipeError(f"{self.teacher.label} and {self.student.label} judge different documents")
        known = namespaces(self.teacher.documents, (self.teacher, self.student))
        check_expressions(known, {"score": self.score, "student_score": self.student_score}, ORDERED)
        check_expressions(known, {"exam": self.exam}, ["BOOLEAN"])

    def make(self, store: Store, directory: Path) -> dict[str, int]:
        """Compare the two on the exam."""
        teacher, student = self._answers(store)
        if len(teacher) < MIN_EXAM:
            raise InputError(f"{len(teacher)} documents are left to examine the student by: take a larger sample")
        number = max(1, round(self.fraction * len(teacher)))
        good, chosen = (_top(scores, number) for scores in (teacher, student))
        area = auc(student, good)
        correlation, low, high = spearman_interval(teacher, student)
        report = {
            "num_documents": len(teacher),
            "auc": area.value,
            "auc_interval": [area.low, area.high],
            "spearman": correlation,
            "spearman_interval": [low, high],
            "overlap": float((good & chosen).sum() / number),
        }
        write_json(directory / "report.json", report)
        return {"examined": len(teacher)}

    def _answers(self, store: Store) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The scores of the documents that count and have both, in the order of their ids."""
        wanted = {
            "id": "documents.id",
            "teacher": f"CAST(({self.score}) AS DOUBLE)",
            "student": f"CAST(({self.student_score}) AS DOUBLE)",
            "exam": f"coalesce({self.exam}, false)",
        }
        documents, scores = self.teacher.documents, (self.teacher, self.student)
        found = []
        for shard in range(num_shards(documents, store)):
            rows = evaluate(read_columns(documents, scores, store, shard, wanted.values()), wanted)
            found.append(rows.filter(rows.column("exam")).drop_columns("exam"))
        rows = pa.concat_tables(found).drop_null().sort_by("id")
        teacher, student = (rows.column(name).to_numpy() for name in ("teacher", "student"))
        there = ~np.isnan(teacher) & ~np.isnan(student)
        return teacher[there], student[there]


def spearman_interval(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float, float]:
    """Spearman's rank correlation and its 95% interval; 0 where either does not vary."""
    value = spearman(one, other) or 0.0
    reach = NORMAL_95 * np.sqrt((1 + value**2 / 2) / max(1, len(one) - 3))
    middle = np.arctanh(np.clip(value, -1 + 1e-15, 1 - 1e-15))
    return value, float(np.tanh(middle - reach)), float(np.tanh(middle + reach))


def _top(scores: NDArray[np.float64], number: int) -> NDArray[np.bool_]:
    """Which scores are among the highest; the first of equals."""
    top = np.zeros(len(scores), bool)
    top[np.argsort(-scores, kind="stable")[:number]] = True
    return top
