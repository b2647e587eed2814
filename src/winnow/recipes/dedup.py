"""Deduplication alone: read, find duplicates, keep one of each."""

from __future__ import annotations

from typing import Literal, get_args

from winnow.choose.unique import unique
from winnow.core.errors import RecipeError, did_you_mean
from winnow.core.step import Rows
from winnow.dedup.exact import exact_duplicates
from winnow.dedup.minhash import minhash_duplicates
from winnow.documents.read import Read
from winnow.extract.named import extractor

Method = Literal["minhash", "exact"]


def dedup(
    source: str,
    method: Method = "minhash",
    preset: str = "thorough",
    threshold: float | None = None,
    extract: str = "resiliparse",
) -> Rows:
    """Read the documents and keep one of those that repeat each other.

    ``minhash``: nearly the same text, by the signature and the threshold of a preset (thorough, fineweb, dolma3, dclm)
    or another threshold; of two alike the one with the lower id is kept. ``exact``: the same text, byte for byte;
    preset and threshold mean nothing then.
    """
    if method not in get_args(Method):
        raise RecipeError(f"--method is {method!r}; {did_you_mean(method, get_args(Method))}")
    pages = Read(source=source, extract=extractor(extract))
    if method == "exact":
        return unique(exact_duplicates(pages))
    return unique(minhash_duplicates(pages, preset=preset, threshold=threshold))
