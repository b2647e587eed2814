"""The shipped rule sets, each with the thresholds and the order of its reference beside the reference's name.

A preset named after a tool decides as that tool does, defects included; ``@fixed`` decides as the tool means to.
docs/presets.md lists every difference and how often each preset agrees with its reference;
``benchmarks/golden.py`` measures it again. A ratio never divides by zero in the rule that rejects first: rules on
the number of words or lines come before those that divide by them.
"""

from __future__ import annotations

from collections.abc import Iterable

from winnow.choose.rules import Rule, RuleSet
from winnow.measure.text import Text

PAPER = "Rae et al. 2021, Scaling Language Models (arXiv:2112.11446), appendix A.1.1 and table A1"
DCLM = "mlfoundations/dclm@361714b, baselines/baselines_configs/dclm_baseline_refinedweb.yaml"
DATATROVE = "datatrove@0.10.1, pipeline/filters"

TOP_NGRAMS = ((2, 0.20), (3, 0.18), (4, 0.16))
"""Length n and the largest allowed fraction of characters in the most frequent n-gram (table A1)."""
DUPLICATE_NGRAMS = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))
"""Length n and the largest allowed fraction of characters in duplicate n-grams (table A1)."""


def _per_length(limits: Iterable[tuple[int, float]], reason: str, condition: str) -> tuple[Rule, ...]:
    """One rule per n-gram length, with ``{n}`` and ``{limit}`` filled in."""
    return tuple((reason.format(n=n), condition.format(n=n, limit=limit)) for n, limit in limits)


def _replaced(rules: Iterable[Rule], **conditions: str) -> tuple[Rule, ...]:
    """The rules with other conditions for the named reasons."""
    return tuple((reason, conditions.get(reason, condition)) for reason, condition in rules)


GOPHER_PAPER = RuleSet(
    name="gopher@paper",
    source=PAPER,
    measures=(Text(),),
    rules=(
        ("word_count", "text.num_words < 50 OR text.num_words > 100000"),
        (
            "mean_word_length",
            "text.num_word_chars / text.num_words < 3 OR text.num_word_chars / text.num_words > 10",
        ),
        ("hash_to_word_ratio", "text.num_hashes / text.num_words > 0.1"),
        ("ellipsis_to_word_ratio", "text.num_ellipses / text.num_words > 0.1"),
        ("bullet_lines", "text.num_bullet_lines / text.num_lines > 0.9"),
        ("ellipsis_lines", "text.num_ellipsis_lines / text.num_lines > 0.3"),
        ("alphabetic_words", "text.num_words_with_alpha / text.num_words < 0.8"),
        ("stop_words", "text.num_distinct_stop_words < 2"),
        ("duplicate_lines", "text.num_duplicate_lines / text.num_lines > 0.3"),
        ("duplicate_paragraphs", "text.num_duplicate_paragraphs / text.num_paragraphs > 0.3"),
        ("duplicate_line_chars", "text.num_duplicate_line_chars / text.num_line_chars > 0.2"),
        ("duplicate_paragraph_chars", "text.num_duplicate_paragraph_chars / text.num_paragraph_chars > 0.2"),
        *_per_length(
            TOP_NGRAMS,
            "top_{n}gram_chars",
            "text.top_{n}gram_count * text.top_{n}gram_max_chars / text.num_word_chars > {limit}",
        ),
        *_per_length(
            DUPLICATE_NGRAMS,
            "duplicate_{n}gram_chars",
            "text.duplicate_{n}gram_chars / text.num_word_chars > {limit}",
        ),
    ),
)

GOPHER_FIXED = RuleSet(
    name="gopher@fixed",
    source=f"{PAPER}; a top n-gram has to occur twice to be a repetition",
    measures=GOPHER_PAPER.measures,
    rules=_replaced(
        GOPHER_PAPER.rules,
        **dict(
            _per_length(
                TOP_NGRAMS,
                "top_{n}gram_chars",
                "text.top_{n}gram_count > 1"
                " AND text.top_{n}gram_count * text.top_{n}gram_max_chars / text.num_word_chars > {limit}",
            )
        ),
    ),
)

GOPHER_DCLM = RuleSet(
    name="gopher@dclm",
    source=f"{DCLM}: page_length_filter to massive_web_repetition_filters (content_filters.py)",
    measures=(Text(), Text(words="unicode")),
    rules=(
        ("page_length_filter", "text.num_fasttext_words < 50 OR text.num_fasttext_words > 100000"),
        (
            "word_length_filter",
            "text.num_word_chars / text.num_words < 3 OR text.num_word_chars / text.num_words > 10",
        ),
        (
            "symbol_ratio_filter",
            "(text.num_hashes + text.num_ellipses + text.num_spaced_ellipses) / text.num_words > 0.1",
        ),
        ("bullet_count_filter", "text.num_bullet_lines / text.num_lines > 0.9"),
        ("ellipsis_count_filter", "text.num_ellipsis_lines / text.num_lines > 0.3"),
        (
            "alphabetic_word_ratio_filter",
            "(text.num_words - text.num_words_with_alpha) / text.num_words > 0.2",
        ),
        ("stop_word_filter", "text.num_stop_words < 2"),
        ("repetition_line", "text.num_duplicate_lines / text.num_lines > 0.3"),
        ("repetition_paragraph", "text.num_duplicate_paragraphs / text.num_paragraphs > 0.3"),
        ("repetition_line_chars", "text.num_duplicate_line_chars / text.num_line_chars > 0.2"),
        ("repetition_paragraph_chars", "text.num_duplicate_paragraph_chars / text.num_paragraph_chars > 0.2"),
        *_per_length(
            TOP_NGRAMS,
            "repetition_{n}gram",
            "text_unicode.top_{n}gram_count > 1 AND text_unicode.top_{n}gram_count"
            " * text_unicode.top_{n}gram_max_chars / text_unicode.num_word_chars > {limit}",
        ),
        *_per_length(
            DUPLICATE_NGRAMS,
            "repetition_{n}gram",
            "text_unicode.duplicate_{n}gram_chars / text_unicode.num_word_chars > {limit}",
        ),
    ),
)

REFINEDWEB_DCLM = RuleSet(
    name="refinedweb@dclm", source=GOPHER_DCLM.source, measures=GOPHER_DCLM.measures, rules=GOPHER_DCLM.rules
)

REFINEDWEB_FIXED = RuleSet(
    name="refinedweb@fixed",
    source=f"{DCLM}; every whitespace word counts towards the length, two different stop words are asked for",
    measures=REFINEDWEB_DCLM.measures,
    rules=_replaced(
        REFINEDWEB_DCLM.rules,
        page_length_filter="text.num_words < 50 OR text.num_words > 100000",
        stop_word_filter="text.num_distinct_stop_words < 2",
    ),
)

GOPHER_DATATROVE = RuleSet(
    name="gopher@datatrove",
    source=f"{DATATROVE}: GopherRepetitionFilter, then GopherQualityFilter (the order of examples/fineweb.py)",
    measures=(Text(words="spacy"),),
    rules=(
        ("empty", "text_spacy.num_chars = 0"),
        ("dup_para_frac", "text_spacy.num_repeated_paragraph_runs / text_spacy.num_paragraph_runs > 0.3"),
        ("dup_para_char_frac", "text_spacy.num_repeated_paragraph_run_chars / text_spacy.num_chars > 0.2"),
        ("dup_line_frac", "text_spacy.num_repeated_line_runs / text_spacy.num_line_runs > 0.3"),
        ("dup_line_char_frac", "text_spacy.num_repeated_line_run_chars / text_spacy.num_chars > 0.2"),
        *_per_length(
            TOP_NGRAMS,
            "top_{n}_gram",
            "text_spacy.top_{n}gram_count * (text_spacy.top_{n}gram_chars + {n} - 1) / text_spacy.num_chars > {limit}",
        ),
        *_per_length(
            DUPLICATE_NGRAMS,
            "duplicated_{n}_n_grams",
            "text_spacy.repeated_{n}gram_chars / text_spacy.num_chars > {limit}",
        ),
        ("gopher_short_doc", "text_spacy.num_nonsymbol_words < 50"),
        ("gopher_long_doc", "text_spacy.num_nonsymbol_words > 100000"),
        (
            "gopher_below_avg_threshold",
            "text_spacy.num_nonsymbol_word_chars / text_spacy.num_nonsymbol_words < 3",
        ),
        (
            "gopher_above_avg_threshold",
            "text_spacy.num_nonsymbol_word_chars / text_spacy.num_nonsymbol_words > 10",
        ),
        ("gopher_too_many_hashes", "text_spacy.num_hashes / text_spacy.num_words > 0.1"),
        ("gopher_too_many_ellipsis", "text_spacy.num_ellipses / text_spacy.num_words > 0.1"),
        ("gopher_too_many_bullets", "text_spacy.num_bullet_splitlines / text_spacy.num_splitlines > 0.9"),
        ("gopher_too_many_end_ellipsis", "text_spacy.num_ellipsis_splitlines / text_spacy.num_splitlines > 0.3"),
        ("gopher_below_alpha_threshold", "text_spacy.num_words_with_alpha / text_spacy.num_words < 0.8"),
        ("gopher_enough_stop_words", "text_spacy.num_distinct_stop_words_cased < 2"),
    ),
)

C4_TFDS = RuleSet(
    name="c4@tfds",
    source="tensorflow_datasets@3e77995, text/c4_utils.py: clean_page (5 words a line, 3 sentences a page)",
    measures=(Text(),),
    rules=(
        ("loremipsum", "text.c4_tfds_lorem_ipsum > 0"),
        ("squigglybracket", "text.c4_tfds_curly_bracket > 0"),
        ("too_few_sentences", "text.c4_tfds_num_sentences < 3"),
    ),
)

C4_DATATROVE = RuleSet(
    name="c4@datatrove",
    source=f"{DATATROVE}: C4QualityFilter (3 words a line, 5 sentences a page)",
    measures=(Text(words="spacy"),),
    rules=(
        ("lorem_ipsum", "text_spacy.c4_datatrove_lorem_ipsum > 0"),
        ("curly_bracket", "text_spacy.c4_datatrove_curly_bracket > 0"),
        ("too_few_sentences", "text_spacy.c4_datatrove_num_sentences < 5"),
    ),
)

C4_FINEWEB = RuleSet(
    name="c4@fineweb",
    source="datatrove@0.10.1, examples/fineweb.py: C4QualityFilter(filter_no_terminal_punct=False)",
    measures=(Text(words="spacy"),),
    rules=(
        ("lorem_ipsum", "text_spacy.c4_fineweb_lorem_ipsum > 0"),
        ("curly_bracket", "text_spacy.c4_fineweb_curly_bracket > 0"),
        ("too_few_sentences", "text_spacy.c4_fineweb_num_sentences < 5"),
    ),
)

FINEWEB_DATATROVE = RuleSet(
    name="fineweb@datatrove",
    source=f"{DATATROVE}: FineWebQualityFilter",
    measures=(Text(words="spacy"),),
    rules=(
        ("empty", "text_spacy.num_lines = 0"),
        ("line_punct_ratio", "text_spacy.num_raw_terminal_lines / text_spacy.num_lines < 0.12"),
        ("short_line_ratio", "text_spacy.num_raw_short_lines / text_spacy.num_lines > 0.67"),
        (
            "char_dup_ratio",
            "text_spacy.num_raw_repeated_line_chars / (text_spacy.num_chars - text_spacy.num_newlines) > 0.01",
        ),
        ("list_ratio", "text_spacy.num_newlines / text_spacy.num_words > 0.3"),
    ),
)

FINEWEB_FIXED = RuleSet(
    name="fineweb@fixed",
    source=f"{FINEWEB_DATATROVE.source}; a line may end in spaces, quotation marks or brackets after its full stop",
    measures=FINEWEB_DATATROVE.measures,
    rules=_replaced(
        FINEWEB_DATATROVE.rules,
        line_punct_ratio="text_spacy.num_terminal_lines / text_spacy.num_lines < 0.12",
    ),
)

RULE_SETS: dict[str, RuleSet] = {
    preset.name: preset
    for preset in (
        GOPHER_PAPER,
        GOPHER_DCLM,
        GOPHER_DATATROVE,
        GOPHER_FIXED,
        C4_TFDS,
        C4_DATATROVE,
        C4_FINEWEB,
        FINEWEB_DATATROVE,
        FINEWEB_FIXED,
        REFINEDWEB_DCLM,
        REFINEDWEB_FIXED,
    )
}
"""Every shipped rule set by its name."""
