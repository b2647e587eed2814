"""The edit kernels against their readable twins: made-up texts that go for the edges, broken UTF-8, real pages."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.edit.domains import TOP_LEVEL_DOMAINS
from winnow.kernels.buffers import text_buffers
from winnow.kernels.edit_c4 import c4_lines
from winnow.kernels.edit_characters import Bytes, Offsets, count_words, edit_classes
from winnow.kernels.edit_reference import (
    c4_lines_reference,
    count_words_reference,
    refinedweb_lines_reference,
    remove_addresses_reference,
    url_remover_reference,
)
from winnow.kernels.edit_refinedweb import refinedweb_lines
from winnow.kernels.edit_urls import names_trie, remove_addresses, remove_urls

CLASSES = edit_classes()
TRIE = names_trie(TOP_LEVEL_DOMAINS)
remove_urls_reference = url_remover_reference(TOP_LEVEL_DOMAINS)

SPACES = [
    "\n",
    "\n\n",
    " ",
    "  ",
    "\t",
    "\r\n",
    "\r",
    "\v",
    "\f",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2003",
    "\u2028",
    "\u3000",
]
LETTERS = [
    "a",
    "word",
    "A",
    "NEWS",
    "ß",
    "é",
    "Ⅷ",
    "ǅ",
    "ж",
    "Ж",
    "日本",
    "😀",
    "e\u0301",
    "ı",
    "İ",
    "ſ",
    "_",
    "\0",
    "\ufeff",
]
NUMBERS = ["7", "12", "1,234.5", "٣", "²", "½", "Ⅳ", "1.2K", "3m", "9\u212a", "255", "300"]
SIGNS = [".", "...", "…", "!", "?", '"', "'", ",", "-", "(", "[", "]", "{", "%", "@", ":", "/", "~"]
NOUNS = ["likes", "Shares", "views", "followers", "like", "likeſ", "\u212a", "likes!"]
PHRASES = [
    "items in cart",
    "Items In CART",
    "ıtemſ İn cart",
    "read more...",
    "Read More on",
    "READ MORE…",
    "Sign-in",
    "ſıgn-İN",
]
CITATIONS = ["[1]", "[٣]", "[]", "[edit]", "[citation needed]", "[Edit]", "[1", "[[2]]"]
POLICIES = [
    "JavaScript",
    "terms of use",
    "Privacy Policy",
    "cookie policy",
    "uses cookies",
    "use cookies",
    "javascrıpt",
]
URLS = [
    "http://",
    "https://",
    "ftp://",
    "xhttp://",
    "www",
    "example",
    ".com",
    ".co.uk",
    ".COM",
    ".рф",
    ".भारतम्",
    ".مصر",
    "/a?b=c",
    "1.2.3.4",
]

pieces = st.sampled_from([*SPACES, *LETTERS, *NUMBERS, *SIGNS, *NOUNS, *PHRASES, *CITATIONS, *POLICIES, *URLS])
texts = st.lists(pieces, max_size=40).map("".join)
batches = st.lists(texts | st.text(max_size=80), min_size=1, max_size=4)
broken = st.lists(st.binary(max_size=8) | pieces.map(str.encode), max_size=20).map(b"".join)


def buffers(texts: list[bytes]) -> tuple[Bytes, Offsets]:
    data, offsets = text_buffers(pa.array(texts, pa.binary()))
    return data.copy(), offsets


Counts = TypeVar("Counts")


def escaped(texts: list[bytes]) -> list[str]:
    return [text.decode("utf-8", "surrogateescape") for text in texts]


def unpacked(data: Bytes, offsets: Offsets) -> list[str]:
    return escaped([data[start:end].tobytes() for start, end in itertools.pairwise(offsets)])


def rejoined(results: list[tuple[str, Counts]]) -> list[tuple[str, Counts]]:
    """The twin's results with broken bytes that a cut brought together read again, as bytes would be."""
    texts = escaped([text.encode("utf-8", "surrogateescape") for text, _ in results])
    return [(text, counts) for text, (_, counts) in zip(texts, results, strict=True)]


def assert_refinedweb_equal(batch: list[bytes]) -> None:
    for any_dots in (True, False):
        data, offsets, counts = refinedweb_lines(*buffers(batch), CLASSES, any_dots)
        expected = rejoined([refinedweb_lines_reference(text, any_dots=any_dots) for text in escaped(batch)])
        assert list(zip(unpacked(data, offsets), counts.tolist(), strict=True)) == expected


def assert_c4_equal(batch: list[bytes]) -> None:
    for datatrove, terminal in ((False, True), (True, True), (True, False)):
        data, offsets, counts = c4_lines(*buffers(batch), CLASSES, datatrove, terminal)
        twin = partial(c4_lines_reference, datatrove=datatrove, terminal=terminal)
        expected = rejoined([twin(text) for text in escaped(batch)])
        assert list(zip(unpacked(data, offsets), counts.tolist(), strict=True)) == expected


def assert_urls_equal(batch: list[bytes]) -> None:
    everywhere = np.ones(len(batch), np.bool_)
    data, offsets, counts = remove_urls(*buffers(batch), CLASSES, TRIE, everywhere)
    without_urls = rejoined([remove_urls_reference(text) for text in escaped(batch)])
    assert list(zip(unpacked(data, offsets), counts.tolist(), strict=True)) == without_urls
    data, offsets, counts = remove_addresses(data, offsets, CLASSES)
    expected = rejoined([remove_addresses_reference(text) for text, _ in without_urls])
    assert list(zip(unpacked(data, offsets), counts.tolist(), strict=True)) == expected


def assert_words_equal(batch: list[bytes]) -> None:
    assert count_words(*buffers(batch), CLASSES).tolist() == [count_words_reference(text) for text in escaped(batch)]


twins = pytest.mark.parametrize(
    "assert_equal", [assert_refinedweb_equal, assert_c4_equal, assert_urls_equal, assert_words_equal]
)


@twins
@settings(max_examples=400)
@given(batch=batches)
def test_kernel_equals_its_twin_on_any_text(assert_equal: Callable[[list[bytes]], None], batch: list[str]) -> None:
    assert_equal([text.encode("utf-8", "surrogatepass") for text in batch])


@twins
@settings(max_examples=200)
@given(batch=st.lists(broken, min_size=1, max_size=4))
def test_kernel_equals_its_twin_on_broken_utf8(assert_equal: Callable[[list[bytes]], None], batch: list[bytes]) -> None:
    assert_equal(batch)


@twins
@pytest.mark.parametrize(
    "path",
    [
        "quality_labels/turku_line_quality.jsonl.zst",
        "text/c4_sample/c4_sample.jsonl.zst",
        "text/nltk_webtext_chat/nltk_webtext_chat.jsonl.zst",
        "text/register_web_multilingual/register_web_multilingual.jsonl.zst",
    ],
)
def test_kernel_equals_its_twin_on_real_pages(
    shared_data: Path, assert_equal: Callable[[list[bytes]], None], path: str
) -> None:
    with zstandard.open(shared_data / path, "rt", encoding="utf-8") as opened:
        rows = [json.loads(line) for line in itertools.islice(opened, 150)]
    assert_equal([row["text"].encode() for row in rows])


@twins
@pytest.mark.parametrize("size", [63, 64, 65, 127, 128, 1000, 1001, 1002, 3000])
def test_kernel_equals_its_twin_where_vectors_meet_the_end(
    assert_equal: Callable[[list[bytes]], None], size: int
) -> None:
    tail = "é.com [1] 3 likes read more..."
    fillers = ["x", "x ", "é", "\u3000", "1.", "\n", "A"]
    texts = [(filler * size)[: size - len(tail)] + tail for filler in fillers]
    assert_equal([text.encode() for text in texts] + [b"", b"x" * size, b" " * size])
