"""RefinedWeb's rules as DCLM runs them, in the order of DCLM-Baseline before its deduplication."""

from __future__ import annotations

from winnow.choose.rules import RuleSet
from winnow.choose.select import Select
from winnow.core.step import Rows
from winnow.documents.read import Read
from winnow.edit.edit import Edit
from winnow.edit.newlines import NewlineRemoval
from winnow.edit.refinedweb import RefinedWebLines
from winnow.edit.urls import UrlRemoval
from winnow.extract.named import extractor
from winnow.measure.language import Language
from winnow.measure.url import Url


def refinedweb(
    source: str,
    extract: str = "resiliparse",
    blocklist: str | None = None,
    strict_words: str | None = None,
    hard_words: str | None = None,
    soft_words: str | None = None,
    language: str = "en",
    min_language_score: float = 0.65,
    language_model: str | None = None,
    rules: str = "refinedweb@dclm",
    max_words_removed: float = 0.05,
) -> Rows:
    """Read, extract, URL blocklist, language, RefinedWeb rules, line edits: DCLM-RefinedWeb without deduplication.

    Source: Penedo et al. 2023 (arXiv 2306.01116), figure 2; Li et al. 2024 (arXiv 2406.11794), figure 4; DCLM's
    baselines/baselines_configs/dclm_baseline_refinedweb.yaml. In DCLM's order, with what each step removed there of the
    pages extracted: URL filters 0.8% (their lists, one of domains and three of words, are not ours to ship; see
    ``Url``), language 50.8%, page length 7.9%, other quality rules 9.0%, repetition 9.6%, too much removed by line
    edits 2.0%.
    """
    pages = Read(source=source, extract=extractor(extract))
    lists = Url(blocklist=blocklist, strict_words=strict_words, hard_words=hard_words, soft_words=soft_words)
    allowed = Select(documents=pages, reject=_blocked(lists)) if lists.files() else pages
    cleaned = Edit(documents=allowed, editors=(UrlRemoval(), NewlineRemoval(max_consecutive=2)))
    good = Select(documents=cleaned, reject=(language_rules(language, min_language_score, language_model), rules))
    edited = Edit(documents=good, editors=(RefinedWebLines(),))
    return Select(documents=edited, reject=_too_much_removed(max_words_removed))


def language_rules(language: str, min_score: float, model: str | None = None) -> RuleSet:
    """Reject what is not surely in one language (DCLM and FineWeb: English at 0.65 of fastText's lid.176)."""
    return RuleSet(
        name="language",
        source="dclm_baseline_refinedweb.yaml: language_filter; datatrove examples/fineweb.py: LanguageFilter",
        measures=(Language(scores=(language,), model=model),),
        rules=((f"not_{language}", f"language.lang != '{language}' OR language.score <= {min_score}"),),
    )


def _blocked(lists: Url) -> RuleSet:
    """The rules of the lists that are given, in RefinedWeb's order."""
    rules = (
        (lists.blocklist, "blocked_domain", "url.blocked_domain IS NOT NULL"),
        (lists.strict_words, "strict_word", "url.num_strict_words >= 1"),
        (lists.hard_words, "hard_word", "url.num_hard_words >= 1"),
        (lists.soft_words, "soft_words", "url.num_soft_words >= 2"),
    )
    return RuleSet(
        name="url",
        source="Penedo et al. 2023, appendix G.1; dclm_baseline_refinedweb.yaml: url_substring_filter",
        measures=(lists,),
        rules=tuple((reason, condition) for given, reason, condition in rules if given is not None),
    )


def _too_much_removed(share: float) -> RuleSet:
    return RuleSet(
        name="edits",
        source="dclm_baseline_refinedweb.yaml: word_removal_ratio_filter(0.05)",
        measures=(),
        rules=(("too_much_removed", f"documents.words_removed_fraction > {share}"),),
    )
