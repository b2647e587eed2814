"""Distillation: an expensive judge of a sample teaches a cheap one, which chooses from the whole corpus."""

from __future__ import annotations

from winnow.choose.distil import STUDENTS, Scorer
from winnow.choose.distil import distil as distilled
from winnow.choose.rank import Top
from winnow.choose.select import Select
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Aligned, Rows
from winnow.documents.read import Read
from winnow.extract.named import extractor
from winnow.measure.ask_llm import AskLLM
from winnow.measure.benchmark_examples import BenchmarkExamples
from winnow.measure.betr import benchmark_rank
from winnow.measure.embedding import Embedding
from winnow.measure.function import Function
from winnow.measure.llm_endpoint import Endpoint
from winnow.measure.score import Score
from winnow.measure.text import Text
from winnow.recipes.catalog import find_function

TEACHERS = ("ask_llm", "betr", "file.py:function")


def distil(
    source: str,
    teacher: str,
    sample: float = 0.01,
    fraction: float = 0.1,
    keep: float = 0.1,
    by: str = "documents",
    student: str = "ngram",
    model: str | None = None,
    endpoint: str | None = None,
    benchmarks: tuple[str, ...] = (),
    seed: int = 0,
    extract: str = "resiliparse",
) -> Rows:
    """Keep the documents that a cheap student of an expensive teacher finds best.

    ``--teacher ask_llm`` asks a language model (``--model``, a directory, or a name at ``--endpoint``); ``betr`` ranks
    by nearness to ``--benchmarks``, files of *training* examples; ``file.py:function`` or ``module:function`` is any
    function of a text that gives a number. It judges ``--sample`` of the documents, of which the best ``--fraction``
    teach the student: ngram, fasttext or linear; an ngram_regression learns the numbers themselves. Kept is ``--keep``
    of the whole, ``--by`` documents or tokens.
    """
    if student not in STUDENTS:
        raise RecipeError(f"--student is {student!r}; {did_you_mean(student, STUDENTS)}")
    pages = Read(source=source, extract=extractor(extract))
    judge, score = _teacher(teacher, model, endpoint, benchmarks)
    scores = distilled(
        pages, teacher=judge, score=score, sample=sample, fraction=fraction, student=STUDENTS[student], seed=seed
    )
    measures = (scores, Text()) if by == "tokens" else (scores,)
    return Select(documents=pages, measures=measures, keep=Top("distilled.score", keep, by=by))


def _teacher(name: str, model: str | None, endpoint: str | None, benchmarks: tuple[str, ...]) -> tuple[Scorer, str]:
    """The teacher of that name, and SQL of what it says."""
    if name == "ask_llm":
        if model is None:
            raise RecipeError("--teacher ask_llm asks a language model: give its directory, or its name, as --model")
        asked = Endpoint(model=model, url=endpoint) if endpoint else model
        return AskLLM(model=asked), "ask_llm.log_odds"
    if name == "betr":
        if not benchmarks:
            raise RecipeError("--teacher betr ranks by benchmark examples: give files of them as --benchmarks")
        return _near(benchmarks), "betr.similarity / 2 - betr.best_rank"
    if ":" not in name:
        raise RecipeError(f"--teacher is {name!r}; {did_you_mean(name, TEACHERS)}")
    return Function(name="teacher", function=find_function(name)), "teacher.value"


def _near(benchmarks: tuple[str, ...]) -> Scorer:
    examples = Score(documents=BenchmarkExamples(tasks=benchmarks), measure=Embedding())

    def judged(documents: Rows) -> Aligned:
        vectors = Score(documents=documents, measure=Embedding())
        return benchmark_rank(documents, vectors=vectors, examples=examples)

    return judged
