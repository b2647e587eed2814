"""Turns raw web crawl into the training set that a given amount of compute deserves.

The public names are those of ``__all__``; each is imported when it is first used, so that ``import winnow`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from winnow.choose.rank import Bottom, Middle, Sample, Top
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
    from winnow.documents.read import Read
    from winnow.edit.c4 import C4Lines
    from winnow.edit.cut import Cut
    from winnow.edit.edit import Edit
    from winnow.edit.newlines import NewlineRemoval
    from winnow.edit.refinedweb import RefinedWebLines
    from winnow.edit.urls import UrlRemoval
    from winnow.extract.resiliparse import Resiliparse
    from winnow.extract.trafilatura import Trafilatura
    from winnow.measure.content_hash import ContentHash
    from winnow.measure.ensemble import Ensemble, FitQuantiles, ensemble
    from winnow.measure.function import Function
    from winnow.measure.kmeans import FitKMeans
    from winnow.measure.language import Language
    from winnow.measure.measure import Measure
    from winnow.measure.minhash import MinHash
    from winnow.measure.score import Score
    from winnow.measure.text import Text
    from winnow.measure.url import Url

_HOMES = {
    "Aligned": "core.step",
    "Bottom": "choose.rank",
    "C4Lines": "edit.c4",
    "ContentHash": "measure.content_hash",
    "Cut": "edit.cut",
    "Edit": "edit.edit",
    "Ensemble": "measure.ensemble",
    "Executor": "core.executors",
    "Export": "documents.export",
    "ExportAttributes": "documents.export",
    "FitKMeans": "measure.kmeans",
    "FitQuantiles": "measure.ensemble",
    "Function": "measure.function",
    "Inline": "core.executors",
    "Language": "measure.language",
    "Measure": "measure.measure",
    "Middle": "choose.rank",
    "MinHash": "measure.minhash",
    "NewlineRemoval": "edit.newlines",
    "Processes": "core.executors",
    "Ray": "core.ray",
    "Read": "documents.read",
    "RefinedWebLines": "edit.refinedweb",
    "Reshaping": "core.step",
    "Resiliparse": "extract.resiliparse",
    "RuleSet": "choose.rules",
    "Sample": "choose.rank",
    "Score": "measure.score",
    "Select": "choose.select",
    "Step": "core.step",
    "Store": "core.table",
    "Table": "core.table",
    "Text": "measure.text",
    "Top": "choose.rank",
    "Trafilatura": "extract.trafilatura",
    "Url": "measure.url",
    "UrlRemoval": "edit.urls",
    "Whole": "core.step",
    "WinnowError": "core.errors",
    "bloom_duplicates": "dedup.bloom",
    "contamination": "decontaminate.contamination",
    "ensemble": "measure.ensemble",
    "exact_duplicates": "dedup.exact",
    "line_duplicates": "dedup.lines",
    "lsh_recall": "dedup.minhash",
    "materialize": "core.run",
    "minhash_duplicates": "dedup.minhash",
    "plan": "core.plan",
    "rule_set": "choose.rules",
    "semantic_duplicates": "dedup.semantic",
    "substring_duplicates": "dedup.substring",
    "uncontaminated": "choose.unique",
    "unique": "choose.unique",
}

__all__ = [
    "Aligned",
    "Bottom",
    "C4Lines",
    "ContentHash",
    "Cut",
    "Edit",
    "Ensemble",
    "Executor",
    "Export",
    "ExportAttributes",
    "FitKMeans",
    "FitQuantiles",
    "Function",
    "Inline",
    "Language",
    "Measure",
    "Middle",
    "MinHash",
    "NewlineRemoval",
    "Processes",
    "Ray",
    "Read",
    "RefinedWebLines",
    "Reshaping",
    "Resiliparse",
    "RuleSet",
    "Sample",
    "Score",
    "Select",
    "Step",
    "Store",
    "Table",
    "Text",
    "Top",
    "Trafilatura",
    "Url",
    "UrlRemoval",
    "Whole",
    "WinnowError",
    "bloom_duplicates",
    "contamination",
    "ensemble",
    "exact_duplicates",
    "line_duplicates",
    "lsh_recall",
    "materialize",
    "minhash_duplicates",
    "plan",
    "rule_set",
    "semantic_duplicates",
    "substring_duplicates",
    "uncontaminated",
    "unique",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'winnow' has no attribute {name!r}")
    return getattr(importlib.import_module(f"winnow.{_HOMES[name]}"), name)
