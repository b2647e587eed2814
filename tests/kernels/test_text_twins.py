"""The statistics of every word definition against their readable twins, on generated and on real text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.kernels import spacy_reference, text_reference, unicode_reference
from winnow.kernels.buffers import text_buffers
from winnow.kernels.text import COLUMNS, count_text, word_rules

Split = Callable[[str], list[str]]
TWINS: dict[str, tuple[Split, Callable[[str], int]]] = {
    "whitespace": (str.split, text_reference.count_sentences_by_rule),
    "spacy": (spacy_reference.split, spacy_reference.count_sentences),
    "unicode": (unicode_reference.split, text_reference.count_sentences_by_rule),
}
definitions = pytest.mark.parametrize("definition", TWINS)


def kernel_counts(texts: pa.Array, definition: str) -> list[dict[str, int]]:
    columns = count_text(*text_buffers(texts), word_rules(definition))
    return [{name: int(columns[name][row]) for name in COLUMNS} for row in range(len(texts))]


def twin_counts(texts: list[str], definition: str) -> list[dict[str, int]]:
    return [text_reference.count_text(text, *TWINS[definition]) for text in texts]


def assert_equal(texts: list[str], definition: str) -> None:
    for text, found, expected in zip(
        texts, kernel_counts(pa.array(texts, pa.string()), definition), twin_counts(texts, definition), strict=True
    ):
        wrong = {name: (found[name], expected[name]) for name in COLUMNS if found[name] != expected[name]}
        assert not wrong, repr(text[:300])


odd = st.sampled_from(
    [
        *"\t\n\r\x0b\x0c\x00\x1c\x1d\x1e\x1f\x85\xa0\u3000\u2028\u2029\u200b\u200d́éß中あカ",
        "😀",
        "א",
        "ก",
        "\xad",
        "\ufeff",
        "…",
        "•",
        "●",
        "’",
        "”",
        "\r\n",
        "\n\n",
    ]
)
pieces = st.sampled_from(
    [
        "the",
        "be",
        "to",
        "of",
        "and",
        "that",
        "have",
        "with",
        "The",
        "AND",
        "word's",
        "don't",
        "can't",
        "U.S.",
        "e.g.",
        "3.14",
        "1,000",
        "http://a.example/b?c=d",
        "x@y.example",
        "...",
        ".",
        ".",
        ".",
        "..",
        "#",
        "##",
        "-",
        "*",
        "javascript",
        "{",
        "}",
        "lorem",
        "ipsum",
        "Lorem",
        "Ipsum",
        "privacy",
        "policy",
        "terms",
        "of",
        "use",
        "cookies",
        "[1]",
        "[edit]",
        "[citation",
        "needed]",
        "Hello.",
        "Really?",
        "Yes!",
        "(a)",
        '"quoted."',
        "'x'",
        "a-b",
        "a_b",
        "C++",
        ":-)",
        "10km",
        "$5",
        "£3",
        "50%",
        "w/o",
        "and/or",
        "7pm",
        "Mr.",
        "Dr.",
    ]
)
texts = st.lists(pieces | odd | st.just(" ") | st.just("\n") | st.characters(exclude_categories=["Cs"]), max_size=60)
documents = (
    texts.map("".join) | st.lists(pieces, max_size=80).map(" ".join) | st.text(st.sampled_from("ab .\n"), max_size=120)
)


@definitions
@settings(max_examples=150)
@given(batch=st.lists(documents, max_size=4))
def test_the_kernel_equals_its_twin_on_any_text(definition: str, batch: list[str]) -> None:
    assert_equal(batch, definition)


@definitions
@settings(max_examples=40)
@given(words=st.lists(st.sampled_from(["a", "b", "c", "dd", "ee", "f"]), max_size=150), times=st.integers(1, 4))
def test_the_kernel_counts_repetition_as_its_twin(definition: str, words: list[str], times: int) -> None:
    assert_equal(
        [" ".join(words * times), "\n".join(words * times), "\n\n".join([" ".join(words)] * times)], definition
    )


@definitions
@pytest.mark.parametrize(
    "source",
    ["c4_sample", "reddit_selfposts_2013", "register_web_multilingual", "mt_mbpp_code_17langs", "nltk_webtext_chat"],
)
def test_the_kernel_equals_its_twin_on_real_documents(shared_data: Path, definition: str, source: str) -> None:
    with zstandard.open(shared_data / "text" / source / f"{source}.jsonl.zst", "rt", encoding="utf-8") as lines:
        found = [json.loads(line)["text"][:6000] for _, line in zip(range(1200), lines, strict=False)]
    assert_equal(found[::40], definition)


@definitions
@settings(max_examples=150)
@given(batch=st.lists(st.binary(max_size=80), min_size=1, max_size=4), after=st.binary(max_size=3))
def test_bytes_that_are_no_utf8_are_counted_without_harm_to_their_neighbours(
    definition: str, batch: list[bytes], after: bytes
) -> None:
    neighbour = b"The cat sat on the mat. And that was it."
    data = [*batch, neighbour, b"\xe4\xb8" + after]
    offsets = np.cumsum([0, *map(len, data)]).astype(np.int32)
    array = pa.StringArray.from_buffers(len(data), pa.py_buffer(offsets), pa.py_buffer(b"".join(data)))
    found = kernel_counts(array, definition)
    assert all(count >= 0 for row in found for count in row.values())
    assert found[len(batch)] == kernel_counts(pa.array([neighbour.decode()]), definition)[0]


@definitions
def test_a_document_counts_the_same_alone_in_a_slice_and_among_others(definition: str) -> None:
    batch = ["first one. " * 30, "", "second\n\nsecond\n\nthird", "x" * 5000, "the end"]
    together = kernel_counts(pa.array(batch), definition)
    assert kernel_counts(pa.array(["padding", *batch, "padding"]).slice(1, 5), definition) == together
    assert [kernel_counts(pa.array([text]), definition)[0] for text in batch] == together
    assert kernel_counts(pa.array(batch, pa.large_string()), definition) == together


@definitions
def test_a_null_counts_as_an_empty_text(definition: str) -> None:
    found = kernel_counts(pa.array([None, ""], pa.string()), definition)
    assert found[0] == found[1]


def test_closed_forms() -> None:
    (found,) = kernel_counts(pa.array(["one two one two\none two one two\n\n- x"]), "whitespace")
    assert (found["num_words"], found["num_word_chars"], found["num_lines"], found["num_newlines"]) == (10, 26, 3, 3)
    assert (found["top_2gram_count"], found["top_2gram_chars"]) == (4, 6)
    assert (found["num_duplicate_lines"], found["num_bullet_lines"], found["num_paragraphs"]) == (2, 1, 2)


@definitions
def test_a_document_larger_than_the_workspace_counts_as_its_twin_says(definition: str) -> None:
    line = "Some words, 5 of 10 (or so) in e.g. a # line... and its {end}. {n}\n"
    large = "".join(line.replace("{n}", str(n)) for n in range(900))
    assert_equal(["short", large, "short again", large * 2, "x " * 9000], definition)


@definitions
def test_one_huge_document_is_counted(definition: str) -> None:
    text = "word and word of the word " * 400_000
    (found,) = kernel_counts(pa.array([text]), definition)
    assert found["num_words"] == 2_400_000
    assert found["num_chars"] == len(text)
