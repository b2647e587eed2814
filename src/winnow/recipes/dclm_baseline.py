"""DCLM-Baseline from the crawl to the chosen tenth, and what each of its steps removed in the paper."""

from __future__ import annotations

from winnow.choose.rank import Top
from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.errors import RecipeError
from winnow.core.step import Rows
from winnow.dedup.bloom import bloom_duplicates
from winnow.documents.read import Read
from winnow.edit.cut import Cut
from winnow.measure.fasttext import FastText
from winnow.measure.fit_fasttext import FitFastText
from winnow.recipes.refinedweb import refinedweb
from winnow.report.published import Published

FIGURE_4 = "Li et al. 2024, figure 4"
REFINEDWEB_REMOVED = (
    Published(what="URL lists", reasons=("url:",), fraction=0.008, source=FIGURE_4),
    Published(what="language", reasons=("language:",), fraction=0.508, source=FIGURE_4),
    Published(what="page length", reasons=("refinedweb@dclm:page_length",), fraction=0.079, source=FIGURE_4),
    Published(
        what="other rules of quality",
        reasons=tuple(
            f"refinedweb@dclm:{name}"
            for name in (
                "word_length",
                "symbol_ratio",
                "bullet_count",
                "ellipsis_count",
                "alphabetic_word",
                "stop_word",
            )
        ),
        fraction=0.09,
        source=FIGURE_4,
    ),
    Published(what="repetition", reasons=("refinedweb@dclm:repetition",), fraction=0.096, source=FIGURE_4),
    Published(what="too much removed by edits", reasons=("edits:",), fraction=0.02, source=FIGURE_4),
)
"""What DCLM's copy of RefinedWeb removed of all pages extracted, by its own rules."""
REMOVED = (
    *REFINEDWEB_REMOVED,
    Published(what="Bloom filter", reasons=("bloom:",), fraction=0.062, source=FIGURE_4),
    Published(what="fastText, all but the top tenth", reasons=("rank",), fraction=0.123, source=FIGURE_4),
)
"""The same of DCLM-Baseline, which left 1.4%."""


def dclm_baseline(
    source: str,
    keep: float = 0.1,
    quality_model: str | None = None,
    positives: str | None = None,
    by: str = "documents",
    extract: str = "resiliparse",
    blocklist: str | None = None,
    strict_words: str | None = None,
    hard_words: str | None = None,
    soft_words: str | None = None,
    language_model: str | None = None,
) -> Rows:
    """RefinedWeb rules, Bloom n-gram dedup, fastText top fraction: DCLM-Baseline.

    Source: Li et al. 2024 (arXiv 2406.11794), figure 4 and section 4; DCLM's dclm_baseline_refinedweb.yaml, BFF with
    --remove-type old-both, 13-grams, 0.8, and fasttext_filter.yaml. The funnel shows what each step removed in the
    paper beside what it removes here.

    The quality model is a fastText file (DCLM's is openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train.bin), or is fitted
    on ``positives``, documents like those wanted, against the pool itself as DCLM did against its own. DCLM keeps p(hq)
    of 0.018112 and more, about a tenth of the documents; here it is exactly the share ``keep``, by the logit.
    ``by`` weighs documents by SQL instead of one each.
    """
    refined = refinedweb(
        source,
        extract=extract,
        blocklist=blocklist,
        strict_words=strict_words,
        hard_words=hard_words,
        soft_words=soft_words,
        language_model=language_model,
    )
    pool = without_repeats(refined)
    quality = FastText(model=quality_model or _fitted(positives, pool), newlines="splitlines")
    return Select(documents=pool, measures=(quality,), keep=Top("fasttext.hq_logit", keep, by))


def without_repeats(documents: Rows) -> Rows:
    """What DCLM's BFF leaves: no document and no paragraph most of whose 13-grams stood before."""
    bloom = bloom_duplicates(documents)
    repeated = RuleSet(
        name="bloom",
        source="DCLM's BFF: --remove-type old-both --min-ngram-size 13 --max-ngram-size 13 --filtering-threshold 0.8",
        measures=(),
        rules=(("duplicate", "bloom.is_duplicate"),),
    )
    distinct = Select(documents=documents, measures=(bloom,), reject=repeated)
    empty = RuleSet(
        name="bloom", source=repeated.source, measures=(), rules=(("empty", "documents.num_chars_left = 0"),)
    )
    return Select(documents=Cut(documents=distinct, marks=bloom), reject=empty)


def _fitted(positives: str | None, pool: Rows) -> FitFastText:
    if positives is None:
        raise RecipeError(
            "dclm_baseline ranks by a fastText model: give one with --quality-model (a .bin or .ftz file), or "
            "documents like those wanted with --positives, and one is fitted"
        )
    return FitFastText(positives=Read(source=positives), negatives=pool)
