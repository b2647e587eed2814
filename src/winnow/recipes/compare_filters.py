"""The field's filters on one pool at one keep-fraction: what each keeps, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from winnow.choose.comparison import Comparison
from winnow.choose.rank import Top
from winnow.choose.select import Select
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Aligned, Rows
from winnow.documents.links import Links
from winnow.documents.read import Read
from winnow.extract.named import extractor
from winnow.measure.ask_llm import AskLLM
from winnow.measure.benchmark_examples import BenchmarkExamples
from winnow.measure.betr import benchmark_rank
from winnow.measure.dsir import Dsir, FitDsir
from winnow.measure.embedding import Embedding
from winnow.measure.ensemble import How, ensemble
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.measure.fit_linear import FitLinear
from winnow.measure.fit_ngram_model import FitNgramModel
from winnow.measure.fit_page_rank import FitPageRank
from winnow.measure.linear import Linear
from winnow.measure.link_graph import LinkGraph
from winnow.measure.llm_endpoint import Endpoint
from winnow.measure.measure import Measure
from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
from winnow.measure.page_rank import PageRank
from winnow.measure.perplexity import Perplexity
from winnow.measure.score import Score
from winnow.measure.text import Text


class Filter(NamedTuple):
    """A score of documents, high for what is wanted."""

    measure: Measure | Aligned
    score: str
    """SQL."""


def compare_filters(
    source: str,
    positives: str,
    keep: float = 0.1,
    by: str = "documents",
    choose: str | None = None,
    benchmarks: tuple[str, ...] = (),
    links: bool = False,
    model: str | None = None,
    endpoint: str | None = None,
    extract: str = "resiliparse",
) -> Rows | Comparison:
    """Score one pool in every way there is, keep the same share by each, and compare.

    What is fitted learns from ``positives``, documents like those wanted, against the pool: fasttext, ngram, dsir,
    linear (on the packaged embedding), and perplexity (of an n-gram model of the positives; the low is kept). With
    ``--benchmarks``, files of training examples, there is betr; with ``--links``, for WARC or WAT files, page_rank by
    host; with ``--model`` (a directory, or a name at ``--endpoint``) ask_llm. mean and max are ensembles of the learned
    ones. The report shows each score's distribution and documents along it, rank correlations, agreement, and
    what each does to the mixture of sources. ``--choose NAME`` gives the documents that one of them keeps; all scores
    are there by then.
    """
    pool = Read(source=source, extract=extractor(extract))
    filters = learned_filters(pool, Read(source=positives)) | _asked(pool, source, benchmarks, links, model, endpoint)
    choices = {
        name: Select(documents=pool, measures=_measures(found, by), keep=Top(found.score, keep, by))
        for name, found in filters.items()
    }
    if choose is None:
        return Comparison(choices=tuple(choices.items()))
    if choose not in choices:
        raise RecipeError(f"--choose is {choose!r}; {did_you_mean(choose, choices)}")
    return choices[choose]


def _measures(found: Filter, by: str) -> tuple[Measure | Aligned, ...]:
    return (found.measure, Text()) if by == "tokens" else (found.measure,)


def learned_filters(pool: Rows, wanted: Rows) -> dict[str, Filter]:
    """What two sets of documents teach, and the ensembles of it, by name."""
    vectors = Score(documents=pool, measure=Embedding())
    on_vectors = FitLinear(positives=Score(documents=wanted, measure=Embedding()), negatives=vectors)
    single = {
        "fasttext": Filter(FastText(model=FitFastText(positives=wanted, negatives=pool)), "fasttext.hq_logit"),
        "ngram": Filter(
            NgramClassifier(model=FitNgramClassifier(positives=wanted, negatives=pool)), "ngram_classifier.logit"
        ),
        "dsir": Filter(Dsir(model=FitDsir(target=wanted, raw=pool)), "dsir.log_weight_per_ngram"),
        "linear": Filter(Linear(documents=pool, vectors=vectors, model=on_vectors), "linear.score"),
        "perplexity": Filter(Perplexity(model=FitNgramModel(documents=wanted)), "-perplexity.document"),
    }
    return single | {how: _together(pool, single, how) for how in ("mean", "max")}


def _together(pool: Rows, filters: Mapping[str, Filter], how: How) -> Filter:
    scores = {name: found.score for name, found in filters.items()}
    measures = [found.measure for found in filters.values()]
    return Filter(ensemble(pool, scores=scores, measures=measures, how=how, name=how), f"{how}.score")


def _asked(
    pool: Rows, source: str, benchmarks: tuple[str, ...], links: bool, model: str | None, endpoint: str | None
) -> dict[str, Filter]:
    """What needs more than documents."""
    found: dict[str, Filter] = {}
    if benchmarks:
        vectors = Score(documents=pool, measure=Embedding())
        examples = Score(documents=BenchmarkExamples(tasks=benchmarks), measure=Embedding())
        ranked = benchmark_rank(pool, vectors=vectors, examples=examples)
        found["betr"] = Filter(ranked, "betr.similarity / 2 - betr.best_rank")  # equal ranks by nearness
    if links:
        graph = LinkGraph(links=Links(source=source))
        found["page_rank"] = Filter(PageRank(model=FitPageRank(graph=graph)), "page_rank.rank")
    if model is not None:
        asked = Endpoint(model=model, url=endpoint) if endpoint else model
        found["ask_llm"] = Filter(AskLLM(model=asked), "ask_llm.log_odds")
    return found
