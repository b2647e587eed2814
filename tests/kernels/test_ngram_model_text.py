"""What becomes of text before n-grams are scored: cc_net's own results, and its rules character by character."""

from __future__ import annotations

import io
import itertools
import json
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.kernels.ngram_model_text import (
    ccnet_normalized,
    folded_in_line,
    is_mark,
    normalize_as_ccnet,
    normalize_lines,
)

CCNET = [
    ("Café «Zoë» costs 1,234.50 €\u2026", 'cafe "zoe" costs 0,000.00 €...'),
    ("end of line\nnext\tword\r\n", "end of linenextword"),
    ("  \u3000padded\u00a0inside \x85", "padded\xa0inside"),
    ("—— ．．", " -  -  . . "),
    ("ΟΔΟΣ ΣΟΦΟΣ", "οδος σοφος"),
    ("İstanbul ǅ ﬁ ½ ²", "istanbul ǆ ﬁ ½ ²"),
    ("한국어 ２０２６年、「東京」！", unicodedata.normalize("NFD", "한국어") + ' 0000年,"東京"!'),
    ("١٢٣ ৪৫ 𝟙𝟚", "000 00 00"),
    ("\x00\x01\x7f", ""),
    ("", ""),
]
"""``cc_net.text_normalizer.normalize`` of cc_net at its commit 12af409, Python 3.11 (Unicode 14)."""

LINES = [
    ("Don't stop.\nIt's 9 o'clock!", "don ' t stop .\nit ' s 0 o ' clock !"),
    ("a\tb\x0bc\u2028d\x00e", "a b c d e"),
    ("Ésope: «le renard»…", 'esope : " le renard " . . .'),
    ("狐狸看见 grapes", "狐 狸 看 见 grapes"),
    ("สวัสดี a", "ส ว ส ด a"),
    ("ΟΔΟΣ", "οδοσ"),
    ("x=y_1 #tag @me", "x = y _ 0 # tag @ me"),
    ("wait...-----~~~ what?!?!\n== 哈哈 ==", "wait . - ~ what ? ! ? !\n= 哈 哈 ="),
    ("soft\u00adhyphen \ufeffand \U000e0041tag", "softhyphen and tag"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), CCNET, ids=range(len(CCNET)))
def test_ccnets_rules_are_followed_to_the_letter(text: str, expected: str) -> None:
    assert normalize_as_ccnet(pa.array([text])).to_pylist() == [expected]


@pytest.mark.parametrize(("text", "expected"), LINES, ids=range(len(LINES)))
def test_lines_stay_lines_and_marks_stand_apart(text: str, expected: str) -> None:
    (found,) = normalize_lines(pa.array([text]), apart=True).to_pylist()
    assert [line.split() for line in found.split("\n")] == [line.split() for line in expected.split("\n")]


def test_for_pieces_marks_stay_with_their_words() -> None:
    (found,) = normalize_lines(pa.array(["Don't stop, «Zoë»!\n狐狸 1"]), apart=False).to_pylist()
    assert found == 'don\'t stop, "zoe"!\n狐狸 0'


@settings(max_examples=300)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_the_kernel_agrees_with_ccnets_steps_on_any_text(texts: list[str]) -> None:
    assert normalize_as_ccnet(pa.array(texts, pa.string())).to_pylist() == list(map(ccnet_normalized, texts))


def line_by_rule(text: str, *, apart: bool) -> str:
    runs = ((character, len(list(run))) for character, run in itertools.groupby(text))
    return "".join(
        folded_in_line(character, apart=apart) * (1 if apart and is_mark(character) else length)
        for character, length in runs
    )


@settings(max_examples=200)
@given(st.lists(st.text() | st.text(alphabet=".-a 哈…\n", max_size=40), max_size=5), st.booleans())
def test_the_kernel_agrees_with_the_rule_for_each_character(texts: list[str], apart: bool) -> None:
    expected = [line_by_rule(text, apart=apart) for text in texts]
    assert normalize_lines(pa.array(texts, pa.string()), apart=apart).to_pylist() == expected


def test_every_character_is_folded_alike_by_kernel_and_rule() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000][::29]
    expected = [folded_in_line(character, apart=True) for character in characters]
    assert normalize_lines(pa.array(characters), apart=True).to_pylist() == expected


def test_nulls_are_empty_and_bytes_that_are_no_utf8_are_spaces() -> None:
    texts = pa.array([b"a\xffb", None, b"\xe7\x8b"], pa.binary())
    assert normalize_lines(texts, apart=True).to_pylist() == ["a b", "", "  "]


def test_real_pages_come_out_as_by_ccnets_steps(shared_data: Path) -> None:
    pages = zstandard.open(shared_data / "text/register_web_multilingual/register_web_multilingual.jsonl.zst", "rb")
    texts = [json.loads(line)["text"] for line in io.TextIOWrapper(pages, "utf-8")][::40]
    assert normalize_as_ccnet(pa.array(texts)).to_pylist() == list(map(ccnet_normalized, texts))
