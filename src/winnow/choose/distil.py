"""An expensive score on a sample, taught to a cheap classifier that scores the whole corpus.

How FineWeb-Edu, BETR (Mizrahi et al. 2025) and PreSelect (Shum et al. 2025) pay for a judge that no one can afford on
every document. The chain is made of steps that exist: a random sample; the teacher's scores on it; its top fraction as
positives and as many of the rest as negatives; a student fitted on both; the student's scores on everything. A tenth
of the sample is kept from the student and tells how far it agrees with the teacher.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from winnow.choose.rank import Band, Sample, Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.sql import ORDERED, check_expressions, evaluate, namespaces, read_columns
from winnow.core.step import Aligned, Rows
from winnow.core.table import Store
from winnow.measure.agreement import Agreement
from winnow.measure.embedding import Embedding
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.fit_linear import FitLinear
from winnow.measure.linear import Linear
from winnow.measure.measure import Measure, column
from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
from winnow.measure.ngram_regression import FitNgramRegression, NgramRegression
from winnow.measure.score import Score, scores_of

Scorer = Measure | Callable[[Rows], Aligned]
"""What judges documents: a measure, or a function that gives an aligned table of any documents."""


class Lesson(NamedTuple):
    """What a student learns from."""

    positives: Rows
    """The teacher's top fraction."""
    negatives: Rows
    """As many documents of the rest, drawn at random."""
    teacher: Aligned
    """All that the teacher said, for a student that learns the score itself."""
    score: str
    """SQL of it."""
    exam: str
    """SQL of the documents that no student may look at; they are among neither positives nor negatives."""
    seed: int


class Student(NamedTuple):
    """How the student is fitted on a lesson, and what it says."""

    fit: Callable[[Lesson], Scorer]
    score: str
    """SQL of its score, high for what is wanted."""


def _ngram(lesson: Lesson) -> Scorer:
    fit = FitNgramClassifier(positives=lesson.positives, negatives=lesson.negatives, seed=lesson.seed)
    return NgramClassifier(model=fit)


def _ngram_regression(lesson: Lesson) -> Scorer:
    fit = FitNgramRegression(target=lesson.teacher, score=lesson.score, leave_out=lesson.exam, seed=lesson.seed)
    return NgramRegression(model=fit)


def _fasttext(lesson: Lesson) -> Scorer:
    fit = FitFastText(positives=lesson.positives, negatives=lesson.negatives, seed=lesson.seed)
    return FastText(model=fit)


def _linear(lesson: Lesson) -> Scorer:
    sets = (lesson.positives, lesson.negatives)
    positives, negatives = (Score(documents=rows, measure=Embedding()) for rows in sets)
    fit = FitLinear(positives=positives, negatives=negatives, seed=lesson.seed)
    return lambda documents: Linear(
        documents=documents, vectors=Score(documents=documents, measure=Embedding()), model=fit
    )


STUDENTS = {
    "ngram": Student(_ngram, "ngram_classifier.logit"),
    "ngram_regression": Student(_ngram_regression, "ngram_regression.value"),
    "fasttext": Student(_fasttext, "fasttext.hq_logit"),
    "linear": Student(_linear, "linear.score"),
}
"""By name: hashed n-grams, against the rest or by the score itself; fastText; a linear model of embeddings."""


def distil(
    documents: Rows,
    *,
    teacher: Scorer,
    score: str,
    sample: float = 0.01,
    fraction: float = 0.1,
    student: Student = STUDENTS["ngram"],
    seed: int = 0,
) -> Distilled:
    """A cheap student's scores of all documents, in place of an expensive teacher's.

    Args:
        documents: the corpus.
        teacher: judges a sample of it.
        score: SQL of what the teacher says, high for what is wanted (``"ask_llm.log_odds"``).
        sample: share of the documents that the teacher sees.
        fraction: share of the sample that counts as good, in (0, 0.5].
        student: learns to tell those from the rest; one of ``STUDENTS`` or your own.
        seed: decides on the sample, the exam and the negatives.

    Raises RecipeError for a fraction of which the rest could not be matched.
    """
    if not 0 < fraction <= 0.5:
        raise RecipeError(f"fraction is {fraction}; it must lie in (0, 0.5]")
    seen = Select(documents=documents, keep=Sample(sample, seed=seed))
    judged = _judged(seen, teacher)
    exam = f"md5_number_lower(documents.id || ':exam:{seed}') % 10 = 0"
    kept_back = RuleSet(name="distil", source="winnow.choose.distil", measures=(), rules=(("exam", exam),))
    good = Select(documents=seen, measures=(judged,), reject=kept_back, keep=Top(score, fraction))
    rest = Select(documents=seen, measures=(judged,), reject=kept_back, keep=Band(score, fraction, 1 - fraction))
    as_many = Select(documents=rest, keep=Sample(fraction / (1 - fraction), seed=seed + 1))
    taught = student.fit(Lesson(good, as_many, judged, score, exam, seed))
    agreement = Agreement(
        teacher=judged,
        score=score,
        student=_judged(seen, taught),
        student_score=student.score,
        exam=exam,
        fraction=fraction,
    )
    return Distilled(documents=documents, student=_judged(documents, taught), score=student.score, agreement=agreement)


def _judged(documents: Rows, by: Scorer) -> Aligned:
    return scores_of(documents, (by(documents) if callable(by) else by,))[0]


@dataclass(frozen=True, kw_only=True)
class Distilled(Aligned):
    """A student's score of each document, given once it is known how far it agrees with its teacher."""

    reads: ClassVar[tuple[str, ...] | None] = ()

    student: Aligned
    score: str
    agreement: Agreement

    @property
    def name(self) -> str:
        """``distilled``."""
        return "distilled"

    def check(self) -> None:
        """Bind the student's score."""
        check_expressions(namespaces(self.documents, (self.student,)), {"score": self.score}, ORDERED)

    def columns(self) -> pa.Schema:
        """``score``."""
        meaning = f"{self.score}, fitted on {self.agreement.score}; null where the student has no score"
        return pa.schema([column("score", pa.float64(), meaning, range="(-inf, inf)")])

    def load(self, store: Store, shard: int) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
        """Read the student's scores of one shard."""
        wanted = {"id": "documents.id", "score": f"CAST(({self.score}) AS DOUBLE)"}
        rows = evaluate(read_columns(self.documents, (self.student,), store, shard, wanted.values()), wanted)
        ids, scores = (rows.column(name).combine_chunks() for name in ("id", "score"))

        def look_up(batch: pa.RecordBatch) -> pa.RecordBatch:
            found = scores.take(pc.index_in(batch.column("id"), ids))
            return pa.RecordBatch.from_arrays([found], schema=self.columns())

        return look_up
