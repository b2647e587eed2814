from __future__ import annotations

from collections.abc import Callable

import pytest
from corpus import write_texts

from winnow.audit.audit import audit
from winnow.audit.model import Noise, NoisyChoice, Setting
from winnow.choose.comparison import Comparison
from winnow.choose.rank import Bottom, Middle, Top
from winnow.choose.select import Select
from winnow.documents.read import Read
from winnow.measure.fit_ngram_model import FitNgramModel
from winnow.measure.perplexity import Perplexity
from winnow.measure.text import Text

SCORE = "perplexity.document"
SETTING = Setting(name="news", command="winnow audit news", documents=600, plants=12)


@pytest.fixture(scope="module")
def found(real_texts: Callable[[str, int], list[str]], tmp_path_factory: pytest.TempPathFactory) -> Noise:
    work = tmp_path_factory.mktemp("news")
    news = Read(source=str(write_texts(work / "news.jsonl", real_texts("bbc_news", 600))))
    clean = Read(source=str(write_texts(work / "clean.jsonl", real_texts("openstax_textbooks", 400))))
    measure = Perplexity(model=FitNgramModel(documents=clean, order=3))

    def choose(keep: Top | Bottom | Middle) -> Select:
        return Select(documents=news, measures=(measure, Text()), keep=keep)

    choices = (
        ("gopher", Select(documents=news, reject="gopher@dclm")),
        ("lowest", choose(Bottom(SCORE, 0.5))),
        ("middle", choose(Middle(SCORE, 0.5))),
        ("highest", choose(Top(SCORE, 0.5))),
    )
    noise = audit(Comparison(choices=choices), SETTING).noise
    assert noise is not None
    return noise


def of_choice(found: Noise, name: str) -> NoisyChoice:
    return next(one for one in found.choices if one.name == name)


def area(found: Noise, column: str, kind: str) -> float:
    one = next(score.kinds[kind].auc for score in found.scores if score.column == column)
    assert one is not None
    return one.value


def test_what_is_no_language_has_a_higher_perplexity_the_more_the_worse_it_is(found: Noise) -> None:
    for kind in ("words shuffled", "markup left in", "misread words, 20%"):
        assert area(found, SCORE, kind) > 0.9
    assert area(found, SCORE, "keywords") > 0.6  # to this small model most keywords are one unknown word
    misread = [area(found, SCORE, f"misread words, {rate}%") for rate in (5, 20, 50)]
    assert 0.5 < misread[0] < misread[1] < misread[2] <= 1.0 == area(found, SCORE, "random letters")
    assert 0.5 < area(found, SCORE, "mojibake") < area(found, SCORE, "mojibake twice")


def test_an_ngram_model_does_not_see_that_lines_are_repeated_and_counting_lines_does(found: Noise) -> None:
    assert area(found, SCORE, "lines repeated") < 0.7
    assert area(found, "text.num_duplicate_lines", "lines repeated") > 0.95
    assert area(found, "text.num_duplicate_lines", "words shuffled") == pytest.approx(0.5, abs=0.1)


def test_keeping_low_perplexity_drops_what_keeping_high_perplexity_prefers(found: Noise) -> None:
    lowest, highest = of_choice(found, "lowest"), of_choice(found, "highest")
    for kind in ("words shuffled", "keywords", "markup left in", "random letters"):
        assert kind in highest.prefers and kind not in (*lowest.prefers, *lowest.misses)
        assert highest.kinds[kind].newly_dropped.hits == 0 == lowest.kinds[kind].newly_kept.hits


def test_rules_see_lines_and_repetition_and_no_order_of_words(found: Noise) -> None:
    gopher = of_choice(found, "gopher")
    assert {"words shuffled", "misread words, 50%", "mojibake"} <= {*gopher.misses}
    for kind, rule in (("lines repeated", "repetition_line"), ("teasers", "ellipsis_count_filter")):
        one = gopher.kinds[kind]
        assert one.dropped.share == 1.0 and one.reasons[f"gopher@dclm:{rule}"] == one.dropped.of


def test_the_middle_keeps_what_is_spoiled_a_little_and_drops_what_is_spoiled_a_lot(found: Noise) -> None:
    middle = of_choice(found, "middle")
    assert "misread words, 5%" in middle.misses and "misread words, 50%" not in middle.misses
    assert "menu" in (*middle.misses, *middle.prefers)
