"""Word pieces against their readable twin, and against what Hugging Face's tokenizers makes of the same text."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from winnow.kernels import word_pieces_reference
from winnow.kernels.buffers import text_buffers
from winnow.kernels.static_embedding import sum_vectors
from winnow.kernels.word_pieces import MAX_WORD, WordPieces, tokenize, word_pieces
from winnow.measure.encoders import read_packaged

SMALL = [
    "a",
    "b",
    "ab",
    "##a",
    "##b",
    "##ba",
    "é",
    "e",
    "##e",
    "1",
    "##2",
    ".",
    "-",
    "中",
    "ᄒ",
    "##ᅡ",
    "##ᆫ",
    "=",
    "##中",
    "x",
]
NO_LIMIT = 1 << 40


@pytest.fixture(scope="module")
def packaged() -> tuple[list[str], WordPieces]:
    vocabulary = read_packaged().pieces
    return vocabulary, word_pieces(vocabulary)


def cut(texts: list[str], vocabulary: list[str], tables: WordPieces, limit: int = NO_LIMIT) -> list[list[str]]:
    tokens, offsets = tokenize(*text_buffers(pa.array(texts, pa.string())), limit, tables)
    return [[vocabulary[token] for token in tokens[a:b]] for a, b in itertools.pairwise(offsets)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello , world !"),
        ("antidisestablishmentarianism", "anti ##dis ##est ##ab ##lish ##ment ##arian ##ism"),
        ("Café NAÏVE Łódź", "cafe naive łodz"),
        ("don't e-mail $5.00 <b>", "don ' t e - mail $ 5 . 00 < b >"),
        ("北京大学 is in 中国", "北 京 大 学 is in 中 国"),
        ("한국어 말", "ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ ##ᄋ ##ᅥ ᄆ ##ᅡ ##ᆯ"),
        ("Привет, мир", "п ##р ##и ##в ##е ##т , м ##и ##р"),
        ("tab\tnew\nline\xa0nbsp\u3000wide", "tab new line n ##bs ##p wide"),
        ("a\u200bb\xadc\x00d\ufffde\x07f", "abc ##de ##f"),
        ("☃ snow 😀 face", "snow face"),
        ("≠ half ½ ﬁne İstanbul ΣΟΦΟΣ", "= half ½ ﬁ ##ne istanbul σ ##ο ##φ ##ο ##σ"),
        ("“quoted” – dash…", "“ quoted ” – dash …"),
        ("x" * MAX_WORD, "xx" + " ##xx" * 49),
        ("x" * (MAX_WORD + 1), ""),
        ("1,234.5 km²", "1 , 234 . 5 km²"),
        ("##s #hash [MASKED] _under_", "# # s # hash [ masked ] _ under _"),
        ("e\u0301te\u0301", "et ##e"),
        ("ﷺ مرحبا बालक", "م ##ر ##ح ##ب ##ا ब ##ा ##ल ##क"),
        ("", ""),
    ],
)  # fmt: skip
def test_pieces_are_those_of_berts_tokenizer(text: str, expected: str, packaged: tuple[list[str], WordPieces]) -> None:
    assert cut([text], *packaged) == [expected.split()]
    assert word_pieces_reference.tokenize(text, packaged[0]) == expected.split()


@pytest.mark.parametrize(
    ("source", "number", "digest"),
    [("c4_sample", 1480, "6218e1b568a1d05c"), ("register_web_multilingual", 400, "ba63005a2633bece")],
)
def test_real_pages_are_cut_as_by_berts_tokenizer(
    source: str, number: int, digest: str, shared_data: Path, packaged: tuple[list[str], WordPieces]
) -> None:
    content = (shared_data / f"text/{source}/{source}.jsonl.zst").read_bytes()
    lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True), "utf-8")
    texts = [json.loads(line)["text"] for line in lines]
    found = "\n".join(map(" ".join, cut(texts[:: max(1, len(texts) // number)][:number], *packaged)))
    assert hashlib.blake2b(found.encode(), digest_size=8).hexdigest() == digest


odd = st.sampled_from(
    [
        *"aZb12.,-_ \t\n\x00\x1f\x7f\x85\xa0éÅßİΣς\u0301\u037e\u3000\u200b–“…中国한글≠😀\ufffd",
        "ab" * 50,
        "aba",
        "1" * 70,
    ]
)
texts = st.lists(st.one_of(odd, st.text()), max_size=30).map("".join)


@given(st.lists(texts, max_size=4))
def test_the_kernel_agrees_with_its_twin(some: list[str]) -> None:
    assert cut(some, SMALL, word_pieces(SMALL)) == [word_pieces_reference.tokenize(text, SMALL) for text in some]


def test_every_character_agrees_with_the_twin(packaged: tuple[list[str], WordPieces]) -> None:
    assigned = (*range(0xD800), *range(0xE000, 0x32000), *range(0xE0000, 0xE0200), 0xF0000, 0x10FFFD)
    vocabulary = ["a", "##a", *packaged[0][: packaged[0].index("the")]]
    text = " ".join(f"a{chr(code)}a" for code in assigned)
    assert cut([text], vocabulary, word_pieces(vocabulary)) == [word_pieces_reference.tokenize(text, vocabulary)]


def test_bytes_that_are_not_utf8_are_left_out() -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"a\xffb \xc3"], pa.binary()).buffers())
    tokens, offsets = tokenize(*text_buffers(broken), NO_LIMIT, word_pieces(SMALL))
    assert [SMALL[token] for token in tokens] == ["ab"]
    assert offsets.tolist() == [0, 1]


@given(st.lists(texts, max_size=3), st.integers(1, 8))
def test_a_limit_takes_the_first_pieces(some: list[str], limit: int) -> None:
    tables = word_pieces(SMALL)
    assert cut(some, SMALL, tables, limit) == [pieces[:limit] for pieces in cut(some, SMALL, tables)]


@given(st.lists(st.lists(st.integers(0, 9), max_size=20), max_size=5), st.integers(1, 40))
def test_sums_are_those_of_numpy(some: list[list[int]], dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    vectors = rng.integers(-7, 8, (10, dimensions)).astype(np.int8)
    scales = rng.random(10, np.float32)
    offsets = np.cumsum([0, *map(len, some)])
    tokens = np.array([token for text in some for token in text], np.int32)
    expected = [(vectors[text] * scales[text, None].astype(np.float64)).sum(axis=0) for text in some]
    found = sum_vectors(tokens, offsets, vectors, scales)
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), rtol=1e-5, atol=1e-4)
