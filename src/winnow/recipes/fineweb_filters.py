"""FineWeb's filters in the order of datatrove's example, before its deduplication."""

from __future__ import annotations

from winnow.choose.select import Select
from winnow.core.step import Rows
from winnow.documents.read import Read
from winnow.extract.named import extractor
from winnow.recipes.refinedweb import language_rules


def fineweb_filters(
    source: str,
    extract: str = "trafilatura",
    language: str = "en",
    min_language_score: float = 0.65,
    language_model: str | None = None,
) -> Rows:
    """Extract, language, Gopher repetition and quality, C4, FineWeb: FineWeb's filters without deduplication.

    Source: Penedo et al. 2024 (arXiv 2406.17557), section 3; datatrove 0.10.1, examples/fineweb.py. C4 runs without its
    rule on terminal punctuation, as there. Its line rules rewrite the text there before FineWeb's own rules see it;
    here every rule judges the text as it was extracted, so that one reading serves them all.
    """
    pages = Read(source=source, extract=extractor(extract))
    rules = (
        language_rules(language, min_language_score, language_model),
        "gopher@datatrove",
        "c4@fineweb",
        "fineweb@datatrove",
    )
    return Select(documents=pages, reject=rules)
