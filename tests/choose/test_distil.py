from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from toys import Given, rows_of

from winnow.choose.distil import STUDENTS, Distilled, Lesson, Scorer, Student, distil
from winnow.choose.select import Select
from winnow.core.errors import InputError, RecipeError
from winnow.core.files import read_json
from winnow.core.run import materialize
from winnow.core.step import Aligned, Rows, ordered
from winnow.core.table import Store
from winnow.measure.agreement import spearman_interval
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.function import Function
from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
from winnow.measure.score import Score

WORDS = "of the to and in is it cell theory energy protein result".split()


def share_of_science(text: str) -> float | None:
    """The teacher: the share of words that are five letters or longer."""
    words = text.split()
    return sum(len(word) > 5 for word in words) / len(words) if words else None


def corpus(number: int, shards: int = 3) -> Given:
    draw = random.Random(5)
    rows = []
    for place in range(number):
        science = draw.random()
        words = [draw.choice(WORDS[7:] if draw.random() < science else WORDS[:7]) for _ in range(draw.randint(20, 60))]
        rows.append((f"d{place:04}", " ".join(words)))
    return Given(shards=tuple(tuple(rows[start::shards]) for start in range(shards)))


CORPUS = corpus(1200)
TEACHER = Function(name="science", function=share_of_science)


def fit_small(lesson: Lesson) -> Scorer:
    fit = FitNgramClassifier(positives=lesson.positives, negatives=lesson.negatives, num_buckets=1 << 12)
    return NgramClassifier(model=fit)


def fit_small_fasttext(lesson: Lesson) -> Scorer:
    fit = FitFastText(positives=lesson.positives, negatives=lesson.negatives, dim=2, bucket=100)
    return FastText(model=fit)


SMALL = Student(fit_small, "ngram_classifier.logit")
DISTILLED = distil(CORPUS, teacher=TEACHER, score="science.value", sample=0.5, fraction=0.2, student=SMALL)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole chain is made."""
    made = tmp_path_factory.mktemp("distilled")
    materialize(DISTILLED, made)
    return made


def ids(rows: Select, store: Path) -> set[str]:
    shards = range(len(Store(store).table(rows).manifest.shards))
    return {id for n in shards for batch in rows.open_shard(Store(store), n, ["id"]) for id in batch["id"].to_pylist()}


def lesson(distilled: Distilled) -> tuple[Select, Select]:
    fit = next(step for step in ordered(distilled) if isinstance(step, FitNgramClassifier))
    assert isinstance(fit.positives, Select) and isinstance(fit.negatives, Select)
    return fit.positives, fit.negatives


def test_the_student_scores_everything_and_agrees_with_its_teacher(store: Path) -> None:
    rows = rows_of(DISTILLED, store)
    assert len(rows) == 1200
    texts = {row[0]: str(row[1]) for shard in CORPUS.shards for row in shard}
    teacher = np.array([share_of_science(texts[row["id"]]) for row in rows])
    student = np.array([row["score"] for row in rows])
    assert spearman_interval(teacher, student)[0] > 0.8
    report = read_json(Store(store).table(DISTILLED.agreement).file("report.json"))
    assert 40 < report["num_documents"] < 80
    assert report["spearman_interval"][0] < report["spearman"] < report["spearman_interval"][1]
    assert report["auc"] > 0.9
    assert 0.5 <= report["overlap"] <= 1


def test_the_lesson_is_the_top_and_as_many_of_the_rest_and_the_exam_is_neither(store: Path) -> None:
    positives, negatives = (ids(rows, store) for rows in lesson(DISTILLED))
    judged = {row["id"]: row["value"] for row in rows_of(DISTILLED.agreement.teacher, store)}
    assert len(judged) == 600
    examined = Store(store).table(DISTILLED.agreement).manifest.counts["examined"]
    taught = 600 - examined
    assert len(positives) == pytest.approx(0.2 * taught, abs=1)
    assert len(negatives) == pytest.approx(len(positives), abs=1)
    assert not positives & negatives
    assert min(judged[id] for id in positives) >= max(judged[id] for id in negatives)


def test_the_teacher_sees_the_sample_alone(store: Path) -> None:
    assert Store(store).table(DISTILLED.agreement.teacher).manifest.rows == 600
    assert all(
        step.documents is not CORPUS
        for step in ordered(DISTILLED)
        if isinstance(step, Score) and step.name == "science"
    )


def test_shards_do_not_matter(store: Path) -> None:
    turned = distil(corpus(1200, 7), teacher=TEACHER, score="science.value", sample=0.5, fraction=0.2, student=SMALL)
    materialize(turned, store)
    reports = [Store(store).table(made.agreement).file("report.json").read_bytes() for made in (DISTILLED, turned)]
    assert reports[0] == reports[1]
    one, other = ({row["id"]: row["score"] for row in rows_of(made, store)} for made in (DISTILLED, turned))
    assert one == other


def test_a_teacher_may_be_made_from_the_sample(tmp_path: Path) -> None:
    def teacher(documents: Rows) -> Aligned:
        return Score(documents=documents, measure=TEACHER)

    same = distil(CORPUS, teacher=teacher, score="science.value", sample=0.5, fraction=0.2, student=SMALL)
    assert same.key == DISTILLED.key


@pytest.mark.parametrize("name", ["fasttext", "linear", "ngram_regression"])
def test_other_students_learn_the_same_lesson(store: Path, name: str) -> None:
    student = STUDENTS[name]
    if name == "fasttext":
        student = Student(fit_small_fasttext, student.score)
    other = distil(CORPUS, teacher=TEACHER, score="science.value", sample=0.5, fraction=0.2, student=student)
    materialize(other, store)
    report = read_json(Store(store).table(other.agreement).file("report.json"))
    assert report["auc"] > 0.6
    assert len(rows_of(other, store)) == 1200


def test_what_cannot_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"fraction is 0\.6"):
        materialize(distil(CORPUS, teacher=TEACHER, score="science.value", fraction=0.6), tmp_path)
    with pytest.raises(RecipeError, match=r"names 'science\.valu'"):
        materialize(distil(CORPUS, teacher=TEACHER, score="science.valu"), tmp_path)
    with pytest.raises(InputError, match="take a larger sample"):
        materialize(distil(CORPUS, teacher=TEACHER, score="science.value", sample=0.05, fraction=0.5), tmp_path)
