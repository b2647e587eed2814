from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from corpus import text

from winnow.audit.changes import sentences
from winnow.audit.noise import (
    NOISE,
    NUM_KEYWORDS,
    NUM_LINES,
    about,
    keywords,
    markup_left_in,
    menu,
    misencoded,
    random_letters,
    read_as_windows_1252,
    repeated_lines,
    shuffled_words,
    teasers,
    typographic,
)

TEXT = text(200, Random(1))


def spoiled(kind: str, seed: int = 3) -> str:
    return NOISE[kind](TEXT, Random(seed))


@pytest.mark.parametrize("kind", NOISE)
def test_noise_changes_the_text_is_the_same_again_and_is_told_in_a_line(kind: str) -> None:
    assert spoiled(kind) == spoiled(kind) != TEXT
    assert about(kind).endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in NOISE if "mojibake" not in kind])
def test_chance_decides_where_it_strikes(kind: str) -> None:
    assert len({spoiled(kind, seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("kind", NOISE)
def test_any_text_can_be_spoiled(kind: str) -> None:
    for odd in ("a", "word " * 120, "one line\n" * 40, "…!?", "你好。" * 50, "\ud800 lone surrogate"):
        assert isinstance(NOISE[kind](odd, Random(0)), str)


@pytest.mark.parametrize("rate", [5, 20, 50])
def test_that_share_of_the_words_is_misread(rate: int) -> None:
    pairs = zip(TEXT.split(), spoiled(f"misread words, {rate}%").split(), strict=True)
    assert sum(a != b for a, b in pairs) == 2 * rate


def test_real_mojibake_is_what_misreading_its_repair_gives(shared_data: Path) -> None:
    times = {"UTF-8 / Windows-1252 mixed up twice": 2, "UTF-8 / Windows-1252 mixed up three times": 3}
    times |= {"UTF-8 / Windows-1252 mixup": 1, "A face with UTF-8 / sloppy Windows-1252 mixed up twice": 2}
    known = json.loads((shared_data / "mojibake_ftfy" / "in-the-wild.json").read_text())
    whole = 0
    for case in known:
        number = next((times[start] for start in times if case["label"].startswith(start)), 0)
        if number:
            found = case.get("fixed-encoding") or case["fixed"]
            for _ in range(number):
                found = read_as_windows_1252(found)
            whole += found == case["original"]
    assert whole >= 8


def test_quotes_are_set_as_word_processors_do_before_they_are_misread() -> None:
    assert typographic("\"Don't,\" she said - 'yes'. No") == "“Don’t,” she said – ‘yes’.\xa0 No"
    assert misencoded(1, "Don't. No", Random(0)) == "Donâ€™t.Â\xa0 No"
    assert misencoded(2, "Don't", Random(0)) == "Donâ€™t".encode().decode("cp1252")
    assert read_as_windows_1252("”") == "â€\x9d"


def test_shuffled_words_are_the_same_words_between_the_same_white_space() -> None:
    lines = TEXT.replace(". ", ".\n\n")
    found = shuffled_words(lines, Random(0))
    assert sorted(found.split()) == sorted(lines.split()) and found.split() != lines.split()
    assert re.sub(r"\S+", "", found) == re.sub(r"\S+", "", lines)


def test_a_repetitive_text_has_three_sentences_and_its_length() -> None:
    lines = repeated_lines(TEXT, Random(0)).split("\n")
    own = ["".join(sentence).strip() for sentence in sentences(TEXT)]
    start = own.index(lines[0])
    assert lines[:NUM_LINES] == own[start : start + NUM_LINES] and lines == lines[:NUM_LINES] * (len(lines) // 3)
    assert 200 <= len(" ".join(lines).split()) < 230


def test_a_menu_has_the_words_in_order_and_no_sentences() -> None:
    found = menu(TEXT, Random(0))
    assert [word.lower() for word in found.split()] == TEXT.replace(".", "").split()
    assert {len(line.split()) for line in found.split("\n")} == {1, 2, 3}
    assert all(word[0].isupper() for word in found.split())


def test_teasers_break_off_within_a_word_of_each_sentence() -> None:
    found = teasers(TEXT, Random(0)).split("\n")
    own = ["".join(sentence).strip() for sentence in sentences(TEXT)]
    assert len(found) == len(own) and all(line.endswith("...") for line in found)
    for line, sentence in zip(found, own, strict=True):
        assert sentence.startswith(line[:-3]) and sentence != line[:-3]
        assert len(line.split()) == 10 or sentence[len(line) - 3] != " "


def test_keywords_are_few_frequent_and_as_many_as_there_were_words() -> None:
    words = ["insurance"] * 9 + ["premium"] * 7 + ["the"] * 30 + TEXT.replace(".", "").split()
    found = keywords(" ".join(words), Random(0))
    drawn = found.replace(",", "").split()
    assert len(drawn) == len(words) and len({*drawn}) <= NUM_KEYWORDS
    assert {"insurance", "premium"} <= {*drawn} and "the" not in drawn


def test_markup_stands_around_the_text_that_is_still_there() -> None:
    found = markup_left_in(TEXT, Random(0))
    body = found.split("</script>")[1]
    assert re.sub(r"<[^>]*>|&nbsp;", "", body).split() == TEXT.split()
    assert found.count("<a href=") == 20 and found.startswith("<script")


def test_random_letters_keep_lengths_capitals_and_everything_else() -> None:
    found = random_letters("The 3 cats, Zoë & i_2", Random(0))
    assert re.fullmatch(r"[A-Z][a-z]{2} 3 [a-z]{4}, [A-Z][a-z]{2} & [a-z]_2", found)
    letters = Counter(random_letters("e" * 2600, Random(0)))
    assert len(letters) == 26 and max(letters.values()) < 160
