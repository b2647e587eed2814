"""Turns raw web crawl into the training set that a given amount of compute deserves.

The public names are those of ``__all__``; each is imported when it is first used, so that ``import winnow`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from winnow.bench.compare import compare
    from winnow.bench.imported import ImportedRuns
    from winnow.bench.ledger import read_ledger, write_ledger
    from winnow.bench.tracks import Bench, Candidate, Trial
    from winnow.bench.transfer import transfer
    from winnow.choose.comparison import Comparison
    from winnow.choose.distil import distil
    from winnow.choose.rank import Accept, Band, BatchTop, Bottom, Gumbel, Middle, Sample, Top
    from winnow.choose.rules import RuleSet, rule_set
    from winnow.choose.select import Select
    from winnow.choose.unique import uncontaminated, unique
    from winnow.core.errors import WinnowError
    from winnow.core.executors import Executor, Inline, Processes
    from winnow.core.plan import plan
    from winnow.core.ray import Ray
    from winnow.core.run import materialize
    from winnow.core.step import Aligned, Reshaping, Step, Whole
    from winnow.core.table import Store, Table
    from winnow.decontaminate.contamination import contamination
    from winnow.dedup.bloom import bloom_duplicates
    from winnow.dedup.exact import exact_duplicates
    from winnow.dedup.lines import line_duplicates
    from winnow.dedup.minhash import lsh_recall, minhash_duplicates
    from winnow.dedup.semantic import semantic_duplicates
    from winnow.dedup.substring import substring_duplicates
    from winnow.documents.export import Export, ExportAttributes
    from winnow.documents.links import Links
    from winnow.documents.read import Read
    from winnow.edit.c4 import C4Lines
    from winnow.edit.cut import Cut
    from winnow.edit.edit import Edit
    from winnow.edit.newlines import NewlineRemoval
    from winnow.edit.refinedweb import RefinedWebLines
    from winnow.edit.urls import UrlRemoval
    from winnow.evaluate.evaluate import Evaluate
    from winnow.evaluate.fine_tune import FineTune
    from winnow.extract.resiliparse import Resiliparse
    from winnow.extract.trafilatura import Trafilatura
    from winnow.lm.export_tokens import ExportTokens
    from winnow.lm.fit_tokenizer import FitTokenizer
    from winnow.lm.hf_export import ExportHuggingFace
    from winnow.lm.import_tokens import ImportTokens
    from winnow.lm.kept import Checkpoint
    from winnow.lm.mix import Mix
    from winnow.lm.sequences import Sequences
    from winnow.lm.shares import Advised, Epochs, Proportional, Temperature, Weights
    from winnow.lm.tokenize import Tokenize
    from winnow.lm.train import Train
    from winnow.lm.trained import open_trained
    from winnow.loss.loss import Loss
    from winnow.loss.memorization import Memorization
    from winnow.measure.ask_llm import AskLLM
    from winnow.measure.attributes import imported_attributes
    from winnow.measure.benchmark_examples import BenchmarkExamples
    from winnow.measure.betr import benchmark_rank
    from winnow.measure.content_hash import ContentHash
    from winnow.measure.dsir import Dsir, FitDsir
    from winnow.measure.embedding import Embedding
    from winnow.measure.ensemble import Ensemble, FitQuantiles, FitWeights, ensemble
    from winnow.measure.fasttext import FastText
    from winnow.measure.fit_fasttext import FitFastText
    from winnow.measure.fit_linear import FitLinear, FitRidge
    from winnow.measure.fit_ngram_model import FitNgramModel
    from winnow.measure.fit_page_rank import FitPageRank
    from winnow.measure.function import Function
    from winnow.measure.given_ranks import GivenRanks
    from winnow.measure.kmeans import FitKMeans
    from winnow.measure.language import Language
    from winnow.measure.linear import Linear
    from winnow.measure.link_graph import EdgeList, LinkGraph, WebGraph
    from winnow.measure.llm_endpoint import Endpoint
    from winnow.measure.llm_questions import Rubric, YesNo
    from winnow.measure.measure import Measure
    from winnow.measure.minhash import MinHash
    from winnow.measure.ngram_classifier import FitNgramClassifier, NgramClassifier
    from winnow.measure.ngram_regression import FitNgramRegression, NgramRegression
    from winnow.measure.page_rank import PageRank
    from winnow.measure.perplexity import Perplexity
    from winnow.measure.score import Score
    from winnow.measure.text import Text
    from winnow.measure.topics import FitTopics, Topics
    from winnow.measure.url import Url
    from winnow.rater.data_rater import DataRater
    from winnow.rater.fit import FitDataRater

_HOMES = {
    "Accept": "choose.rank",
    "Advised": "lm.shares",
    "Aligned": "core.step",
    "AskLLM": "measure.ask_llm",
    "Band": "choose.rank",
    "BatchTop": "choose.rank",
    "Bench": "bench.tracks",
    "BenchmarkExamples": "measure.benchmark_examples",
    "Bottom": "choose.rank",
    "C4Lines": "edit.c4",
    "Candidate": "bench.tracks",
    "Checkpoint": "lm.kept",
    "Comparison": "choose.comparison",
    "ContentHash": "measure.content_hash",
    "Cut": "edit.cut",
    "DataRater": "rater.data_rater",
    "Dsir": "measure.dsir",
    "EdgeList": "measure.link_graph",
    "Edit": "edit.edit",
    "Embedding": "measure.embedding",
    "Endpoint": "measure.llm_endpoint",
    "Ensemble": "measure.ensemble",
    "Epochs": "lm.shares",
    "Evaluate": "evaluate.evaluate",
    "Executor": "core.executors",
    "Export": "documents.export",
    "ExportAttributes": "documents.export",
    "ExportHuggingFace": "lm.hf_export",
    "ExportTokens": "lm.export_tokens",
    "FastText": "measure.fasttext",
    "FineTune": "evaluate.fine_tune",
    "FitDataRater": "rater.fit",
    "FitDsir": "measure.dsir",
    "FitFastText": "measure.fit_fasttext",
    "FitKMeans": "measure.kmeans",
    "FitLinear": "measure.fit_linear",
    "FitNgramClassifier": "measure.ngram_classifier",
    "FitNgramModel": "measure.fit_ngram_model",
    "FitNgramRegression": "measure.ngram_regression",
    "FitPageRank": "measure.fit_page_rank",
    "FitQuantiles": "measure.ensemble",
    "FitRidge": "measure.fit_linear",
    "FitTokenizer": "lm.fit_tokenizer",
    "FitTopics": "measure.topics",
    "FitWeights": "measure.ensemble",
    "Function": "measure.function",
    "GivenRanks": "measure.given_ranks",
    "Gumbel": "choose.rank",
    "ImportTokens": "lm.import_tokens",
    "ImportedRuns": "bench.imported",
    "Inline": "core.executors",
    "Language": "measure.language",
    "Linear": "measure.linear",
    "LinkGraph": "measure.link_graph",
    "Links": "documents.links",
    "Loss": "loss.loss",
    "Measure": "measure.measure",
    "Memorization": "loss.memorization",
    "Middle": "choose.rank",
    "MinHash": "measure.minhash",
    "Mix": "lm.mix",
    "NewlineRemoval": "edit.newlines",
    "NgramClassifier": "measure.ngram_classifier",
    "NgramRegression": "measure.ngram_regression",
    "PageRank": "measure.page_rank",
    "Perplexity": "measure.perplexity",
    "Processes": "core.executors",
    "Proportional": "lm.shares",
    "Ray": "core.ray",
    "Read": "documents.read",
    "RefinedWebLines": "edit.refinedweb",
    "Reshaping": "core.step",
    "Resiliparse": "extract.resiliparse",
    "Rubric": "measure.llm_questions",
    "RuleSet": "choose.rules",
    "Sample": "choose.rank",
    "Score": "measure.score",
    "Select": "choose.select",
    "Sequences": "lm.sequences",
    "Step": "core.step",
    "Store": "core.table",
    "Table": "core.table",
    "Temperature": "lm.shares",
    "Text": "measure.text",
    "Tokenize": "lm.tokenize",
    "Top": "choose.rank",
    "Topics": "measure.topics",
    "Trafilatura": "extract.trafilatura",
    "Train": "lm.train",
    "Trial": "bench.tracks",
    "Url": "measure.url",
    "UrlRemoval": "edit.urls",
    "WebGraph": "measure.link_graph",
    "Weights": "lm.shares",
    "Whole": "core.step",
    "WinnowError": "core.errors",
    "YesNo": "measure.llm_questions",
    "benchmark_rank": "measure.betr",
    "bloom_duplicates": "dedup.bloom",
    "compare": "bench.compare",
    "contamination": "decontaminate.contamination",
    "distil": "choose.distil",
    "ensemble": "measure.ensemble",
    "exact_duplicates": "dedup.exact",
    "imported_attributes": "measure.attributes",
    "line_duplicates": "dedup.lines",
    "lsh_recall": "dedup.minhash",
    "materialize": "core.run",
    "minhash_duplicates": "dedup.minhash",
    "open_trained": "lm.trained",
    "plan": "core.plan",
    "read_ledger": "bench.ledger",
    "rule_set": "choose.rules",
    "semantic_duplicates": "dedup.semantic",
    "substring_duplicates": "dedup.substring",
    "transfer": "bench.transfer",
    "uncontaminated": "choose.unique",
    "unique": "choose.unique",
    "write_ledger": "bench.ledger",
}

__all__ = [
    "Accept",
    "Advised",
    "Aligned",
    "AskLLM",
    "Band",
    "BatchTop",
    "Bench",
    "BenchmarkExamples",
    "Bottom",
    "C4Lines",
    "Candidate",
    "Checkpoint",
    "Comparison",
    "ContentHash",
    "Cut",
    "DataRater",
    "Dsir",
    "EdgeList",
    "Edit",
    "Embedding",
    "Endpoint",
    "Ensemble",
    "Epochs",
    "Evaluate",
    "Executor",
    "Export",
    "ExportAttributes",
    "ExportHuggingFace",
    "ExportTokens",
    "FastText",
    "FineTune",
    "FitDataRater",
    "FitDsir",
    "FitFastText",
    "FitKMeans",
    "FitLinear",
    "FitNgramClassifier",
    "FitNgramModel",
    "FitNgramRegression",
    "FitPageRank",
    "FitQuantiles",
    "FitRidge",
    "FitTokenizer",
    "FitTopics",
    "FitWeights",
    "Function",
    "GivenRanks",
    "Gumbel",
    "ImportTokens",
    "ImportedRuns",
    "Inline",
    "Language",
    "Linear",
    "LinkGraph",
    "Links",
    "Loss",
    "Measure",
    "Memorization",
    "Middle",
    "MinHash",
    "Mix",
    "NewlineRemoval",
    "NgramClassifier",
    "NgramRegression",
    "PageRank",
    "Perplexity",
    "Processes",
    "Proportional",
    "Ray",
    "Read",
    "RefinedWebLines",
    "Reshaping",
    "Resiliparse",
    "Rubric",
    "RuleSet",
    "Sample",
    "Score",
    "Select",
    "Sequences",
    "Step",
    "Store",
    "Table",
    "Temperature",
    "Text",
    "Tokenize",
    "Top",
    "Topics",
    "Trafilatura",
    "Train",
    "Trial",
    "Url",
    "UrlRemoval",
    "WebGraph",
    "Weights",
    "Whole",
    "WinnowError",
    "YesNo",
    "benchmark_rank",
    "bloom_duplicates",
    "compare",
    "contamination",
    "distil",
    "ensemble",
    "exact_duplicates",
    "imported_attributes",
    "line_duplicates",
    "lsh_recall",
    "materialize",
    "minhash_duplicates",
    "open_trained",
    "plan",
    "read_ledger",
    "rule_set",
    "semantic_duplicates",
    "substring_duplicates",
    "transfer",
    "uncontaminated",
    "unique",
    "write_ledger",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'winnow' has no attribute {name!r}")
    return getattr(importlib.import_module(f"winnow.{_HOMES[name]}"), name)
