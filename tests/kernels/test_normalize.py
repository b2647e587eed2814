"""Normalised text against its readable twin, datatrove's rules and known cases."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels import normalize_reference
from winnow.kernels.normalize import normalize

odd = st.sampled_from(
    [
        *"aZ09.,;:!-_ \t\n\x00\x1f\x7f\x85\xa0éÅßİıſΣςσ١٢٫،\u0301\u037e\u3000\u200b–“”…、１２３한글ǅ",
        "😀",
        "\U0001d15e",
        "1.5",
        "1,234.5",
    ]
)
texts = st.lists(st.one_of(odd, st.text(), st.sampled_from(["word", "Word", "x" * 70, " "])), max_size=40).map("".join)


def assert_twins_agree(texts: list[str]) -> None:
    for fold in (True, False):
        expected = [normalize_reference.normalize(text, fold_numbers=fold) for text in texts]
        assert normalize(pa.array(texts, pa.string()), fold_numbers=fold).to_pylist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café, 1.5 km", "cafe 0 km"),
        ("  Two\n\n spaces\t", "two spaces"),
        ("don't", "don t"),
        ("in 1984 and 2,000,000", "in 0 and 0 0"),
        ("v2.0beta", "v0beta"),
        ("1.", "0"),
        ("١٢٫٥ x", "0 x"),
        ("naïve–NAIVE", "naive naive"),
        ("İstanbul", "istanbul"),
        ("Ünïcode: “quotes”, 50% off—today… 3/4", "unicode quotes 0 off today 0 0"),
        ("Привет, МИР! №5", "привет мир №0"),
        ("ﬁne ①²", "ﬁne ①²"),
        ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
        ("a\u0301\u0327b ǅ", "ab ǆ"),
        ("...", ""),
        ("", ""),
        ("x" * 200 + "Y", "x" * 200 + "y"),
        ("ΟΔΟΣ οδος", "οδοσ οδοσ"),  # datatrove: οδος οδος
        ("a \u0301 b", "a b"),  # datatrove: two spaces
    ],
)
def test_text_is_normalised_as_by_datatrove(text: str, expected: str) -> None:
    assert normalize(pa.array([text])).to_pylist() == [expected]
    assert normalize_reference.normalize(text) == expected


@given(st.lists(texts, max_size=5))
def test_the_kernel_agrees_with_its_twin(some: list[str]) -> None:
    assert_twins_agree(some)


@given(texts)
def test_what_is_normal_stays_as_it_is_but_for_marks_that_hide_in_other_characters(text: str) -> None:
    once = normalize(pa.array([text]))
    assert normalize(normalize(once)).equals(normalize(once))


def test_every_character_agrees_with_the_twin() -> None:
    assigned = (*range(0xD800), *range(0xE000, 0x32000), *range(0xE0000, 0xE0200))
    every = [f"a{chr(code)}b 1{chr(code)}2" for code in assigned]
    assert_twins_agree(every)


def test_nulls_stay_null_and_slices_and_all_string_types_are_read() -> None:
    some = pa.array(["left out", "One", None, "Two!"])
    for kind in (pa.string(), pa.large_string(), pa.binary()):
        found = normalize(some.cast(kind).slice(1))
        assert found.type == pa.large_string()
        assert found.to_pylist() == ["one", None, "two"]


def test_bytes_that_are_no_text_are_spaces() -> None:
    assert normalize(pa.array([b"a\xffb\xc3 \xe2\x82"], pa.binary())).to_pylist() == ["a b"]


def test_real_text_in_many_scripts_agrees_with_the_twin(shared_data: Path) -> None:
    path = shared_data / "text" / "register_web_multilingual" / "register_web_multilingual.jsonl.zst"
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True)
    some = [json.loads(line)["text"] for line in io.TextIOWrapper(content, "utf-8")][::20]
    assert len(some) > 20
    assert_twins_agree(some)


def test_numbers_stay_when_asked() -> None:
    assert normalize(pa.array(["No. 7, 1.5 km, ٣ or １2"]), fold_numbers=False).to_pylist() == ["no 7 1 5 km 3 or 12"]
